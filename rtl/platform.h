/* platform.h: one layer in a SystemC TLM-2.0 system: a host that loads memory and sends the
 * commands, a DRAM with latency and bandwidth, a DMA, and the Verilated machine. C, so that
 * pare-cosim and the tests need not know SystemC.
 */
#ifndef PARE_RTL_PLATFORM_H
#define PARE_RTL_PLATFORM_H
#include "sim/accel.h"
#include "sim/sim.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pare_platform_job {
    const pare_accel_params *machine;
    const uint32_t *commands; /* the descriptor, then the records of the filters if it has any */
    size_t n_commands;
    uint8_t *memory; /* the DRAM: as it is before the layer, then as the layer leaves it */
    size_t memory_bytes;
    uint32_t latency_cycles;  /* of the DRAM, from a request to its first word */
    uint32_t cycles_per_word; /* its bandwidth, at least 1 */
    /* NULL, or instead of both: a latency per stage, and gaps before words, as level 2 walks */
    const pare_sim_pace *pace;
    uint64_t limit_cycles; /* a layer that takes longer hangs */
    const char *trace;     /* FST file of the machine's waves, or NULL */
    /* NULL, or told of the machine's pins in each cycle */
    void (*observe)(void *context, const pare_accel_in *in, const pare_accel_out *out);
    void *context;
} pare_platform_job;

typedef struct pare_platform_result {
    bool has_ended;      /* within the limit, without a failed assertion */
    const char *failure; /* if it has not: why; static */
    uint32_t status;     /* pare_accel_status, if it has */
    uint64_t cycles;     /* from the machine's first stage to the last one's end */
    uint64_t total_ns;   /* of simulated time, loading and reading back included; 1 ns a cycle */
    uint64_t n_requests; /* of the DMA */
} pare_platform_result;

/* Simulate it. SystemC allows one simulation a process: call it once. */
void pare_platform_run(const pare_platform_job *job, pare_platform_result *result);

#ifdef __cplusplus
}
#endif
#endif

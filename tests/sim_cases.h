/* sim_cases.h: random layers and machines for the tests of sim/. */
#ifndef SIM_CASES_H
#define SIM_CASES_H
#include "sim/sim.h"

#include <string.h>

static inline uint32_t pick(pare_rng *r, uint32_t low, uint32_t high)
{
    return low + pare_rng_below(r, high - low + 1);
}

static inline pare_sim_job random_job(pare_rng *r)
{
    pare_dims d = {.n = pick(r, 1, 3), .groups = 1, .dilation = {1, 1}};
    static const uint32_t kernels[] = {1, 1, 3, 3, 5, 7};
    for (int i = 0; i < 2; i++) {
        d.stride[i] = pick(r, 1, 3);
        d.dilation[i] = pare_rng_below(r, 5) ? 1 : 2;
    }
    d.r = kernels[pare_rng_below(r, 6)];
    d.s = kernels[pare_rng_below(r, 6)];
    d.pad[0] = pick(r, 0, d.r / 2);
    d.pad[1] = pick(r, 0, d.s / 2);
    d.h = (d.r - 1) * d.dilation[0] + pick(r, 1, 30);
    d.w = (d.s - 1) * d.dilation[1] + pick(r, 1, 30);
    d.p = (d.h + 2 * d.pad[0] - ((d.r - 1) * d.dilation[0] + 1)) / d.stride[0] + 1;
    d.q = (d.w + 2 * d.pad[1] - ((d.s - 1) * d.dilation[1] + 1)) / d.stride[1] + 1;
    if (pare_rng_below(r, 3) == 0) d.groups = pick(r, 1, 40);
    d.c = d.groups * pick(r, 1, d.groups > 1 ? 6 : 100);
    d.k = d.groups * pick(r, 1, d.groups > 1 ? 6 : 100);
    if (pare_rng_below(r, 4) == 0) d.tensors = pick(r, 1, 3);
    return (pare_sim_job){.layer = "random",
                          .type = "conv2d",
                          .dims = d,
                          .weight_bits = pick(r, 1, 8),
                          .act_bits = pick(r, 1, 8),
                          .out_bits = pick(r, 1, 8),
                          .scale_sums = pare_rng_below(r, 3) ? 0 : pick(r, 1, 9),
                          .reads_input = pare_rng_below(r, 4) == 0};
}

enum { SETS = 11, SET_BYTES = 128 };

/* Some sizes of a tile, sometimes an order. */
static inline void random_choice(pare_rng *r, char sizes[SET_BYTES], char order[SET_BYTES])
{
    static const char *const keys[] = {"groups", "filters",  "channels",
                                       "images", "out_rows", "out_cols"};
    static const char *const orders[] = {"kwc", "kcw", "wkc", "wck", "ckw", "cwk"};
    size_t n = (size_t)snprintf(sizes, SET_BYTES, "mapping.tile={");
    const char *separator = "";
    for (size_t i = 0; i < 6; i++) {
        if (pare_rng_below(r, 3)) continue;
        n += (size_t)snprintf(sizes + n, SET_BYTES - n, "%s%s: %u", separator, keys[i],
                              pick(r, 1, i == 1 || i == 2 ? 40 : 8));
        separator = ", ";
    }
    snprintf(sizes + n, SET_BYTES - n, "}");
    snprintf(order, SET_BYTES, "mapping.order=%s", orders[pick(r, 0, 5)]);
}

static inline size_t random_sets(pare_rng *r, char text[SETS][SET_BYTES], const char *sets[SETS])
{
    size_t n = 0;
    snprintf(text[n++], SET_BYTES, "array.rows=%u", pick(r, 1, 20));
    snprintf(text[n++], SET_BYTES, "buffers.weight_bytes=%u", pick(r, 200, 20000));
    snprintf(text[n++], SET_BYTES, "buffers.act_bytes=%u", pick(r, 200, 20000));
    snprintf(text[n++], SET_BYTES, "buffers.out_bytes=%u", pick(r, 200, 20000));
    snprintf(text[n++], SET_BYTES, "dram.bits_per_cycle=%u", pick(r, 1, 300));
    snprintf(text[n++], SET_BYTES, "dram.latency_cycles=%u", pick(r, 0, 1) * pick(r, 0, 100));
    snprintf(text[n++], SET_BYTES, "buffers.double_buffering=%s", pick(r, 0, 1) ? "true" : "false");
    snprintf(text[n++], SET_BYTES, "memory.packing=%s", pick(r, 0, 1) ? "layer" : "native");
    static const char *const objectives[] = {"cycles", "energy", "edp", "traffic"};
    snprintf(text[n++], SET_BYTES, "mapping.objective=%s", objectives[pick(r, 0, 3)]);
    if (pare_rng_below(r, 4) == 0) {
        random_choice(r, text[n], text[n + 1]);
        n += pick(r, 1, 2);
    }
    for (size_t i = 0; i < n; i++) sets[i] = text[i];
    return n;
}

static const char *const case_machines[] = {"bitparallel8", "stripes",     "unpu",
                                            "loom1",        "loom4",       "bitfusion",
                                            "systolic_ws",  "systolic_os", "systolic_is"};

enum { N_CASE_MACHINES = sizeof case_machines / sizeof *case_machines };

/* Sometimes, what stays in the PEs of a broadcast array; how many of sets[2] were written. */
static inline size_t random_dataflow(pare_rng *r, const char *sets[2])
{
    static const char *const dataflows[] = {"array.dataflow=weight_stationary",
                                            "array.dataflow=input_stationary"};
    if (pare_rng_below(r, 4)) return 0;
    sets[0] = dataflows[pare_rng_below(r, 2)];
    sets[1] = "mapping.cols=windows";
    return 2;
}

/* A shipped machine with `sets`; NULL with *e if it cannot be read. */
static inline pare_machine *case_machine(const char *name, const char *const *sets, size_t n,
                                         pare_err *e)
{
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    if (pare_machine_load(path.text, sets, n, &m, e) != PARE_OK) m = NULL;
    pare_buf_free(&path);
    return m;
}

#endif

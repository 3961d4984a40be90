/* dut.h: a Verilated PE (of rtl/kinds.h) behind C, the only door to it. The tests and pare-cosim
 * stay C; Verilator and C++ stay in dut.cpp. A handle is one PE with its own clock, reset and
 * waves; any number may live at once, each in one thread.
 */
#ifndef PARE_RTL_DUT_H
#define PARE_RTL_DUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The module: pare_pe_temporal, pare_pe_fusion, pare_pe_term. */
typedef enum pare_dut_pe { PARE_DUT_temporal, PARE_DUT_fusion, PARE_DUT_term } pare_dut_pe;

/* A row of kinds.h. */
typedef struct pare_dut_kind {
    const char *name;
    pare_dut_pe pe;
    uint32_t lanes, act_digit, weight_digit;
    uint32_t max_act_bits, max_weight_bits, acc_bits;
    uint32_t recoding, first_stage_bits; /* term only */
} pare_dut_kind;

enum { PARE_DUT_UNIT_BITS = 32 }; /* operand pins of a fusion unit */

/* All kinds, in the order of kinds.h. */
const pare_dut_kind *pare_dut_kinds(size_t *n);
/* By name, or NULL. */
const pare_dut_kind *pare_dut_kind_find(const char *name);
/* Operand pins of a lane (of a fusion unit): a digit, the unit's, a whole operand. */
uint32_t pare_dut_act_width(const pare_dut_kind *kind);
uint32_t pare_dut_weight_width(const pare_dut_kind *kind);
/* 32-bit words that hold the pins of every lane. */
uint32_t pare_dut_words(uint32_t lanes, uint32_t width);

/* The input pins of a cycle; the PE's header comment says what they mean. Lane l is at bits
 * [l * width +: width] of its words, bit 0 being the lowest one of word 0. */
typedef struct pare_dut_in {
    uint32_t act_bits, weight_bits;
    bool act_signed, weight_signed;
    bool dot_first, dot_last;
    bool valid;
    const uint32_t *act, *weight; /* pare_dut_words() words, borrowed for the call */
    bool ready;                   /* of the sink */
} pare_dut_in;

/* The output pins, settled before the clock edge that ends the cycle. */
typedef struct pare_dut_out {
    bool ready;
    bool valid;
    bool overflow;
    int64_t sum;
} pare_dut_out;

typedef struct pare_dut pare_dut;

/* A PE after reset, in cycle 0. What reset does not set starts anywhere, drawn by `seed`. Never
 * NULL. */
pare_dut *pare_dut_new(const pare_dut_kind *kind, uint32_t seed);
void pare_dut_free(pare_dut *d); /* NULL allowed; closes the waves */

/* Pull the reset, clock once and let it go; what follows is the next cycle, this counts as none. */
void pare_dut_reset(pare_dut *d);

/* One clock cycle: the pins take the inputs, the outputs are read, the clock rises. */
void pare_dut_cycle(pare_dut *d, const pare_dut_in *in, pare_dut_out *out);

/* From now on write all signals to an FST file; cycle c is the time from 10c to 10c + 10. Before
 * the first cycle only. False if the file cannot be written. */
bool pare_dut_trace(pare_dut *d, const char *path);

/* An assertion of the RTL failed (it has been printed to stdout). */
bool pare_dut_failed(const pare_dut *d);

#ifdef __cplusplus
}
#endif
#endif

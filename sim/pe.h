/* pe.h: the processing elements, their parameters, arithmetic and step times. Part of sim.h. */
#ifndef PARE_PE_H
#define PARE_PE_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pare_pe_style { PARE_PE_TEMPORAL, PARE_PE_SPATIAL } pare_pe_style;

/* What a temporal PE leaves out, which its step times then depend on (docs/machines_dynamic.md). */
typedef enum pare_skips {
    PARE_SKIPS_NOTHING,
    PARE_SKIPS_PRECISION, /* activation bits above the widest of a group */
    PARE_SKIPS_ACT_TERMS, /* zero terms of the activations */
    PARE_SKIPS_TERMS,     /* zero terms of both operands */
    PARE_SKIPS_COLUMNS    /* bit columns in which a group of weights is all zero */
} pare_skips;
/* One bits; the Booth-like recoding of DNNsim; the non-adjacent form. */
typedef enum pare_recoding { PARE_RECODE_ONES, PARE_RECODE_DNNSIM, PARE_RECODE_NAF } pare_recoding;

/* A PE reduces `lanes` products per step. A temporal PE consumes act_digit bits of the activations
 * and weight_digit bits of the weights each cycle; a digit of max_*_bits is the whole operand. */
typedef struct pare_pe {
    pare_pe_style style;
    uint32_t lanes;
    uint32_t act_digit, weight_digit;
    uint32_t max_act_bits, max_weight_bits;
    uint32_t acc_bits;
    int skips;             /* pare_skips */
    uint32_t scale_bits;   /* of the scale of a partial sum */
    uint32_t scale_cycles; /* a sum in a PE stands still for so long while it is scaled */
} pare_pe;

/* How a PE skips; only what pe.skips needs is read. */
typedef struct pare_skip {
    uint32_t group_cols;       /* windows whose activations share one width */
    bool trim_low_bits;        /* the zeros that all values of a group end in need no cycles */
    int recoding;              /* pare_recoding */
    uint32_t first_stage_bits; /* of the two-stage shifter: terms 2^this apart go together */
    uint32_t column_registers; /* steps that a group of columns may run ahead of the slowest */
} pare_skip;

/* The bit-true, cycle-true reference of the temporal PE in rtl/ (docs/rtl.md): digits are aligned
 * at bit 0 and taken from the top, the weight's in the outer loop, the activation's in the inner
 * one. A pair of digits of all lanes is a beat and takes a cycle; the beats of one operand pair of
 * all lanes are a step. Bitlengths are 1..max_*_bits. */

/* Digits of an operand: ceil(bits / digit). */
uint32_t pare_pe_digits(uint32_t bits, uint32_t digit);
/* What digit `index` (0: the lowest) of a code adds to it, in units of 2^(index * digit). Only the
 * `bits` low bits of the code count; the top digit carries the sign of a signed code. */
int32_t pare_pe_digit(int32_t code, uint32_t bits, bool is_signed, uint32_t digit, uint32_t index);
/* Cycles of one step of a temporal PE without stalls. */
uint32_t pare_pe_step_cycles(const pare_pe *pe, uint32_t act_bits, uint32_t weight_bits);
/* The narrowest accumulator that holds any one step's sum. */
uint32_t pare_pe_min_acc_bits(const pare_pe *pe);

/* One dot product: n_steps * lanes codes of either operand, step by step; lanes without a product
 * hold a zero. */
typedef struct pare_pe_work {
    uint32_t act_bits, weight_bits;
    bool act_signed, weight_signed; /* two's complement codes, else unsigned */
    uint32_t n_steps;
    const int32_t *act, *weight;
} pare_pe_work;

typedef struct pare_pe_sum {
    int64_t value;   /* modulo 2^acc_bits, two's complement */
    bool overflowed; /* a partial sum did not fit into acc_bits */
    uint64_t cycles; /* beats */
} pare_pe_sum;

/* The dot product as the PE computes it, beat by beat. */
pare_pe_sum pare_pe_dot(const pare_pe *pe, const pare_pe_work *work);

/* A spatial PE (Bit Fusion) has `lanes` units of max_act_bits x max_weight_bits, made of bricks of
 * act_digit x weight_digit bits. Bits are rounded up to whole digits times a power of two. */
uint32_t pare_pe_fused_bits(uint32_t bits, uint32_t digit);
/* Products of one step, which takes a cycle; n_steps * this many codes are a dot product's. */
uint32_t pare_pe_fusion_products(const pare_pe *pe, uint32_t act_bits, uint32_t weight_bits);
/* The dot product as its bricks compute it. */
pare_pe_sum pare_pe_fusion_dot(const pare_pe *pe, const pare_pe_work *work);

/* How a term-serial PE (Bit-Pragmatic) writes the magnitude of an activation as signed powers of
 * two: its one bits; the Booth-like recoding of DNNsim; the non-adjacent form. */
typedef enum pare_pe_terms {
    PARE_PE_TERMS_ONES,
    PARE_PE_TERMS_RUNS,
    PARE_PE_TERMS_NAF
} pare_pe_terms;
enum { PARE_PE_TERM_POSITIONS = 18 };
/* The terms of a magnitude below 2^17: sign[p] is +1, -1 or 0 of 2^p. */
void pare_pe_recode(pare_pe_terms terms, uint32_t magnitude, int8_t sign[PARE_PE_TERM_POSITIONS]);

typedef struct pare_pe_shifter {
    pare_pe_terms terms;
    uint32_t first_stage_bits; /* terms less than 2^this places apart go in one cycle */
} pare_pe_shifter;

/* The dot product as the PE computes it: each cycle every lane drops its lowest pending term if
 * that is within the first stage's reach of the lowest one of all; a step takes at least one cycle.
 * overflowed: the sum did not fit after some cycle. step_cycles: of each step, or NULL. */
pare_pe_sum pare_pe_term_dot(const pare_pe *pe, const pare_pe_shifter *shifter,
                             const pare_pe_work *work, uint32_t *step_cycles);

/* When a dot product moves through the PE, in cycles since reset. */
typedef struct pare_pe_times {
    uint64_t first_beat, last_beat; /* taken in these cycles */
    uint64_t valid;                 /* the result stands from this cycle */
    uint64_t taken;                 /* to this one, in which the sink takes it */
} pare_pe_times;

/* The stalls of one dot product. Beat i is offered gaps[i] cycles after the cycle that follows the
 * taking of beat i - 1 (the last beat of the dot product before it; reset). The sink is ready in
 * cycle b + k if ready[k % n_ready], b the cycle that follows the taking of the result before it
 * (0 after reset); at least one entry is true. */
typedef struct pare_pe_pace {
    uint64_t n_beats; /* at least 1 */
    const uint8_t *gaps;
    uint32_t n_ready;
    const bool *ready;
} pare_pe_pace;

/* Exact times of a dot product; `before` is the one before it, NULL after reset. */
pare_pe_times pare_pe_dot_times(const pare_pe_pace *pace, const pare_pe_times *before);

#ifdef __cplusplus
}
#endif
#endif

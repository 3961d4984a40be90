/* cosim.h: random dot products through the Verilated PE and the C reference in lockstep.
 *
 * A case is a few dot products that follow each other through one PE after reset: codes,
 * bitlengths, signs, depth, the source's gaps and the sink's pattern all come from (seed, case).
 * The reference says beforehand in which cycles each ready, valid and result must stand; every
 * cycle is compared, and the first difference ends the run. Private to pare-cosim and its tests.
 */
#ifndef PARE_RTL_COSIM_H
#define PARE_RTL_COSIM_H
#include "rtl/bins.h"
#include "rtl/dut.h"
#include "sim/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PARE_COSIM_CASE_DOTS = 8, PARE_COSIM_MAX_STEPS = 6 };

/* How source and sink stall: never, now and then a cycle or two, or for long at once. */
typedef enum pare_cosim_stall {
    PARE_STALL_NONE,
    PARE_STALL_SPARSE,
    PARE_STALL_BURST
} pare_cosim_stall;
/* Codes: uniform; each its smallest or largest; all of an operand the same extreme; an operand
 * zero; mostly small ones, as trained layers have them. */
typedef enum pare_cosim_data {
    PARE_DATA_UNIFORM,
    PARE_DATA_EXTREME,
    PARE_DATA_CORNER,
    PARE_DATA_ZERO,
    PARE_DATA_LAPLACE
} pare_cosim_data;
/* Dot products of one step, of two, of more. */
typedef enum pare_cosim_depth { PARE_DEPTH_1, PARE_DEPTH_2, PARE_DEPTH_MORE } pare_cosim_depth;
enum { PARE_N_STALLS = 3, PARE_N_DATA = 5, PARE_N_DEPTHS = 3, PARE_N_SIGNS = 4 };

extern const char *const pare_cosim_stall_names[PARE_N_STALLS];
extern const char *const pare_cosim_data_names[PARE_N_DATA];
extern const char *const pare_cosim_depth_names[PARE_N_DEPTHS];
extern const char *const pare_cosim_sign_names[PARE_N_SIGNS]; /* activation, then weight */

/* ---- coverage -------------------------------------------------------------------------------- */

/* A bin of functional coverage. signs: bit 0 activations, bit 1 weights are signed. */
typedef struct pare_cosim_bin {
    uint32_t act_bits, weight_bits, signs, depth, source, sink;
} pare_cosim_bin;

enum { PARE_COSIM_INNER_BINS = PARE_N_SIGNS * PARE_N_DEPTHS * PARE_N_STALLS * PARE_N_STALLS };

/* Smaller sets of bins beside the cross (pe_bins.c has their table). */
enum { PARE_COSIM_N_SETS = 5 };

struct pare_cosim_dot;
struct pare_cosim_case;

typedef struct pare_cosim_coverage {
    const pare_dut_kind *kind;
    uint32_t act_bits[2], weight_bits[2]; /* first and last; all else follows from them */
    size_t n_bins;
    uint32_t *hits; /* of each bin of the cross */
    pare_bins sets[PARE_COSIM_N_SETS];
    uint64_t data[PARE_N_DATA];
    uint64_t overflows;
    int64_t min_sum, max_sum; /* meaningful once a dot product ran */
} pare_cosim_coverage;

size_t pare_cosim_bin_index(const pare_cosim_coverage *c, const pare_cosim_bin *bin);
pare_cosim_bin pare_cosim_bin_at(const pare_cosim_coverage *c, size_t index);
/* Set up all but the kind and the bits ranges, which are given. The sets keep a pointer to *c while
 * they are made. */
void pare_cosim_coverage_new(pare_cosim_coverage *c);
void pare_cosim_coverage_free(pare_cosim_coverage *c); /* frees what it holds; zeroed allowed */
void pare_cosim_cover(pare_cosim_coverage *c, const struct pare_cosim_dot *d);
void pare_cosim_sets_new(pare_cosim_coverage *c);
void pare_cosim_sets_free(pare_cosim_coverage *c);
void pare_cosim_sets_cover(pare_cosim_coverage *c, const struct pare_cosim_case *k);
/* Of the cross and all sets. */
pare_bins_tally pare_cosim_tally(const pare_cosim_coverage *c);
/* Bins of the cross with at least one hit; *fewest is the smallest number of hits of any bin. */
size_t pare_cosim_bins_hit(const pare_cosim_coverage *c, uint32_t *fewest);

/* ---- one case -------------------------------------------------------------------------------- */

/* One dot product: what goes in, how it stalls, what must come out. */
typedef struct pare_cosim_dot {
    pare_cosim_bin bin;
    pare_cosim_data data;
    pare_pe_work work;
    pare_pe_pace pace;
    pare_pe_sum sum;
    pare_pe_times times;
    int32_t *act, *weight; /* work's codes */
    uint8_t *gaps;         /* pace's */
    bool *ready;           /* pace's */
    uint32_t acc_bits;     /* the kind's */
    uint32_t n_products;   /* of a step: codes of either operand */
    uint32_t step_beats[PARE_COSIM_MAX_STEPS];
    uint32_t n_act_digits, n_weight_digits; /* what the pins take one after the other */
    uint32_t *act_pins, *weight_pins;       /* [step][digit from the top], in words */
} pare_cosim_dot;

enum { PARE_COSIM_NOISE_WORDS = 64 };

typedef struct pare_cosim_case {
    uint64_t index;
    uint32_t n_dots;
    pare_cosim_dot dots[PARE_COSIM_CASE_DOTS];
    uint32_t noise[PARE_COSIM_NOISE_WORDS]; /* what stands on the pins while nothing is valid */
} pare_cosim_case;

/* ---- a run ----------------------------------------------------------------------------------- */

typedef struct pare_cosim_options {
    const pare_dut_kind *kind;
    uint64_t seed;
    uint64_t n_dots;                      /* rounded up to whole cases */
    uint32_t act_bits[2], weight_bits[2]; /* first and last; 0: 1 and the kind's maximum */
    bool is_one_case;                     /* run case `case_index` alone */
    uint64_t case_index;
    const char *trace; /* FST file of that case, or NULL */
    void (*progress)(void *context, uint64_t done, uint64_t total); /* or NULL */
    void *context;
} pare_cosim_options;

typedef struct pare_cosim_result {
    uint64_t n_dots, n_cases, n_beats, n_cycles;
    bool agrees;
    pare_buf difference; /* the first one with both sides' context and the command to replay it */
    pare_cosim_coverage coverage;
} pare_cosim_result;

/* PARE_EUSAGE if a bits range lies beyond the kind's operands; one that only ends there is cut. */
pare_status pare_cosim_check(const pare_cosim_options *o, pare_err *e) PARE_MUST_CHECK;

/* PARE_OK whether the two sides agree or not; PARE_EUSAGE as pare_cosim_check, PARE_EFAIL if the
 * waves cannot be written. Free *out with pare_cosim_result_free. */
pare_status pare_cosim_run(const pare_cosim_options *o, pare_cosim_result *out,
                           pare_err *e) PARE_MUST_CHECK;
void pare_cosim_result_free(pare_cosim_result *r); /* zeroed allowed */

/* The kind's parameters as the reference takes them. */
pare_pe pare_cosim_pe(const pare_dut_kind *kind);
/* Products of one step of the kind at these bits. */
uint32_t pare_cosim_products(const pare_dut_kind *kind, uint32_t act_bits, uint32_t weight_bits);
/* The reference's dot product; step_cycles gets the beats of each step. */
pare_pe_sum pare_cosim_dot_sum(const pare_dut_kind *kind, const pare_pe_work *work,
                               uint32_t *step_cycles);

/* ---- between the files of pare-cosim -----------------------------------------------------------
 */

/* Allocate a case's arrays for a kind; the next call fills them with case `index`. */
pare_cosim_case *pare_cosim_case_new(const pare_dut_kind *kind);
void pare_cosim_case_free(pare_cosim_case *c); /* NULL allowed */
void pare_cosim_case_fill(pare_cosim_case *c, const pare_dut_kind *kind,
                          const pare_cosim_coverage *bins, uint64_t seed, uint64_t index);
/* The pins of beat `in_step` of a step of the dot product. */
const uint32_t *pare_cosim_act_pins(const pare_cosim_dot *d, const pare_dut_kind *k, uint32_t step,
                                    uint32_t in_step);
const uint32_t *pare_cosim_weight_pins(const pare_cosim_dot *d, const pare_dut_kind *k,
                                       uint32_t step, uint32_t in_step);
/* Fill a case's dot product with uniform two's complement codes in PARE_COSIM_MAX_STEPS steps, its
 * pins and its sum; pins above the bitlength continue the sign. Bin, data and pace are left. */
void pare_cosim_dot_uniform(pare_cosim_dot *d, const pare_dut_kind *kind, uint32_t act_bits,
                            uint32_t weight_bits, pare_rng *r);
/* Fill the pins and the sum of a dot product whose work and codes are given. */
void pare_cosim_dot_given(pare_cosim_dot *d, const pare_dut_kind *kind);
/* Drive the case through a PE fresh from reset and compare every cycle; false after a difference,
 * which is described in *difference. Adds to *n_cycles. */
bool pare_cosim_case_run(const pare_cosim_case *c, const pare_dut_kind *kind, pare_dut *dut,
                         uint64_t *n_cycles, pare_buf *difference);

#ifdef __cplusplus
}
#endif
#endif

/* layer.h: whole layers on the Verilated machine: memory image, memory of a given pace, lockstep
 * with the C model, records against level 2. Private to pare-cosim and its tests. */
#ifndef PARE_RTL_LAYER_H
#define PARE_RTL_LAYER_H
#include "rtl/dut_accel.h"
#include "sim/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a layer (layer_image.c) ----------------------------------------------------------------- */

/* One convolution (fc: 1 x 1), as codes; of one image and one group but for
 * pare_layer_verify_split. */
typedef struct pare_layer_job {
    const char *name;
    pare_dims dims;
    uint32_t weight_bits, act_bits, out_bits;
    bool weight_signed, act_signed, out_signed, raw, relu;
    uint32_t pad_code;
    int32_t out_zero, weight_zero;    /* of pare_accel_descriptor */
    const int32_t *weights;           /* [K][R][S][C / groups] */
    const int32_t *acts;              /* [N][H][W][C] */
    const pare_accel_filter *filters; /* [K], or NULL if raw */
} pare_layer_job;

/* Positions of one axis of the input that windows read, and the axis as the machine sees it: a
 * stride beyond the kernel leaves gaps, which are not in memory. */
typedef struct pare_layer_axis {
    uint32_t n, stride, pad;
    uint32_t *at; /* [n] in the input */
} pare_layer_axis;

typedef struct pare_layer_image {
    const pare_accel_params *params;
    pare_accel_descriptor desc;
    pare_layer_axis axes[2];
    uint32_t n_filters; /* rounded up to rows */
    uint8_t *memory;
    uint64_t words; /* of mem_bits */
} pare_layer_image;

/* Lay a layer out in memory as level 2's mapping cuts it. PARE_EINPUT, naming layer and dimension,
 * if no descriptor can say it. Free with pare_layer_image_free. */
pare_status pare_layer_image_new(const pare_accel_params *params, const pare_layer_job *job,
                                 const pare_sim_map *map, pare_layer_image *out,
                                 pare_err *e) PARE_MUST_CHECK;
void pare_layer_image_free(pare_layer_image *m); /* zeroed allowed */
/* The outputs that the machine left in memory, [K][P][Q]. */
void pare_layer_image_outputs(const pare_layer_image *m, const pare_layer_job *job, int32_t *out);
/* The activation codes under a window, tap by tap, `channels` of each: those of the layer, then
 * zeros. Padding has the job's code. */
void pare_layer_window(const pare_layer_job *job, uint32_t window, uint32_t channels,
                       int32_t *codes);
/* Cycles of each tile on the array, by the activations, tiles of filters outside, of windows
 * inside; the caller frees. *n becomes their number. */
uint64_t *pare_layer_tile_cycles(const pare_accel_params *params, const pare_layer_job *job,
                                 const pare_sim_map *map, size_t *n);
/* What they must be, and the sums themselves if `sums` is not NULL. */
void pare_layer_reference(const pare_accel_params *params, const pare_layer_job *job, int32_t *out);

/* Sizes of a buffer tile and the order of its loops, 0 and NULL: searched. */
typedef struct pare_layer_cut {
    uint32_t filters, rows;
    const char *order; /* of 'k' 'w' 'c', outermost first */
} pare_layer_cut;

/* What the machine did before the layer. */
typedef enum pare_layer_before {
    PARE_BEFORE_RESET,   /* nothing */
    PARE_BEFORE_REFUSED, /* it refused a descriptor */
    PARE_BEFORE_LAYER,   /* it ran the same layer */
    PARE_BEFORE_ABORTED, /* it was reset in the midst of it */
    PARE_N_BEFORE
} pare_layer_before;

/* ---- random layers (layer_random.c) ---------------------------------------------------------- */

/* No random layer has a larger kernel, or more channels than this many groups of lanes and one. */
enum { PARE_LAYER_KERNEL_MAX = 3, PARE_LAYER_GROUPS_MAX = 2 };

/* Layer `index` of a seed, small enough for the machine; codes and records are its own. */
typedef struct pare_layer_random {
    pare_layer_job job;
    int32_t *weights, *acts;
    pare_accel_filter *filters;
    pare_layer_cut cut;
    pare_sim_pace pace;
    bool is_level; /* the latency is to be such that both units end some stage at once */
    uint64_t desc_seed;
    pare_layer_before before;
} pare_layer_random;

/* Three layers of four walk through what layers may differ in (layer_bins.h), so that all of it
 * comes before any of it comes again; the fourth is drawn freely. */
void pare_layer_random_new(const pare_accel_params *params, uint64_t seed, uint64_t index,
                           pare_layer_random *out);
void pare_layer_random_free(pare_layer_random *r); /* zeroed allowed */

/* ---- random descriptors (layer_descriptors.c) ------------------------------------------------ */

/* Hold the machine's answers to `n` random descriptors, most of them wrong or at a limit of its
 * buffers, against the C model's, pin by pin, up to the answer. `statuses` (PARE_ACCEL_N_STATUS,
 * or NULL) counts the answers; 0: taken. false, and why in *difference, if one differs. */
bool pare_layer_check_descriptors(const pare_accel_params *params, uint64_t seed, uint64_t index,
                                  uint32_t n, uint64_t *statuses, pare_buf *difference);
/* What the C model of the machine answers to a descriptor. */
uint32_t pare_layer_model_status(const pare_accel_params *params, const pare_accel_descriptor *d);

/* ---- records --------------------------------------------------------------------------------- */

typedef struct pare_layer_record {
    pare_event_kind kind;
    uint64_t tile, start_cycle, end_cycle; /* from the begin of the first stage */
    uint64_t words;                        /* of a transfer */
} pare_layer_record;

typedef struct pare_layer_records {
    pare_layer_record *v;
    size_t n, capacity;
} pare_layer_records;
void pare_layer_records_add(pare_layer_records *r, const pare_layer_record *record);

/* ---- a run (layer_run.c) --------------------------------------------------------------------- */

/* Spoil memory on purpose, to see a failure: of the words moved, from 0, `word` has its lowest bit
 * flipped, or memory serves no word from `word` on. */
typedef enum pare_layer_fault_kind {
    PARE_LAYER_NO_FAULT,
    PARE_LAYER_FLIP,
    PARE_LAYER_STOP
} pare_layer_fault_kind;
typedef struct pare_layer_fault {
    pare_layer_fault_kind kind;
    uint64_t word;
} pare_layer_fault;

typedef struct pare_layer_run {
    const pare_layer_image *image;
    const pare_accel_filter *filters; /* of the job */
    const pare_sim_pace *pace;        /* NULL: latency_cycles and no gaps */
    uint32_t latency_cycles;
    uint64_t limit_cycles;         /* beyond it the run has failed */
    const char *trace, *model_vcd; /* files, or NULL */
    uint64_t trace_from;           /* first cycle of the waves in `trace` */
    pare_layer_fault fault;
    bool has_model;     /* also the C model, pin by pin */
    uint64_t desc_seed; /* of the pauses of the descriptor and the status port; 0: none */
    pare_layer_before before;
} pare_layer_run;

typedef struct pare_layer_outcome {
    uint32_t status;               /* of the machine */
    uint64_t setup_cycles, cycles; /* before the first stage; of the stages */
    uint64_t run_cycles;           /* all that were simulated */
    uint64_t n_compared;           /* cycles in which all pins equal the model's */
    uint64_t n_requests;           /* bursts that the platform's DMA asked for */
    pare_layer_records records[PARE_N_UNITS];
    bool is_ok;
    pare_buf difference; /* why not */
} pare_layer_outcome;

/* PARE_OK whether the machine does it right or not; PARE_EFAIL if a file cannot be written. Free
 * *out with pare_layer_outcome_free. */
typedef pare_status pare_layer_engine(const pare_layer_run *run, pare_layer_outcome *out,
                                      pare_err *e) PARE_MUST_CHECK;
pare_layer_engine pare_layer_run_rtl;      /* the machine alone */
pare_layer_engine pare_layer_run_platform; /* in the SystemC platform (layer_platform.c): no model,
                                              faults, pauses, or descriptor before */
void pare_layer_outcome_free(pare_layer_outcome *o); /* zeroed allowed */

typedef struct pare_layer_coverage pare_layer_coverage; /* layer_bins.h */

/* ---- the whole check (layer_check.c) --------------------------------------------------------- */

typedef struct pare_layer_check {
    const pare_machine *machine;
    const pare_accel_params *params;
    const pare_sim_pace *pace; /* NULL: as the machine's file says */
    const char *trace, *model_vcd;
    /* NULL, or a folder: a run that fails without `trace` is repeated with waves of its last
     * PARE_LAYER_FAILURE_CYCLES cycles, in LAYER_failed.fst there; `difference` names the file. */
    const char *failure_dir;
    bool has_model;
    uint64_t desc_seed;
    pare_layer_fault fault;
    pare_layer_cut cut;
    pare_layer_before before;
    pare_layer_engine *engine;     /* NULL: the machine alone */
    pare_layer_coverage *coverage; /* NULL, or what a layer that agrees is counted in */
} pare_layer_check;

enum { PARE_LAYER_FAILURE_CYCLES = 200000 }; /* some 30 MB for pare4 */

typedef struct pare_layer_result {
    pare_sim_layer level1;  /* of the machine's file, without the pace */
    uint64_t level2_cycles; /* at the pace */
    uint64_t rtl_cycles, setup_cycles, n_outputs, n_records, n_compared;
    uint64_t n_descriptors, n_requests;
    int32_t *outputs; /* [N][K][P][Q] */
    bool is_ok;
    pare_buf difference;
} pare_layer_result;

/* The machine's file must describe the RTL: PARE_EINPUT at the key that differs. */
pare_status pare_layer_machine_check(const pare_machine *m, const pare_accel_params *params,
                                     pare_err *e) PARE_MUST_CHECK;
/* Run a layer and hold values, records and pins against their references. PARE_OK whether they
 * agree or not; PARE_EINPUT if the machine cannot run it. Free with pare_layer_result_free. */
pare_status pare_layer_verify(const pare_layer_check *check, const pare_layer_job *job,
                              pare_layer_result *out, pare_err *e) PARE_MUST_CHECK;
/* The same of a random layer, with its memory, its tiles and what was before it; `check` holds the
 * rest. Its tiles are searched if those that it draws do not fit; PARE_EINPUT if none do. */
pare_status pare_layer_verify_random(const pare_layer_check *check, const pare_layer_random *x,
                                     pare_layer_result *out, pare_err *e) PARE_MUST_CHECK;
/* The same for any groups and images: a descriptor for each group of each image, until one fails.
 * Cycles, records and setup are sums; level1 is that of the layer as a whole, which moves weights
 * once for all images. */
pare_status pare_layer_verify_split(const pare_layer_check *check, const pare_layer_job *job,
                                    pare_layer_result *out, pare_err *e) PARE_MUST_CHECK;
void pare_layer_result_free(pare_layer_result *r); /* zeroed allowed */
/* The layer as level 2 takes it, and the machine that stores what it stores, in tiles as the check
 * wants them (it lives no longer than check->machine). */
pare_sim_job pare_layer_sim_job(const pare_layer_job *job);
pare_machine pare_layer_machine(const pare_layer_check *check, const pare_layer_job *job);
/* Bits of a stored output: a sum, or a code in one or two bytes. */
uint32_t pare_layer_out_bits(const pare_layer_job *job);

#ifdef __cplusplus
}
#endif
#endif

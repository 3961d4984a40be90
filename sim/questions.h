/* questions.h: what people ask about results. Part of the public header of sim/; docs/questions.md
 * shows each with the command that answers it.
 */
#ifndef PARE_QUESTIONS_H
#define PARE_QUESTIONS_H
#include "sim/sim.h"
#include "sim/store.h"
#include "traces/cost.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what bits cost (cost.c) ------------------------------------------------------------------
 */

/* The cost of every MAC layer alone at every pair of bitlengths that the PE can run. Each layer
 * stores its outputs as wide as they are read at the bits `around`, whatever its own: rows of
 * layers can then be added up, and the sum at `around` itself is the network's cost. The caller
 * frees with pare_cost_free. */
pare_status pare_sim_cost(const pare_net *net, const pare_machine *machine, const pare_bits *around,
                          const pare_sim_options *options, pare_cost_table **out,
                          pare_err *e) PARE_MUST_CHECK;

/* What changes in the whole network's cost, the producers' stored outputs included. */
typedef struct pare_cost_change {
    bool is_possible; /* else the bitlength would leave what the machine can run */
    int64_t cycles, dram_bits;
    double energy_pj;
} pare_cost_change;

enum { PARE_WEIGHT_LESS, PARE_WEIGHT_MORE, PARE_ACT_LESS, PARE_ACT_MORE, PARE_N_NEXT_BITS };

/* One bit less and one more of one layer's weights and activations. */
typedef struct pare_next_bit {
    const char *layer; /* lives as long as the bits */
    uint32_t weight_bits, act_bits;
    pare_cost_change change[PARE_N_NEXT_BITS];
} pare_next_bit;

/* Of every MAC layer (out[bits->n_layers]), with everything else as in `bits`; *total is the cost
 * at `bits`. */
pare_status pare_sim_next_bits(const pare_net *net, const pare_machine *machine,
                               const pare_bits *bits, const pare_sim_options *options,
                               pare_next_bit *out, pare_cost *total, pare_err *e) PARE_MUST_CHECK;

/* ---- roofline (roofline.c) ------------------------------------------------------------------- */

/* A layer under the roof of its machine at its bits. Intensity counts the DRAM traffic that the
 * layer causes on this machine, so that small buffers show. */
typedef struct pare_roof {
    const char *layer; /* lives as long as the network */
    uint32_t weight_bits, act_bits;
    uint64_t cycles;
    double macs_per_byte;       /* of DRAM traffic; infinite if there is none */
    double ridge_macs_per_byte; /* below it DRAM bounds, above it the array does */
    double peak_macs_per_cycle; /* of the array at these bits */
    double roof_macs_per_cycle; /* the lower of the two bounds */
    double macs_per_cycle;      /* reached */
    bool is_memory_bound;
} pare_roof;

/* Of every layer of a result (out[r->n_layers]). */
void pare_sim_roofline(const pare_machine *machine, const pare_sim_result *r, pare_roof *out);
/* A table of several results of one machine, one after the other, and how much of each is bound by
 * memory. */
void pare_sim_write_roofline(const pare_machine *machine, const pare_sim_result *results, size_t n,
                             pare_buf *out);
void pare_sim_write_roofline_json(const pare_machine *machine, const pare_sim_result *results,
                                  size_t n, pare_buf *out);

/* ---- two points (diff.c) --------------------------------------------------------------------- */

/* A layer of a point; what is not known is 0. */
typedef struct pare_diff_layer {
    const char *layer;
    uint32_t weight_bits, act_bits;
    pare_sim_stats stats;
} pare_diff_layer;

typedef struct pare_diff_point {
    const char *name; /* "loom2, 8 bits" */
    pare_diff_layer *layers;
    size_t n_layers; /* 0: only the total is known */
    pare_diff_layer total;
} pare_diff_point;

/* Free layers with free(). */
pare_diff_point pare_diff_point_of(const char *name, const pare_sim_result *r);
/* What changes from one point to another: cycles, energy and DRAM traffic, by layer, and the parts
 * of the breakdown that the change is made of. PARE_EINPUT if the layers differ. */
pare_status pare_sim_write_diff(const pare_diff_point *from, const pare_diff_point *to,
                                pare_buf *out, pare_err *e) PARE_MUST_CHECK;
/* One JSON object a line: layer, statistic, from, to; the totals with "total": true. */
pare_status pare_sim_write_diff_json(const pare_diff_point *from, const pare_diff_point *to,
                                     pare_buf *out, pare_err *e) PARE_MUST_CHECK;

/* ---- sensitivity (sensitivity.c) ------------------------------------------------------------- */

/* What a point is judged by. */
typedef struct pare_point_cost {
    double latency_ns, energy_pj, edp_pj_ns, area_um2;
} pare_point_cost;

/* One field of the machine file, changed. */
typedef struct pare_knob {
    char key[48]; /* "array.rows" */
    char from[24], to[24];
    pare_point_cost cost; /* with it; only if error[0] is 0 */
    char error[160];      /* why the machine cannot be so, or "" */
} pare_knob;

/* Change one knob of the machine file at a time: numbers times and divided by `step` (whole ones
 * rounded), every other value of words and switches. Identities, tables of energies and sizes of
 * tiles are no knobs. *base is the cost as it is. The caller frees *knobs. */
pare_status pare_sim_sensitivity(const pare_net *net, const char *machine_path,
                                 const char *const *sets, size_t n_sets, const pare_bits *bits,
                                 const pare_sim_options *options, double step, pare_knob **knobs,
                                 size_t *n, pare_point_cost *base, pare_err *e) PARE_MUST_CHECK;

/* ---- Pareto fronts (pareto.c) ---------------------------------------------------------------- */

enum { PARE_PARETO_MAX = 8 };

/* Which of n points, rows of `k` values that are to be small, no other one beats: none is as small
 * in all and smaller in one. Points with a NaN are not on the front. Of equal points all are.
 * is_on[n]. Takes n log n for two values, n times the front for more. */
void pare_pareto(const double *values, size_t n, size_t k, bool *is_on);

/* ---- pictures (plot.c, svg.c) ---------------------------------------------------------------- */

typedef struct pare_plot_size {
    uint32_t width_px, height_px; /* at least 200 each */
} pare_plot_size;

/* Each is a whole SVG for papers, in colours that the colour-blind tell apart. Bits per layer, the
 * learned real ones as a tick across. */
void pare_plot_bits(const pare_bits *bits, const pare_plot_size *size, pare_buf *out);
/* Stacks of a group's parts: the layers of one result, or the totals of several. */
void pare_plot_breakdown(const pare_sim_result *results, size_t n, pare_stat_group group,
                         const pare_plot_size *size, pare_buf *out);
/* The layers of results of one machine, each result in its colour and marker. */
void pare_plot_roofline(const pare_machine *machine, const pare_sim_result *results, size_t n,
                        const pare_plot_size *size, pare_buf *out);
/* A store's points and their front; a column with - before it is to be large. `color` is an axis;
 * NULL: machine. */
pare_status pare_plot_pareto(pare_store *store, const char *x, const char *y, const char *color,
                             const pare_plot_size *size, pare_buf *out,
                             pare_err *e) PARE_MUST_CHECK;

/* ---- reports --------------------------------------------------------------------------------- */

/* What one page shows: a run (n_results > 0), a store, or both. Results of the same machines in the
 * same order; results[0] (or uniform[0]) is what the others are compared with. */
typedef struct pare_sim_report {
    const char *title;
    const char *bits_label; /* of `results`: "learned bits" */
    const pare_bits *bits;
    const pare_sim_result *results;
    size_t n_results;
    const pare_sim_result *uniform; /* the same at other bits, or NULL */
    const char *uniform_label;      /* "8 bits" */
    const char *normalization;      /* one sentence: what the machines have in common */
    const pare_csv *metrics;        /* the trainer's metrics.csv, or NULL */
    pare_machine *const *machines;  /* of `results`, for their rooflines; or NULL */
    const char *timeline;           /* a file that the page links to, or NULL */
    pare_store *store;              /* points of a sweep, search or co-design, or NULL */
} pare_sim_report;

/* One self-contained HTML page. `chart_js` is the path of Chart.js 3 (minified), which is inlined;
 * a missing file is PARE_EINPUT with the package that holds it. */
pare_status pare_sim_report_write(const pare_sim_report *report, const char *chart_js,
                                  pare_buf *html, pare_err *e) PARE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

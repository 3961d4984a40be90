/* cost.h: what a network costs on a machine, layer by layer, at every pair of bitlengths. */
#ifndef PARE_TRACES_COST_H
#define PARE_TRACES_COST_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one MAC layer costs on a machine at one pair of bitlengths. */
typedef struct pare_cost {
    uint64_t cycles, dram_bits;
    double energy_pj;
} pare_cost;

/* What `pare-sim cost` writes and a machine-aware trainer reads (docs/questions.md, "the cost
 * table"): the cost of every layer alone at every weight_bits in 1..weight_bits_max and act_bits
 * in 1..act_bits_max. */
typedef struct pare_cost_table {
    const char *network, *machine;
    uint32_t batch;
    double clock_mhz;
    const char *outputs; /* how wide each layer stores its outputs, free text */
    uint32_t weight_bits_max, act_bits_max;
    pare_strs layers;
    pare_cost *costs; /* [layer][weight_bits - 1][act_bits - 1] */
    uint64_t hash;    /* of the file's bytes; 0 if it was not read */
    pare_arena *arena;
} pare_cost_table;

/* A table with all costs 0 for the MAC layers of a network. */
pare_cost_table *pare_cost_new(const pare_net *net, uint32_t weight_bits_max,
                               uint32_t act_bits_max);
void pare_cost_free(pare_cost_table *t); /* NULL allowed */
/* `layer` counts the table's layers; the bits are in range. */
pare_cost *pare_cost_at(const pare_cost_table *t, size_t layer, uint32_t weight_bits,
                        uint32_t act_bits);
/* Read a table. With a network the layers are put in the order of its MAC layers; one that is
 * missing, a pair that is missing or stands twice, and another version of the format are
 * PARE_EINPUT. */
pare_status pare_cost_load(const char *path, const pare_net *net, pare_cost_table **out,
                           pare_err *e) PARE_MUST_CHECK;
pare_status pare_cost_parse(const char *name, const char *text, size_t n, const pare_net *net,
                            pare_cost_table **out, pare_err *e) PARE_MUST_CHECK;
/* Write it as CSV; `keys_values` are more lines for its head (pare_provenance). */
void pare_cost_write(const pare_cost_table *t, const char *program, const char *const *keys_values,
                     size_t n_pairs, pare_buf *out);

#ifdef __cplusplus
}
#endif
#endif

/* The results of a co-design: a store like a sweep's, and a table for people. */
#include "sim/codesign_core.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_FIGURES = 7 };

/* Statistics first, as each layer has them too; then figures of the whole. */
static size_t make_columns(pare_column *out)
{
    static const pare_column figures[N_FIGURES] = {
        {"latency_ns", "latency", true, false},
        {"area_um2", "area", true, false},
        {"utilization", "utilization", true, false},
        {"mean_weight_bits", "mean weight bits", true, false},
        {"mean_act_bits", "mean activation bits", true, false},
        {"accuracy_frac", "accuracy, bit-true", true, false},
        {"trainer_accuracy_frac", "accuracy, trainer's", true, false}};
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++)
        out[i] = (pare_column){table[i].name, table[i].label, table[i].is_real, true};
    memcpy(out + n, figures, sizeof figures);
    return n + N_FIGURES;
}

static void fill_stats(const pare_sim_stats *s, cell *out)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) memcpy(&out[i], (const char *)s + table[i].offset, sizeof *out);
}

static void fill_row(const codesign *c, size_t i, sweep_row *row)
{
    const pair *const p = &c->pairs[i];
    size_t n;
    (void)pare_sim_stat_table(&n);
    row->point = row->space = i;
    row->hash = p->hash;
    row->error = p->error;
    row->state = p->error ? ROW_FAILED : ROW_OK;
    row->n_layers = 0;
    if (p->error) return;
    const double figures[N_FIGURES] = {p->result.latency_ns,    p->result.area_um2,
                                       p->result.utilization,   p->result.mean_weight_bits,
                                       p->result.mean_act_bits, p->accuracy_frac,
                                       p->trainer_accuracy_frac};
    fill_stats(&p->result.total, row->cells);
    for (size_t k = 0; k < N_FIGURES; k++) row->cells[n + k].real = figures[k];
    row->n_layers = (uint32_t)p->result.n_layers;
    for (uint32_t l = 0; l < row->n_layers; l++) {
        row->layer_bits[l][0] = p->result.layers[l].weight_bits;
        row->layer_bits[l][1] = p->result.layers[l].act_bits;
        fill_stats(&p->result.layers[l].stats, row->layer_cells + l * n);
    }
}

static void make_axes(const codesign *c, pare_axis axes[3], const char **recipes)
{
    for (size_t i = 0; i < c->n_recipes; i++) recipes[i] = c->recipes[i].name;
    axes[0] = (pare_axis){
        .key = "network", .n = 1, .stride = c->n_pairs, .values = (const char **)&c->conf.network};
    axes[1] = (pare_axis){.key = "machine",
                          .n = c->conf.machines.n,
                          .stride = c->n_recipes,
                          .values = c->conf.machines.v};
    axes[2] = (pare_axis){.key = "recipe", .n = c->n_recipes, .stride = 1, .values = recipes};
}

static pare_status put_all(const codesign *c, const store_plan *plan, const char *path, pare_err *e)
{
    store_writer *w = NULL;
    const size_t n_layers = c->net->n_mac_layers;
    sweep_row row = {.cells = pare_xalloc(plan->n_columns, sizeof(cell)),
                     .layer_bits = pare_xalloc(n_layers + 1, sizeof *row.layer_bits),
                     .layer_cells = pare_xalloc(n_layers * plan->n_columns + 1, sizeof(cell))};
    pare_status status = store_writer_open(path, plan, &w, e);
    for (size_t i = 0; i < c->n_pairs && status == PARE_OK; i++) {
        fill_row(c, i, &row);
        status = store_put(w, &row, e);
    }
    if (status == PARE_OK) status = store_commit(w, c->n_pairs, e);
    if (status == PARE_OK) status = store_finish(w, e);
    store_writer_close(w);
    free(row.cells);
    free(row.layer_bits);
    free(row.layer_cells);
    return status;
}

static pare_status write_store(const codesign *c, const char *path, pare_err *e)
{
    size_t n_stats;
    (void)pare_sim_stat_table(&n_stats);
    pare_column *const columns = pare_xalloc(n_stats + N_FIGURES, sizeof *columns);
    const char **const recipes = pare_xalloc(c->n_recipes, sizeof *recipes);
    pare_axis axes[3];
    make_axes(c, axes, recipes);
    store_plan plan = {.kind = "codesign",
                       .name = c->conf.name,
                       .text = c->text,
                       .n_points = c->n_pairs,
                       .block_points = 1,
                       .n_shards = 1,
                       .axes = axes,
                       .n_axes = 3,
                       .columns = columns,
                       .n_columns = make_columns(columns),
                       .has_layers = true,
                       .nets = &c->net,
                       .n_nets = 1};
    XXH128_hash_t h = {0, 0};
    for (size_t i = 0; i < c->n_pairs; i++)
        h = sweep_hash(h, &c->pairs[i].hash, sizeof c->pairs[i].hash);
    snprintf(plan.hash, sizeof plan.hash, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    pare_buf temporary = {0};
    pare_buf_printf(&temporary, "%s.tmp%ld", path, (long)getpid());
    unlink(temporary.text);
    pare_status status = put_all(c, &plan, temporary.text, e);
    if (status == PARE_OK && rename(temporary.text, path) != 0)
        status = pare_err_set(e, PARE_EFAIL, path, (pare_pos){0, 0}, "cannot be written (%s)",
                              strerror(errno));
    if (status != PARE_OK) unlink(temporary.text);
    pare_buf_free(&temporary);
    free(columns);
    free(recipes);
    return status;
}

static const pair *by_cost(const codesign *c, size_t *order, size_t i)
{
    return &c->pairs[order[i]];
}

/* The pairs by falling accuracy; E and L: none is better in accuracy and energy, in accuracy and
 * latency. */
static void write_table(const codesign *c, pare_buf *b)
{
    size_t *const order = pare_xalloc(c->n_pairs, sizeof *order);
    for (size_t i = 0; i < c->n_pairs; i++) {
        size_t k = i;
        const double accuracy = c->pairs[i].error ? -1 : c->pairs[i].accuracy_frac;
        for (; k > 0; k--) {
            const pair *const q = &c->pairs[order[k - 1]];
            if ((q->error ? -1 : q->accuracy_frac) >= accuracy) break;
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    pare_buf_printf(b, "%-14s %-14s %9s %9s %6s %6s %10s %10s %8s  %s\n", "machine", "recipe",
                    "bit-true", "trainer", "w bits", "a bits", "us", "uJ", "mm2", "front");
    for (size_t i = 0; i < c->n_pairs; i++) {
        const pair *const p = by_cost(c, order, i);
        pare_buf_printf(b, "%-14s %-14s ", c->conf.machines.v[p->machine],
                        c->recipes[p->recipe].name);
        if (p->error)
            pare_buf_printf(b, "%s\n", p->error);
        else
            pare_buf_printf(b, "%8.2f%% %8.2f%% %6.2f %6.2f %10.2f %10.3f %8.3f  %s%s\n",
                            100 * p->accuracy_frac, 100 * p->trainer_accuracy_frac,
                            p->result.mean_weight_bits, p->result.mean_act_bits,
                            p->result.latency_ns / 1e3, p->result.total.energy_pj / 1e6,
                            p->result.area_um2 / 1e6, p->is_energy_front ? "E" : "",
                            p->is_latency_front ? "L" : "");
    }
    pare_buf_puts(b, "front: none is better in accuracy and energy (E), in accuracy and latency "
                     "(L)\n");
    free(order);
}

pare_status codesign_write(codesign *c, pare_buf *table, pare_err *e)
{
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/%s.sqlite", c->options->folder, c->conf.name);
    const pare_status status = write_store(c, path.text, e);
    if (status == PARE_OK) {
        pare_buf_printf(table, "%s: %zu pairs; %u runs trained, %u kept\n", path.text, c->n_pairs,
                        c->n_trained, c->n_kept);
        write_table(c, table);
    }
    pare_buf_free(&path);
    return status;
}

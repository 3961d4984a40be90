/* A layer in words: the mapping, where its cycles go, the runner-up; and a machine in words. */
#include "sim/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

static void describe_shape(const pare_sim_layer *l, pare_buf *b)
{
    const pare_dims *const d = &l->dims;
    pare_buf_printf(b, "%s: %s, %u x %ux%ux%u in, %ux%ux%u out, kernel %ux%u", l->layer, l->type,
                    d->n, d->c, d->h, d->w, d->k, d->p, d->q, d->r, d->s);
    if (d->groups > 1) pare_buf_printf(b, ", %u groups", d->groups);
    pare_buf_printf(b, "; %llu MACs; weights %u b, activations %u b, stored outputs %u b\n",
                    (unsigned long long)l->stats.macs, l->weight_bits, l->act_bits, l->out_bits);
}

static void describe_loops(const char *order, pare_buf *b)
{
    static const char *const names[][2] = {
        {"g", "groups"}, {"k", "filters"}, {"w", "windows"}, {"c", "channels"}};
    if (!*order) {
        pare_buf_puts(b, "the whole layer is one tile");
        return;
    }
    pare_buf_puts(b, "loops over tiles, outermost first: ");
    for (const char *o = order; *o; o++)
        for (size_t i = 0; i < 4; i++)
            if (*names[i][0] == *o) pare_buf_printf(b, "%s%s", o == order ? "" : ", ", names[i][1]);
}

static void describe_map(const pare_machine *m, const pare_sim_layer *l, pare_buf *b)
{
    const pare_sim_map *const p = &l->map;
    pare_buf_printf(b, "  array: %u lanes over %s", m->pe.lanes,
                    p->is_flat ? "the flattened depth" : "channels at one kernel position");
    if (p->packed_groups > 1) pare_buf_printf(b, " of %u groups", p->packed_groups);
    pare_buf_printf(b, "; %u rows over filters", m->array.rows);
    if (m->array.cols > 1)
        pare_buf_printf(b, "; %u columns over %s", m->array.cols,
                        p->cols_hold_filters ? "further filters, taking turns at the weight port"
                                             : "windows");
    if (m->array.tiles > 1)
        pare_buf_printf(b, "; %u tiles over %s", m->array.tiles,
                        p->tiles_hold_depth     ? "the depth"
                        : p->tiles_hold_windows ? "windows"
                                                : "filters");
    if (l->mean_step_cycles < l->step_cycles || l->mean_step_cycles > l->step_cycles)
        pare_buf_printf(b, "; a step takes %.4g cycles on average\n", l->mean_step_cycles);
    else
        pare_buf_printf(b, "; a step takes %u cycles\n", l->step_cycles);
    pare_buf_printf(b, "  buffers: %llu tiles of", (unsigned long long)p->n_tiles);
    if (l->dims.groups > 1) pare_buf_printf(b, " %u groups x", p->tile_groups);
    pare_buf_printf(b, " %u filters x %u channels x %u images x %u rows x %u columns; ",
                    p->tile_filters, p->tile_channels, p->tile_images, p->tile_out_rows,
                    p->tile_out_cols);
    describe_loops(p->order, b);
    pare_buf_puts(b, "\n");
}

/* The choice as a machine file says it. */
static void describe_choice(const pare_machine *m, const pare_sim_layer *l, pare_buf *b)
{
    const pare_sim_map *const p = &l->map;
    if (m->memory.model != PARE_MEMORY_LIMITED) return;
    pare_buf_puts(b, "  fixed by mapping: {tile: {");
    if (l->dims.groups > 1) pare_buf_printf(b, "groups: %u, ", p->tile_groups);
    pare_buf_printf(b, "filters: %u, channels: %u, images: %u, out_rows: %u, out_cols: %u}",
                    p->tile_filters, p->tile_channels, p->tile_images, p->tile_out_rows,
                    p->tile_out_cols);
    char order[N_LOOPS] = "";
    size_t n = 0;
    for (const char *o = p->order; *o; o++)
        if (*o != 'g') order[n++] = *o;
    for (const char *o = "kwc"; *o; o++)
        if (!strchr(order, *o)) order[n++] = *o;
    pare_buf_printf(b, ", order: %s}\n", order);
}

static void describe_parts(const pare_sim_stats *s, pare_stat_group group, const char *unit,
                           pare_buf *b)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        if (table[i].group != group) continue;
        const double x = pare_sim_stat(s, &table[i]);
        if (table[i].role == PARE_STAT_TOTAL) {
            total = x;
            pare_buf_printf(b, "  %s: %.15g %s\n", table[i].label, floor(x + 0.5), unit);
        } else if (table[i].role == PARE_STAT_PART && x > 0) {
            pare_buf_printf(b, "    %5.1f%%  %15.15g  %s: %s\n", percent(x, total), floor(x + 0.5),
                            table[i].label, table[i].doc);
        }
    }
}

static void describe_bound(const pare_machine *m, const pare_sim_layer *l, pare_buf *b)
{
    const pare_sim_stats *const s = &l->stats;
    if (m->memory.model == PARE_MEMORY_IDEAL) {
        pare_buf_puts(b, "  memory is ideal in this machine: it never waits\n");
        return;
    }
    const double transfer = (double)s->dram_bits / m->dram.bits_per_cycle;
    const double work = (double)(s->cycles - s->stall_cycles - s->startup_cycles);
    pare_buf_printf(b,
                    "  %s-bound: the array works %.0f cycles, DRAM moves %.0f cycles' worth; the "
                    "array is busy %.1f%% of all lane cycles\n",
                    transfer > work ? "memory" : "compute", work, transfer, 100 * l->utilization);
}

/* What separates the runner-up from the choice, in the order in which they were compared. */
static void describe_runner_up(const pare_machine *m, const mapping_result *found,
                               const pare_sim_layer *second, pare_buf *b)
{
    static const char *const objectives[] = {"cycles, then energy", "energy, then cycles",
                                             "energy x cycles", "DRAM traffic, then cycles"};
    const mapping_choice *const one = &found->best, *const two = &found->second;
    pare_buf_printf(b, "  %llu mappings compared by %s; the runner-up ",
                    (unsigned long long)found->n_candidates, objectives[m->mapping.objective]);
    pare_buf_printf(b, "(%u filters x %u channels x %u rows x %u columns, ",
                    second->map.tile_filters, second->map.tile_channels, second->map.tile_out_rows,
                    second->map.tile_out_cols);
    describe_loops(second->map.order, b);
    const double cycles = (double)two->time.cycles - (double)one->time.cycles;
    const double energy_pj = two->energy_pj - one->energy_pj;
    const double traffic = (double)two->dram_bits - (double)one->dram_bits;
    pare_buf_printf(b, ") lost: %+.0f cycles, %+.4g pJ, %+.0f DRAM bits\n", cycles, energy_pj,
                    traffic);
}

/* What the search would have taken, had the machine file left it the choice. */
static pare_status describe_free_choice(const pare_machine *m, const pare_sim_job *job,
                                        const pare_sim_options *options,
                                        const mapping_choice *chosen, pare_buf *b, pare_err *e)
{
    pare_machine without = *m;
    mapping_result found;
    pare_sim_layer l;
    if (!sim_wants_tile(m) && !*m->mapping.order) return PARE_OK;
    /* which fold_cycles_min needs */
    const uint32_t channels = m->array.fold_cycles_min ? m->mapping.tile.channels : 0;
    const pare_sim_job padded = sim_padded_job(m, job);
    without.mapping.tile = (pare_tile){.channels = channels};
    without.mapping.order = "";
    PARE_TRY(sim_search(&without, &padded, true, &found, e));
    PARE_TRY(sim_dynamic_mappings(&without, job, options, &found, e));
    PARE_TRY(sim_job_stats(&without, job, &found.best, &l, e));
    const pare_sim_map *const p = &l.map;
    pare_buf_printf(b,
                    "  left to itself the search takes %u groups x %u filters x %u channels x %u "
                    "images x %u rows x %u columns, ",
                    p->tile_groups, p->tile_filters, p->tile_channels, p->tile_images,
                    p->tile_out_rows, p->tile_out_cols);
    describe_loops(p->order, b);
    pare_buf_printf(b, ": %+.0f cycles, %+.4g pJ, %+.0f DRAM bits\n",
                    (double)found.best.time.cycles - (double)chosen->time.cycles,
                    found.best.energy_pj - chosen->energy_pj,
                    (double)found.best.dram_bits - (double)chosen->dram_bits);
    return PARE_OK;
}

static pare_status explain_job(const pare_machine *m, const pare_sim_job *job,
                               const pare_sim_options *options, pare_buf *out, pare_err *e)
{
    mapping_result found = {0};
    pare_sim_layer best, second;
    const bool is_foreign = m->memory.model == PARE_MEMORY_BITFUSION;
    if (is_foreign) {
        PARE_TRY(pare_sim_run_layer(m, job, &best, e));
    } else {
        PARE_TRY(sim_job_check(m, job, e));
        const pare_sim_job padded = sim_padded_job(m, job);
        PARE_TRY(sim_search(m, &padded, true, &found, e));
        PARE_TRY(sim_dynamic_mappings(m, job, options, &found, e));
        PARE_TRY(sim_job_stats(m, job, &found.best, &best, e));
    }
    pare_buf_printf(out, "%s on %s\n", job->layer, m->name);
    describe_shape(&best, out);
    describe_map(m, &best, out);
    describe_choice(m, &best, out);
    describe_bound(m, &best, out);
    describe_parts(&best.stats, PARE_STAT_CYCLES, "cycles", out);
    describe_parts(&best.stats, PARE_STAT_ENERGY, "pJ", out);
    describe_parts(&best.stats, PARE_STAT_DRAM, "bits", out);
    if (is_foreign) return PARE_OK;
    if (found.has_second) {
        PARE_TRY(sim_job_stats(m, job, &found.second, &second, e));
        describe_runner_up(m, &found, &second, out);
    } else {
        pare_buf_puts(out, "  no other mapping costs anything else\n");
    }
    return describe_free_choice(m, job, options, &found.best, out, e);
}

pare_status pare_sim_explain(const pare_net *net, const pare_machine *machine,
                             const pare_bits *bits, const pare_sim_options *options,
                             const char *layer, pare_buf *out, pare_err *e)
{
    const uint32_t batch = options && options->batch ? options->batch : 1;
    size_t n;
    pare_sim_job *const jobs = sim_jobs(net, bits, machine, batch, &n);
    size_t i = 0;
    while (i < n && strcmp(jobs[i].layer, layer)) i++;
    pare_status status;
    if (i < n)
        status = explain_job(machine, &jobs[i], options, out, e);
    else if (pare_net_find(net, layer) >= 0)
        status = pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                              "layer '%s' has no products and costs nothing here; a conv2d, fc or "
                              "matmul expected",
                              layer);
    else
        status = pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                              "network '%s' has no layer '%s'; a conv2d, fc or matmul expected",
                              net->name, layer);
    free(jobs);
    return status;
}

/* ---- a machine ---- */

void pare_machine_write(const pare_machine *m, pare_buf *out)
{
    static const uint32_t widths[] = {16, 8, 4, 2, 1};
    pare_schema_write(&pare_machine_schema, m, out);
    pare_buf_printf(out, "\n# peak: %llu products of 1 b x 1 b a cycle; multiply-accumulates:\n",
                    (unsigned long long)pare_machine_peak_bit_products(m));
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const double macs = pare_machine_peak_macs(m, widths[i], widths[i]);
        if (macs > 0)
            pare_buf_printf(out, "#   %2u x %2u b: %.6g a cycle, %.6g GOPS\n", widths[i], widths[i],
                            macs, 2 * macs * m->clock_mhz / 1000);
    }
    const pare_costs *const c = &m->costs;
    pare_buf_printf(out, "# area: %.4g mm2 (array %.4g, buffers %.4g; one PE %.4g um2)\n",
                    pare_machine_area_um2(m) / 1e6, c->array_um2 / 1e6, c->buffers_um2 / 1e6,
                    c->pe_um2);
    pare_buf_printf(out, "# leakage: array %.4g mW, buffers %.4g mW\n", c->array_leakage_mw,
                    c->buffers_leakage_mw);
    pare_buf_printf(out, "# a cycle: %.4g pJ a lane, %.4g pJ adders and %.4g pJ registers a PE\n",
                    c->lane_pj, c->reduce_pj, c->register_pj);
    pare_buf_printf(out,
                    "# a bit: weight buffer %.4g pJ read, %.4g written; activation buffer "
                    "%.4g, %.4g; output buffer %.4g, %.4g; DRAM %.4g\n",
                    c->weight_read_pj_per_bit, c->weight_write_pj_per_bit, c->act_read_pj_per_bit,
                    c->act_write_pj_per_bit, c->out_read_pj_per_bit, c->out_write_pj_per_bit,
                    c->dram_pj_per_bit);
}

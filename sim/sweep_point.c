/* One point: its machine, its bits, its hash, its row. */
#include "sim/sweep_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the machine ---- */

void sweep_set_machine(sweep_worker *w, uint64_t space)
{
    const pare_sweep *const s = w->s;
    const uint64_t key = space / s->machine_stride;
    if (w->has_machine && w->machine_key == key) return;
    w->machine = *s->machines[sweep_digit(s, s->at[AXIS_MACHINE], space)];
    w->machine.tables = w->tables;
    for (size_t i = 0; i < s->info.n_axes; i++) {
        if (s->kinds[i].kind != AXIS_FIELD) continue;
        const uint64_t digit = sweep_digit(s, i, space);
        for (size_t t = 0; t < s->kinds[i].n_targets; t++) {
            const axis_target *const target = &s->kinds[i].targets[t];
            memcpy((char *)&w->machine + target->field.offset, target->leaves[digit],
                   sweep_leaf_bytes(target->field.key));
        }
    }
    w->machine_key = key;
    w->has_machine = true;
    w->is_settled = w->is_judged = false;
}

pare_status sweep_settle(sweep_worker *w)
{
    if (w->is_settled) return w->machine_status;
    pare_err e = {0};
    w->machine_status = sim_machine_settle(&w->machine, &e);
    snprintf(w->machine_error, sizeof w->machine_error, "%s", e.text);
    w->machine_hash = sweep_hash_machine(&w->machine);
    w->is_settled = true;
    return w->machine_status;
}

/* ---- bitlengths ---- */

static uint32_t scaled(uint32_t bits, double n, double scale)
{
    static const double ROUNDING = 1e-9; /* 5 * 1.2 is 6, not 7 */
    const double x = n > 0 ? ceil(n * scale - ROUNDING) : rint(bits * scale);
    return (uint32_t)fmax(1, fmin(PARE_BITS_MAX, x));
}

static double axis_number(const pare_sweep *s, axis_kind kind, uint64_t space, double otherwise)
{
    const size_t at = s->at[kind];
    return at == SIZE_MAX ? otherwise : s->axes[at].numbers[sweep_digit(s, at, space)];
}

uint32_t sweep_batch(const pare_sweep *s, uint64_t space)
{
    return (uint32_t)axis_number(s, AXIS_BATCH, space, 1);
}

const char *sweep_set_bits(sweep_worker *w, uint64_t space)
{
    const pare_sweep *const s = w->s;
    const uint64_t network = sweep_digit(s, s->at[AXIS_NETWORK], space);
    const uint64_t digit = sweep_digit(s, s->at[AXIS_BITS], space);
    const sweep_bits *const base = &s->bits[network * s->axes[s->at[AXIS_BITS]].n + digit];
    if (!base->bits) return base->error;
    const double scale = axis_number(s, AXIS_BITS_SCALE, space, 1);
    const uint32_t weight = (uint32_t)axis_number(s, AXIS_BITS_WEIGHT, space, 0);
    const uint32_t act = (uint32_t)axis_number(s, AXIS_BITS_ACT, space, 0);
    w->is_as_trained = scale == 1 && !weight && !act;
    w->bits = *base->bits;
    w->bits.layers = w->layer_bits;
    uint8_t pairs[2 * 1024]; /* hashed piece by piece */
    size_t n = 0;
    w->bits_hash = (XXH128_hash_t){0, 0};
    for (size_t i = 0; i < w->bits.n_layers; i++) {
        pare_layer_bits *const b = &w->layer_bits[i];
        *b = base->bits->layers[i];
        if (scale != 1) {
            b->weight_bits = scaled(b->weight_bits, b->weight_n, scale);
            b->act_bits = scaled(b->act_bits, b->act_n, scale);
        }
        if (weight) b->weight_bits = weight;
        if (act) b->act_bits = act;
        pairs[n++] = (uint8_t)(b->weight_bits | b->weight_signed << 7);
        pairs[n++] = (uint8_t)(b->act_bits | b->act_signed << 7);
        if (n < sizeof pairs && i + 1 < w->bits.n_layers) continue;
        w->bits_hash = sweep_hash(w->bits_hash, pairs, n);
        n = 0;
    }
    return NULL;
}

/* ---- the row ---- */

static double accuracy_of(const sweep_worker *w, uint64_t space)
{
    const pare_sweep *const s = w->s;
    return w->is_as_trained ? s->accuracy_frac[sweep_digit(s, s->at[AXIS_BITS], space)] : NAN;
}

static XXH128_hash_t hash_of(const sweep_worker *w, uint64_t space, const char *bits_error)
{
    const pare_sweep *const s = w->s;
    const double accuracy = bits_error ? NAN : accuracy_of(w, space);
    const XXH128_hash_t parts[3] = {
        s->net_hash[sweep_digit(s, s->at[AXIS_NETWORK], space)], w->machine_hash,
        bits_error ? XXH3_128bits(bits_error, strlen(bits_error)) : w->bits_hash};
    struct {
        uint64_t parts[6], batch, has_accuracy;
        double accuracy;
    } all = {.parts = {parts[0].low64, parts[0].high64, parts[1].low64, parts[1].high64,
                       parts[2].low64, parts[2].high64},
             .batch = sweep_batch(s, space),
             .has_accuracy = isnan(accuracy) ? 0u : 1u,
             .accuracy = isnan(accuracy) ? 0 : accuracy};
    return sweep_hash(s->seed, &all, sizeof all);
}

/* As pare_sim_run, layers from memory where they are the same. */
static pare_status run_static(sweep_worker *w, uint32_t batch, pare_sim_result *r, pare_err *e)
{
    pare_sim_job *const jobs =
        sim_jobs(w->s->nets[sweep_digit(w->s, w->s->at[AXIS_NETWORK], w->space)], &w->bits,
                 &w->machine, batch, &r->n_layers);
    pare_status status = PARE_OK;
    r->layers = w->layers;
    for (size_t i = 0; i < r->n_layers && status == PARE_OK; i++) {
        bool is_found = false;
        status = layer_cache_run(w->cache, w->machine_hash, &w->machine, &jobs[i], &w->layers[i],
                                 &is_found, e);
        w->n_layers_found += is_found;
    }
    w->n_layers += r->n_layers;
    free(jobs);
    return status == PARE_OK ? sim_add_up(&w->machine, r, e) : status;
}

static pare_status run_dynamic(sweep_worker *w, uint32_t batch, pare_sim_result *r, pare_err *e)
{
    const pare_net *const net = w->s->nets[sweep_digit(w->s, w->s->at[AXIS_NETWORK], w->space)];
    const pare_sim_options options = {.batch = batch, .threads = 1};
    PARE_TRY(pare_sim_run(net, &w->machine, &w->bits, &options, r, e));
    memcpy(w->layers, r->layers, r->n_layers * sizeof *r->layers);
    free(r->layers);
    r->layers = w->layers;
    w->n_layers += r->n_layers;
    return PARE_OK;
}

static void fill_cells(const sweep_worker *w, const pare_sim_result *r, double accuracy,
                       sweep_row *row)
{
    const pare_sweep *const s = w->s;
    for (size_t c = 0; c < s->info.n_columns; c++) {
        const char *const from = s->columns[c].is_stat ? (const char *)&r->total : (const char *)r;
        memcpy(&row->cells[c], from + s->sources[c].offset, sizeof row->cells[c]);
        if (s->sources[c].is_accuracy) row->cells[c].real = accuracy;
    }
    if (!s->info.has_layers) return;
    row->n_layers = (uint32_t)r->n_layers;
    cell *out = row->layer_cells;
    for (size_t i = 0; i < r->n_layers; i++) {
        row->layer_bits[i][0] = r->layers[i].weight_bits;
        row->layer_bits[i][1] = r->layers[i].act_bits;
        for (size_t c = 0; c < s->info.n_columns; c++)
            if (s->columns[c].is_stat)
                memcpy(out++, (const char *)&r->layers[i].stats + s->sources[c].offset,
                       sizeof *out);
    }
}

static void fail_row(sweep_row *row, const char *why)
{
    row->state = ROW_FAILED;
    row->error = pare_xstrdup(why);
}

void sweep_eval(sweep_worker *w, uint64_t point, uint64_t space, sweep_row *row)
{
    row->point = point;
    row->space = w->space = space;
    row->state = ROW_OK;
    row->n_layers = 0;
    sweep_set_machine(w, space);
    const pare_status machine_status = sweep_settle(w);
    const char *const bits_error = sweep_set_bits(w, space);
    row->hash = hash_of(w, space, bits_error);
    if (w->old && sweep_take_old(w, row)) return;
    if (machine_status != PARE_OK || bits_error) {
        fail_row(row, machine_status != PARE_OK ? w->machine_error : bits_error);
        return;
    }
    pare_err e = {0};
    pare_sim_result r = {.clock_mhz = w->machine.clock_mhz};
    const uint32_t batch = sweep_batch(w->s, space);
    const pare_status status =
        (sim_depends_on_values(&w->machine) ? run_dynamic : run_static)(w, batch, &r, &e);
    if (status != PARE_OK)
        fail_row(row, e.text);
    else
        fill_cells(w, &r, accuracy_of(w, space), row);
}

/* ---- workers ---- */

static size_t most_layers(const pare_sweep *s)
{
    size_t most = 1;
    for (uint64_t i = 0; i < s->axes[s->at[AXIS_NETWORK]].n; i++)
        if (s->nets[i]->n_mac_layers > most) most = s->nets[i]->n_mac_layers;
    return most;
}

sweep_worker *sweep_worker_new(const pare_sweep *s)
{
    sweep_worker *const w = pare_xalloc(1, sizeof *w);
    w->s = s;
    w->tables = sim_tables_new();
    w->cache = layer_cache_new();
    w->layer_bits = pare_xalloc(most_layers(s), sizeof *w->layer_bits);
    w->layers = pare_xalloc(most_layers(s), sizeof *w->layers);
    return w;
}

void sweep_worker_free(sweep_worker *w)
{
    if (!w) return;
    sim_tables_free(w->tables);
    layer_cache_free(w->cache);
    free(w->layer_bits);
    free(w->layers);
    free(w);
}

/* ---- a point for others ---- */

pare_status pare_sweep_point_open(const pare_sweep *s, uint64_t space, pare_sweep_point *out,
                                  pare_err *e)
{
    *out = (pare_sweep_point){.batch = sweep_batch(s, space)};
    if (space >= s->info.n_space)
        return pare_err_set(e, PARE_EINPUT, s->info.file, (pare_pos){0, 0},
                            "place %llu of the space; 0 to %llu expected",
                            (unsigned long long)space, (unsigned long long)(s->info.n_space - 1));
    sweep_worker *const w = sweep_worker_new(s);
    sweep_set_machine(w, space);
    const char *error = sweep_settle(w) != PARE_OK ? w->machine_error : NULL;
    if (!error) error = sweep_set_bits(w, space);
    if (error) {
        const pare_status status =
            pare_err_set(e, PARE_EINPUT, s->info.file, (pare_pos){0, 0}, "%s", error);
        sweep_worker_free(w);
        return status;
    }
    out->net = s->nets[sweep_digit(s, s->at[AXIS_NETWORK], space)];
    out->machine = &w->machine;
    out->bits = &w->bits;
    out->hold = w;
    return PARE_OK;
}

void pare_sweep_point_close(pare_sweep_point *p)
{
    sweep_worker_free(p->hold);
    p->hold = NULL;
}

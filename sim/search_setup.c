/* What the search by bounds knows of a layer before it looks at a tile. */
#include "sim/searcher.h"

#include <math.h>
#include <string.h>

enum { UNIT_LOG2 = 40 };

/* The plain search can count further, and says so when that is not enough either. Below these
 * limits the bounds' doubles hold what a layer needs exactly. */
static bool is_small(const searcher *s)
{
    const pare_dims *const d = &s->dims;
    const array_map *const a = &s->maps[0].array;
    double cycles = 64;
    for (size_t i = 0; i < s->n_maps; i++) {
        const array_map *const b = &s->maps[i].array;
        cycles = fmax(cycles, (double)(b->step_cycles + b->fold_cycles + b->load_cycles));
    }
    const double reach = ((d->r - 1.0) * d->dilation[0] + 1) * ((d->s - 1.0) * d->dilation[1] + 1);
    const double depth = fmax(reach, (double)a->positions * (double)a->channel_scale);
    const double windows = (double)d->n * d->p * d->q;
    const double pixels = (double)d->n * d->h * d->w * d->c;
    return windows * d->k * (d->c / d->groups) * depth * cycles < ldexp(1, 52) &&
           pixels < ldexp(1, 44);
}

static axis *find_axis(searcher *s, int which, uint64_t piece)
{
    const pare_dims *const d = &s->dims;
    axis *const list = s->axes[which];
    size_t i = 0;
    while (i < s->n_axes[which] && list[i].piece != piece) i++;
    if (i < s->n_axes[which]) return &list[i];
    if (i == SIZES_MAX) return NULL;
    s->n_axes[which]++;
    if (which == 0) {
        sim_axis_even(d->n, piece, &list[i]);
        return &list[i];
    }
    const int k = which - 1;
    const axis_reach reach = {.stride = d->stride[k],
                              .pad = d->pad[k],
                              .kernel = k ? d->s : d->r,
                              .dilation = d->dilation[k],
                              .size = k ? d->w : d->h};
    return sim_axis_cut(k ? d->q : d->p, piece, &reach, &list[i]) ? &list[i] : NULL;
}

/* Sizes of the tiles of a cut: of full pieces and of last ones. */
static void list_sizes(cut_state *c)
{
    c->n_sizes = 1;
    c->size_times[0] = c->size_windows[0] = 1;
    for (int i = 0; i < 3; i++) {
        const axis *const a = c->axes[i];
        const uint64_t full = a->runs[0].size, last = a->runs[a->n_runs - 1].size;
        for (unsigned j = 0; j < c->n_sizes && a->n > 1; j++) {
            c->size_times[c->n_sizes + j] = c->size_times[j] * (a->n - 1);
            c->size_windows[c->n_sizes + j] = c->size_windows[j] * full;
        }
        for (unsigned j = 0; j < c->n_sizes; j++) c->size_windows[j] *= last;
        if (a->n > 1) c->n_sizes *= 2;
    }
}

static bool set_up_cut(searcher *s, const window_cut *cut, cut_state *out)
{
    const uint64_t pieces[3] = {cut->tn, cut->tp, cut->tq};
    out->n = out->max_windows = out->max_pixels = out->min_pixels = out->sum_pixels = 1;
    out->first = out->last = (window_tile){1, 1};
    for (int i = 0; i < 3; i++) {
        axis *const a = find_axis(s, i, pieces[i]);
        if (!a) return false;
        const axis_run *const first = &a->runs[0], *const last = &a->runs[a->n_runs - 1];
        out->axes[i] = a;
        out->n *= a->n;
        out->max_windows *= first->size;
        out->max_pixels *= a->max_span;
        out->min_pixels *= a->min_span;
        out->sum_pixels *= a->sum_span;
        out->first.windows *= first->size;
        out->first.pixels *= first->span;
        out->last.windows *= last->size;
        out->last.pixels *= last->span;
    }
    list_sizes(out);
    return true;
}

static uint64_t last_piece(uint64_t total, uint64_t size, uint64_t n)
{
    return total - (n - 1) * size;
}

/* Groups, filters and channels whose weights fit. */
static void list_blocks(searcher *s)
{
    const search_space *const p = &s->space;
    const uint64_t positions = (uint64_t)s->dims.r * s->dims.s;
    for (size_t g = 0; g < p->n_groups; g++)
        for (size_t k = 0; k < sim_space_cuts(p, g, p->n_filters); k++)
            for (size_t c = 0; c < sim_space_cuts(p, g, p->n_channels); c++) {
                block *const b = &s->blocks[s->n_blocks];
                b->group = (uint8_t)g;
                b->filter = (uint8_t)k;
                b->channel = (uint8_t)c;
                b->size[LOOP_G] = p->groups[g];
                b->size[LOOP_K] = p->filters[k];
                b->size[LOOP_C] = p->channels[c];
                b->n[LOOP_G] = s->n_of_groups[g];
                b->n[LOOP_K] = s->n_of_filters[k];
                b->n[LOOP_C] = s->n_of_channels[c];
                b->size[LOOP_W] = b->n[LOOP_W] = 0; /* of the cut */
                const uint64_t filters = b->size[LOOP_G] * b->size[LOOP_K];
                b->weight_bits = filters * b->size[LOOP_C] * positions * s->bits.weight;
                if (!p->is_ideal && b->weight_bits > s->cap_bits[0]) continue;
                b->load_cycles = p->is_ideal ? 0 : sim_divide_up(&s->transfer, b->weight_bits);
                b->last_filters = last_piece(s->total[LOOP_G], b->size[LOOP_G], b->n[LOOP_G]) *
                                  last_piece(s->total[LOOP_K], b->size[LOOP_K], b->n[LOOP_K]);
                s->n_blocks++;
            }
}

static void fill_columns(searcher *s)
{
    block_columns *const c = &s->columns;
    for (size_t i = 0; i < sim_whole_lanes(s->n_blocks); i++) {
        const block *const b = &s->blocks[i < s->n_blocks ? i : s->n_blocks - 1];
        const uint64_t stored = b->n[LOOP_C] > 1 ? s->bits.psum : s->bits.out;
        c->channels[i] = (double)(b->size[LOOP_G] * b->size[LOOP_C]);
        c->filters[i] = (double)(b->size[LOOP_G] * b->size[LOOP_K]);
        c->last_filters[i] = (double)b->last_filters;
        c->weight_bits[i] = (double)b->weight_bits;
        c->load_cycles[i] = (double)b->load_cycles;
        c->stored_bits[i] = (double)stored;
        c->widest_bits[i] = (double)sim_max(stored, s->bits.out);
        c->more_filters[i] = (double)(b->n[LOOP_K] - 1);
        c->more_channels[i] = (double)(b->n[LOOP_C] - 1);
        c->tiles[i] = (double)(b->n[LOOP_G] * b->n[LOOP_K] * b->n[LOOP_C]);
    }
}

uint64_t sim_window_sets(const cut_state *c, uint64_t unit)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->n_sizes; i++)
        sum += c->size_times[i] * sim_ceil_div(c->size_windows[i], unit);
    return sum;
}

/* sum over the n pieces of ceil(piece / unit) */
static uint64_t sum_of_sets(uint64_t total, uint64_t size, uint64_t n, uint64_t unit)
{
    if (unit == 1) return total;
    if (n == 1) return sim_ceil_div(total, unit);
    return (n - 1) * sim_ceil_div(size, unit) + sim_ceil_div(last_piece(total, size, n), unit);
}

static uint64_t group_sets(const searcher *s, const array_map *a, size_t i)
{
    return sum_of_sets(s->total[LOOP_G], s->space.groups[i], s->n_of_groups[i], a->packed_groups);
}

static uint64_t filter_sets(const searcher *s, const array_map *a, size_t i)
{
    if (a->packed_groups > 1) return s->n_of_filters[i];
    return sum_of_sets(s->total[LOOP_K], s->space.filters[i], s->n_of_filters[i], a->filters);
}

static void sum_steps(const searcher *s, map_state *m, size_t i)
{
    const array_map *const a = &m->array;
    const uint64_t n = s->n_of_channels[i], size = s->space.channels[i];
    const uint64_t last = last_piece(s->total[LOOP_C], size, n);
    m->steps[i] = sim_array_steps(a, last);
    if (n > 1) m->steps[i] += (n - 1) * sim_array_steps(a, size);
    m->pe_steps[i] = m->steps[i];
    if (a->depth_tiles == 1) return;
    m->pe_steps[i] = sim_array_tile_steps(a, last);
    if (n > 1) m->pe_steps[i] += (n - 1) * sim_array_tile_steps(a, size);
}

/* The cycles of the whole, as sums of rounded-up parts are least for it. */
static void set_up_map(searcher *s, map_state *m)
{
    const block whole = {.n = {1, 1, 1, 1}};
    const pare_dims *const d = &s->dims;
    const array_map *const a = &m->array;
    const uint64_t sets = sim_ceil_div((uint64_t)d->n * d->p * d->q, a->windows);
    m->group_sets[0] = group_sets(s, a, 0);
    m->filter_sets[0] = filter_sets(s, a, 0);
    sum_steps(s, m, 0);
    m->least_cycles = sim_cycles_of(a, sim_work_of(m, &whole, sets, 1));
}

void sim_searcher_fill_map(searcher *s, map_state *m)
{
    const energy_rates *const r = &s->rates;
    const array_map *const a = &m->array;
    for (size_t i = 1; i < s->space.n_groups; i++) m->group_sets[i] = group_sets(s, a, i);
    for (size_t i = 1; i < s->space.n_filters; i++) m->filter_sets[i] = filter_sets(s, a, i);
    for (size_t i = 1; i < s->space.n_channels; i++) sum_steps(s, m, i);
    const double step = (double)a->step_cycles, wait = (double)(a->step_cycles - a->busy_cycles);
    const double fold = (double)a->fold_cycles, load = (double)a->load_cycles;
    m->step_pj = step * r->compute_pj + wait * r->multiplex_pj;
    m->start_pj = (fold + load) * r->compute_pj + fold * r->fold_pj + load * r->load_pj;
}

static void set_up_maps(searcher *s)
{
    for (size_t i = 0; i < s->n_maps; i++) {
        set_up_map(s, &s->maps[i]);
        const uint64_t cycles = s->maps[i].least_cycles;
        size_t j = i;
        for (; j > 0 && cycles < s->maps[s->map_order[j - 1]].least_cycles; j--)
            s->map_order[j] = s->map_order[j - 1];
        s->map_order[j] = (uint8_t)i;
    }
}

/* Energy per unit of a field, the others being 0. */
static double rate_of(const pare_machine *m, const tile_totals *t, uint64_t cycles)
{
    return ldexp(sim_mapping_pj(m, 0, t, cycles, NULL), -UNIT_LOG2);
}

/* Energy is affine in what is counted, so its rates are asked of it. */
static void set_up_rates(const pare_machine *m, energy_rates *r)
{
    const uint64_t unit = (uint64_t)1 << UNIT_LOG2;
    const tile_totals none = {0};
    tile_totals t = none;
    r->cycle_pj = rate_of(m, &none, unit);
#define RATE(name, ...) r->name = rate_of(m, &(const tile_totals){__VA_ARGS__}, 0)
    RATE(compute_pj, .compute_cycles = unit);
    RATE(fold_pj, .fold_cycles = unit);
    RATE(load_pj, .load_cycles = unit);
    RATE(multiplex_pj, .multiplex_cycles = unit);
    RATE(pe_pj, .pe_cycles = unit);
    RATE(weight_read_pj, .buffer_bits[0][0] = unit);
    RATE(act_read_pj, .buffer_bits[1][0] = unit);
    RATE(output_pj, .buffer_bits[2] = {unit, unit});
    RATE(weight_fetch_pj, .buffer_bits[0][1] = unit, .dram_weight_bits = unit);
    RATE(act_fetch_pj, .buffer_bits[1][1] = unit, .dram_act_bits = unit);
    RATE(store_pj, .dram_out_bits = unit);
    t.buffer_bits[2][0] = t.buffer_bits[2][1] = unit;
    t.dram_psum_write_bits = t.dram_psum_read_bits = unit;
    r->psum_pj = rate_of(m, &t, 0) / 2; /* of a bit written or read */
#undef RATE
}

void sim_searcher_start(searcher *s, const pare_machine *m)
{
    const uint64_t usable = m->buffers.double_buffering ? 4 : 8; /* bits per byte in one half */
    s->m = m;
    s->has_shape = false;
    s->cap_bits[0] = sim_mul(m->buffers.weight_bytes, usable);
    s->cap_bits[1] = sim_mul(m->buffers.act_bytes, usable);
    s->cap_bits[2] = sim_mul(m->buffers.out_bytes, usable);
    s->transfer = sim_divider(m->dram.bits_per_cycle);
    set_up_rates(m, &s->rates);
}

static void set_up_energy(searcher *s)
{
    const tile_totals none = {0};
    s->products_pj = sim_products_pj(s->m, s->job);
    s->base_pj = sim_mapping_pj(s->m, s->products_pj, &none, 0, NULL);
}

/* Space and cuts, which do not depend on the bits. */
static bool set_up_shape(searcher *s, const pare_dims *d, uint64_t packed_groups)
{
    if (s->has_shape && s->packed_groups == packed_groups && !memcmp(&s->dims, d, sizeof *d))
        return true;
    s->dims = *d;
    s->packed_groups = packed_groups;
    s->total[LOOP_G] = d->groups;
    s->total[LOOP_K] = d->k / d->groups;
    s->total[LOOP_C] = d->c / d->groups;
    memset(s->n_axes, 0, sizeof s->n_axes);
    sim_space(s->m, d, packed_groups, &s->space);
    for (size_t i = 0; i < s->space.n_groups; i++)
        s->n_of_groups[i] = sim_ceil_div(s->total[LOOP_G], s->space.groups[i]);
    for (size_t i = 0; i < s->space.n_filters; i++)
        s->n_of_filters[i] = sim_ceil_div(s->total[LOOP_K], s->space.filters[i]);
    for (size_t i = 0; i < s->space.n_channels; i++)
        s->n_of_channels[i] = sim_ceil_div(s->total[LOOP_C], s->space.channels[i]);
    s->has_shape = true;
    for (size_t i = 0; i < s->space.n_cuts && s->has_shape; i++)
        s->has_shape = set_up_cut(s, &s->space.cuts[i], &s->cuts[i]);
    return s->has_shape;
}

static void set_up_bits(searcher *s)
{
    const pare_dims *const d = &s->dims;
    const uint64_t outputs = (uint64_t)d->n * d->p * d->q * d->k;
    s->weight_bits = (uint64_t)d->k * s->total[LOOP_C] * d->r * d->s * s->bits.weight;
    s->out_bits = outputs * s->bits.out;
    s->psum_bits = 2 * outputs * s->bits.psum;
    for (size_t i = 0; i < s->space.n_cuts; i++) {
        cut_state *const c = &s->cuts[i];
        c->act_bits = s->total[LOOP_G] * s->total[LOOP_C] * c->sum_pixels * s->bits.act;
        c->least_bits = s->weight_bits + c->act_bits + s->out_bits;
    }
}

bool sim_searcher_set_up(searcher *s, const pare_sim_job *job)
{
    array_map arrays[ARRAY_MAPS_MAX];
    s->job = job;
    s->bits = sim_value_bits(s->m, job, sim_is_packed(s->m));
    s->n_blocks = 0;
    s->n_maps = sim_array_maps(s->m, job, arrays);
    for (size_t i = 0; i < s->n_maps; i++) s->maps[i].array = arrays[i];
    if (!set_up_shape(s, &job->dims, arrays[0].packed_groups) || !is_small(s)) return false;
    set_up_bits(s);
    list_blocks(s);
    fill_columns(s);
    set_up_maps(s);
    set_up_energy(s);
    return true;
}

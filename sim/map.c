/* How a layer lies on the array: what lanes, rows, columns and tiles hold. */
#include "sim/core.h"

/* Channels, kernel positions and groups as the lanes see them. */
static void lay_out_depth(const pare_machine *m, const pare_sim_job *job, uint64_t lanes,
                          array_map *a)
{
    const pare_dims *const d = &job->dims;
    const uint64_t channels = d->c / d->groups;
    a->is_flat = m->mapping.lane_order == PARE_LANES_FLAT;
    a->positions = pare_dims_positions(d);
    a->channel_scale = 1;
    /* neighbours of one step would need scales of their own */
    const uint32_t tensors = d->tensors ? d->tensors : 1;
    const bool is_foldable = job->scale_sums <= tensors;
    if (!job->reads_input || channels >= lanes) return;
    if (m->mapping.first_layer == PARE_FIRST_FLAT) a->is_flat = true;
    /* DNNsim folds the first layer: stride x stride neighbours become channels, the stride 1 */
    const bool has_stride = d->stride[0] > 1 || d->stride[1] > 1;
    const bool is_plain =
        is_foldable && d->groups == 1 && d->dilation[0] == 1 && d->dilation[1] == 1;
    if (m->mapping.first_layer == PARE_FIRST_SPACE_TO_DEPTH && has_stride && is_plain) {
        a->positions =
            sim_ceil_div(d->r, d->stride[0]) * sim_ceil_div(d->s, d->stride[1]) * tensors;
        a->channel_scale = (uint64_t)d->stride[0] * d->stride[1];
    }
}

/* Small groups lie block-diagonally: filter rows of one group see zero weights in the lanes of the
 * others, so no extra routing is needed (DNNsim's depthwise rule is the case of one channel). */
static uint64_t pack_groups(const pare_machine *m, const pare_dims *d, const array_map *a)
{
    const uint64_t channels = d->c / d->groups * a->channel_scale;
    const uint64_t depth = a->is_flat ? channels * a->positions : channels;
    const uint64_t in_rows = m->array.rows / (d->k / d->groups);
    const uint64_t in_lanes = a->rows_own_inputs ? in_rows : a->lanes / depth;
    return sim_max(1, sim_min(d->groups, sim_min(in_lanes, in_rows)));
}

/* Where sums stay in the PEs each of them stands still for its scale; where they leave the array
 * with each step, the scaler is one more stage of their way out. */
static void add_scaling(const pare_machine *m, array_map *a)
{
    if (!a->scale_sums) return;
    a->scale_cycles = (uint64_t)m->pe.scale_cycles * (a->streams == LOOP_C ? a->scale_sums : 1);
    a->fold_cycles += a->scale_cycles;
}

static array_map base_map(const pare_machine *m, const pare_sim_job *job, pe_rate rate)
{
    static const int streams[] = {[PARE_OUTPUT_STATIONARY] = LOOP_C,
                                  [PARE_WEIGHT_STATIONARY] = LOOP_W,
                                  [PARE_INPUT_STATIONARY] = LOOP_K};
    array_map a = {.lanes = m->pe.lanes * rate.lane_factor,
                   .filters = m->array.rows,
                   .windows = m->array.cols,
                   .busy_cycles = rate.act_steps * rate.weight_steps,
                   .step_cycles = rate.act_steps * rate.weight_steps,
                   .depth_tiles = 1,
                   .streams = streams[m->array.dataflow]};
    lay_out_depth(m, job, a.lanes, &a);
    a.rows_own_inputs = m->mapping.row_inputs == PARE_ROWS_OWN && job->dims.groups > 1;
    if (a.rows_own_inputs) a.is_flat = true;
    a.scale_sums = job->scale_sums;
    a.scale_groups = a.is_flat && job->scale_sums > 1 ? job->scale_sums : 1;
    a.packed_groups = pack_groups(m, &job->dims, &a);
    const bool is_systolic = m->array.delivery == PARE_SYSTOLIC;
    if (a.streams != LOOP_C) {
        /* the reduction runs down the lanes: what stays shifts in along it, sums skew along it;
         * across it lie the filters of the weights, or the windows of the activations that stay */
        const uint32_t across = a.streams == LOOP_W ? m->array.rows : m->array.cols;
        a.load_cycles = is_systolic ? m->pe.lanes : 1;
        a.fold_cycles = is_systolic ? m->pe.lanes - 1 + across - 1 : 0;
    } else {
        a.fold_cycles = is_systolic ? m->array.rows - 1 + m->array.cols - 1 : 0;
    }
    add_scaling(m, &a);
    return a;
}

/* The same on tiles that share the depth: their sums meet in a tree behind the last step. */
static array_map split_depth(const pare_machine *m, array_map a)
{
    a.depth_tiles = m->array.tiles;
    a.lanes *= a.depth_tiles;
    for (uint64_t tiles = 1; tiles < a.depth_tiles; tiles *= 2) a.fold_cycles++;
    return a;
}

pare_sim_job sim_padded_job(const pare_machine *m, const pare_sim_job *job)
{
    pare_sim_job padded = *job;
    pare_dims *const d = &padded.dims;
    if (!m->mapping.pad_layers || d->groups > 1) return padded;
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    const uint64_t lanes = m->pe.lanes * rate.lane_factor;
    const uint64_t c = sim_ceil_div(d->c, lanes) * lanes;
    const uint64_t k = sim_ceil_div(d->k, m->array.rows) * m->array.rows;
    if (c <= UINT32_MAX) d->c = (uint32_t)c;
    if (k <= UINT32_MAX) d->k = (uint32_t)k;
    return padded;
}

/* Tiles hold the whole depth then, so all folds take equally long. */
static void stretch_folds(const pare_machine *m, const pare_sim_job *job, array_map *a)
{
    const uint64_t steps = sim_array_steps(a, job->dims.c / job->dims.groups);
    const uint64_t cycles = sim_add(sim_mul(steps, a->step_cycles), a->fold_cycles);
    if (a->streams == LOOP_C && cycles < m->array.fold_cycles_min)
        a->fold_cycles += m->array.fold_cycles_min - cycles;
}

size_t sim_array_maps(const pare_machine *m, const pare_sim_job *job, array_map out[ARRAY_MAPS_MAX])
{
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    const array_map base = base_map(m, job, rate);
    const bool splits = m->mapping.split_depth && m->array.tiles > 1 && base.packed_groups == 1;
    size_t n = 0;
    for (int tiles_windows = 0; tiles_windows < 2; tiles_windows++) {
        if (m->mapping.tiles == (tiles_windows ? PARE_HOLDS_FILTERS : PARE_HOLDS_WINDOWS)) continue;
        if (tiles_windows && m->array.tiles == 1 && n) continue;
        for (int cols_filters = 0; cols_filters < 2; cols_filters++) {
            if (m->mapping.cols == (cols_filters ? PARE_HOLDS_WINDOWS : PARE_HOLDS_FILTERS))
                continue;
            if (cols_filters && n && (m->array.cols == 1 || base.packed_groups > 1)) continue;
            array_map *const a = &out[n++];
            *a = base;
            a->tiles_hold_windows = tiles_windows;
            a->cols_hold_filters = cols_filters;
            if (cols_filters) {
                a->windows /= m->array.cols;
                a->filters *= m->array.cols;
                /* one weight digit arrives per cycle, for one column after the other */
                a->step_cycles = sim_max(rate.act_steps, m->array.cols) * rate.weight_steps;
            }
            if (splits && !tiles_windows) out[n++] = split_depth(m, *a);
            *(tiles_windows ? &a->windows : &a->filters) *= m->array.tiles;
        }
    }
    for (size_t i = 0; i < n; i++) stretch_folds(m, job, &out[i]);
    return n;
}

/* Steps for a flattened depth: sums with scales of their own do not share one. */
static uint64_t flat_steps(const array_map *a, uint64_t depth, uint64_t lanes)
{
    if (a->scale_groups == 1) return sim_ceil_div(depth, lanes);
    return a->scale_groups * sim_ceil_div(sim_ceil_div(depth, a->scale_groups), lanes);
}

static uint64_t steps_of_lanes(const array_map *a, uint64_t channels, uint64_t lanes)
{
    if (a->packed_groups > 1 && a->rows_own_inputs)
        return flat_steps(a, channels * a->channel_scale * a->positions, lanes);
    const uint64_t seen = channels * a->channel_scale * a->packed_groups;
    if (a->packed_groups > 1) return a->is_flat ? a->scale_groups : a->positions;
    return a->is_flat ? flat_steps(a, seen * a->positions, lanes)
                      : a->positions * sim_ceil_div(seen, lanes);
}

uint64_t sim_array_steps(const array_map *a, uint64_t channels)
{
    return steps_of_lanes(a, channels, a->lanes);
}

uint64_t sim_array_tile_steps(const array_map *a, uint64_t channels)
{
    return steps_of_lanes(a, channels, a->lanes / a->depth_tiles);
}

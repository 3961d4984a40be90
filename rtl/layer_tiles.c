/* How long the tiles of a layer take on an array whose steps depend on the activations: from the
 * job's codes alone, not from what lies in memory. */
#include "rtl/layer.h"

#include <stdlib.h>

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t divide_up(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }

/* One fold over each set of the windows first .. end - 1. */
static uint64_t sets_cycles(const pare_accel_params *p, const pare_layer_job *job, uint32_t first,
                            uint32_t end, int32_t *codes)
{
    const uint32_t step = pare_accel_step_channels(p, job->act_bits, job->weight_bits);
    const uint32_t groups = divide_up(job->dims.c, step);
    const uint64_t steps = (uint64_t)job->dims.r * job->dims.s * groups;
    uint64_t cycles = 0;
    for (uint32_t set = first; set < end; set += p->cols) {
        const uint32_t n = smaller(p->cols, end - set);
        for (uint32_t i = 0; i < n; i++)
            pare_layer_window(job, set + i, groups * step, codes + i * steps * step);
        cycles += pare_accel_fold_cycles(p, job->act_bits, job->weight_bits, steps, codes, n);
    }
    return cycles;
}

uint64_t *pare_layer_tile_cycles(const pare_accel_params *params, const pare_layer_job *job,
                                 const pare_sim_map *map, size_t *n)
{
    const pare_dims *const d = &job->dims;
    const uint32_t folds = divide_up(d->k, params->rows);
    const uint32_t tile_folds = smaller(folds, (uint32_t)map->tile_filters / params->rows);
    const uint32_t tile_rows = smaller(d->p, (uint32_t)map->tile_out_rows);
    const uint32_t n_k = divide_up(folds, tile_folds), n_w = divide_up(d->p, tile_rows);
    const uint32_t step = pare_accel_step_channels(params, job->act_bits, job->weight_bits);
    const size_t depth = (size_t)d->r * d->s * divide_up(d->c, step) * step;
    uint64_t *const cycles = pare_xalloc((size_t)n_k * n_w, sizeof *cycles);
    int32_t *const codes = pare_xalloc(params->cols * depth, sizeof *codes);
    for (uint32_t w = 0; w < n_w; w++) {
        const uint32_t end = smaller((w + 1) * tile_rows, d->p);
        const uint64_t once = sets_cycles(params, job, w * tile_rows * d->q, end * d->q, codes);
        for (uint32_t k = 0; k < n_k; k++)
            cycles[k * n_w + w] = once * smaller(tile_folds, folds - k * tile_folds);
    }
    free(codes);
    *n = (size_t)n_k * n_w;
    return cycles;
}

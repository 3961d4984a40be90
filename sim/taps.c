/* Which activation and which weight each lane of each step takes, and the input laid out so that
 * a window finds them at fixed distances. */
#include "sim/dynamic.h"

#include <stdlib.h>

/* Folded (space-to-depth) positions reach this many kernel rows and columns, else the kernel's. */
static uint64_t reach(uint64_t kernel, uint64_t stride, bool is_folded)
{
    return is_folded ? sim_ceil_div(kernel, stride) * stride : kernel;
}

act_map sim_act_map(const array_map *a, const pare_dims *d)
{
    const bool is_folded = a->channel_scale > 1;
    const uint64_t rows = reach(d->r, d->stride[0], is_folded);
    const uint64_t cols = reach(d->s, d->stride[1], is_folded);
    return (act_map){.height = (d->p - 1) * (size_t)d->stride[0] + (rows - 1) * d->dilation[0] + 1,
                     .width = (d->q - 1) * (size_t)d->stride[1] + (cols - 1) * d->dilation[1] + 1,
                     .channels = d->c};
}

typedef struct fill {
    const act_map *map;
    const pare_dims *d;
    const layer_values *values;
    const uint32_t *table;
} fill;

/* one row of one image */
static void fill_row(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const fill *const f = context;
    const act_map *const map = f->map;
    const pare_dims *const d = f->d;
    const size_t image = item / map->height, row = item % map->height;
    uint32_t *const out = map->v + item * map->width * map->channels;
    const uint32_t pad = f->table[f->values->pad_code];
    const bool is_inside = row >= d->pad[0] && row - d->pad[0] < d->h;
    for (size_t x = 0; x < map->width; x++)
        for (size_t c = 0; c < map->channels; c++) out[x * map->channels + c] = pad;
    if (!is_inside) return;
    size_t end = (size_t)d->pad[1] + d->w;
    if (end > map->width) end = map->width;
    for (size_t c = 0; c < map->channels; c++) {
        const uint16_t *const in =
            f->values->acts + ((image * d->c + c) * d->h + (row - d->pad[0])) * d->w;
        for (size_t x = d->pad[1]; x < end; x++)
            out[x * map->channels + c] = f->table[in[x - d->pad[1]]];
    }
}

pare_status sim_act_map_fill(act_map *map, const pare_dims *d, const layer_values *values,
                             const uint32_t *table, pare_pool *pool, pare_err *e)
{
    const uint64_t rows = (uint64_t)d->n * map->height;
    const uint64_t n = sim_mul(sim_mul(rows, map->width), map->channels);
    map->v = n < SIZE_MAX / sizeof *map->v ? malloc(n * sizeof *map->v) : NULL;
    if (!map->v)
        return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0},
                            "no memory for %llu activations of a layer", (unsigned long long)n);
    fill f = {map, d, values, table};
    pare_pool_run(pool, rows, fill_row, &f);
    return PARE_OK;
}

/* ---- steps ---- */

typedef struct builder {
    taps *t;
    const pare_dims *d;
    const act_map *map;
    uint64_t lanes, used; /* used: lanes of the step under way */
    uint64_t groups, channels;
} builder;

static void next_step(builder *b)
{
    if (b->used == 0) return;
    b->t->begin[++b->t->n_steps] = b->t->n;
    b->used = 0;
}

/* One lane: channel c of packed group g at kernel row y and column x. */
static void add_tap(builder *b, uint64_t g, uint64_t c, uint64_t y, uint64_t x)
{
    const pare_dims *const d = b->d;
    const uint64_t group_channels = d->c / d->groups, group_filters = d->k / d->groups;
    if (b->used == b->lanes) next_step(b);
    taps *const t = b->t;
    t->act[t->n] = (y * d->dilation[0] * b->map->width + x * d->dilation[1]) * b->map->channels +
                   g * group_channels + c;
    const bool is_real = y < d->r && x < d->s;
    const uint64_t channel = g * group_filters * group_channels + c;
    t->weight[t->n] = is_real ? (int64_t)((channel * d->r + y) * d->s + x) : -1;
    t->real[t->n_steps] += is_real;
    t->n++;
    b->used++;
}

/* DNNsim's order of the folded channels: column in the stride, row in the stride, channel. */
static void add_folded(builder *b, bool is_flat)
{
    const uint64_t sy = b->d->stride[0], sx = b->d->stride[1];
    for (uint64_t y = 0; y < b->d->r; y += sy)
        for (uint64_t x = 0; x < b->d->s; x += sx) {
            for (uint64_t j = 0; j < sx; j++)
                for (uint64_t i = 0; i < sy; i++)
                    for (uint64_t c = 0; c < b->channels; c++) add_tap(b, 0, c, y + i, x + j);
            if (!is_flat) next_step(b);
        }
    next_step(b);
}

/* Flat lanes: each group's whole depth. Else the groups' channels at one kernel position. */
static void add_plain(builder *b, bool is_flat)
{
    const uint64_t outer = is_flat ? b->groups : 1, inner = is_flat ? 1 : b->groups;
    for (uint64_t o = 0; o < outer; o++)
        for (uint64_t y = 0; y < b->d->r; y++)
            for (uint64_t x = 0; x < b->d->s; x++) {
                for (uint64_t i = 0; i < inner; i++)
                    for (uint64_t c = 0; c < b->channels; c++) add_tap(b, o + i, c, y, x);
                if (!is_flat) next_step(b);
            }
    next_step(b);
}

taps sim_taps(const array_map *a, const pare_dims *d, const act_map *map, uint64_t groups,
              uint64_t channels)
{
    const size_t n = (size_t)(a->positions * a->channel_scale * channels * groups);
    taps t = {0};
    t.begin = pare_xalloc(n + 1, sizeof *t.begin);
    t.act = pare_xalloc(n, sizeof *t.act);
    t.weight = pare_xalloc(n, sizeof *t.weight);
    t.real = pare_xalloc(n, sizeof *t.real);
    builder b = {
        .t = &t, .d = d, .map = map, .lanes = a->lanes, .groups = groups, .channels = channels};
    if (a->channel_scale > 1)
        add_folded(&b, a->is_flat);
    else
        add_plain(&b, a->is_flat);
    return t;
}

void sim_taps_free(taps *t)
{
    free(t->begin);
    free(t->act);
    free(t->weight);
    free(t->real);
    *t = (taps){0};
}

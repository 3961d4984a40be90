/* Eyeriss' run-length code of activations, exact to the bit (Chen et al., IEEE JSSC 52(1), 2017,
 * section IV-B and figure 8): up to 31 zeros are a 5-bit run, the next value follows as a level,
 * three such pairs and a bit that marks the last word make a word. There the level has 16 bits and
 * the word 64; here the level is as wide as an unpacked value. The paper does not say how much of a
 * map one code spans: here, what a tile reads of one image, channel by channel, row by row. */
#include "sim/dynamic.h"

#include <stdlib.h>

enum { RUN_MAX = 31, RUN_BITS = 5, PAIRS_PER_WORD = 3 };

void sim_run_code_put(run_code *c, uint16_t value)
{
    if (value == 0 && c->run < RUN_MAX) {
        c->run++;
        return;
    }
    c->n_pairs++;
    c->run = 0;
}

uint64_t sim_run_code_bits(const run_code *c, uint32_t level_bits)
{
    const uint64_t n_pairs = c->n_pairs + (c->run > 0); /* the last of the zeros is a level */
    return sim_ceil_div(n_pairs, PAIRS_PER_WORD) * (PAIRS_PER_WORD * (RUN_BITS + level_bits) + 1);
}

typedef struct tile_job {
    const tiling *t;
    const uint16_t *codes; /* [n][c][h][w] */
    uint64_t *out;         /* [g][w][c] */
} tile_job;

/* The rows and columns of one image that a tile of windows reads. */
typedef struct reading {
    const pare_dims *d;
    const bool *rows, *cols;
} reading;

static void put_channel(const reading *r, const uint16_t *map, run_code *code)
{
    for (size_t y = 0; y < r->d->h; y++)
        for (size_t x = 0; r->rows[y] && x < r->d->w; x++)
            if (r->cols[x]) sim_run_code_put(code, map[y * r->d->w + x]);
}

/* The piece c of the channels of the piece g of the groups, in one image. */
static uint64_t piece_bits(const tile_job *job, const reading *r, uint64_t image, uint64_t g,
                           uint64_t c)
{
    const tiling *const t = job->t;
    const size_t map = (size_t)r->d->h * r->d->w;
    run_code code = {0};
    for (uint64_t i = 0; i < sim_piece(t, LOOP_G, g); i++)
        for (uint64_t j = 0; j < sim_piece(t, LOOP_C, c); j++) {
            const uint64_t group = g * t->size[LOOP_G] + i, own = c * t->size[LOOP_C] + j;
            const uint64_t channel = group * t->total[LOOP_C] + own;
            put_channel(r, job->codes + (image * r->d->c + channel) * map, &code);
        }
    return sim_run_code_bits(&code, (uint32_t)t->bits.act);
}

/* one tile of windows: all pieces of groups and channels */
static void sum_tile(void *context, size_t w, unsigned worker)
{
    (void)worker;
    const tile_job *const job = context;
    const tiling *const t = job->t;
    const pare_dims *const d = t->d;
    const window_box b = sim_window_box(t, w);
    bool *const rows = pare_xalloc((size_t)d->h + d->w, sizeof *rows), *const cols = rows + d->h;
    sim_mark_read(rows, d, 0, b.p0, b.rows);
    sim_mark_read(cols, d, 1, b.q0, b.cols);
    const reading r = {d, rows, cols};
    for (uint64_t g = 0; g < t->n[LOOP_G]; g++)
        for (uint64_t c = 0; c < t->n[LOOP_C]; c++)
            for (uint64_t i = b.n0; i < b.n0 + b.images; i++)
                job->out[(g * t->n[LOOP_W] + w) * t->n[LOOP_C] + c] += piece_bits(job, &r, i, g, c);
    free(rows);
}

uint64_t *sim_pack_runs(const tiling *t, const layer_values *values, pare_pool *pool)
{
    uint64_t *const bits = pare_xalloc(t->n[LOOP_G] * t->n[LOOP_W] * t->n[LOOP_C], sizeof *bits);
    tile_job job = {t, values->acts, bits};
    pare_pool_run(pool, t->n[LOOP_W], sum_tile, &job);
    return bits;
}

/* Which place of the space a point is. A permutation of any range is computed, not stored: a
 * Feistel network over the next even power of two, walked until it falls into the range. */
#include "sim/sweep_core.h"

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull; /* splitmix64's finaliser */
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

uint64_t sweep_permute(uint64_t i, uint64_t n, uint64_t seed, uint64_t stream)
{
    enum { ROUNDS = 6 };
    unsigned half = 1;
    while (half < 31 && ((uint64_t)1 << (2 * half)) < n) half++;
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    const uint64_t key = mix(seed + 0x9e3779b97f4a7c15ull * (stream + 1));
    do {
        uint64_t left = i >> half, right = i & mask;
        for (uint64_t r = 0; r < ROUNDS; r++) {
            const uint64_t next = left ^ (mix(right + key + (r << 56)) & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}

/* Point j tries the j-th, (j + n)-th, (j + 2n)-th... place of a permutation, so that no two points
 * can meet. */
static pare_status random_place(sweep_worker *w, uint64_t point, uint64_t *space, bool *is_there,
                                pare_err *e)
{
    enum { TRIES = 64 };
    const pare_sweep *const s = w->s;
    for (uint64_t k = 0; k < TRIES; k++) {
        const uint64_t i = point + k * s->info.n_points;
        if (i >= s->info.n_space) break;
        bool is_excluded = false;
        *space = sweep_permute(i, s->info.n_space, s->conf.sample.seed, 0);
        PARE_TRY(sweep_is_excluded(w, *space, &is_excluded, e));
        *is_there = !is_excluded;
        if (*is_there) break;
    }
    return PARE_OK;
}

/* McKay, Beckman and Conover 1979: each axis is cut into as many strata as there are points, and
 * each stratum is met once. */
static uint64_t lhs_place(const pare_sweep *s, uint64_t point)
{
    const uint64_t n = s->info.n_points;
    uint64_t space = 0;
    for (size_t a = 0; a < s->info.n_axes; a++) {
        const pare_axis *const axis = &s->axes[a];
        const uint64_t stratum = sweep_permute(point, n, s->conf.sample.seed, a + 1);
        const uint64_t digit = (uint64_t)((double)stratum / (double)n * (double)axis->n);
        space += (digit < axis->n ? digit : axis->n - 1) * axis->stride;
    }
    return space;
}

pare_status sweep_place(sweep_worker *w, uint64_t point, uint64_t *space, bool *is_there,
                        pare_err *e)
{
    bool is_excluded = false;
    *is_there = false;
    *space = point;
    if (w->s->conf.sample.method == SAMPLE_RANDOM)
        return random_place(w, point, space, is_there, e);
    if (w->s->conf.sample.method == SAMPLE_LHS) *space = lhs_place(w->s, point);
    PARE_TRY(sweep_is_excluded(w, *space, &is_excluded, e));
    *is_there = !is_excluded;
    return PARE_OK;
}

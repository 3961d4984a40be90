/* The space of mappings that compete for a layer: tile sizes that are powers of two times what the
 * array takes at once, or the whole; what the machine file fixes has one size. */
#include "sim/search.h"

enum { WINDOW_TILES_MAX = 65536 }; /* finer cuts would only cost memory */

const uint8_t sim_orders[N_ORDERS][3] = {
    {LOOP_K, LOOP_W, LOOP_C}, {LOOP_W, LOOP_K, LOOP_C}, {LOOP_K, LOOP_C, LOOP_W},
    {LOOP_W, LOOP_C, LOOP_K}, {LOOP_C, LOOP_K, LOOP_W}, {LOOP_C, LOOP_W, LOOP_K},
};

unsigned sim_distinct_orders(const uint64_t n[N_LOOPS])
{
    /* by which of filters (1), windows (2), channels (4) have several trips */
    static const uint8_t masks[8] = {1, 1, 1, 1 | 1 << 1, 1, 1 | 1 << 3, 1 | 1 << 2, 63};
    return masks[(n[LOOP_K] > 1) | (n[LOOP_W] > 1) << 1 | (n[LOOP_C] > 1) << 2];
}

/* the whole, then powers of two times `unit` below it, largest first */
static size_t sizes(uint64_t whole, uint64_t unit, uint64_t out[SIZES_MAX])
{
    size_t n = 0;
    out[n++] = whole;
    uint64_t x = unit;
    while (x < whole && x * 2 < whole) x *= 2;
    for (; x >= unit && x < whole && n < SIZES_MAX; x /= 2) out[n++] = x;
    return n;
}

static void add_cut(search_space *s, const pare_dims *d, uint64_t tn, uint64_t tp, uint64_t tq)
{
    const uint64_t n =
        sim_mul(sim_ceil_div(d->n, tn), sim_ceil_div(d->p, tp) * sim_ceil_div(d->q, tq));
    if (n > WINDOW_TILES_MAX || s->n_cuts == CUTS_MAX) return;
    s->cuts[s->n_cuts++] = (window_cut){tn, tp, tq};
}

/* whole images, then rows of one image, then pieces of one row */
static void cut_windows(const pare_machine *m, const pare_dims *d, search_space *s)
{
    uint64_t cut[SIZES_MAX];
    size_t n = s->is_ideal ? 1 : sizes(d->n, 1, cut);
    cut[0] = d->n;
    for (size_t i = 0; i < n; i++) add_cut(s, d, cut[i], d->p, d->q);
    if (s->is_ideal) return;
    n = sizes(d->p, 1, cut);
    for (size_t i = 1; i < n; i++) add_cut(s, d, 1, cut[i], d->q);
    n = sizes(d->q, sim_min(m->array.cols, d->q), cut);
    for (size_t i = 1; i < n; i++) add_cut(s, d, 1, 1, cut[i]);
}

void sim_space(const pare_machine *m, const pare_dims *d, uint64_t packed_groups, search_space *out)
{
    search_space *const s = out;
    s->is_ideal = m->memory.model == PARE_MEMORY_IDEAL;
    s->n_cuts = 0;
    s->orders = (1u << N_ORDERS) - 1;
    cut_windows(m, d, s);
    s->n_groups = sizes(d->groups, packed_groups, s->groups);
    s->n_filters = sizes(d->k / d->groups, m->array.rows, s->filters);
    s->n_channels = sizes(d->c / d->groups, m->pe.lanes, s->channels);
    if (s->is_ideal) s->n_groups = s->n_filters = s->n_channels = 1;
}

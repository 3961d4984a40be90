/* The space of mappings that compete for a layer: tile sizes that are powers of two times what the
 * array takes at once, or the whole; what the machine file fixes has one size. */
#include "sim/search.h"

const uint8_t sim_orders[N_ORDERS][3] = {
    {LOOP_K, LOOP_W, LOOP_C}, {LOOP_W, LOOP_K, LOOP_C}, {LOOP_K, LOOP_C, LOOP_W},
    {LOOP_W, LOOP_C, LOOP_K}, {LOOP_C, LOOP_K, LOOP_W}, {LOOP_C, LOOP_W, LOOP_K},
};

bool sim_wants_tile(const pare_machine *m)
{
    const pare_tile *const t = &m->mapping.tile;
    return t->groups || t->filters || t->channels || t->images || t->out_rows || t->out_cols;
}

int sim_find_order(const char *text)
{
    static const char names[N_LOOPS] = {
        [LOOP_G] = 'g', [LOOP_K] = 'k', [LOOP_W] = 'w', [LOOP_C] = 'c'};
    int order = 0;
    for (; order < N_ORDERS; order++) {
        int i = 0;
        while (i < 3 && text[i] == names[sim_orders[order][i]]) i++;
        if (i == 3 && !text[3]) break;
    }
    return order;
}

unsigned sim_space_orders(const search_space *s, const uint64_t n[N_LOOPS])
{
    if (s->order < N_ORDERS) return 1u << s->order;
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

/* the same, or the one that is wanted */
static size_t some_sizes(uint32_t wanted, uint64_t whole, uint64_t unit, uint64_t out[SIZES_MAX])
{
    if (!wanted) return sizes(whole, unit, out);
    out[0] = sim_min(wanted, whole);
    return 1;
}

static uint64_t fixed(uint32_t wanted, uint64_t whole, uint64_t size)
{
    return wanted ? sim_min(wanted, whole) : size;
}

/* What is fixed of a cut replaces its part of all cuts, which then may be the same. */
static void add_cut(search_space *s, const pare_dims *d, const pare_tile *wanted, uint64_t tn,
                    uint64_t tp, uint64_t tq)
{
    tn = fixed(wanted->images, d->n, tn);
    tp = fixed(wanted->out_rows, d->p, tp);
    tq = fixed(wanted->out_cols, d->q, tq);
    for (size_t i = 0; i < s->n_cuts; i++)
        if (s->cuts[i].tn == tn && s->cuts[i].tp == tp && s->cuts[i].tq == tq) return;
    const uint64_t n =
        sim_mul(sim_ceil_div(d->n, tn), sim_ceil_div(d->p, tp) * sim_ceil_div(d->q, tq));
    if (n > WINDOW_TILES_MAX || s->n_cuts == CUTS_MAX) return;
    s->cuts[s->n_cuts++] = (window_cut){tn, tp, tq};
}

/* whole images, then rows of one image, then pieces of one row */
static void cut_windows(const pare_machine *m, const pare_dims *d, search_space *s)
{
    const pare_tile *const t = &m->mapping.tile;
    uint64_t cut[SIZES_MAX];
    size_t n = s->is_ideal ? 1 : sizes(d->n, 1, cut);
    cut[0] = d->n;
    for (size_t i = 0; i < n; i++) add_cut(s, d, t, cut[i], d->p, d->q);
    if (s->is_ideal) return;
    n = sizes(d->p, 1, cut);
    for (size_t i = 1; i < n; i++) add_cut(s, d, t, 1, cut[i], d->q);
    n = sizes(d->q, sim_min(m->array.cols, d->q), cut);
    for (size_t i = 1; i < n; i++) add_cut(s, d, t, 1, 1, cut[i]);
}

void sim_space(const pare_machine *m, const pare_dims *d, uint64_t packed_groups, search_space *out)
{
    search_space *const s = out;
    s->is_ideal = m->memory.model == PARE_MEMORY_IDEAL;
    s->n_cuts = 0;
    s->order = *m->mapping.order ? sim_find_order(m->mapping.order) : N_ORDERS;
    cut_windows(m, d, s);
    const pare_tile *const t = &m->mapping.tile;
    s->n_groups = some_sizes(t->groups, d->groups, packed_groups, s->groups);
    s->n_filters = some_sizes(t->filters, d->k / d->groups, m->array.rows, s->filters);
    s->n_channels = some_sizes(t->channels, d->c / d->groups, m->pe.lanes, s->channels);
    if (s->is_ideal) s->n_groups = s->n_filters = s->n_channels = 1;
}

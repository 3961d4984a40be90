/* The memory model of Bit Fusion's own simulator (hsharma35/bitfusion 04ec1c8, READ;
 * docs/machines.md has its equations): its tile search, its reuse rule for DRAM, its stalls, its
 * choice of the order in the array. It exists to be compared with; `memory.model: limited` is ours.
 * All counts are for the whole batch, maps and kernels are square, padding counts as data, outputs
 * take acc_bits. */
#include "sim/core.h"

enum { LB, LW, LH, LI, LO, N_BF_LOOPS }; /* images, columns, rows, input and output channels */
enum { WGT, ACT, OUT, N_BF_OPERANDS };
enum { BF_SIZES_MAX = 33 };

typedef struct bf_layer {
    uint64_t batch, c, p, k, kernel, stride, act_bits, weight_bits, out_bits;
    uint64_t inputs, outputs; /* N * fusion factor, M: what the array takes at once */
    uint64_t cap_bits[N_BF_OPERANDS];
    uint64_t bits_per_cycle;
    bool is_im2col;
} bf_layer;

typedef struct bf_tile {
    uint64_t b, o, ic, oc;
    uint64_t n[N_BF_LOOPS];
    uint64_t tiles, compute_cycles;
    uint64_t bits[N_BF_OPERANDS]; /* of one tile */
} bf_tile;

typedef struct bf_cost {
    uint64_t cycles, latency_cycles, wait_cycles;
    uint64_t moved_bits[N_BF_OPERANDS]; /* from DRAM; outputs also to it */
    uint64_t buffer_bits[N_BF_OPERANDS][2];
    double energy_pj;
} bf_cost;

/* indexed by loop, for each operand */
static const bool bf_indexes[N_BF_OPERANDS][N_BF_LOOPS] = {
    [WGT] = {[LI] = true, [LO] = true},
    [ACT] = {[LB] = true, [LW] = true, [LH] = true, [LI] = true},
    [OUT] = {[LB] = true, [LW] = true, [LH] = true, [LO] = true},
};

static void describe(const pare_machine *m, const pare_sim_job *job, bf_layer *l)
{
    const pare_dims *const d = &job->dims;
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    const uint64_t half = m->buffers.double_buffering ? 4 : 8; /* usable bits per byte */
    *l = (bf_layer){.batch = d->n,
                    .c = d->c,
                    .p = d->p,
                    .k = d->k,
                    .kernel = d->r,
                    .stride = d->stride[0],
                    .act_bits = job->act_bits,
                    .weight_bits = job->weight_bits,
                    .out_bits = m->pe.acc_bits,
                    .inputs = m->pe.lanes * rate.lane_factor,
                    .outputs = m->array.rows,
                    .cap_bits = {m->buffers.weight_bytes * half, m->buffers.act_bytes * half,
                                 m->buffers.out_bytes * half},
                    .bits_per_cycle = m->dram.bits_per_cycle,
                    .is_im2col = job->reads_input && m->mapping.first_layer == PARE_FIRST_FLAT};
}

static uint64_t input_steps(const bf_layer *l, uint64_t ic)
{
    const uint64_t positions = l->kernel * l->kernel;
    return l->is_im2col ? sim_ceil_div(positions * ic, l->inputs)
                        : positions * sim_ceil_div(ic, l->inputs);
}

/* false if a buffer cannot hold the tile */
static bool lay_out_tile(const bf_layer *l, bf_tile *t)
{
    const uint64_t positions = l->kernel * l->kernel, windows = t->b * t->o * t->o;
    const uint64_t side = l->kernel + (t->o - 1) * l->stride;
    const uint64_t sets = sim_ceil_div(t->oc, l->outputs);
    t->n[LB] = sim_ceil_div(l->batch, t->b);
    t->n[LW] = t->n[LH] = sim_ceil_div(l->p, t->o);
    t->n[LI] = sim_ceil_div(l->c, t->ic);
    t->n[LO] = sim_ceil_div(l->k, t->oc);
    t->tiles = t->n[LB] * t->n[LW] * t->n[LH] * t->n[LI] * t->n[LO];
    t->compute_cycles = t->tiles * windows * sets * input_steps(l, t->ic);
    /* padding of maps and of the array can take a tile beyond 2^64 bits: that does not fit */
    const uint64_t pixels = l->is_im2col ? positions * t->o * t->o : side * side;
    t->bits[WGT] = sim_mul(sim_ceil_div(positions * t->ic, l->inputs) * l->inputs,
                           sim_mul(t->oc, l->weight_bits));
    t->bits[ACT] = sim_mul(sim_mul(t->b * l->act_bits, t->ic), pixels);
    t->bits[OUT] = sim_mul(sim_mul(l->out_bits, windows), sets * l->outputs);
    for (int x = 0; x < N_BF_OPERANDS; x++)
        if (t->bits[x] > l->cap_bits[x]) return false;
    return true;
}

/* An operand stays resident from the innermost loop outwards while all that was gathered fits; once
 * it does not, every further loop fetches it again. */
static void count_dram(const bf_layer *l, const bf_tile *t, const uint8_t order[N_BF_LOOPS],
                       bf_cost *c)
{
    uint64_t held = 0, held_out = 0;
    for (int x = 0; x < N_BF_OPERANDS; x++) {
        uint64_t moved = t->bits[x], hold = t->bits[x];
        bool is_resident = true;
        for (int i = N_BF_LOOPS; i-- > 0;) {
            const int loop = order[i];
            if (is_resident && !bf_indexes[x][loop]) continue;
            moved = sim_mul(moved, t->n[loop]);
            if (!is_resident) continue;
            is_resident = moved <= l->cap_bits[x];
            if (is_resident) hold = moved;
        }
        c->moved_bits[x] = moved;
        held += hold;
        if (x == OUT) held_out = hold;
    }
    const uint64_t moved =
        sim_add(sim_add(c->moved_bits[WGT], c->moved_bits[ACT]), sim_mul(2, c->moved_bits[OUT]));
    c->latency_cycles =
        sim_ceil_div(held, l->bits_per_cycle) + sim_ceil_div(held_out, l->bits_per_cycle);
    const uint64_t rest = sim_ceil_div(moved - held - held_out, l->bits_per_cycle);
    c->wait_cycles = rest > t->compute_cycles ? rest - t->compute_cycles : 0;
    c->cycles = t->compute_cycles + c->wait_cycles + c->latency_cycles;
}

__extension__ typedef unsigned __int128 wide; /* what a tile moves in the array passes 2^64 */

/* Input, output or weight stationary within a tile, whichever moves the fewest bits. */
static void count_buffers(const bf_layer *l, const bf_tile *t, bf_cost *c)
{
    const uint64_t positions = l->kernel * l->kernel, windows = t->b * t->o * t->o;
    const uint64_t g = sim_ceil_div(t->oc, l->outputs) * l->outputs;
    const uint64_t r = input_steps(l, t->ic) * l->inputs;
    const uint64_t pa = l->act_bits, pw = l->weight_bits, po = l->out_bits;
    const wide is = (wide)(r * windows) * (pa + g * (pw + po));
    const wide os = (wide)(g * windows) * (po + r * (pa + pw));
    const wide ws = (wide)(r * g) * (pw + windows * (pa + po));
    const uint64_t macs = positions * t->ic * windows * t->oc;
    uint64_t act = macs * pa, out = macs * po, weight = macs * pw;
    if (is <= os && is <= ws)
        act = positions * t->ic * windows * pa;
    else if (os <= ws)
        out = t->oc * windows * po;
    else
        weight = positions * t->ic * t->oc * pw;
    c->buffer_bits[WGT][0] = sim_mul(t->tiles, weight);
    c->buffer_bits[WGT][1] = c->moved_bits[WGT];
    c->buffer_bits[ACT][0] = sim_mul(t->tiles, act);
    c->buffer_bits[ACT][1] = c->moved_bits[ACT];
    c->buffer_bits[OUT][0] = sim_add(c->moved_bits[OUT], sim_mul(t->tiles, out));
    c->buffer_bits[OUT][1] = c->buffer_bits[OUT][0];
}

/* as statistics: the same parts as everywhere; that simulator knows no leakage */
static void fill_energy(const pare_machine *m, uint64_t compute_cycles, const bf_cost *b,
                        pare_sim_stats *s)
{
    const pare_costs *const c = &m->costs;
    s->pe_pj = (double)compute_cycles * c->core_pj;
    s->weight_buffer_pj = (double)b->buffer_bits[WGT][0] * c->weight_read_pj_per_bit +
                          (double)b->buffer_bits[WGT][1] * c->weight_write_pj_per_bit;
    s->act_buffer_pj = (double)b->buffer_bits[ACT][0] * c->act_read_pj_per_bit +
                       (double)b->buffer_bits[ACT][1] * c->act_write_pj_per_bit;
    s->out_buffer_pj = (double)b->buffer_bits[OUT][0] * c->out_read_pj_per_bit +
                       (double)b->buffer_bits[OUT][1] * c->out_write_pj_per_bit;
    s->dram_weight_pj = (double)b->moved_bits[WGT] * c->dram_pj_per_bit;
    s->dram_act_pj = (double)b->moved_bits[ACT] * c->dram_pj_per_bit;
    s->dram_out_pj = 2 * (double)b->moved_bits[OUT] * c->dram_pj_per_bit;
    s->energy_pj = s->pe_pj + s->weight_buffer_pj + s->act_buffer_pj + s->out_buffer_pj +
                   s->dram_weight_pj + s->dram_act_pj + s->dram_out_pj;
}

static bool is_countable(const bf_cost *c)
{
    uint64_t largest = c->cycles;
    for (int x = 0; x < N_BF_OPERANDS; x++)
        largest = sim_max(largest, sim_max(c->moved_bits[x], c->buffer_bits[x][0]));
    return largest < (uint64_t)1 << 60;
}

typedef struct bf_search {
    const pare_machine *m;
    const bf_layer *l;
    bool has_best;
    bf_tile tile;
    bf_cost cost;
} bf_search;

static void try_order(bf_search *s, const bf_tile *t, const uint8_t order[N_BF_LOOPS])
{
    bf_cost c = {0};
    count_dram(s->l, t, order, &c);
    if (s->has_best && c.cycles > s->cost.cycles) return;
    count_buffers(s->l, t, &c);
    pare_sim_stats stats = {0};
    fill_energy(s->m, t->compute_cycles, &c, &stats);
    c.energy_pj = stats.energy_pj;
    if (s->has_best && c.cycles == s->cost.cycles && c.energy_pj >= s->cost.energy_pj) return;
    s->has_best = true;
    s->tile = *t;
    s->cost = c;
}

/* all orders of the five loops, by exchanging in place */
static void try_orders(bf_search *s, const bf_tile *t, uint8_t order[N_BF_LOOPS], int from)
{
    if (from == N_BF_LOOPS - 1) {
        try_order(s, t, order);
        return;
    }
    for (int i = from; i < N_BF_LOOPS; i++) {
        const uint8_t a = order[from], b = order[i];
        order[from] = b;
        order[i] = a;
        try_orders(s, t, order, from + 1);
        order[from] = a;
        order[i] = b;
    }
}

/* unit * 2^i, the last one cut to the whole */
static size_t sizes(uint64_t whole, uint64_t unit, uint64_t out[BF_SIZES_MAX])
{
    size_t n = 0;
    uint64_t x = unit;
    while (x < whole && n < BF_SIZES_MAX - 1) {
        out[n++] = x;
        x *= 2;
    }
    out[n++] = whole;
    return n;
}

static void search_tiles(bf_search *s)
{
    const bf_layer *const l = s->l;
    uint64_t b[BF_SIZES_MAX], o[BF_SIZES_MAX], ic[BF_SIZES_MAX], oc[BF_SIZES_MAX];
    const size_t nb = sizes(l->batch, 1, b), no = sizes(l->p, 1, o), ni = sizes(l->c, 1, ic);
    const size_t nk = sizes(l->k, l->is_im2col ? 1 : l->outputs, oc);
    for (size_t i = 0; i < nb * no * ni * nk; i++) {
        bf_tile t = {.b = b[i / nk / ni / no],
                     .o = o[i / nk / ni % no],
                     .ic = ic[i / nk % ni],
                     .oc = oc[i % nk]};
        uint8_t order[N_BF_LOOPS] = {LB, LW, LH, LI, LO};
        if (lay_out_tile(l, &t)) try_orders(s, &t, order, 0);
    }
}

static pare_status check(const pare_machine *m, const pare_sim_job *job, pare_err *e)
{
    const pare_dims *const d = &job->dims;
    const bool is_square = d->p == d->q && d->r == d->s && d->stride[0] == d->stride[1];
    if (is_square && d->groups == 1 && d->dilation[0] == 1 && d->dilation[1] == 1) return PARE_OK;
    return pare_yaml_error(m->yaml, "memory.model", e, PARE_EINPUT,
                           "memory.model 'bitfusion' knows square maps and kernels without groups "
                           "and dilation, which layer '%s' is not; 'limited' expected",
                           job->layer);
}

static void fill_stats(const pare_machine *m, const pare_sim_job *job, const bf_search *s,
                       pare_sim_layer *out)
{
    const bf_cost *const c = &s->cost;
    pare_sim_stats *const t = &out->stats;
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    const uint64_t lanes = sim_array_lanes(m);
    t->macs = pare_dims_macs(&job->dims);
    t->ideal_cycles = sim_ceil_div(t->macs * job->weight_bits * job->act_bits,
                                   lanes * sim_pe_lane_bit_products(&m->pe));
    const uint64_t dense = sim_ceil_div(t->macs, lanes * rate.lane_factor);
    t->rounding_cycles = dense - t->ideal_cycles;
    t->padding_cycles = s->tile.compute_cycles - dense;
    t->startup_cycles = c->latency_cycles;
    t->stall_cycles = c->wait_cycles;
    t->cycles = c->cycles;
    t->dram_weight_bits = c->moved_bits[WGT];
    t->dram_act_bits = c->moved_bits[ACT];
    t->dram_out_bits = c->moved_bits[OUT];
    t->dram_psum_bits = c->moved_bits[OUT]; /* all outputs are read back */
    t->dram_bits = c->moved_bits[WGT] + c->moved_bits[ACT] + 2 * c->moved_bits[OUT];
    t->dram_unpacked_bits = t->dram_bits;
    t->weight_buffer_read_bits = c->buffer_bits[WGT][0];
    t->weight_buffer_write_bits = c->buffer_bits[WGT][1];
    t->act_buffer_read_bits = c->buffer_bits[ACT][0];
    t->act_buffer_write_bits = c->buffer_bits[ACT][1];
    t->out_buffer_read_bits = c->buffer_bits[OUT][0];
    t->out_buffer_write_bits = c->buffer_bits[OUT][1];
    fill_energy(m, s->tile.compute_cycles, c, t);
    out->utilization =
        (double)t->macs / (double)rate.lane_factor / ((double)t->cycles * (double)lanes);
}

pare_status sim_bitfusion_layer(const pare_machine *m, const pare_sim_job *job, pare_sim_layer *out,
                                pare_err *e)
{
    bf_layer l;
    PARE_TRY(check(m, job, e));
    describe(m, job, &l);
    bf_search s = {.m = m, .l = &l};
    search_tiles(&s);
    if (!s.has_best)
        return pare_yaml_error(m->yaml, "buffers", e, PARE_EINPUT,
                               "no tile of layer '%s' fits the buffers; larger ones expected",
                               job->layer);
    if (!is_countable(&s.cost))
        return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                            "layer '%s' takes more than 2^60 cycles or bits; a smaller layer or "
                            "batch expected",
                            job->layer);
    *out = (pare_sim_layer){.layer = job->layer,
                            .type = job->type,
                            .weight_bits = job->weight_bits,
                            .act_bits = job->act_bits,
                            .out_bits = (uint32_t)l.out_bits,
                            .step_cycles = 1,
                            .dims = job->dims};
    out->map = (pare_sim_map){.is_flat = l.is_im2col,
                              .packed_groups = 1,
                              .tile_groups = 1,
                              .tile_filters = (uint32_t)s.tile.oc,
                              .tile_channels = (uint32_t)s.tile.ic,
                              .tile_images = (uint32_t)s.tile.b,
                              .tile_out_rows = (uint32_t)s.tile.o,
                              .tile_out_cols = (uint32_t)s.tile.o,
                              .n_tiles = s.tile.tiles};
    fill_stats(m, job, &s, out);
    out->energy_uncertainty_frac = sim_energy_uncertainty(&m->costs, &out->stats);
    return PARE_OK;
}

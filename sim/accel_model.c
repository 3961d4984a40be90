/* The machine in C: control. What it computes is in accel_values.c. */
#include "sim/accel_internal.h"

#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint64_t divide_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/* ---- life ---- */

pare_accel_model *pare_accel_model_new(const pare_accel_params *params)
{
    pare_accel_model *const m = pare_xalloc(1, sizeof *m);
    m->p = *params;
    const size_t weight_bytes = (size_t)params->weight_planes * params->rows * params->lanes / 8;
    const size_t act_bytes = (size_t)params->act_planes * params->lanes / 8;
    for (int h = 0; h < 2; h++) {
        m->weights[h] = pare_xalloc(weight_bytes, 1);
        m->acts[h] = pare_xalloc(act_bytes, 1);
        m->outs[h] = pare_xalloc(params->out_bytes + 16, 1);
    }
    m->filters = pare_xalloc(params->max_filters, sizeof *m->filters);
    m->set_cycles = pare_xalloc(params->out_bytes, sizeof *m->set_cycles); /* a window has a byte */
    return m;
}

void pare_accel_model_free(pare_accel_model *m)
{
    if (!m) return;
    for (int h = 0; h < 2; h++) {
        free(m->weights[h]);
        free(m->acts[h]);
        free(m->outs[h]);
    }
    free(m->filters);
    free(m->set_cycles);
    free(m);
}

/* ---- setup: how long, and to what end ---- */

static uint32_t field_status(const pare_accel_model *m, bool is_clean)
{
    const pare_accel_descriptor *const d = &m->d;
    if (d->version != PARE_ACCEL_VERSION) return PARE_ACCEL_STATUS_VERSION;
    if (!is_clean) return PARE_ACCEL_STATUS_RESERVED;
    if (!d->act_bits || d->act_bits > m->p.max_act_bits) return PARE_ACCEL_STATUS_ACT_BITS;
    if (!d->weight_bits || d->weight_bits > m->p.max_weight_bits)
        return PARE_ACCEL_STATUS_WEIGHT_BITS;
    if (!d->out_bits || d->out_bits > 16) return PARE_ACCEL_STATUS_OUT_BITS;
    if (!d->in_height || !d->in_width) return PARE_ACCEL_STATUS_INPUT;
    if (!d->channels) return PARE_ACCEL_STATUS_CHANNELS;
    if (!d->filters) return PARE_ACCEL_STATUS_FILTERS;
    if (!d->kernel_height || !d->kernel_width) return PARE_ACCEL_STATUS_KERNEL;
    if (!d->dilation_height || !d->dilation_width) return PARE_ACCEL_STATUS_DILATION;
    if (!d->stride_height || !d->stride_width) return PARE_ACCEL_STATUS_STRIDE;
    if (!d->out_height || !d->out_width) return PARE_ACCEL_STATUS_OUTPUT;
    if (!d->tile_filters) return PARE_ACCEL_STATUS_TILE_FILTERS;
    if (!d->tile_rows) return PARE_ACCEL_STATUS_TILE_ROWS;
    return PARE_ACCEL_STATUS_OK;
}

/* Count filters into folds, a fold a cycle. */
static uint32_t count_folds(pare_accel_model *m)
{
    const uint32_t rows = m->p.rows, most = m->p.max_filters / rows;
    m->folds = (uint32_t)divide_up(m->d.filters, rows);
    if (m->folds > most) {
        m->wait += most + 1;
        return PARE_ACCEL_STATUS_FILTERS;
    }
    m->tile_folds = (uint32_t)divide_up(m->d.tile_filters, rows);
    m->wait += m->folds + m->tile_folds;
    if (m->d.tile_filters % rows) return PARE_ACCEL_STATUS_TILE_FILTERS;
    m->tile_folds = smaller(m->tile_folds, m->folds);
    return PARE_ACCEL_STATUS_OK;
}

/* The most input rows of a tile. Of two tiles the first one has the padding above, the second one
 * ends with the input; of more, those between have neither. */
static uint64_t most_rows(const pare_accel_model *m)
{
    const pare_accel_descriptor *const d = &m->d;
    const uint64_t stride = (uint64_t)m->tile_rows * d->stride_height;
    const uint64_t whole = stride - d->stride_height + m->reach, first = whole - d->pad_height;
    uint64_t rows = whole;
    if (m->tile_rows == d->out_height) {
        rows = first;
    } else if (2 * m->tile_rows >= d->out_height) {
        const uint64_t second = (uint64_t)d->in_height + d->pad_height - stride;
        rows = second < whole ? second : whole;
        if (rows < first) rows = first;
    }
    return rows < d->in_height ? rows : d->in_height;
}

/* The checks that need a product, one a cycle. */
static uint32_t check_products(pare_accel_model *m)
{
    const pare_accel_descriptor *const d = &m->d;
    const uint64_t reach_x = (uint64_t)(d->kernel_width - 1) * d->dilation_width + 1;
    m->reach = (d->kernel_height - 1) * d->dilation_height + 1;
    const uint32_t together = pare_accel_step_channels(&m->p, d->act_bits, d->weight_bits);
    const uint64_t step_groups = divide_up(d->channels, together);
    m->groups = (uint32_t)step_groups * (together / m->p.lanes);
    m->tile_rows = smaller(d->tile_rows, d->out_height);
    const uint64_t pixel = (uint64_t)m->groups * d->act_bits, row = pixel * d->in_width;
    const uint64_t acts = most_rows(m) * row;
    const uint64_t taps = (uint64_t)d->kernel_height * d->kernel_width, steps = taps * step_groups;
    const uint64_t fold = taps * m->groups * d->weight_bits,
                   windows = (uint64_t)m->tile_rows * d->out_width;
    const uint64_t outs = windows * m->tile_folds * m->p.rows * pare_accel_out_bytes(d);
    m->steps = steps;
    m->fold_planes = fold;
    m->row_planes = row;
    const struct {
        uint64_t x, limit;
        uint32_t status;
    } checks[] = {
        {d->pad_height, m->reach - 1, PARE_ACCEL_STATUS_PAD},
        {d->pad_width, reach_x - 1, PARE_ACCEL_STATUS_PAD},
        {(uint64_t)(d->out_height - 1) * d->stride_height + m->reach,
         d->in_height + 2 * (uint64_t)d->pad_height, PARE_ACCEL_STATUS_OUTPUT},
        {(uint64_t)(d->out_width - 1) * d->stride_width + reach_x,
         d->in_width + 2 * (uint64_t)d->pad_width, PARE_ACCEL_STATUS_OUTPUT},
        {pixel, m->p.act_planes, PARE_ACCEL_STATUS_ACT_BUFFER},
        {row, m->p.act_planes, PARE_ACCEL_STATUS_ACT_BUFFER},
        {0, 0, 0}, /* two products without a check */
        {0, 0, 0},
        {acts, m->p.act_planes, PARE_ACCEL_STATUS_ACT_BUFFER},
        {taps, m->p.weight_planes, PARE_ACCEL_STATUS_WEIGHT_BUFFER},
        {steps, m->p.weight_planes, PARE_ACCEL_STATUS_WEIGHT_BUFFER},
        {fold, m->p.weight_planes, PARE_ACCEL_STATUS_WEIGHT_BUFFER},
        {fold * m->tile_folds, m->p.weight_planes, PARE_ACCEL_STATUS_WEIGHT_BUFFER},
        {windows, m->p.out_bytes, PARE_ACCEL_STATUS_OUT_BUFFER},
        {outs, m->p.out_bytes, PARE_ACCEL_STATUS_OUT_BUFFER},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        m->wait++;
        if (checks[i].x > checks[i].limit) return checks[i].status;
    }
    m->wait += 4; /* products that cannot be wrong */
    return PARE_ACCEL_STATUS_OK;
}

static void set_up(pare_accel_model *m)
{
    const bool is_clean = pare_accel_unpack(m->words, &m->d);
    m->wait = 1;
    m->status = field_status(m, is_clean);
    if (!m->status) m->status = count_folds(m);
    if (!m->status) m->status = check_products(m);
    m->phase = MODEL_SETUP;
}

/* ---- tiles ---- */

/* Tile i of the loop; exists is false behind the last one. */
static model_tile tile_at(const pare_accel_model *m, uint64_t i)
{
    const pare_accel_descriptor *const d = &m->d;
    const uint64_t n_k = divide_up(m->folds, m->tile_folds);
    const uint64_t n_w = divide_up(d->out_height, m->tile_rows);
    model_tile t = {.exists = i < n_k * n_w};
    if (!t.exists) return t;
    const uint64_t k = d->windows_outer ? i % n_k : i / n_w;
    const uint64_t w = d->windows_outer ? i / n_k : i % n_w;
    const uint64_t inner = d->windows_outer ? n_k : n_w;
    const bool outer_moves = i % inner == 0;
    t.loads_weights = i == 0 || (n_k > 1 && (d->windows_outer || outer_moves));
    t.loads_acts = i == 0 || (n_w > 1 && (!d->windows_outer || outer_moves));
    t.first_fold = (uint32_t)k * m->tile_folds;
    t.folds = smaller(m->tile_folds, m->folds - t.first_fold);
    const uint32_t first = (uint32_t)w * m->tile_rows;
    t.rows = smaller(m->tile_rows, d->out_height - first);
    const int64_t begin = (int64_t)first * d->stride_height - d->pad_height;
    const int64_t end = begin + (int64_t)(t.rows - 1) * d->stride_height + m->reach;
    const int64_t from = begin > 0 ? begin : 0, to = end < d->in_height ? end : d->in_height;
    t.first_row = begin - from;
    t.in_rows = (uint32_t)(to - from);
    const uint64_t outs = (uint64_t)t.rows * d->out_width * t.folds * m->p.rows;
    t.weight_words =
        (uint32_t)divide_up(t.folds * m->fold_planes * m->p.rows * m->p.lanes, m->p.mem_bits);
    t.act_words = (uint32_t)divide_up(t.in_rows * m->row_planes, m->p.mem_bits / m->p.lanes);
    t.out_bytes = (uint32_t)(outs * pare_accel_out_bytes(d));
    t.out_words = (uint32_t)divide_up(t.out_bytes, m->p.mem_bits / 8);
    t.weight_addr = d->weight_base + (uint32_t)k * d->weight_stride;
    t.act_addr = d->act_base + (uint32_t)w * d->act_stride;
    t.out_addr = d->out_base + (uint32_t)i * d->out_stride;
    t.out_half = i & 1;
    return t;
}

/* ---- the array ---- */

/* A set of windows was taken: the next ones are looked for, if there are any. */
static void take_set(pare_accel_model *m)
{
    m->set_left = m->set_cycles[m->set++];
    if (m->set < m->n_sets || m->load.exists) m->windows_wait = m->p.cols + 1;
}

static void start_tile(pare_accel_model *m)
{
    const model_tile *const t = &m->compute;
    model_compute(m);
    m->set = 0;
    m->n_sets = divide_up((uint64_t)t->rows * m->d.out_width, m->p.cols);
    m->array_left = 0;
    for (uint64_t i = 0; i < m->n_sets; i++) m->array_left += m->set_cycles[i];
    const uint64_t fold = m->set_cycles[m->n_sets - 1] / t->folds;
    const uint64_t work =
        pare_accel_work_cycles(&m->p, m->d.act_bits, m->d.weight_bits, m->steps, fold);
    /* the last fold's last beat, buffer and accumulator, skew, drain, requantiser */
    m->complete_at[t->out_half] =
        m->cycle + m->array_left - fold + work + 2 + pare_accel_skew_cycles(&m->p) + m->p.rows + 3;
    take_set(m);
}

static void run_array(pare_accel_model *m)
{
    if (m->windows_wait) m->windows_wait--;
    if (!m->array_left) return;
    m->array_left--;
    if (--m->set_left == 0 && m->array_left) take_set(m);
}

/* ---- stages ---- */

static void start_stage(pare_accel_model *m)
{
    const bool is_first = !m->runs;
    m->store = m->compute;
    m->compute = m->load;
    m->load = m->next;
    if (is_first) m->compute.exists = m->store.exists = false;
    m->stage = is_first ? 0 : m->stage + 1;
    m->next = tile_at(m, m->stage + 1);
    m->tiler_wait = m->next.exists ? 8 : 0;
    m->runs = true;
    if (m->load.loads_weights && !is_first) m->weight_half ^= 1;
    if (m->load.loads_acts && !is_first) m->act_half ^= 1;
    m->load.weight_half = m->weight_half;
    m->load.act_half = m->act_half;
    m->asks = m->moves = (m->load.exists && m->load.loads_weights ? 1u << PARE_ACCEL_WEIGHTS : 0) |
                         (m->load.exists && m->load.loads_acts ? 1u << PARE_ACCEL_ACTS : 0) |
                         (m->store.exists ? 1u << PARE_ACCEL_OUTPUTS : 0);
    m->word = m->read = 0;
    m->has_begun = false;
    m->array_left = 0;
    if (m->compute.exists) {
        start_tile(m);
    } else if (m->load.exists) {
        m->windows_wait = m->p.cols + 1;
    }
}

/* ---- memory ---- */

static uint32_t first_of(uint32_t kinds)
{
    if (kinds >> PARE_ACCEL_OUTPUTS & 1) return PARE_ACCEL_OUTPUTS;
    return kinds >> PARE_ACCEL_WEIGHTS & 1 ? PARE_ACCEL_WEIGHTS : PARE_ACCEL_ACTS;
}

static uint32_t words_of(const pare_accel_model *m, uint32_t kind)
{
    if (kind == PARE_ACCEL_OUTPUTS) return m->store.out_words;
    return kind == PARE_ACCEL_WEIGHTS ? m->load.weight_words : m->load.act_words;
}

static uint32_t addr_of(const pare_accel_model *m, uint32_t kind)
{
    if (kind == PARE_ACCEL_OUTPUTS) return m->store.out_addr;
    return kind == PARE_ACCEL_WEIGHTS ? m->load.weight_addr : m->load.act_addr;
}

/* Is a word moved in this cycle? */
static bool moves_word(const pare_accel_model *m, const pare_accel_in *in)
{
    if (!m->moves) return false;
    return first_of(m->moves) == PARE_ACCEL_OUTPUTS ? m->store_valid && in->store_ready
                                                    : in->load_valid;
}

static void put_word(pare_accel_model *m, uint32_t kind, const pare_accel_in *in)
{
    const size_t bytes = m->p.mem_bits / 8;
    uint8_t *const to =
        kind == PARE_ACCEL_WEIGHTS ? m->weights[m->load.weight_half] : m->acts[m->load.act_half];
    memcpy(to + m->word * bytes, in->load_data, bytes);
}

/* The output buffer is read one word ahead. */
static void read_ahead(pare_accel_model *m, const pare_accel_in *in)
{
    const bool stores = m->moves >> PARE_ACCEL_OUTPUTS & 1;
    const bool is_complete = m->cycle >= m->complete_at[m->store.out_half];
    if (stores && is_complete && m->read != m->store.out_words &&
        (!m->store_valid || in->store_ready)) {
        m->store_word = m->read++;
        m->store_half = m->store.out_half;
        m->store_valid = true;
    } else if (in->store_ready) {
        m->store_valid = false;
    }
}

static void run_memory(pare_accel_model *m, const pare_accel_in *in, const pare_accel_out *out)
{
    const bool is_moved = moves_word(m, in);
    const uint32_t kind = first_of(m->moves);
    read_ahead(m, in);
    if (out->req_valid && in->req_ready) m->asks &= ~(1u << out->req_kind);
    if (!is_moved) return;
    if (kind != PARE_ACCEL_OUTPUTS) put_word(m, kind, in);
    m->has_begun = true;
    if (++m->word < words_of(m, kind)) return;
    m->word = 0;
    m->moves &= ~(1u << kind);
}

/* ---- pins ---- */

static uint32_t dram_unit(const pare_accel_model *m, const pare_accel_in *in)
{
    static const uint32_t units[] = {
        [PARE_ACCEL_WEIGHTS] = PARE_ACCEL_DRAM_WEIGHTS,
        [PARE_ACCEL_ACTS] = PARE_ACCEL_DRAM_ACTS,
        [PARE_ACCEL_OUTPUTS] = PARE_ACCEL_DRAM_OUTPUTS,
    };
    if (!m->moves) return PARE_ACCEL_DRAM_IDLE;
    if (!m->has_begun && !moves_word(m, in)) return PARE_ACCEL_DRAM_LATENCY;
    return units[first_of(m->moves)];
}

static void fill_pins(const pare_accel_model *m, const pare_accel_in *in, pare_accel_out *out)
{
    const uint32_t kind = first_of(m->asks);
    *out = (pare_accel_out){
        .desc_ready = m->phase == MODEL_WORDS || m->phase == MODEL_RECORDS,
        .status_valid = m->phase == MODEL_REFUSED || m->has_ended,
        .status = m->phase == MODEL_REFUSED ? m->status : PARE_ACCEL_STATUS_OK,
        .req_valid = m->asks != 0,
        .req_write = kind == PARE_ACCEL_OUTPUTS,
        .req_kind = kind,
        .req_addr = addr_of(m, kind),
        .req_words = words_of(m, kind),
        .load_ready = m->moves && first_of(m->moves) != PARE_ACCEL_OUTPUTS,
        .store_valid = m->store_valid,
        .run = m->runs,
        .stage = m->stage,
        .dram_unit = dram_unit(m, in),
        .array_unit = !m->runs || !m->compute.exists ? PARE_ACCEL_ARRAY_IDLE
                      : m->array_left                ? PARE_ACCEL_ARRAY_COMPUTE
                                                     : PARE_ACCEL_ARRAY_WAIT,
    };
    const size_t bytes = m->p.mem_bits / 8;
    memcpy(out->store_data, m->outs[m->store_half] + m->store_word * bytes, bytes);
}

static const char *compare_data(const pare_accel_model *m, const pare_accel_out *a,
                                const pare_accel_out *b)
{
    const size_t bytes = m->p.mem_bits / 8;
    uint8_t x[sizeof a->store_data], y[sizeof b->store_data];
    memcpy(x, a->store_data, sizeof x);
    memcpy(y, b->store_data, sizeof y);
    for (size_t i = 0; i < bytes; i++)
        if (m->shown_word * bytes + i < m->shown_bytes && x[i] != y[i]) return "store_data_o";
    return NULL;
}

const char *pare_accel_model_difference(const pare_accel_model *m, const pare_accel_out *other,
                                        const pare_accel_out *own)
{
#define PIN(pin, matters)                                                                          \
    if ((matters) && other->pin != own->pin) return #pin "_o";
    PIN(desc_ready, true)
    PIN(status_valid, true)
    PIN(status, own->status_valid)
    PIN(req_valid, true)
    PIN(req_write, own->req_valid)
    PIN(req_kind, own->req_valid)
    PIN(req_addr, own->req_valid)
    PIN(req_words, own->req_valid)
    PIN(load_ready, true)
    PIN(store_valid, true)
    PIN(run, true)
    PIN(stage, own->run)
    PIN(dram_unit, true)
    PIN(array_unit, true)
#undef PIN
    return own->store_valid ? compare_data(m, other, own) : NULL;
}

/* ---- a cycle ---- */

static void take_word(pare_accel_model *m, const pare_accel_in *in)
{
    if (!in->desc_valid) return;
    if (m->phase == MODEL_WORDS) {
        m->words[m->n_words++] = in->desc;
        if (m->n_words < PARE_ACCEL_WORDS) return;
        m->n_words = 0;
        set_up(m);
        return;
    }
    m->words[m->n_words++] = in->desc;
    if (m->n_words < PARE_ACCEL_FILTER_WORDS) return;
    m->n_words = 0;
    pare_accel_unpack_filter(m->words, &m->filters[m->n_filters++]);
    if (m->n_filters == m->folds * m->p.rows) m->phase = MODEL_LAYER;
}

static void run_setup(pare_accel_model *m)
{
    if (--m->wait) return;
    m->n_filters = 0;
    m->age = 0;
    m->phase = m->status ? MODEL_REFUSED : m->d.raw ? MODEL_LAYER : MODEL_RECORDS;
}

/* The layer may run: the first tile is found, then stage follows stage. */
static void run_layer(pare_accel_model *m, const pare_accel_in *in)
{
    if (m->has_ended) {
        if (!in->status_ready) return;
        m->has_ended = false;
        m->phase = MODEL_WORDS;
    } else if (m->runs) {
        if (m->tiler_wait) m->tiler_wait--;
    } else if (m->age++ == 9) {
        m->next = tile_at(m, 0);
        start_stage(m);
    }
}

void pare_accel_model_cycle(pare_accel_model *m, const pare_accel_in *in, pare_accel_out *out)
{
    fill_pins(m, in, out);
    m->shown_word = m->store_word;
    m->shown_bytes = m->store.out_bytes;
    const bool was_running = m->runs, can_swap = !m->tiler_wait && !m->windows_wait;
    const bool is_array_done = m->array_left <= 1;
    m->cycle++; /* what follows is the clock edge; `cycle` is the next one's */
    switch (m->phase) {
    case MODEL_WORDS:
    case MODEL_RECORDS: take_word(m, in); break;
    case MODEL_SETUP: run_setup(m); break;
    case MODEL_REFUSED:
        if (in->status_ready) m->phase = MODEL_WORDS;
        break;
    case MODEL_LAYER: run_layer(m, in); break;
    }
    if (!was_running) return;
    m->cycle--;
    run_memory(m, in, out);
    m->cycle++;
    run_array(m);
    if (m->moves || !is_array_done) return;
    if (!m->load.exists && !m->compute.exists) {
        m->runs = false;
        m->has_ended = true;
    } else if (can_swap) {
        start_stage(m);
    }
}

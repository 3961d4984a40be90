/* What the layers of a campaign have met on the machine, as sets of bins. What a layer is comes
 * from its job and its descriptor, what memory and array did from its records, what the requantiser
 * did from the sums. */
#include "rtl/layer_bins_core.h"

#include <stdlib.h>

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t divide_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }
static uint32_t one_few_many(uint64_t n, uint64_t few) { return n == 1 ? 0 : n <= few ? 1 : 2; }

static const char *const bits_names[] = {"1", "2",  "3",  "4",  "5",  "6",  "7",  "8",
                                         "9", "10", "11", "12", "13", "14", "15", "16"};
static const char *const signs_names[] = {"uu", "su", "us", "ss"};
static const char *const pressure_names[] = {"none", "sparse", "burst"};
static const char *const yes_names[] = {"no", "yes"};

static uint32_t step_channels(const layer_view *v)
{
    return pare_accel_step_channels(v->p, v->d->act_bits, v->d->weight_bits);
}

enum { NONE, SPARSE, BURST };

static uint32_t pressure(const layer_view *v)
{
    const pare_sim_pace *const pace = v->seen->pace;
    if (!pace || !pace->gap_percent) return NONE;
    return pace->gap_cycles_max > 4 ? BURST : SPARSE;
}

/* ---- operands: bits, signs, memory ---- */

static void hit_operands(const layer_view *v, pare_bins *b)
{
    const pare_layer_job *const j = v->seen->job;
    pare_bins_hit(b, (uint32_t[]){j->act_bits - 1, j->weight_bits - 1,
                                  j->act_signed + 2u * j->weight_signed, pressure(v)});
}

/* ---- edges: what the last fold, set and group hold ---- */

static const char *const edge_names[] = {"one", "some", "all"};

/* of `n` in groups of `side`: the last group */
static uint32_t edge(uint64_t n, uint32_t side)
{
    const uint64_t last = (n - 1) % side + 1;
    return last == side ? 2 : last == 1 ? 0 : 1;
}

static void hit_edges(const layer_view *v, pare_bins *b)
{
    const uint64_t windows = (uint64_t)v->last_w * v->d->out_width;
    pare_bins_hit(b, (uint32_t[]){edge(v->d->filters, v->p->rows), edge(windows, v->p->cols),
                                  edge(v->d->channels, step_channels(v))});
}

/* ---- sizes: folds, sets and groups that there are ---- */

static const char *const count_names[] = {"1", "2", "3+"};

static void hit_sizes(const layer_view *v, pare_bins *b)
{
    const uint32_t windows = v->first_w * v->d->out_width;
    pare_bins_hit(b, (uint32_t[]){one_few_many(divide_up(v->first_k, v->p->rows), 2),
                                  one_few_many(divide_up(windows, v->p->cols), 2),
                                  one_few_many(divide_up(v->d->channels, step_channels(v)), 2)});
}

/* ---- room: of a half of the output buffer ---- */

static const char *const room_names[] = {"less", "all of it"};

static void hit_room(const layer_view *v, pare_bins *b)
{
    const uint64_t outputs =
        (uint64_t)v->first_w * v->d->out_width * divide_up(v->first_k, v->p->rows) * v->p->rows;
    pare_bins_hit(b, (uint32_t[]){outputs * pare_accel_out_bytes(v->d) == v->p->out_bytes});
}

static const char *room_why(const void *context, const uint32_t *v)
{
    const uint32_t rows = ((const pare_layer_coverage *)context)->params->rows;
    return v[0] && rows & (rows - 1) ? "the buffer is no multiple of the array's rows" : NULL;
}

/* ---- tiles: the loops, and their last turns ---- */

enum { ONE_TILE, ONLY_FILTERS, ONLY_WINDOWS, FILTERS_OUTSIDE, WINDOWS_OUTSIDE };
static const char *const loop_names[] = {"one tile", "filters only", "windows only",
                                         "filters outside", "windows outside"};
static const char *const last_names[] = {"whole", "partial"};

static void hit_tiles(const layer_view *v, pare_bins *b)
{
    const uint32_t loops = v->n_k == 1 && v->n_w == 1 ? ONE_TILE
                           : v->n_w == 1              ? ONLY_FILTERS
                           : v->n_k == 1              ? ONLY_WINDOWS
                           : v->d->windows_outer      ? WINDOWS_OUTSIDE
                                                      : FILTERS_OUTSIDE;
    pare_bins_hit(b, (uint32_t[]){loops, v->last_k < v->first_k, v->last_w < v->first_w});
}

static const char *tiles_why(const void *context, const uint32_t *v)
{
    (void)context;
    if (v[1] && (v[0] == ONE_TILE || v[0] == ONLY_WINDOWS)) return "one tile of filters is whole";
    if (v[2] && (v[0] == ONE_TILE || v[0] == ONLY_FILTERS)) return "one tile of windows is whole";
    return NULL;
}

/* ---- geometry: an axis of the kernel ---- */

static const char *const axis_names[] = {"height", "width"};
static const char *const many_names[] = {"1", "2+"};
static const char *const stride_names[] = {"1", "within reach", "beyond"};

static void hit_geometry(const layer_view *v, pare_bins *b)
{
    const pare_dims *const d = &v->seen->job->dims;
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t kernel = i ? d->s : d->r, reach = (kernel - 1) * d->dilation[i] + 1;
        const uint32_t stride = d->stride[i] == 1 ? 0 : d->stride[i] <= reach ? 1 : 2;
        pare_bins_hit(b, (uint32_t[]){i, kernel > 1, stride, d->pad[i] > 0, d->dilation[i] > 1});
    }
}

static const char *geometry_why(const void *context, const uint32_t *v)
{
    (void)context;
    if (!v[1] && v[2] == 1) return "a kernel of 1 reaches no other row or column";
    if (!v[1] && v[3]) return "padding is less than the kernel reaches";
    if (v[2] == 2 && v[3]) return "the layout in memory has no padding beside unread input";
    return NULL;
}

/* ---- ends: where the last window of an axis stops ---- */

enum { BEYOND, IN_PADDING, AT_INPUT, BEFORE };
static const char *const end_names[] = {"all padding read", "some of it", "at the input's end",
                                        "input left unread"};

static void hit_ends(const layer_view *v, pare_bins *b)
{
    const pare_dims *const d = &v->seen->job->dims;
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t size = i ? d->w : d->h, windows = i ? d->q : d->p;
        const uint32_t reach = ((i ? d->s : d->r) - 1) * d->dilation[i] + 1;
        const uint64_t end = (uint64_t)(windows - 1) * d->stride[i] + reach;
        const uint64_t input = (uint64_t)size + d->pad[i];
        const uint32_t at = end < input                ? BEFORE
                            : end == input             ? AT_INPUT
                            : end == input + d->pad[i] ? BEYOND
                                                       : IN_PADDING;
        pare_bins_hit(b, (uint32_t[]){i, d->pad[i] > 0, at});
    }
}

static const char *ends_why(const void *context, const uint32_t *v)
{
    (void)context;
    return !v[1] && v[2] < AT_INPUT ? "without padding no window ends in it" : NULL;
}

/* ---- folds: what their time is ---- */

static const char *const fold_names[] = {"beats", "interval"};

static void hit_folds(const layer_view *v, pare_bins *b)
{
    const pare_accel_descriptor *const d = v->d;
    const uint64_t steps =
        (uint64_t)d->kernel_height * d->kernel_width * divide_up(d->channels, step_channels(v));
    if (v->p->pe == PARE_ACCEL_TERM) return;
    const uint64_t fold = pare_accel_fold_cycles(v->p, d->act_bits, d->weight_bits, steps, NULL, 0);
    const uint64_t work = pare_accel_work_cycles(v->p, d->act_bits, d->weight_bits, steps, fold);
    const bool waits = work + pare_accel_skew_cycles(v->p) < fold;
    const uint32_t windows = v->first_w * d->out_width;
    pare_bins_hit(b, (uint32_t[]){waits, v->first_k > v->p->rows, windows > v->p->cols, steps > 1});
}

static const char *folds_why(const void *context, const uint32_t *v)
{
    const pare_accel_params *const p = ((const pare_layer_coverage *)context)->params;
    if (p->pe == PARE_ACCEL_TERM) return "the time of a fold is that of its codes";
    const uint64_t fold =
        pare_accel_fold_cycles(p, p->max_act_bits, p->max_weight_bits, 1, NULL, 0);
    const uint64_t step = pare_accel_work_cycles(p, p->max_act_bits, p->max_weight_bits, 1, fold);
    if (!v[0] && !v[3] && step + pare_accel_skew_cycles(p) < fold)
        return "the longest step and the skew are shorter than the interval";
    if (!v[0]) return NULL;
    if (1u + v[3] + pare_accel_skew_cycles(p) >= pare_accel_interval(p))
        return "the beats and the skew are never shorter than the interval";
    return NULL;
}

/* ---- memory: transfers, latency ---- */

static const char *const kind_names[] = {"weights", "activations", "outputs"};
static const char *const word_names[] = {"1 word", "2-7", "8+"};

static int kind_of(const pare_layer_record *r)
{
    switch (r->kind) {
    case PARE_EVENT_LOAD_WEIGHTS: return PARE_ACCEL_WEIGHTS;
    case PARE_EVENT_LOAD_ACTS: return PARE_ACCEL_ACTS;
    case PARE_EVENT_STORE_OUTPUTS: return PARE_ACCEL_OUTPUTS;
    default: return -1;
    }
}

static void hit_transfers(const layer_view *v, pare_bins *b)
{
    const pare_layer_records *const r = &v->seen->records[PARE_UNIT_DRAM];
    for (size_t i = 0; i < r->n; i++)
        if (kind_of(&r->v[i]) >= 0)
            pare_bins_hit(b, (uint32_t[]){(uint32_t)kind_of(&r->v[i]),
                                          one_few_many(r->v[i].words, 7), pressure(v)});
}

/* The least that a transfer of a kind moves. */
static uint32_t least_bits(const pare_accel_params *p, uint32_t kind)
{
    uint32_t least = UINT32_MAX;
    if (kind == PARE_ACCEL_OUTPUTS) return p->rows * 8;
    for (uint32_t a = 1; a <= p->max_act_bits; a++)
        for (uint32_t w = 1; w <= p->max_weight_bits; w++) {
            const uint32_t channels = pare_accel_step_channels(p, a, w);
            least = smaller(least, kind == PARE_ACCEL_ACTS ? channels * a : p->rows * channels * w);
        }
    return least;
}

static const char *transfers_why(const void *context, const uint32_t *v)
{
    const pare_accel_params *const p = ((const pare_layer_coverage *)context)->params;
    const uint32_t words = divide_up(least_bits(p, v[0]), p->mem_bits);
    if (words > 7 ? v[1] < 2 : words > 1 && v[1] == 0) return "the least that is moved is more";
    return NULL;
}

static const char *const latency_names[] = {"least", "more"};

static void hit_latency(const layer_view *v, pare_bins *b)
{
    const pare_layer_records *const r = &v->seen->records[PARE_UNIT_DRAM];
    const uint32_t least = pare_accel_latency_min(v->p);
    for (size_t i = 0; i + 1 < r->n; i++)
        if (r->v[i].kind == PARE_EVENT_LATENCY)
            pare_bins_hit(b, (uint32_t[]){r->v[i].end_cycle - r->v[i].start_cycle > least,
                                          (uint32_t)kind_of(&r->v[i + 1]), pressure(v)});
}

/* ---- stages: what they do, and which unit ends them ---- */

static const char *const load_names[] = {"nothing", "weights", "activations", "both"};
static const char *const bound_names[] = {"memory", "array", "both at once"};
enum { BY_MEMORY, BY_ARRAY, BY_BOTH };

typedef struct stage_view {
    uint32_t loads, stores, computes;
    uint64_t memory_end, array_end;
} stage_view;

static void take_records(const pare_layer_records *r, stage_view *stages, uint64_t n)
{
    for (size_t i = 0; i < r->n; i++) {
        const pare_layer_record *const x = &r->v[i];
        const int kind = kind_of(x);
        if (kind < 0 && x->kind != PARE_EVENT_COMPUTE) continue;
        const uint64_t stage = x->kind == PARE_EVENT_COMPUTE     ? x->tile + 1
                               : kind == (int)PARE_ACCEL_OUTPUTS ? x->tile + 2
                                                                 : x->tile;
        if (stage >= n) continue;
        stage_view *const s = &stages[stage];
        if (x->kind == PARE_EVENT_COMPUTE) {
            s->computes = 1;
            s->array_end = x->end_cycle;
            continue;
        }
        s->memory_end = x->end_cycle;
        if (kind == (int)PARE_ACCEL_OUTPUTS)
            s->stores = 1;
        else
            s->loads |= 1u << kind;
    }
}

static void hit_stages(const layer_view *v, pare_bins *b)
{
    const uint64_t n = (uint64_t)v->n_k * v->n_w + 2;
    stage_view *const stages = pare_xalloc(n, sizeof *stages);
    for (int u = 0; u < PARE_N_UNITS; u++) take_records(&v->seen->records[u], stages, n);
    for (uint64_t i = 0; i < n; i++) {
        const stage_view *const s = &stages[i];
        const uint32_t bound = s->memory_end > s->array_end   ? BY_MEMORY
                               : s->memory_end < s->array_end ? BY_ARRAY
                                                              : BY_BOTH;
        pare_bins_hit(b, (uint32_t[]){s->loads, s->computes, s->stores, bound});
    }
    free(stages);
}

static const char *stages_why(const void *context, const uint32_t *v)
{
    (void)context;
    const bool loads = v[0] > 0, computes = v[1], stores = v[2];
    if (!computes && v[3] != BY_MEMORY) return "nothing computes, so memory ends the stage";
    if (!computes && !stores && v[0] != 3) return "the first stage loads both operands";
    if (!computes && stores && loads) return "the last stage only stores";
    if (computes && !loads && !stores && v[3] != BY_ARRAY)
        return "a layer of one tile computes while memory is idle";
    if (computes && !stores && v[0] == 3) return "the second tile shares an operand with the first";
    return NULL;
}

/* ---- ports: what was before, what pauses ---- */

static const char *const before_names[PARE_N_BEFORE] = {"reset", "a refused descriptor", "a layer",
                                                        "a reset amid a layer"};

static void hit_ports(const layer_view *v, pare_bins *b)
{
    pare_bins_hit(b, (uint32_t[]){v->seen->before, v->seen->pauses, v->d->raw});
}

/* ---- answers to descriptors: counted by the campaign, not by a layer ---- */

static void hit_nothing(const layer_view *v, pare_bins *b) { (void)v, (void)b; }

static const char *const status_names[] = {
#define X(code, id, field, doc) #id,
    PARE_ACCEL_STATUS(X)
#undef X
};

/* ---- the sets ---- */

/* The axes of bits are as long as the machine's operands: 0 here. */
enum { OTHER_SETS = PARE_LAYER_N_SETS - LAYER_VALUE_SETS };
static const layer_set other_sets[OTHER_SETS] = {
    {"operands",
     {{"act_bits", 0, bits_names},
      {"weight_bits", 0, bits_names},
      AXIS("signs", signs_names),
      AXIS("back-pressure", pressure_names)},
     NULL,
     hit_operands},
    {"edges",
     {AXIS("filters of the last fold", edge_names), AXIS("windows of the last set", edge_names),
      AXIS("channels of the last group", edge_names)},
     NULL,
     hit_edges},
    {"sizes",
     {AXIS("folds", count_names), AXIS("sets", count_names), AXIS("groups", count_names)},
     NULL,
     hit_sizes},
    {"room", {AXIS("half of the output buffer", room_names)}, room_why, hit_room},
    {"tiles",
     {AXIS("loops", loop_names), AXIS("last filters", last_names),
      AXIS("last windows", last_names)},
     tiles_why,
     hit_tiles},
    {"geometry",
     {AXIS("axis", axis_names), AXIS("kernel", many_names), AXIS("stride", stride_names),
      AXIS("padding", yes_names), AXIS("dilation", many_names)},
     geometry_why,
     hit_geometry},
    {"ends",
     {AXIS("axis", axis_names), AXIS("padding", yes_names), AXIS("last window", end_names)},
     ends_why,
     hit_ends},
    {"folds",
     {AXIS("time", fold_names), AXIS("more folds", yes_names), AXIS("more sets", yes_names),
      AXIS("more steps", yes_names)},
     folds_why,
     hit_folds},
    {"transfers",
     {AXIS("of", kind_names), AXIS("words", word_names), AXIS("back-pressure", pressure_names)},
     transfers_why,
     hit_transfers},
    {"latency",
     {AXIS("latency", latency_names), AXIS("before", kind_names),
      AXIS("back-pressure", pressure_names)},
     NULL,
     hit_latency},
    {"stages",
     {AXIS("loads", load_names), AXIS("computes", yes_names), AXIS("stores", yes_names),
      AXIS("ended by", bound_names)},
     stages_why,
     hit_stages},
    {"answers", {AXIS("status", status_names)}, NULL, hit_nothing},
    {"ports",
     {AXIS("before", before_names), AXIS("ports pause", yes_names), AXIS("raw", yes_names)},
     NULL,
     hit_ports},
};

static const layer_set *set_at(size_t i)
{
    return i < OTHER_SETS ? &other_sets[i] : &layer_value_sets[i - OTHER_SETS];
}

void pare_layer_coverage_new(const pare_accel_params *params, pare_layer_coverage *c)
{
    *c = (pare_layer_coverage){.params = params};
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++) {
        layer_set row = *set_at(i);
        const uint32_t bits[] = {params->max_act_bits, params->max_weight_bits};
        for (size_t a = 0; a < 2; a++)
            if (!row.axes[a].n) row.axes[a].n = bits[a];
        pare_bins_new(&c->sets[i], row.name, row.axes, row.why, c);
    }
}

void pare_layer_coverage_free(pare_layer_coverage *c)
{
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++) pare_bins_free(&c->sets[i]);
    *c = (pare_layer_coverage){0};
}

/* ---- a layer ---- */

/* The sums themselves, of the filters or, with weights of one, of the activations alone. */
static int32_t *sums_of(const pare_accel_params *params, const pare_layer_job *job,
                        const int32_t *weights, uint32_t n_filters)
{
    pare_accel_params wide = *params;
    pare_layer_job raw = *job;
    wide.acc_bits = 32;
    raw.raw = true;
    raw.weights = weights;
    raw.dims.k = n_filters;
    int32_t *const sums = pare_xalloc((size_t)n_filters * job->dims.p * job->dims.q, sizeof *sums);
    pare_layer_reference(&wide, &raw, sums);
    return sums;
}

void pare_layer_cover(pare_layer_coverage *c, const pare_layer_seen *s)
{
    const pare_accel_descriptor *const d = &s->image->desc;
    const pare_dims *const dims = &s->job->dims;
    const size_t depth = (size_t)dims->r * dims->s * dims->c;
    int32_t *const ones = pare_xalloc(depth, sizeof *ones);
    for (size_t i = 0; i < depth; i++) ones[i] = 1;
    int32_t *const sums = sums_of(c->params, s->job, s->job->weights, dims->k);
    int32_t *const act_sums = sums_of(c->params, s->job, ones, 1);
    layer_view v = {.seen = s, .p = c->params, .d = d, .sums = sums, .act_sums = act_sums};
    v.first_k = smaller(d->tile_filters, s->image->n_filters);
    v.first_w = smaller(d->tile_rows, d->out_height);
    v.n_k = divide_up(s->image->n_filters, v.first_k);
    v.n_w = divide_up(d->out_height, v.first_w);
    v.last_k = s->image->n_filters - (v.n_k - 1) * v.first_k;
    v.last_w = d->out_height - (v.n_w - 1) * v.first_w;
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++) set_at(i)->hit(&v, &c->sets[i]);
    c->n_layers++;
    free(ones);
    free(sums);
    free(act_sums);
}

void pare_layer_cover_answers(pare_layer_coverage *c, const uint64_t *statuses)
{
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++)
        for (uint32_t k = 0; set_at(i)->hit == hit_nothing && k < PARE_ACCEL_N_STATUS; k++)
            c->sets[i].hits[k] += statuses[k];
}

pare_bins_tally pare_layer_tally(const pare_layer_coverage *c)
{
    pare_bins_tally t = {.fewest = UINT64_MAX};
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++) pare_bins_count(&c->sets[i], &t);
    return t;
}

void pare_layer_coverage_write(const pare_layer_coverage *c, size_t n_holes, pare_buf *out)
{
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++) pare_bins_write(&c->sets[i], n_holes, out);
}

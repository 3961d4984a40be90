/* A trained network on the machine, layer after layer. */
#include "rtl/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MULTIPLIER_BITS = 23, BIAS_BITS = 39, FRACTION_BITS = 8, WEIGHT_ZERO_BITS = 16 };

static pare_status refuse(const pare_infer *f, uint32_t layer, const char *what, pare_err *e)
{
    const pare_net *const net = pare_infer_net(f);
    return pare_err_set(e, PARE_EINPUT, net->file, net->layers[layer].pos, "layer '%s' %s",
                        net->layers[layer].name, what);
}

/* ---- the plan ---- */

/* What stands between a MAC layer and the next one. */
typedef struct chain {
    uint32_t batchnorm, next; /* layers; 0: none */
    bool has_relu;
} chain;

/* The only layer that reads a layer's output; 0 if there is none. */
static pare_status reader_of(const pare_infer *f, uint32_t layer, uint32_t *reader, pare_err *e)
{
    const pare_net *const net = pare_infer_net(f);
    *reader = 0;
    for (uint32_t i = layer + 1; i < net->n_layers; i++)
        for (uint32_t j = 0; j < net->layers[i].n_inputs; j++) {
            if (net->layers[i].inputs[j] != layer) continue;
            if (*reader) return refuse(f, layer, "is read twice; a chain of layers expected", e);
            *reader = i;
        }
    return PARE_OK;
}

static pare_status follow(const pare_infer *f, pare_net_stage *s, chain *c, pare_err *e)
{
    const pare_net *const net = pare_infer_net(f);
    uint32_t i;
    *c = (chain){0};
    PARE_TRY(reader_of(f, s->layer, &i, e));
    while (i && !pare_layer_is_mac(&net->layers[i])) {
        switch (net->layers[i].op) {
        case PARE_OP_BATCHNORM:
            if (c->batchnorm || c->has_relu || s->n_pools)
                return refuse(f, i, "is a batch norm that does not follow its layer", e);
            c->batchnorm = i;
            break;
        case PARE_OP_RELU: c->has_relu = true; break;
        case PARE_OP_MAXPOOL:
            if (s->n_pools == sizeof s->pools / sizeof *s->pools)
                return refuse(f, i, "is one pooling too many", e);
            s->pools[s->n_pools++] = i;
            break;
        case PARE_OP_FLATTEN: break;
        default:
            return refuse(f, i,
                          "is no batchnorm, relu, maxpool or flatten between two layers; "
                          "pare-cosim net runs these only",
                          e);
        }
        PARE_TRY(reader_of(f, i, &i, e));
    }
    c->next = i;
    return PARE_OK;
}

/* ---- the requantiser's records ---- */

/* The next layer's code of an output is rint(M (sum + weight_zero * act_sum) + B). */
static pare_status find_record(const pare_infer *f, uint32_t layer, double m, double b,
                               uint32_t zero, pare_accel_filter *out, pare_err *e)
{
    int exponent;
    const double mantissa = frexp(m / (1 << FRACTION_BITS), &exponent);
    double multiplier = rint(ldexp(mantissa, MULTIPLIER_BITS));
    if (fabs(multiplier) >= 1 << MULTIPLIER_BITS) { /* rounded up to a power of two */
        multiplier /= 2;
        exponent++;
    }
    const int shift = MULTIPLIER_BITS - exponent;
    const double exact = ldexp(multiplier, -shift);
    const double bias = rint((b - (double)zero) / exact);
    if (m == 0 || shift < 0 || shift > 63 || fabs(bias) >= ldexp(1, BIAS_BITS))
        return refuse(f, layer, "has a filter whose scale or offset the requantiser cannot hold",
                      e);
    *out = (pare_accel_filter){(int64_t)bias, (int32_t)multiplier, (uint32_t)shift};
    return PARE_OK;
}

/* A run's own shifts and integer scale: the same code while no bit of a sum is shifted out. */
static pare_status take_record(const pare_infer *f, uint32_t layer, const pare_requant *r,
                               pare_accel_filter *out, pare_err *e)
{
    const uint32_t shift = r->postscale_shift + r->prescale_shift;
    if (r->prescale_shift > FRACTION_BITS || shift > 63)
        return refuse(f, layer, "has a filter whose shifts the requantiser does not have", e);
    *out = (pare_accel_filter){(int64_t)r->bias * (1 << r->prescale_shift), r->scale, shift};
    return PARE_OK;
}

static pare_status find_records(const pare_infer *f, pare_net_stage *s, const chain *c, pare_err *e)
{
    const pare_infer_params p = pare_infer_layer_params(f, s->layer);
    const pare_infer_params next = pare_infer_layer_params(f, c->next);
    const pare_infer_params norm = pare_infer_layer_params(f, c->batchnorm);
    const uint32_t zero = pare_infer_code(&next.act, 0.0f);
    if (next.act.top != (float)((1u << next.act.bits) - 1))
        return refuse(f, c->next, "reads codes that do not use all of their bits", e);
    s->job.out_bits = next.act.bits;
    s->job.out_zero = (int32_t)zero;
    s->job.relu = c->has_relu;
    s->filters = pare_xalloc(p.dims.k, sizeof *s->filters);
    s->job.filters = s->filters;
    for (uint32_t k = 0; k < p.dims.k; k++) {
        if (p.requant) {
            PARE_TRY(take_record(f, s->layer, &p.requant[k], &s->filters[k], e));
            continue;
        }
        const double a = c->batchnorm ? (double)norm.scale[k] : 1;
        const double o = c->batchnorm ? (double)norm.offset[k] : 0;
        const double inverse = (double)next.act.inv;
        const double scale = (double)p.filters[k].scale * (double)p.act.scale;
        PARE_TRY(find_record(f, s->layer, scale * a * inverse,
                             (a * p.base[k] + o - (double)next.act.lo) * inverse, zero,
                             &s->filters[k], e));
    }
    return PARE_OK;
}

/* The weights' zero as the descriptor has it. */
static double zero_of(const pare_infer_grid *g)
{
    return rint(ldexp((double)g->lo / (double)g->scale, WEIGHT_ZERO_BITS));
}

static pare_status plan_stage(const pare_infer *f, uint32_t layer, pare_net_stage *s, chain *c,
                              pare_err *e)
{
    const pare_infer_params p = pare_infer_layer_params(f, layer);
    if (p.dims.groups > 1)
        return refuse(f, layer, "has groups; the machine runs layers of one group", e);
    const double zero = zero_of(&p.weight);
    for (uint32_t k = 0; k < p.dims.k; k++)
        if (zero_of(&p.filters[k]) != zero)
            return refuse(f, layer, "has weights whose zero differs from filter to filter", e);
    if (!(fabs(zero) < 2147483648.0))
        return refuse(f, layer, "has weights whose zero the descriptor cannot hold", e);
    const size_t n = (size_t)p.dims.k * p.dims.r * p.dims.s * p.dims.c;
    s->layer = layer;
    s->name = pare_infer_net(f)->layers[layer].name;
    s->weights = pare_xalloc(n, sizeof *s->weights);
    for (size_t i = 0; i < n; i++) s->weights[i] = p.codes[i];
    s->job = (pare_layer_job){.name = s->name,
                              .dims = p.dims,
                              .weight_bits = p.weight.bits,
                              .act_bits = p.act.bits,
                              .pad_code = p.zero_code,
                              .weight_zero = (int32_t)zero,
                              .weights = s->weights};
    PARE_TRY(follow(f, s, c, e));
    s->job.raw = c->next == 0;
    if (s->job.raw && (s->n_pools || c->batchnorm || c->has_relu))
        return refuse(f, layer, "is the last one, but others follow it", e);
    return s->job.raw ? PARE_OK : find_records(f, s, c, e);
}

pare_status pare_net_run_new(const pare_infer *f, pare_net_run *out, pare_err *e)
{
    const pare_net *const net = pare_infer_net(f);
    *out = (pare_net_run){.f = f};
    out->stages = pare_xalloc(net->n_mac_layers, sizeof *out->stages);
    uint32_t layer = 0;
    pare_status status = PARE_OK;
    while (!pare_layer_is_mac(&net->layers[layer])) layer++;
    if (net->layers[net->layers[layer].inputs[0]].op != PARE_OP_INPUT)
        status = refuse(f, layer, "is the first one, but does not read the input", e);
    while (status == PARE_OK) {
        chain c = {0};
        status = plan_stage(f, layer, &out->stages[out->n_stages++], &c, e);
        layer = c.next;
        if (!layer) break;
    }
    if (status != PARE_OK) pare_net_run_free(out);
    return status;
}

void pare_net_run_free(pare_net_run *r)
{
    for (size_t i = 0; i < r->n_stages; i++) {
        free(r->stages[i].weights);
        free(r->stages[i].filters);
    }
    free(r->stages);
    *r = (pare_net_run){0};
}

/* ---- an image ---- */

pare_layer_job pare_net_stage_job(const pare_net_stage *s, const int32_t *acts)
{
    pare_layer_job job = s->job;
    job.acts = acts;
    return job;
}

static size_t input_count(const pare_net_stage *s)
{
    return (size_t)s->job.dims.h * s->job.dims.w * s->job.dims.c;
}

void pare_net_input(const pare_net_run *r, const uint8_t *pixels, int32_t *codes)
{
    const size_t n = input_count(&r->stages[0]);
    uint16_t *const first = pare_xalloc(n, sizeof *first);
    pare_infer_layer_codes(r->f, pixels, r->stages[0].layer, first);
    for (size_t i = 0; i < n; i++) codes[i] = first[i];
    free(first);
}

/* [K][P][Q] to h, w, c */
static int32_t *as_map(const int32_t *outputs, uint32_t k, size_t positions)
{
    int32_t *const map = pare_xalloc(k * positions, sizeof *map);
    for (size_t i = 0; i < positions; i++)
        for (uint32_t j = 0; j < k; j++) map[i * k + j] = outputs[j * positions + i];
    return map;
}

/* The largest code of each window: codes grow with values. */
static int32_t *pool(const pare_layer *l, const int32_t *x)
{
    const uint32_t c = l->in.c;
    int32_t *const y = pare_xalloc((size_t)pare_shape_count(l->out), sizeof *y);
    for (uint32_t i = 0; i < l->out.h * l->out.w * c; i++) {
        const uint32_t p = i / c / l->out.w, q = i / c % l->out.w;
        int32_t most = INT32_MIN;
        for (uint32_t t = 0; t < l->kernel[0] * l->kernel[1]; t++) {
            const uint32_t h = p * l->stride[0] + t / l->kernel[1];
            const uint32_t w = q * l->stride[1] + t % l->kernel[1];
            if (h < l->pad[0] || w < l->pad[1]) continue;
            if (h - l->pad[0] >= l->in.h || w - l->pad[1] >= l->in.w) continue;
            const size_t at = ((size_t)(h - l->pad[0]) * l->in.w + w - l->pad[1]) * c + i % c;
            if (x[at] > most) most = x[at];
        }
        y[i] = most;
    }
    return y;
}

static int32_t *next_input(const pare_net_run *r, const pare_net_stage *s, const int32_t *outputs)
{
    const pare_dims *const d = &s->job.dims;
    int32_t *map = as_map(outputs, d->k, (size_t)d->p * d->q);
    for (uint32_t i = 0; i < s->n_pools; i++) {
        int32_t *const pooled = pool(&pare_infer_net(r->f)->layers[s->pools[i]], map);
        free(map);
        map = pooled;
    }
    return map;
}

/* Sums to logits, as bit-true inference does it. */
static void find_logits(const pare_net_run *r, const pare_net_stage *s, const int32_t *acts,
                        const int32_t *sums, float *logits)
{
    const pare_infer_params p = pare_infer_layer_params(r->f, s->layer);
    const pare_dims *const d = &s->job.dims;
    int64_t act_sum = 0;
    for (size_t i = 0; i < input_count(s); i++) act_sum += acts[i];
    for (uint32_t k = 0; k < d->k; k++) {
        const double scale = (double)p.filters[k].scale * (double)p.act.scale;
        const double act_scale = (double)p.act.scale * (double)p.filters[k].lo;
        const double product = scale * (double)sums[k], offset = act_scale * (double)act_sum;
        logits[k] = (float)(product + offset + p.base[k]);
    }
}

/* How far are the codes those of the float arithmetic? */
static void compare_codes(const pare_net_run *r, pare_net_stage *s, const uint8_t *pixels,
                          const int32_t *acts)
{
    const size_t n = input_count(s);
    uint16_t *const codes = pare_xalloc(n, sizeof *codes);
    pare_infer_layer_codes(r->f, pixels, s->layer, codes);
    s->n_codes += n;
    for (size_t i = 0; i < n; i++) s->n_codes_differ += codes[i] != acts[i];
    free(codes);
}

static void add_up(pare_net_stage *s, const pare_layer_result *l)
{
    s->rtl_cycles += l->rtl_cycles;
    s->level2_cycles += l->level2_cycles;
    s->setup_cycles += l->setup_cycles;
    s->n_outputs += l->n_outputs;
    s->n_records += l->n_records;
    s->n_compared += l->n_compared;
}

pare_status pare_net_run_image(pare_net_run *r, const pare_layer_check *check,
                               const uint8_t *pixels, float *logits, pare_net_image *out,
                               pare_err *e)
{
    *out = (pare_net_image){.is_ok = true};
    int32_t *acts = pare_xalloc(input_count(&r->stages[0]), sizeof *acts);
    pare_net_input(r, pixels, acts);
    pare_status status = PARE_OK;
    for (size_t i = 0; i < r->n_stages && status == PARE_OK && out->is_ok; i++) {
        pare_net_stage *const s = &r->stages[i];
        const pare_layer_job job = pare_net_stage_job(s, acts);
        pare_layer_result l;
        compare_codes(r, s, pixels, acts);
        status = pare_layer_verify(check, &job, &l, e);
        if (status != PARE_OK) break;
        add_up(s, &l);
        out->is_ok = l.is_ok;
        if (!l.is_ok) pare_buf_printf(&out->difference, "%s: %s", s->name, l.difference.text);
        if (s->job.raw) find_logits(r, s, acts, l.outputs, logits);
        int32_t *const next = s->job.raw ? NULL : next_input(r, s, l.outputs);
        free(acts);
        acts = next;
        pare_layer_result_free(&l);
    }
    free(acts);
    const uint32_t n = r->stages[r->n_stages - 1].job.dims.k;
    for (uint32_t k = 1; k < n && status == PARE_OK && out->is_ok; k++)
        if (logits[k] > logits[out->predicted]) out->predicted = k;
    return status;
}

/* The codes of a layer: from the folder of a trainer's run, or drawn from a declared distribution.
 */
#include "sim/dynamic.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

typedef struct distribution distribution;

struct pare_values {
    char *spec;
    const distribution *dist; /* NULL: a run folder */
    uint64_t seed;
    double spread_frac, zeros_frac;
    bool weight_signed, act_signed;
    pare_csv *tensors;
};

/* ---- distributions ---- */

/* Probability that a value of deviation `spread` is at most x. */
static double normal_cdf(double x, double spread) { return 0.5 * erfc(-x / (spread * sqrt(2))); }

static double laplace_cdf(double x, double spread)
{
    const double scale = spread / sqrt(2); /* the variance is 2 scale^2 */
    return x < 0 ? 0.5 * exp(x / scale) : 1 - 0.5 * exp(-x / scale);
}

struct distribution {
    const char *name;
    double (*cdf)(double x, double spread); /* NULL: all codes alike, or only the largest */
    bool is_largest;
    double zeros_frac; /* of the activations, unless said */
};

static const distribution distributions[] = {
    {"uniform", NULL, false, 0},        {"normal", normal_cdf, false, 0},
    {"laplace", laplace_cdf, false, 0}, {"relu", normal_cdf, false, 0.5},
    {"largest", NULL, true, 0},
};
enum { N_DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

/* Codes in order, and an alias table to draw from them with one random number. */
typedef struct sampler {
    size_t n;
    uint16_t *code, *other; /* other: an index */
    uint32_t *keep;         /* the code itself if 32 random bits are at most this */
} sampler;

/* Probability of code index i of n; unsigned codes are magnitudes. Tails fall on the outer codes.
 */
static double probability(const pare_values *v, size_t i, size_t n, bool is_signed)
{
    if (v->dist->is_largest) return i == (is_signed ? 0 : n - 1);
    if (!v->dist->cdf) return 1 / (double)n;
    const double lowest = is_signed ? -(double)(n / 2) : 0, code = lowest + (double)i;
    const double largest = lowest + (double)n - 1;
    const double spread = v->spread_frac * fmax(largest, 1);
    const double below = code == lowest ? (is_signed ? 0 : 0.5) : v->dist->cdf(code - 0.5, spread);
    const double above = code == largest ? 1 : v->dist->cdf(code + 0.5, spread);
    return (above - below) * (is_signed ? 1 : 2);
}

/* Vose's alias method. */
static void fill_aliases(sampler *s, double *p)
{
    uint16_t *const small = pare_xalloc(2 * s->n, sizeof *small), *const large = small + s->n;
    size_t n_small = 0, n_large = 0;
    for (size_t i = 0; i < s->n; i++) {
        p[i] *= (double)s->n;
        if (p[i] < 1)
            small[n_small++] = (uint16_t)i;
        else
            large[n_large++] = (uint16_t)i;
    }
    for (size_t i = 0; i < s->n; i++) s->keep[i] = UINT32_MAX;
    while (n_small && n_large) {
        const uint16_t a = small[--n_small], b = large[n_large - 1];
        s->keep[a] = (uint32_t)(p[a] * UINT32_MAX);
        s->other[a] = b;
        p[b] -= 1 - p[a];
        if (p[b] >= 1) continue;
        n_large--;
        small[n_small++] = b;
    }
    free(small);
}

static sampler new_sampler(const pare_values *v, uint32_t bits, bool is_signed, double zeros_frac)
{
    sampler s = {.n = (size_t)1 << bits};
    s.code = pare_xalloc(2 * s.n, sizeof *s.code);
    s.other = s.code + s.n;
    s.keep = pare_xalloc(s.n, sizeof *s.keep);
    double *const p = pare_xalloc(s.n, sizeof *p);
    const size_t zero = is_signed ? s.n / 2 : 0;
    double sum = 0;
    for (size_t i = 0; i < s.n; i++) {
        s.code[i] = (uint16_t)(i - zero);
        s.other[i] = (uint16_t)i;
        p[i] = probability(v, i, s.n, is_signed);
        sum += p[i];
    }
    for (size_t i = 0; i < s.n; i++) p[i] *= (1 - zeros_frac) / sum;
    p[zero] += zeros_frac;
    fill_aliases(&s, p);
    free(p);
    return s;
}

enum { CHUNK = 65536 }; /* values of one stream of random numbers */

typedef struct draw {
    const sampler *sampler;
    uint64_t seed, stream;
    uint16_t *out;
    size_t n;
} draw;

static void draw_chunk(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const draw *const d = context;
    const sampler *const s = d->sampler;
    pare_rng r = pare_rng_new(d->seed, d->stream + item);
    const size_t end = item * CHUNK + CHUNK < d->n ? item * CHUNK + CHUNK : d->n;
    for (size_t i = item * CHUNK; i < end; i++) {
        const uint64_t x = pare_rng_u64(&r);
        const size_t k = (size_t)((x >> 32) * s->n >> 32);
        d->out[i] = s->code[(uint32_t)x <= s->keep[k] ? k : s->other[k]];
    }
}

static pare_status new_codes(const char *layer, size_t n, uint16_t **out, pare_err *e)
{
    size_t bytes;
    *out = pare_mul_size(n, sizeof **out, &bytes) ? malloc(bytes) : NULL;
    if (*out) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, NOWHERE, "no memory for %zu codes of layer '%s'", n,
                        layer);
}

static pare_status draw_codes(const pare_values *v, const pare_sim_job *job, value_operand operand,
                              pare_pool *pool, uint16_t **out, pare_err *e)
{
    const bool is_weight = operand == VALUES_WEIGHTS;
    const uint64_t n =
        is_weight ? pare_dims_weights(&job->dims) : pare_dims_activations(&job->dims);
    PARE_TRY(new_codes(job->layer, n, out, e));
    sampler s =
        new_sampler(v, is_weight ? job->weight_bits : job->act_bits,
                    is_weight ? v->weight_signed : v->act_signed, is_weight ? 0 : v->zeros_frac);
    /* layers and operands are apart by far more chunks than either has */
    uint64_t stream = pare_hash_bytes(PARE_HASH_SEED, job->layer, strlen(job->layer));
    stream = pare_hash_bytes(stream, is_weight ? "w" : "a", 1);
    draw d = {&s, v->seed, stream, *out, n};
    pare_pool_run(pool, (n + CHUNK - 1) / CHUNK, draw_chunk, &d);
    free(s.code);
    free(s.keep);
    return PARE_OK;
}

/* ---- the text ---- */

static pare_status read_number(const char *key, const char *text, size_t n, double lo, double hi,
                               const char *place, double *out, pare_err *e)
{
    char copy[64], *end = copy;
    snprintf(copy, sizeof copy, "%.*s", (int)(n < 63 ? n : 63), text);
    *out = strtod(copy, &end);
    if (n > 0 && n < sizeof copy && end == copy + n && *out >= lo && *out <= hi) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, place, NOWHERE, "%s is '%.*s'; %.15g to %.15g expected",
                        key, (int)n, text, lo, hi);
}

static pare_status read_seed(const char *text, size_t n, const char *place, uint64_t *out,
                             pare_err *e)
{
    char copy[32], *end = copy;
    snprintf(copy, sizeof copy, "%.*s", (int)(n < 31 ? n : 31), text);
    errno = 0;
    *out = strtoull(copy, &end, 10);
    if (n > 0 && n < sizeof copy && end == copy + n && copy[0] != '-' && !errno) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, place, NOWHERE,
                        "seed is '%.*s'; a whole number below 2^64 expected", (int)n, text);
}

static pare_status read_sign(const char *key, const char *text, size_t n, const char *place,
                             bool *is_signed, pare_err *e)
{
    *is_signed = n == 6 && !memcmp(text, "signed", 6);
    if (*is_signed || (n == 8 && !memcmp(text, "unsigned", 8))) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, place, NOWHERE, "%s is '%.*s'; signed or unsigned expected",
                        key, (int)n, text);
}

/* One "key=value" of n characters. */
static pare_status read_pair(pare_values *v, const char *pair, size_t n, const char *place,
                             pare_err *e)
{
    const char *const equals = memchr(pair, '=', n);
    const size_t n_key = equals ? (size_t)(equals - pair) : n;
    const char *const value = equals ? equals + 1 : pair + n;
    const size_t n_value = equals ? n - n_key - 1 : 0;
    const char *const keys[] = {"seed", "spread", "zeros", "weights", "acts"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strlen(keys[i]) != n_key || memcmp(pair, keys[i], n_key)) continue;
        switch (i) {
        case 0: return read_seed(value, n_value, place, &v->seed, e);
        case 1: return read_number("spread", value, n_value, 1e-6, 1e6, place, &v->spread_frac, e);
        case 2: return read_number("zeros", value, n_value, 0, 1, place, &v->zeros_frac, e);
        case 3: return read_sign("weights", value, n_value, place, &v->weight_signed, e);
        default: return read_sign("acts", value, n_value, place, &v->act_signed, e);
        }
    }
    return pare_err_set(e, PARE_EINPUT, place, NOWHERE,
                        "unknown key '%.*s'; seed, spread, zeros, weights or acts expected",
                        (int)n_key, pair);
}

static pare_status open_folder(pare_values *v, const char *place, pare_err *e)
{
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/tensors.csv", v->spec);
    FILE *const f = fopen(path.text, "rb");
    pare_status status = PARE_OK;
    if (!f) {
        status = pare_err_set(e, PARE_EINPUT, place, NOWHERE,
                              "'%s' has no tensors.csv; a trainer's run folder, or uniform, "
                              "normal, laplace, relu or largest expected",
                              v->spec);
    } else {
        fclose(f);
        status = pare_csv_load(path.text, &v->tensors, e);
    }
    static const char *const columns[] = {"layer", "kind",   "bits", "signed",
                                          "scale", "offset", "file"};
    for (size_t i = 0; i < 7 && status == PARE_OK; i++)
        if (pare_csv_column(v->tensors, columns[i]) < 0)
            status = pare_err_set(e, PARE_EINPUT, path.text, (pare_pos){v->tensors->header_line, 1},
                                  "no column '%s'; layer,kind,bits,signed,scale,offset,file "
                                  "expected",
                                  columns[i]);
    pare_buf_free(&path);
    return status;
}

pare_status sim_values_parse(const char *spec, bool is_declared, const char *place,
                             pare_values **out, pare_err *e)
{
    pare_values *const v = pare_xalloc(1, sizeof *v);
    v->spec = pare_xstrdup(spec);
    v->weight_signed = true;
    v->spread_frac = 0.25;
    const char *at = spec + strcspn(spec, ",");
    for (size_t i = 0; i < N_DISTRIBUTIONS; i++)
        if (strlen(distributions[i].name) == (size_t)(at - spec) &&
            !memcmp(spec, distributions[i].name, (size_t)(at - spec)))
            v->dist = &distributions[i];
    pare_status status = PARE_OK;
    if (v->dist) {
        v->zeros_frac = v->dist->zeros_frac;
        for (; *at && status == PARE_OK; at += strcspn(at, ",")) {
            at++;
            status = read_pair(v, at, strcspn(at, ","), place, e);
        }
    } else if (is_declared) {
        status = pare_err_set(e, PARE_EINPUT, place, NOWHERE,
                              "unknown distribution '%.*s'; uniform, normal, laplace, relu or "
                              "largest expected",
                              (int)strcspn(spec, ","), spec);
    } else {
        status = open_folder(v, place, e);
    }
    if (status == PARE_OK)
        *out = v;
    else
        pare_values_free(v);
    return status;
}

pare_status pare_values_open(const char *spec, pare_values **out, pare_err *e)
{
    pare_buf place = {0};
    *out = NULL;
    pare_buf_printf(&place, "--values %s", spec);
    const pare_status status = sim_values_parse(spec, false, place.text, out, e);
    pare_buf_free(&place);
    return status;
}

void pare_values_free(pare_values *v)
{
    if (!v) return;
    pare_csv_free(v->tensors);
    free(v->spec);
    free(v);
}

const char *sim_values_spec(const pare_values *v) { return v->spec; }

/* ---- tensors of a run ---- */

/* One row of tensors.csv, and what is expected of its file. */
typedef struct row {
    const char *file;
    uint32_t bits;
    bool is_signed;
    double scale, offset;
} row;

static const char *operand_name(value_operand o)
{
    return o == VALUES_WEIGHTS ? "weights" : "activations";
}

static pare_status find_row(const pare_values *v, const pare_sim_job *job, value_operand operand,
                            row *out, pare_err *e)
{
    const pare_csv *const c = v->tensors;
    const char *const kind = operand == VALUES_WEIGHTS ? "weight" : "activation";
    const int layer = pare_csv_column(c, "layer"), kinds = pare_csv_column(c, "kind");
    for (size_t r = 0; r < c->n_rows; r++) {
        if (strcmp(pare_csv_cell(c, r, layer), job->layer) ||
            strcmp(pare_csv_cell(c, r, kinds), kind))
            continue;
        double bits, is_signed;
        PARE_TRY(pare_csv_real(c, r, pare_csv_column(c, "bits"), 1, PARE_BITS_MAX, &bits, e));
        PARE_TRY(pare_csv_real(c, r, pare_csv_column(c, "signed"), 0, 1, &is_signed, e));
        PARE_TRY(pare_csv_real(c, r, pare_csv_column(c, "scale"), 0, 1e300, &out->scale, e));
        PARE_TRY(pare_csv_real(c, r, pare_csv_column(c, "offset"), -1e300, 1e300, &out->offset, e));
        out->bits = (uint32_t)bits;
        out->is_signed = is_signed > 0;
        out->file = pare_csv_cell(c, r, pare_csv_column(c, "file"));
        const uint32_t has = operand == VALUES_WEIGHTS ? job->weight_bits : job->act_bits;
        if (out->bits <= has) return PARE_OK;
        return pare_err_set(e, PARE_EINPUT, c->name, pare_csv_pos(c, r, pare_csv_column(c, "bits")),
                            "layer '%s' has %u-bit %s; at most %u expected, as in the run's bits",
                            job->layer, out->bits, operand_name(operand), has);
    }
    return pare_err_set(e, PARE_EINPUT, c->name, NOWHERE,
                        "no %s of layer '%s'; a row '%s,%s' expected", kind, job->layer, job->layer,
                        kind);
}

static int64_t element(const pare_tensor *t, size_t i)
{
    switch (t->dtype) {
    case PARE_I8: return ((const int8_t *)t->data)[i];
    case PARE_U8: return ((const uint8_t *)t->data)[i];
    case PARE_I16: return ((const int16_t *)t->data)[i];
    case PARE_U16: return ((const uint16_t *)t->data)[i];
    case PARE_I32: return ((const int32_t *)t->data)[i];
    case PARE_F32: break;
    }
    return INT64_MAX; /* no code */
}

static pare_status check_count(const char *path, const pare_tensor *t, const pare_sim_job *job,
                               value_operand operand, pare_err *e)
{
    const pare_dims *const d = &job->dims;
    if (t->dtype == PARE_F32)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "the %s of layer '%s' are floats; integer codes expected",
                            operand_name(operand), job->layer);
    if (operand == VALUES_WEIGHTS) {
        if (t->dims[0] == d->k && t->count == pare_dims_weights(d)) return PARE_OK;
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "%zu weights in %zu filters for layer '%s'; %ux%ux%ux%u expected",
                            t->count, t->dims[0], job->layer, d->k, d->c / d->groups, d->r, d->s);
    }
    const uint64_t image = (uint64_t)d->c * d->h * d->w;
    if (t->count != sim_mul(t->dims[0], image))
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "%zu activations in %zu images for layer '%s'; images of %ux%ux%u "
                            "expected",
                            t->count, t->dims[0], job->layer, d->c, d->h, d->w);
    if (t->dims[0] >= d->n) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                        "images of layer '%s': %zu; at least the batch, %u, expected", job->layer,
                        t->dims[0], d->n);
}

static pare_status copy_codes(const char *path, const pare_tensor *t, const row *r,
                              const char *layer, uint16_t *out, size_t n, pare_err *e)
{
    const int64_t lo = r->is_signed ? -((int64_t)1 << (r->bits - 1)) : 0;
    const int64_t hi = ((int64_t)1 << (r->is_signed ? r->bits - 1 : r->bits)) - 1;
    for (size_t i = 0; i < n; i++) {
        const int64_t x = element(t, i);
        if (x < lo || x > hi)
            return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                                "code %lld at index %zu of layer '%s'; %lld to %lld expected",
                                (long long)x, i, layer, (long long)lo, (long long)hi);
        out[i] = (uint16_t)x;
    }
    return PARE_OK;
}

static pare_status load_codes(const pare_values *v, const pare_sim_job *job, value_operand operand,
                              row *r, uint16_t **out, pare_err *e)
{
    PARE_TRY(find_row(v, job, operand, r, e));
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/%s", v->spec, r->file);
    pare_tensor t = {0};
    const uint64_t n = operand == VALUES_WEIGHTS ? pare_dims_weights(&job->dims)
                                                 : pare_dims_activations(&job->dims);
    pare_status status;
    PARE_TRY_DONE(pare_npy_load(path.text, &t, e));
    PARE_TRY_DONE(check_count(path.text, &t, job, operand, e));
    PARE_TRY_DONE(new_codes(job->layer, n, out, e));
    PARE_TRY_DONE(copy_codes(path.text, &t, r, job->layer, *out, n, e));
done:
    pare_tensor_free(&t);
    pare_buf_free(&path);
    return status;
}

/* The code that stands for zero: what padding holds. */
static uint16_t code_of_zero(const row *r)
{
    if (!(r->scale > 0)) return 0;
    const double code = rint(-r->offset / r->scale);
    const double lo = r->is_signed ? -ldexp(1, (int)r->bits - 1) : 0;
    const double hi = ldexp(1, (int)(r->is_signed ? r->bits - 1 : r->bits)) - 1;
    return (uint16_t)(int32_t)fmin(fmax(code, lo), hi);
}

static pare_status load_tensors(const pare_values *v, const pare_sim_job *job, unsigned operands,
                                layer_values *out, pare_err *e)
{
    row r = {0};
    if (operands & VALUES_WEIGHTS) {
        PARE_TRY(load_codes(v, job, VALUES_WEIGHTS, &r, &out->weights, e));
        out->weight_signed = r.is_signed;
    }
    if (operands & VALUES_ACTS) {
        PARE_TRY(load_codes(v, job, VALUES_ACTS, &r, &out->acts, e));
        out->act_signed = r.is_signed;
        out->pad_code = code_of_zero(&r);
    }
    return PARE_OK;
}

pare_status sim_values_load(const pare_values *v, const pare_sim_job *job, unsigned operands,
                            pare_pool *pool, layer_values *out, pare_err *e)
{
    *out = (layer_values){.weight_signed = v->weight_signed, .act_signed = v->act_signed};
    pare_status status = PARE_OK;
    if (!v->dist) {
        status = load_tensors(v, job, operands, out, e);
    } else {
        if (operands & VALUES_WEIGHTS)
            status = draw_codes(v, job, VALUES_WEIGHTS, pool, &out->weights, e);
        if (status == PARE_OK && operands & VALUES_ACTS)
            status = draw_codes(v, job, VALUES_ACTS, pool, &out->acts, e);
    }
    if (status != PARE_OK) sim_layer_values_free(out);
    return status;
}

void sim_layer_values_free(layer_values *v)
{
    free(v->weights);
    free(v->acts);
    v->weights = v->acts = NULL;
}

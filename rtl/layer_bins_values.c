/* Coverage of the machine's values: sums, overflows, rounding and clamping of the requantiser. */
#include "rtl/layer_bins_core.h"
#include "rtl/sum_bins.h"

static const char *const signs_names[] = {"uu", "su", "us", "ss"};
static const char *const yes_names[] = {"no", "yes"};

/* ---- requantiser ---- */

enum { ROUND_EXACT, ROUND_DOWN, ROUND_UP, TIE_DOWN, TIE_UP };
static const char *const round_names[] = {"exact", "down", "up", "tie down", "tie up"};
static const char *const shift_names[] = {"0", "1", "2-31", "32+"};
enum { CODE_INSIDE, CODE_LOW, CODE_HIGH, CODE_RELU };
static const char *const code_names[] = {"inside", "cut low", "cut high", "cut by relu"};
static const char *const byte_names[] = {"1", "2"};

static int64_t wrap(int64_t x, uint32_t bits)
{
    return (int64_t)((uint64_t)x << (64 - bits)) >> (64 - bits);
}

/* t * multiplier, as pare_accel_requantize */
static int64_t scaled(const layer_view *v, const pare_accel_filter *f, int64_t sum, int64_t act_sum)
{
    const int64_t correction = act_sum * (int32_t)v->d->weight_zero >> 8;
    return wrap((int64_t)((uint64_t)sum << 8) + wrap(correction, 40) + f->bias, 40) * f->multiplier;
}

static uint32_t rounding(int64_t x, uint32_t shift, int64_t *rounded)
{
    *rounded = shift ? x >> shift : x;
    if (!shift) return ROUND_EXACT;
    const uint64_t left = (uint64_t)x & (((uint64_t)1 << shift) - 1);
    const uint64_t half = (uint64_t)1 << (shift - 1);
    const bool is_odd = *rounded & 1, up = left > half || (left == half && is_odd);
    *rounded += up;
    if (left == half) return up ? TIE_UP : TIE_DOWN;
    return !left ? ROUND_EXACT : up ? ROUND_UP : ROUND_DOWN;
}

typedef void filter_fn(const layer_view *v, pare_bins *b, const pare_accel_filter *f, int64_t x);

static void each_code(const layer_view *v, pare_bins *b, filter_fn *fn)
{
    const pare_layer_job *const j = v->seen->job;
    const size_t windows = (size_t)j->dims.p * j->dims.q;
    for (size_t i = 0; !j->raw && i < j->dims.k * windows; i++) {
        const pare_accel_filter *const f = &j->filters[i / windows];
        fn(v, b, f,
           scaled(v, f, wrap(v->sums[i], v->p->acc_bits),
                  wrap(v->act_sums[i % windows], v->p->acc_bits)));
    }
}

static void hit_rounding(const layer_view *v, pare_bins *b, const pare_accel_filter *f, int64_t x)
{
    int64_t rounded;
    const uint32_t shift = f->shift < 2 ? f->shift : f->shift < 32 ? 2 : 3;
    (void)v;
    pare_bins_hit(b, (uint32_t[]){rounding(x, f->shift, &rounded), x < 0, shift});
}

static void hit_all_rounding(const layer_view *v, pare_bins *b) { each_code(v, b, hit_rounding); }

static const char *rounding_why(const void *context, const uint32_t *v)
{
    (void)context;
    if (v[2] == 0 && v[0] != ROUND_EXACT) return "a shift of 0 leaves nothing to round";
    if (v[2] == 1 && (v[0] == ROUND_DOWN || v[0] == ROUND_UP)) return "a bit is a half or nothing";
    return NULL;
}

static void hit_code(const layer_view *v, pare_bins *b, const pare_accel_filter *f, int64_t x)
{
    const pare_accel_descriptor *const d = v->d;
    const int64_t zero = (int16_t)d->out_zero;
    const int64_t high = ((int64_t)1 << (d->out_bits - d->out_signed)) - 1;
    const int64_t low = d->out_signed ? ~high : 0;
    int64_t code;
    (void)rounding(x, f->shift, &code);
    code += zero;
    const uint32_t result = code > high                            ? CODE_HIGH
                            : d->relu && zero > low && code < zero ? CODE_RELU
                            : code < low                           ? CODE_LOW
                                                                   : CODE_INSIDE;
    pare_bins_hit(b, (uint32_t[]){result, d->out_signed, d->relu, d->out_bits > 8});
}

static void hit_codes(const layer_view *v, pare_bins *b) { each_code(v, b, hit_code); }

static const char *codes_why(const void *context, const uint32_t *v)
{
    (void)context;
    return v[0] == CODE_RELU && !v[2] ? "there is no relu" : NULL;
}

/* ---- sums ---- */

static void hit_sums(const layer_view *v, pare_bins *b)
{
    const pare_layer_job *const j = v->seen->job;
    const uint32_t signs = j->act_signed + 2u * j->weight_signed;
    const int64_t depth = (int64_t)j->dims.r * j->dims.s * j->dims.c;
    for (size_t i = 0; i < (size_t)j->dims.k * j->dims.p * j->dims.q; i++) {
        const uint32_t which = pare_sum_bin(v->sums[i], depth, j->act_bits, j->weight_bits, signs);
        pare_bins_hit(b, (uint32_t[]){which, signs, j->raw});
    }
}

static void hit_overflow(const layer_view *v, pare_bins *b)
{
    const pare_layer_job *const j = v->seen->job;
    for (size_t i = 0; i < (size_t)j->dims.k * j->dims.p * j->dims.q; i++)
        pare_bins_hit(b, (uint32_t[]){pare_sum_fit(v->sums[i], v->p->acc_bits), j->raw});
}

static const char *overflow_why(const void *context, const uint32_t *v)
{
    const pare_accel_params *const p = ((const pare_layer_coverage *)context)->params;
    const int64_t channels = (int64_t)PARE_LAYER_GROUPS_MAX *
                                 pare_accel_step_channels(p, p->max_act_bits, p->max_weight_bits) +
                             1;
    const int64_t depth = channels * PARE_LAYER_KERNEL_MAX * PARE_LAYER_KERNEL_MAX;
    if (v[0] == PARE_SUM_FITS) return NULL;
    for (uint32_t signs = 0; signs < 4; signs++) {
        int64_t low, high;
        pare_product_range(p->max_act_bits, p->max_weight_bits, signs, &low, &high);
        if (v[0] == pare_sum_fit(depth * (v[0] == PARE_SUM_ABOVE ? high : low), p->acc_bits))
            return NULL;
    }
    return "the accumulator holds the sum of a layer so deep";
}

/* ---- the sets ---- */

const layer_set layer_value_sets[LAYER_VALUE_SETS] = {
    {"rounding",
     {AXIS("rounding", round_names), AXIS("negative", yes_names), AXIS("shift", shift_names)},
     rounding_why,
     hit_all_rounding},
    {"codes",
     {AXIS("code", code_names), AXIS("signed", yes_names), AXIS("relu", yes_names),
      AXIS("bytes", byte_names)},
     codes_why,
     hit_codes},
    {"sums",
     {AXIS("sum", pare_sum_names), AXIS("signs", signs_names), AXIS("raw", yes_names)},
     pare_sum_why,
     hit_sums},
    {"overflow",
     {AXIS("sum", pare_sum_fit_names), AXIS("raw", yes_names)},
     overflow_why,
     hit_overflow},
};

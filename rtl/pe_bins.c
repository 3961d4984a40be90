/* What the dot products of a PE must have met beside the cross of bitlengths, signs, depth and
 * stalls: kinds of data, the ends of the accumulator, changes of the settings, waiting results. */
#include "rtl/cosim.h"
#include "rtl/sum_bins.h"

#include <stdlib.h>

static uint32_t steps_at(uint32_t depth)
{
    return depth == PARE_DEPTH_MORE ? PARE_COSIM_MAX_STEPS : depth + 1;
}

/* ---- data ---- */

static bool data_values(const pare_cosim_case *c, uint32_t i, uint32_t *v)
{
    v[0] = c->dots[i].data;
    v[1] = c->dots[i].bin.signs;
    v[2] = c->dots[i].bin.depth;
    return true;
}

/* ---- sums ---- */

static int64_t plain_sum(const pare_cosim_dot *d)
{
    int64_t sum = 0;
    for (size_t i = 0; i < (size_t)d->work.n_steps * d->n_products; i++)
        sum += (int64_t)d->act[i] * d->weight[i];
    return sum;
}

static bool sum_values(const pare_cosim_case *c, uint32_t i, uint32_t *v)
{
    const pare_cosim_dot *const d = &c->dots[i];
    const int64_t sum = plain_sum(d), n = (int64_t)d->work.n_steps * d->n_products;
    v[0] = pare_sum_bin(sum, n, d->work.act_bits, d->work.weight_bits, d->bin.signs);
    v[1] = d->bin.signs;
    v[2] = d->bin.depth;
    return true;
}

/* ---- overflow ---- */

/* The first partial sum of whole steps that is beyond an end says which end. */
static bool overflow_values(const pare_cosim_case *c, uint32_t i, uint32_t *v)
{
    const pare_cosim_dot *const d = &c->dots[i];
    int64_t sum = 0;
    v[0] = PARE_SUM_FITS;
    v[1] = d->bin.depth;
    if (!d->sum.overflowed) return true;
    for (uint32_t s = 0; s < d->work.n_steps && v[0] == PARE_SUM_FITS; s++) {
        for (size_t p = (size_t)s * d->n_products; p < (size_t)(s + 1) * d->n_products; p++)
            sum += (int64_t)d->act[p] * d->weight[p];
        v[0] = pare_sum_fit(sum, d->acc_bits);
    }
    return v[0] != PARE_SUM_FITS; /* a sum of terms within a step is neither */
}

static const char *overflow_why(const void *context, const uint32_t *v)
{
    const pare_cosim_coverage *const c = context;
    if (v[0] == PARE_SUM_FITS) return NULL;
    for (uint32_t a = c->act_bits[0]; a <= c->act_bits[1]; a++)
        for (uint32_t w = c->weight_bits[0]; w <= c->weight_bits[1]; w++)
            for (uint32_t signs = 0; signs < PARE_N_SIGNS; signs++) {
                int64_t low, high;
                const int64_t n = (int64_t)steps_at(v[1]) * pare_cosim_products(c->kind, a, w);
                pare_product_range(a, w, signs, &low, &high);
                const int64_t extreme = n * (v[0] == PARE_SUM_ABOVE ? high : low);
                if (v[0] == pare_sum_fit(extreme, c->kind->acc_bits)) return NULL;
            }
    return "the accumulator holds the sum of so many steps";
}

/* ---- from one dot product to the next ---- */

static const char *const change_names[] = {"same", "fewer", "more"};
static const char *const same_names[] = {"same", "other"};

static uint32_t change(uint32_t before, uint32_t now)
{
    return now == before ? 0 : now < before ? 1 : 2;
}

static bool change_values(const pare_cosim_case *c, uint32_t i, uint32_t *v)
{
    if (i == 0) return false;
    const pare_cosim_bin *const before = &c->dots[i - 1].bin, *const now = &c->dots[i].bin;
    v[0] = change(before->act_bits, now->act_bits);
    v[1] = change(before->weight_bits, now->weight_bits);
    v[2] = before->signs != now->signs;
    return true;
}

static const char *change_why(const void *context, const uint32_t *v)
{
    const pare_cosim_coverage *const c = context;
    const bool is_fixed = (v[0] && c->act_bits[0] == c->act_bits[1]) ||
                          (v[1] && c->weight_bits[0] == c->weight_bits[1]);
    return is_fixed ? "the run has one bitlength of that operand" : NULL;
}

/* ---- a result that waits ---- */

static const char *const wait_names[] = {"0 cycles", "1", "2-3", "4+"};
static const char *const next_names[] = {"not offered", "offered as it is taken", "offered before"};

static bool wait_values(const pare_cosim_case *c, uint32_t i, uint32_t *v)
{
    if (i + 1 == c->n_dots) return false;
    const pare_pe_times *const t = &c->dots[i].times;
    const uint64_t waited = t->taken - t->valid;
    const uint64_t offered = t->last_beat + 1 + c->dots[i + 1].gaps[0];
    v[0] = waited < 2 ? (uint32_t)waited : waited < 4 ? 2 : 3;
    v[1] = offered > t->taken ? 0 : offered == t->taken ? 1 : 2;
    return true;
}

static const char *wait_why(const void *context, const uint32_t *v)
{
    (void)context;
    return v[0] == 0 && v[1] == 2 ? "a result that is taken at once leaves no cycle before" : NULL;
}

/* ---- the sets ---- */

typedef struct set_row {
    const char *name;
    pare_bins_axis axes[PARE_BINS_AXES_MAX];
    pare_bins_why *why;
    bool (*values)(const pare_cosim_case *c, uint32_t i, uint32_t *v); /* false: of no bin */
} set_row;

#define SIGNS                                                                                      \
    {                                                                                              \
        "signs", PARE_N_SIGNS, pare_cosim_sign_names                                               \
    }
#define STEPS                                                                                      \
    {                                                                                              \
        "steps", PARE_N_DEPTHS, pare_cosim_depth_names                                             \
    }
static const set_row rows[PARE_COSIM_N_SETS] = {
    {"operands", {{"data", PARE_N_DATA, pare_cosim_data_names}, SIGNS, STEPS}, NULL, data_values},
    {"sums", {{"sum", PARE_N_SUMS, pare_sum_names}, SIGNS, STEPS}, pare_sum_why, sum_values},
    {"overflow", {{"sum", 3, pare_sum_fit_names}, STEPS}, overflow_why, overflow_values},
    {"settings",
     {{"act_bits", 3, change_names}, {"weight_bits", 3, change_names}, {"signs", 2, same_names}},
     change_why,
     change_values},
    {"waiting",
     {{"result waits", 4, wait_names}, {"next beat", 3, next_names}},
     wait_why,
     wait_values},
};

void pare_cosim_sets_new(pare_cosim_coverage *c)
{
    for (size_t i = 0; i < PARE_COSIM_N_SETS; i++)
        pare_bins_new(&c->sets[i], rows[i].name, rows[i].axes, rows[i].why, c);
}

void pare_cosim_sets_free(pare_cosim_coverage *c)
{
    for (size_t i = 0; i < PARE_COSIM_N_SETS; i++) pare_bins_free(&c->sets[i]);
}

void pare_cosim_sets_cover(pare_cosim_coverage *c, const pare_cosim_case *k)
{
    uint32_t v[PARE_BINS_AXES_MAX];
    for (uint32_t d = 0; d < k->n_dots; d++)
        for (size_t i = 0; i < PARE_COSIM_N_SETS; i++)
            if (rows[i].values(k, d, v)) pare_bins_hit(&c->sets[i], v);
}

pare_bins_tally pare_cosim_tally(const pare_cosim_coverage *c)
{
    uint32_t fewest;
    const size_t n_hit = pare_cosim_bins_hit(c, &fewest);
    pare_bins_tally t = {.n_reachable = c->n_bins, .n_hit = n_hit, .fewest = fewest};
    for (size_t i = 0; i < PARE_COSIM_N_SETS; i++) pare_bins_count(&c->sets[i], &t);
    return t;
}

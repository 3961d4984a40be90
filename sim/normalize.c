/* Machines of equal area, peak or bandwidth: an array is resized in whole tiles, rows or columns, a
 * DRAM in whole bits a cycle, to the largest that does not exceed the baseline. */
#include "sim/core.h"

#include <math.h>
#include <string.h>

typedef struct norm_row {
    const char *name, *what, *unit;
    double scale; /* of the unit */
    double (*value)(const pare_machine *m);
} norm_row;

/* bit products a second; MHz */
static double peak(const pare_machine *m)
{
    return (double)pare_machine_peak_bit_products(m) * m->clock_mhz * 1e6;
}

static double bandwidth(const pare_machine *m)
{
    return (double)m->dram.bits_per_cycle * m->clock_mhz * 1e6;
}

static const norm_row norms[] = {
    [PARE_NORMALIZE_AREA] = {"area", "area of PEs and buffers", "mm2", 1e6, pare_machine_area_um2},
    [PARE_NORMALIZE_PEAK] = {"peak", "peak of 1 b x 1 b products", "T/s", 1e12, peak},
    [PARE_NORMALIZE_BANDWIDTH] = {"bandwidth", "DRAM bandwidth", "Gbit/s", 1e9, bandwidth},
};

pare_normalize pare_normalize_of(const char *name)
{
    for (int i = PARE_NORMALIZE_AREA; i <= PARE_NORMALIZE_BANDWIDTH; i++)
        if (!strcmp(name, norms[i].name)) return (pare_normalize)i;
    return PARE_NORMALIZE_NOTHING;
}

/* What may be resized: its name, its value, the largest one. */
typedef struct knob {
    const char *key;
    uint32_t *value;
    uint32_t max;
} knob;

enum { KNOB_TILES, KNOB_ROWS, KNOB_COLS, KNOB_DRAM, N_KNOBS };

static knob knob_of(pare_machine *m, int which)
{
    pare_array *const a = &m->array;
    const uint64_t all = sim_array_lanes(m), most = (uint64_t)1 << 30;
    const uint32_t side = 65536;
    switch (which) {
    case KNOB_TILES:
        return (knob){"array.tiles", &a->tiles, (uint32_t)sim_min(side, most * a->tiles / all)};
    case KNOB_ROWS:
        return (knob){"array.rows", &a->rows, (uint32_t)sim_min(side, most * a->rows / all)};
    case KNOB_COLS: return (knob){"array.cols", &a->cols, a->cols};
    default: return (knob){"dram.bits_per_cycle", &m->dram.bits_per_cycle, 1048576};
    }
}

static pare_status value_at(pare_machine *m, const norm_row *norm, const knob *k, uint32_t x,
                            double *out, pare_err *e)
{
    *k->value = x;
    if (norm->value == pare_machine_area_um2) PARE_TRY(sim_costs_load(m, e)); /* ports widen */
    *out = norm->value(m);
    return PARE_OK;
}

/* A size that fits. */
typedef struct fitting {
    uint32_t size[N_KNOBS];
    double value; /* 0: none fits */
} fitting;

static void get_sizes(pare_machine *m, uint32_t size[N_KNOBS])
{
    for (int i = 0; i < N_KNOBS; i++) size[i] = *knob_of(m, i).value;
}

static void set_sizes(pare_machine *m, const uint32_t size[N_KNOBS])
{
    for (int i = 0; i < N_KNOBS; i++) *knob_of(m, i).value = size[i];
}

/* The largest size of one knob whose value does not exceed `limit`, by bisection, since the value
 * grows with it; kept if it is better than what `best` holds. The machine keeps its sizes. */
static pare_status fit(pare_machine *m, const norm_row *norm, int which, double limit,
                       fitting *best, pare_err *e)
{
    const knob k = knob_of(m, which);
    const uint32_t own = *k.value;
    uint32_t low = 0, high = k.max;
    double value = 0;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2 + (high - low) % 2;
        double here;
        PARE_TRY(value_at(m, norm, &k, middle, &here, e));
        if (here <= limit * (1 + 1e-12)) {
            low = middle;
            value = here;
        } else {
            high = middle - 1;
        }
    }
    if (low > 0 && value > best->value * (1 + 1e-12)) {
        *k.value = low;
        best->value = value;
        get_sizes(m, best->size);
    }
    *k.value = own;
    return PARE_OK;
}

/* Tiles or rows, whichever comes nearer (copies of a tile first, if there are several); if one tile
 * is still too large, its rows; then the columns of one row. */
static pare_status fit_array(pare_machine *m, const norm_row *norm, double limit, fitting *best,
                             pare_err *e)
{
    if (m->array.tiles > 1) PARE_TRY(fit(m, norm, KNOB_TILES, limit, best, e));
    PARE_TRY(fit(m, norm, KNOB_ROWS, limit, best, e));
    if (best->value > 0) return PARE_OK;
    m->array.tiles = 1;
    PARE_TRY(fit(m, norm, KNOB_ROWS, limit, best, e));
    if (best->value > 0) return PARE_OK;
    m->array.rows = 1;
    return fit(m, norm, KNOB_COLS, limit, best, e);
}

static pare_status too_large(const pare_machine *m, const pare_machine *baseline,
                             const norm_row *norm, pare_err *e)
{
    const bool is_dram = norm->value == bandwidth;
    return pare_yaml_error(
        m->yaml, is_dram ? "dram.bits_per_cycle" : "array", e, PARE_EINPUT,
        "even with %s machine '%s' exceeds the %s of %s, %.4g %s; a larger first machine expected",
        is_dram ? "one bit a cycle" : "one tile of one row and column", m->name, norm->what,
        baseline->name, norm->value(baseline) / norm->scale, norm->unit);
}

static void describe(pare_machine *m, const pare_machine *baseline, const norm_row *norm,
                     const uint32_t from[N_KNOBS])
{
    const double has = norm->value(m), wanted = norm->value(baseline);
    pare_buf b = {0};
    size_t n = 0;
    pare_buf_printf(&b, "normalised to the %s of %s, %.4g %s: %s ", norm->what, baseline->name,
                    wanted / norm->scale, norm->unit, m->name);
    for (int i = 0; i < N_KNOBS; i++) {
        const knob k = knob_of(m, i);
        if (*k.value != from[i])
            pare_buf_printf(&b, "%s%s %u instead of %u", n++ ? ", " : "with ", k.key, *k.value,
                            from[i]);
    }
    pare_buf_printf(&b, "%s has %.4g, %.2g %% less", n ? "" : "as it is", has / norm->scale,
                    fmax(0, 100 * (1 - has / wanted)));
    const char *const unpriced =
        norm->value == pare_machine_area_um2 ? pare_machine_unpriced(m) : NULL;
    if (unpriced) pare_buf_printf(&b, "; really more: %s have no price", unpriced);
    m->normalized = pare_arena_strdup(m->arena, b.text);
    m->hash = pare_hash_bytes(m->hash, b.text, b.n);
    pare_buf_free(&b);
}

pare_status pare_machine_normalize(pare_machine *m, const pare_machine *baseline,
                                   pare_normalize what, pare_err *e)
{
    if (what == PARE_NORMALIZE_NOTHING) return PARE_OK;
    const norm_row *const norm = &norms[what];
    const double limit = norm->value(baseline);
    const uint64_t hash = m->hash; /* energy tables that are read again must count once */
    uint32_t own[N_KNOBS];
    fitting best = {.value = 0};
    get_sizes(m, own);
    if (what == PARE_NORMALIZE_BANDWIDTH)
        PARE_TRY(fit(m, norm, KNOB_DRAM, limit, &best, e));
    else
        PARE_TRY(fit_array(m, norm, limit, &best, e));
    set_sizes(m, best.value > 0 ? best.size : own);
    PARE_TRY(sim_costs_load(m, e));
    m->hash = hash;
    if (best.value == 0) return too_large(m, baseline, norm, e);
    describe(m, baseline, norm, own);
    return PARE_OK;
}

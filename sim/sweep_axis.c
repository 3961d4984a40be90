/* Axes: which field of the machine a path means, and the values of lists and ranges. */
#include "sim/sweep_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 128, DEPTH_MAX = 4 };

/* ---- fields of the machine ---- */

size_t sweep_leaf_bytes(const pare_key *k)
{
    switch (k->type) {
    case PARE_KEY_U32: return sizeof(uint32_t);
    case PARE_KEY_U64: return sizeof(uint64_t);
    case PARE_KEY_REAL: return sizeof(double);
    case PARE_KEY_BOOL: return sizeof(bool);
    case PARE_KEY_STR:
    case PARE_KEY_NAME: return sizeof(const char *);
    case PARE_KEY_ENUM: return sizeof(int);
    default: return 0;
    }
}

typedef struct field_search {
    const char *wanted;
    machine_field found;
    pare_buf *near;
    size_t near_distance;
} field_search;

/* what the file is called, and its form, are no fields of a machine */
static bool is_free(const char *path)
{
    return strcmp(path, "version") != 0 && strcmp(path, "name") != 0 && strcmp(path, "title") != 0;
}

typedef void field_fn(void *context, const char *path, const pare_key *k, size_t offset);

static void for_fields(const pare_schema *schema, size_t offset, const char *prefix, field_fn *fn,
                       void *context)
{
    for (size_t i = 0; i < schema->n_keys; i++) {
        const pare_key *const k = &schema->keys[i];
        char path[PATH_MAX_BYTES];
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", k->name);
        if (k->type == PARE_KEY_MAP)
            for_fields(k->sub, offset + k->offset, path, fn, context);
        else if (sweep_leaf_bytes(k) && is_free(path))
            fn(context, path, k, offset + k->offset);
    }
}

/* The last part alone may be what was meant: rows is array.rows. */
static size_t distance_to(const char *wanted, const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && !strcmp(dot + 1, wanted) ? 0 : pare_text_distance(path, wanted);
}

static void compare_field(void *context, const char *path, const pare_key *k, size_t offset)
{
    field_search *const f = context;
    if (!strcmp(path, f->wanted)) f->found = (machine_field){.key = k, .offset = offset};
    const size_t d = distance_to(f->wanted, path);
    if (!f->near || d >= f->near_distance) return;
    f->near_distance = d;
    f->near->n = 0;
    pare_buf_puts(f->near, path);
}

bool sweep_find_field(const char *path, machine_field *out, pare_buf *near)
{
    static const char *const others[] = {"batch",   "bits.scale", "bits.weight", "bits.act",
                                         "network", "machine",    "bits",        "area_um2"};
    field_search f = {.wanted = path, .near = near, .near_distance = strlen(path) / 2 + 1};
    for_fields(&pare_machine_schema, 0, "", compare_field, &f);
    *out = f.found;
    for (size_t i = 0; near && i < sizeof others / sizeof *others; i++) {
        const size_t d = distance_to(path, others[i]);
        if (d >= f.near_distance) continue;
        f.near_distance = d;
        near->n = 0;
        pare_buf_puts(near, others[i]);
    }
    return f.found.key != NULL;
}

/* ---- values ---- */

/* One value as the machine file would read it; the message is put at the axis. */
static pare_status read_leaf(pare_sweep *s, const machine_field *f, const char *text,
                             const char *at, unsigned char out[LEAF_BYTES], pare_err *e)
{
    pare_key one = *f->key;
    one.name = f->path;
    one.offset = 0;
    one.def = NULL;
    const pare_schema schema = {.name = "value",
                                .keys = &one,
                                .n_keys = 1,
                                .size = LEAF_BYTES,
                                .pos_offset = PARE_NO_OFFSET,
                                .given_offset = PARE_NO_OFFSET};
    pare_buf line = {0};
    pare_yaml *yaml = NULL;
    pare_err inner = {0};
    pare_buf_printf(&line, "%s: %s\n", f->path, text);
    pare_status status = pare_yaml_parse("value", line.text, line.n, &yaml, &inner);
    if (status == PARE_OK) status = pare_yaml_read(yaml, &schema, s->arena, out, &inner);
    if (status != PARE_OK) status = pare_yaml_error(s->yaml, at, e, status, "%s", inner.text);
    pare_yaml_free(yaml);
    pare_buf_free(&line);
    return status;
}

static bool is_integer(const pare_key *k)
{
    return k && (k->type == PARE_KEY_U32 || k->type == PARE_KEY_U64);
}

static void add_number(pare_sweep *s, pare_axis *a, double x, bool rounds)
{
    pare_buf b = {0};
    if (rounds) x = rint(x);
    pare_buf_real(&b, x);
    if (rounds) {
        b.n = 0;
        pare_buf_printf(&b, "%.0f", x);
    }
    if (a->n == 0 || strcmp(a->values[a->n - 1], b.text))
        a->values[a->n++] = pare_arena_strdup(s->arena, b.text);
    pare_buf_free(&b);
}

static double range_value(const axis_conf *c, uint64_t i)
{
    if (c->given & AXIS_GIVEN_FACTOR) return c->from * pow(c->factor, (double)i);
    if (!(c->given & AXIS_GIVEN_COUNT)) return c->from + c->step * (double)i;
    if (c->count == 1) return c->from;
    const double part = (double)i / (c->count - 1);
    return c->is_log ? c->from * pow(c->to / c->from, part) : c->from + (c->to - c->from) * part;
}

static pare_status fill_range(pare_sweep *s, const axis_conf *c, const char *at, bool rounds,
                              pare_axis *a, pare_err *e)
{
    static const double ROUNDING = 1e-9; /* 0.1 * 3 still is 0.3 */
    const double limit = c->to + ROUNDING * fmax(fabs(c->to), fabs(c->from));
    const bool is_log = c->given & AXIS_GIVEN_FACTOR || c->is_log;
    if (c->to < c->from)
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s goes from %.15g to %.15g, so it is empty; `to` of at least "
                               "%.15g expected",
                               c->key, c->from, c->to, c->from);
    if (is_log && c->from <= 0)
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s: a logarithmic range from %.15g; `from` above 0 expected",
                               c->key, c->from);
    uint64_t n = c->given & AXIS_GIVEN_COUNT ? c->count : AXIS_VALUES_MAX + 1;
    a->values = pare_arena_alloc(s->arena, AXIS_VALUES_MAX + 1, sizeof *a->values);
    for (uint64_t i = 0; i < n; i++) {
        const double x = range_value(c, i);
        if (x > limit) break;
        if (a->n == AXIS_VALUES_MAX)
            return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                                   "%s has more than %d values; a larger step expected", c->key,
                                   AXIS_VALUES_MAX);
        add_number(s, a, x, rounds);
    }
    return PARE_OK;
}

/* A list or one kind of range, and at least one value. */
static pare_status fill_values(pare_sweep *s, const axis_conf *c, const char *at, bool rounds,
                               pare_axis *a, pare_err *e)
{
    const uint64_t range = AXIS_GIVEN_FROM | AXIS_GIVEN_TO;
    const bool has_list = c->given & AXIS_GIVEN_VALUES;
    if (has_list == ((c->given & range) == range) || (has_list && (c->given & range)))
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s: either `values`, or `from` and `to`, expected", c->key);
    const uint64_t ways = c->given & (AXIS_GIVEN_STEP | AXIS_GIVEN_FACTOR | AXIS_GIVEN_COUNT);
    if (ways & (ways - 1))
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s: one of `step`, `factor` and `count` expected", c->key);
    if (!has_list) return fill_range(s, c, at, rounds, a, e);
    a->values = c->values.v;
    a->n = c->values.n;
    if (a->n == 0 || a->n > AXIS_VALUES_MAX)
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT, "%s has %zu values; 1 to %d expected",
                               c->key, c->values.n, AXIS_VALUES_MAX);
    return PARE_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static pare_status finish_axis(pare_sweep *s, pare_axis *a, const char *at, pare_err *e)
{
    const char **const sorted = pare_xalloc(a->n, sizeof *sorted);
    memcpy(sorted, a->values, a->n * sizeof *sorted);
    qsort(sorted, a->n, sizeof *sorted, by_text);
    const char *twice = NULL;
    for (uint64_t i = 1; i < a->n && !twice; i++)
        if (!strcmp(sorted[i], sorted[i - 1])) twice = sorted[i];
    free(sorted);
    if (twice)
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s has '%s' twice; each value once expected", a->key, twice);
    a->numbers = pare_arena_alloc(s->arena, a->n, sizeof *a->numbers);
    for (uint64_t i = 0; i < a->n; i++) {
        char *end;
        const double x = strtod(a->values[i], &end);
        a->numbers[i] = *end || end == a->values[i] ? NAN : x;
    }
    return PARE_OK;
}

/* ---- axes ---- */

typedef struct special {
    const char *key;
    axis_kind kind;
    bool is_integer;
    double min, max;
} special;

static const special specials[] = {{"batch", AXIS_BATCH, true, 1, 65536},
                                   {"bits.scale", AXIS_BITS_SCALE, false, 0.01, 16},
                                   {"bits.weight", AXIS_BITS_WEIGHT, true, 1, PARE_BITS_MAX},
                                   {"bits.act", AXIS_BITS_ACT, true, 1, PARE_BITS_MAX}};
enum { N_SPECIALS = sizeof specials / sizeof *specials };

static const special *find_special(const char *key)
{
    for (size_t i = 0; i < N_SPECIALS; i++)
        if (!strcmp(key, specials[i].key)) return &specials[i];
    return NULL;
}

static pare_status check_special(const pare_sweep *s, const special *p, const pare_axis *a,
                                 const char *at, pare_err *e)
{
    for (uint64_t i = 0; i < a->n; i++) {
        const double x = a->numbers[i];
        if (x >= p->min && x <= p->max && (!p->is_integer || x == rint(x))) continue;
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s is '%s'; %s from %.15g to %.15g "
                               "expected",
                               p->key, a->values[i], p->is_integer ? "an integer" : "a number",
                               p->min, p->max);
    }
    return PARE_OK;
}

static pare_status find_target(pare_sweep *s, const char *path, const char *at, axis_target *out,
                               pare_err *e)
{
    pare_buf near = {0};
    if (!sweep_find_field(path, &out->field, &near)) {
        const char *const quote = near.n ? "'" : "";
        const pare_status status = pare_yaml_error(
            s->yaml, at, e, PARE_EINPUT, "%s is '%s'; %s%s%s expected", strrchr(at, '.') + 1, path,
            quote, near.n ? near.text : "a field of the machine file, batch or bits.*", quote);
        pare_buf_free(&near);
        return status;
    }
    pare_buf_free(&near);
    out->field.path = pare_arena_strdup(s->arena, path);
    return PARE_OK;
}

static pare_status fill_targets(pare_sweep *s, const pare_axis *a, const axis_conf *c,
                                size_t number, sweep_axis *out, pare_err *e)
{
    char at[PATH_MAX_BYTES];
    for (size_t t = 0; t < out->n_targets; t++) {
        axis_target *const target = &out->targets[t];
        target->leaves = pare_arena_alloc(s->arena, a->n, sizeof *target->leaves);
        for (uint64_t i = 0; i < a->n; i++) {
            if (c->given & AXIS_GIVEN_VALUES)
                snprintf(at, sizeof at, "axes[%zu].values[%llu]", number, (unsigned long long)i);
            else
                snprintf(at, sizeof at, "axes[%zu].from", number);
            PARE_TRY(read_leaf(s, &target->field, a->values[i], at, target->leaves[i], e));
        }
    }
    return PARE_OK;
}

/* The targets of a field, itself first. */
static pare_status find_targets(pare_sweep *s, const axis_conf *c, size_t number, sweep_axis *out,
                                pare_err *e)
{
    char at[PATH_MAX_BYTES];
    out->n_targets = 1 + c->also.n;
    out->targets = pare_arena_alloc(s->arena, out->n_targets, sizeof *out->targets);
    snprintf(at, sizeof at, "axes[%zu].key", number);
    PARE_TRY(find_target(s, c->key, at, &out->targets[0], e));
    snprintf(at, sizeof at, "axes[%zu].also", number);
    for (size_t i = 0; i < c->also.n; i++)
        PARE_TRY(find_target(s, c->also.v[i], at, &out->targets[i + 1], e));
    return PARE_OK;
}

/* Two axes, or one and another's `also`, must not set the same. */
static pare_status check_once(const pare_sweep *s, const char *key, size_t number, pare_err *e)
{
    const axis_conf *const list = s->conf.axes.v;
    char at[PATH_MAX_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < s->conf.axes.n; i++) {
        n += !strcmp(list[i].key, key);
        for (size_t j = 0; j < list[i].also.n; j++) n += !strcmp(list[i].also.v[j], key);
    }
    snprintf(at, sizeof at, "axes[%zu].key", number);
    if (n <= 1) return PARE_OK;
    return pare_yaml_error(s->yaml, at, e, PARE_EINPUT, "'%s' is set by %zu axes; one expected",
                           key, n);
}

static pare_status make_axis(pare_sweep *s, size_t number, pare_axis *a, sweep_axis *k, pare_err *e)
{
    const axis_conf *const c = (const axis_conf *)s->conf.axes.v + number;
    char at[PATH_MAX_BYTES];
    snprintf(at, sizeof at, "axes[%zu]", number);
    const special *const p = find_special(c->key);
    a->key = c->key;
    k->kind = p ? p->kind : AXIS_FIELD;
    k->conf = number;
    PARE_TRY(check_once(s, c->key, number, e));
    for (size_t i = 0; i < c->also.n; i++) PARE_TRY(check_once(s, c->also.v[i], number, e));
    if (!p) PARE_TRY(find_targets(s, c, number, k, e));
    if (p && c->also.n)
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT,
                               "%s has `also`; that is for fields of the machine file only",
                               c->key);
    const bool rounds = p ? p->is_integer : is_integer(k->targets[0].field.key);
    PARE_TRY(fill_values(s, c, at, rounds, a, e));
    PARE_TRY(finish_axis(s, a, at, e));
    return p ? check_special(s, p, a, at, e) : fill_targets(s, a, c, number, k, e);
}

static pare_status add_list(pare_sweep *s, const char *key, const char *at, axis_kind kind,
                            const pare_strs *list, pare_err *e)
{
    const size_t i = s->info.n_axes++;
    s->kinds[i] = (sweep_axis){.kind = kind, .conf = SIZE_MAX};
    s->axes[i] = (pare_axis){.key = key, .n = list->n, .values = list->v};
    if (list->n == 0)
        return pare_yaml_error(s->yaml, at, e, PARE_EINPUT, "%s is empty; at least one expected",
                               at);
    return finish_axis(s, &s->axes[i], at, e);
}

/* Networks and machines change slowest, then the machine's fields, then all about bits: points of
 * one machine are neighbours. */
pare_status sweep_make_axes(pare_sweep *s, pare_err *e)
{
    if (s->conf.axes.n > AXES_MAX)
        return pare_yaml_error(s->yaml, "axes", e, PARE_EINPUT, "%zu axes; at most %d expected",
                               s->conf.axes.n, AXES_MAX);
    const size_t most = s->conf.axes.n + 3;
    s->axes = pare_arena_alloc(s->arena, most, sizeof *s->axes);
    s->kinds = pare_arena_alloc(s->arena, most, sizeof *s->kinds);
    PARE_TRY(add_list(s, "network", "networks", AXIS_NETWORK, &s->conf.networks, e));
    PARE_TRY(add_list(s, "machine", "machines", AXIS_MACHINE, &s->conf.machines, e));
    for (int is_of_bits = 0; is_of_bits < 2; is_of_bits++) {
        if (is_of_bits) PARE_TRY(add_list(s, "bits", "bits", AXIS_BITS, &s->conf.bits, e));
        for (size_t i = 0; i < s->conf.axes.n; i++) {
            const axis_conf *const c = (const axis_conf *)s->conf.axes.v + i;
            if ((find_special(c->key) != NULL) != is_of_bits) continue;
            const size_t at = s->info.n_axes++;
            PARE_TRY(make_axis(s, i, &s->axes[at], &s->kinds[at], e));
        }
    }
    s->info.axes = s->axes;
    for (size_t k = 0; k <= AXIS_BITS_ACT; k++) s->at[k] = SIZE_MAX;
    for (size_t i = 0; i < s->info.n_axes; i++)
        if (s->kinds[i].kind != AXIS_FIELD) s->at[s->kinds[i].kind] = i;
    return PARE_OK;
}

/* SCALE-Sim's topology files: one convolution a line, by position: name, input height and width,
 * filter height and width, channels, filters, stride. Blanks stray, lines may end in a comma, and
 * columns of ours after the stride (Weight Bits, Act Bits) are not read here. There is no padding.
 * Output size: ceil((input - filter + stride) / stride), so a last partial window counts. Files
 * must hold padded sizes; the ResNet-18 that comes with SCALE-Sim does not (its conv1 gives
 * 110x110). */
#include "traces/net_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    FILE_MAX_BYTES = 16 << 20,
    FIELDS_MAX = 32,
    LINE_MAX_BYTES = 4096,
    TEXT_SHOWN = 40,
    LAYERS_MAX = 10000 /* names are compared with all others */
};

enum { F_NAME, F_IN_H, F_IN_W, F_KERNEL_H, F_KERNEL_W, F_CHANNELS, F_FILTERS, F_STRIDE, N_FIELDS };

static const char *const field_names[N_FIELDS] = {"Layer name",    "IFMAP Height", "IFMAP Width",
                                                  "Filter Height", "Filter Width", "Channels",
                                                  "Num Filter",    "Strides"};

typedef struct topology {
    const char *file;
    pare_net *net;
    pare_layer *layers; /* malloc'd, growing */
    size_t capacity;
    pare_err *e;
    uint32_t line;
    size_t n_fields;
    char text[LINE_MAX_BYTES]; /* of the line, cut into fields */
    const char *fields[FIELDS_MAX];
    uint32_t columns[FIELDS_MAX];
} topology;

static pare_status fail_at(const topology *t, size_t field, const char *expected)
{
    const pare_pos pos = {t->line, t->columns[field]};
    return pare_err_set(t->e, PARE_EINPUT, t->file, pos, "%s is '%.*s'; %s expected",
                        field_names[field], TEXT_SHOWN, t->fields[field], expected);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* cut a line at its commas; a last empty field is the trailing comma */
static pare_status cut_line(topology *t, const char *line, size_t n)
{
    if (n >= LINE_MAX_BYTES || memchr(line, 0, n))
        return pare_err_set(t->e, PARE_EINPUT, t->file, (pare_pos){t->line, 1},
                            "no line of text; at most %d characters expected", LINE_MAX_BYTES - 1);
    memcpy(t->text, line, n);
    t->text[n] = 0;
    t->n_fields = 0;
    for (char *at = t->text;;) {
        while (is_blank(*at)) at++;
        char *const start = at;
        at += strcspn(at, ",");
        const bool is_last = !*at;
        char *end = at;
        while (end > start && is_blank(end[-1])) end--;
        *end = 0;
        if (is_last && start == end) break;
        if (t->n_fields == FIELDS_MAX)
            return pare_err_set(t->e, PARE_EINPUT, t->file, (pare_pos){t->line, 1},
                                "more than %d fields; fewer expected", FIELDS_MAX);
        t->columns[t->n_fields] = (uint32_t)(start - t->text) + 1;
        t->fields[t->n_fields++] = start;
        if (is_last) break;
        at++;
    }
    return PARE_OK;
}

/* the header says what follows; letter case and plurals differ between their files */
static pare_status check_header(const topology *t)
{
    for (size_t i = 0; i < N_FIELDS && i < t->n_fields; i++)
        if (pare_text_distance(t->fields[i], field_names[i]) > 2)
            return pare_err_set(t->e, PARE_EINPUT, t->file, (pare_pos){t->line, t->columns[i]},
                                "column '%.*s'; '%s' expected", TEXT_SHOWN, t->fields[i],
                                field_names[i]);
    if (t->n_fields >= N_FIELDS) return PARE_OK;
    return pare_err_set(t->e, PARE_EINPUT, t->file, (pare_pos){t->line, 1},
                        "a header of %zu columns; the %d of a SCALE-Sim topology expected",
                        t->n_fields, N_FIELDS);
}

static pare_status read_number(const topology *t, size_t field, uint32_t *out)
{
    const char *const text = t->fields[field];
    const bool is_number = *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
    *out = is_number ? (uint32_t)strtoul(text, NULL, 10) : 0;
    if (*out >= 1 && *out <= PARE_NET_KEY_MAX) return PARE_OK;
    return fail_at(t, field, "an integer from 1 to 16777216");
}

/* names go into our own files, so what they do not allow becomes _ */
static pare_status read_name(const topology *t, const char **out)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_./+-";
    char *const name = pare_arena_strdup(t->net->arena, t->fields[F_NAME]);
    if (!*name) return fail_at(t, F_NAME, "a name");
    for (char *c = name; *c; c++)
        if (!strchr(allowed, *c)) *c = '_';
    for (uint32_t i = 0; i < t->net->n_layers; i++)
        if (!strcmp(t->layers[i].name, name)) {
            char expected[64];
            snprintf(expected, sizeof expected, "a name that line %u has not",
                     t->layers[i].pos.line);
            return fail_at(t, F_NAME, expected);
        }
    *out = name;
    return PARE_OK;
}

/* windows along one direction, and the input that they cover */
static pare_status windows(const topology *t, size_t field, uint32_t kernel, uint32_t stride,
                           uint32_t *in, uint32_t *out)
{
    if (kernel > *in) return fail_at(t, field, "at least the filter's size");
    *out = (*in - kernel + stride + stride - 1) / stride;
    const uint64_t covered = (uint64_t)(*out - 1) * stride + kernel;
    if (covered > *in) *in = (uint32_t)covered;
    return PARE_OK;
}

static pare_status read_layer(topology *t)
{
    uint32_t v[N_FIELDS] = {0};
    pare_layer l = {.op = PARE_OP_CONV2D, .pos = {t->line, 1}, .dilation = {1, 1}, .groups = 1};
    if (t->n_fields < N_FIELDS)
        return pare_err_set(t->e, PARE_EINPUT, t->file, l.pos, "a row of %zu fields; %d expected",
                            t->n_fields, N_FIELDS);
    if (t->net->n_layers == LAYERS_MAX)
        return pare_err_set(t->e, PARE_EINPUT, t->file, l.pos,
                            "more than %d layers; fewer expected", LAYERS_MAX);
    PARE_TRY(read_name(t, &l.name));
    for (size_t i = F_IN_H; i < N_FIELDS; i++) PARE_TRY(read_number(t, i, &v[i]));
    l.in = (pare_shape){v[F_CHANNELS], v[F_IN_H], v[F_IN_W]};
    l.out.c = v[F_FILTERS];
    l.kernel[0] = v[F_KERNEL_H];
    l.kernel[1] = v[F_KERNEL_W];
    l.stride[0] = l.stride[1] = v[F_STRIDE];
    PARE_TRY(windows(t, F_IN_H, l.kernel[0], v[F_STRIDE], &l.in.h, &l.out.h));
    PARE_TRY(windows(t, F_IN_W, l.kernel[1], v[F_STRIDE], &l.in.w, &l.out.w));
    if (l.kernel[0] > PARE_NET_KERNEL_MAX || l.kernel[1] > PARE_NET_KERNEL_MAX ||
        l.stride[0] > PARE_NET_KERNEL_MAX || l.in.h > PARE_NET_KEY_MAX ||
        l.in.w > PARE_NET_KEY_MAX || (uint64_t)l.in.h * l.in.w > PARE_NET_MAP_MAX / l.in.c ||
        !pare_layer_count(&l))
        return pare_err_set(t->e, PARE_EINPUT, t->file, l.pos,
                            "layer '%s' is beyond our limits; at most 2^48 inputs, 2^53 MACs, "
                            "filters and strides of %u expected",
                            l.name, PARE_NET_KERNEL_MAX);
    if (t->net->n_layers == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        pare_layer *const more = pare_xalloc(t->capacity, sizeof *more);
        if (t->net->n_layers) memcpy(more, t->layers, t->net->n_layers * sizeof *more);
        free(t->layers);
        t->layers = more;
    }
    t->layers[t->net->n_layers++] = l;
    return PARE_OK;
}

static pare_status read_topology(topology *t, const char *text, size_t n)
{
    bool has_header = false;
    for (const char *at = text, *const end = text + n; at < end;) {
        const char *const newline = memchr(at, '\n', (size_t)(end - at));
        const char *const stop = newline ? newline : end;
        t->line++;
        PARE_TRY(cut_line(t, at, (size_t)(stop - at)));
        at = newline ? newline + 1 : end;
        if (t->n_fields == 0) continue;
        PARE_TRY(has_header ? read_layer(t) : check_header(t));
        has_header = true;
    }
    pare_net *const net = t->net;
    if (net->n_layers == 0)
        return pare_err_set(t->e, PARE_EINPUT, t->file, (pare_pos){1, 1},
                            "no layer; a SCALE-Sim topology with at least one expected");
    net->layers = pare_arena_alloc(net->arena, net->n_layers, sizeof *net->layers);
    memcpy(net->layers, t->layers, net->n_layers * sizeof *net->layers);
    if (!pare_net_sum(net))
        return pare_err_set(t->e, PARE_EINPUT, t->file, (pare_pos){0, 0},
                            "more than 2^53 parameters or MACs; fewer expected");
    return PARE_OK;
}

/* the file's name without folder and suffix, in the characters of a network's name */
static const char *net_name(const char *file, pare_arena *a)
{
    const char *const slash = strrchr(file, '/');
    const char *const base = slash ? slash + 1 : file;
    char *const name = pare_arena_strndup(a, base, strcspn(base, "."));
    for (char *c = name; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-", *c))
            *c = '_';
    return *name ? name : "topology";
}

pare_status pare_net_parse_scalesim(const char *name, const char *text, size_t n, pare_net **out,
                                    pare_err *e)
{
    pare_arena *const arena = pare_arena_new();
    pare_net *const net = pare_arena_alloc(arena, 1, sizeof *net);
    topology *const t = pare_arena_alloc(arena, 1, sizeof *t);
    *out = NULL;
    net->arena = arena;
    net->file = pare_arena_strdup(arena, name);
    net->name = net_name(name, arena);
    net->hash = pare_hash_bytes(PARE_HASH_SEED, text, n);
    t->file = name;
    t->net = net;
    t->e = e;
    const pare_status status = read_topology(t, text, n);
    free(t->layers);
    if (status == PARE_OK)
        *out = net;
    else
        pare_net_free(net);
    return status;
}

pare_status pare_net_load_scalesim(const char *path, pare_net **out, pare_err *e)
{
    char *text;
    size_t n;
    *out = NULL;
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_net_parse_scalesim(path, text, n, out, e);
    free(text);
    return status;
}

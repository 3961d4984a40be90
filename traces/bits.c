/* Bitlengths per layer: reading, checking against a network, uniform ones, writing. */
#include "traces/bits_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CSV_MAX_BYTES = 64 << 20 };

/* ---- the keys of a *.bits.yaml ---- */

static const pare_key layer_keys[] = {
    {.name = "layer",
     .type = PARE_KEY_NAME,
     .offset = offsetof(pare_layer_bits, layer),
     .doc = "A conv2d, fc or matmul layer of the network."},
    {.name = "weight_bits",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_layer_bits, weight_bits),
     .min = 1,
     .max = PARE_BITS_MAX,
     .doc = "Bits of a weight (of the second operand of a matmul)."},
    {.name = "act_bits",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_layer_bits, act_bits),
     .min = 1,
     .max = PARE_BITS_MAX,
     .doc = "Bits of an input activation."},
    {.name = "weight_n",
     .type = PARE_KEY_REAL,
     .offset = offsetof(pare_layer_bits, weight_n),
     .min = 0,
     .max = PARE_BITS_MAX,
     .def = "0",
     .doc = "The real bitlength that training learned for the weights; 0: none."},
    {.name = "act_n",
     .type = PARE_KEY_REAL,
     .offset = offsetof(pare_layer_bits, act_n),
     .min = 0,
     .max = PARE_BITS_MAX,
     .def = "0",
     .doc = "The real bitlength that training learned for the activations; 0: none."},
    {.name = "weight_signed",
     .type = PARE_KEY_BOOL,
     .offset = offsetof(pare_layer_bits, weight_signed),
     .def = "false",
     .doc = "Whether weight codes are two's complement, not unsigned affine."},
    {.name = "act_signed",
     .type = PARE_KEY_BOOL,
     .offset = offsetof(pare_layer_bits, act_signed),
     .def = "false",
     .doc = "Whether activation codes are two's complement, not unsigned affine."},
    {.name = "weight_tensors",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_layer_bits, weight_tensors),
     .min = 0,
     .max = 4,
     .def = "0",
     .doc = "Weight tensors of these bits that are added up, each stored and multiplied; 0: one."},
    {.name = "weight_stored_bits",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_layer_bits, weight_stored_bits),
     .min = 0,
     .max = PARE_BITS_MAX,
     .def = "0",
     .doc = "Bits of a weight in memory if they are not those of its code, as with powers of two; "
            "0: they are."},
    {.name = "weight_scales",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_layer_bits, weight_scales),
     .min = 0,
     .max = 65536,
     .def = "0",
     .doc = "Partial sums of one output that are multiplied with a scale of their own, as with one "
            "scale for each kernel position; 0: none."},
};

static const pare_schema layer_schema = {
    .name = "bits.layers",
    .doc = "Bitlengths of one layer.",
    .keys = layer_keys,
    .n_keys = sizeof layer_keys / sizeof *layer_keys,
    .size = sizeof(pare_layer_bits),
    .pos_offset = offsetof(pare_layer_bits, pos),
    .given_offset = offsetof(pare_layer_bits, given),
};

static const pare_key bits_keys[] = {
    {.name = "version",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_bits_spec, version),
     .min = 1,
     .max = 1,
     .doc = "Version of this format."},
    {.name = "network",
     .type = PARE_KEY_STR,
     .offset = offsetof(pare_bits_spec, network),
     .def = "",
     .doc = "The network that they are for."},
    {.name = "method",
     .type = PARE_KEY_STR,
     .offset = offsetof(pare_bits_spec, method),
     .def = "",
     .doc = "How they were obtained."},
    {.name = "layers",
     .type = PARE_KEY_MAPS,
     .offset = offsetof(pare_bits_spec, layers),
     .sub = &layer_schema,
     .doc = "Every conv2d, fc and matmul layer once, in any order."},
};

const pare_schema pare_bits_schema = {
    .name = "bits",
    .doc = "Bitlengths per layer (`*.bits.yaml`).",
    .keys = bits_keys,
    .n_keys = sizeof bits_keys / sizeof *bits_keys,
    .size = sizeof(pare_bits_spec),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

/* ---- checks ---- */

typedef struct entry {
    const char *layer;
    size_t index;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *const x = a, *const y = b;
    const int order = strcmp(x->layer, y->layer);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* what the YAML form demands of a name, of the other forms as well, so that all convert */
static pare_status check_names(const pare_bits *b, const char *file, pare_err *e)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_./+-";
    for (size_t i = 0; i < b->n_layers; i++) {
        const char *const name = b->layers[i].layer;
        if (*name && strspn(name, allowed) == strlen(name)) continue;
        return pare_err_set(e, PARE_EINPUT, file, b->layers[i].pos,
                            "layer '%.40s'; a name of letters, digits and _ . / + - expected",
                            name);
    }
    return PARE_OK;
}

static pare_status check_duplicates(const pare_bits *b, const char *file, pare_err *e)
{
    entry *const entries = pare_xalloc(b->n_layers ? b->n_layers : 1, sizeof *entries);
    pare_status status = PARE_OK;
    for (size_t i = 0; i < b->n_layers; i++) entries[i] = (entry){b->layers[i].layer, i};
    qsort(entries, b->n_layers, sizeof *entries, compare_entries);
    for (size_t i = 1; i < b->n_layers && status == PARE_OK; i++)
        if (!strcmp(entries[i - 1].layer, entries[i].layer))
            status = pare_err_set(e, PARE_EINPUT, file, b->layers[entries[i].index].pos,
                                  "layer '%s' is also on line %u; each layer once expected",
                                  entries[i].layer, b->layers[entries[i - 1].index].pos.line);
    free(entries);
    return status;
}

static pare_status unknown_layer(const pare_layer_bits *l, const pare_net *net, const char *file,
                                 pare_err *e)
{
    const char *near = "";
    size_t near_distance = SIZE_MAX;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const size_t distance = pare_text_distance(l->layer, net->layers[i].name);
        if (!pare_layer_is_mac(&net->layers[i]) || distance >= near_distance) continue;
        near_distance = distance;
        near = net->layers[i].name;
    }
    const int64_t found = pare_net_find(net, l->layer);
    if (found >= 0)
        return pare_err_set(e, PARE_EINPUT, file, l->pos,
                            "layer '%s' of %s is %s, which has no bits; conv2d, fc or matmul "
                            "expected",
                            l->layer, net->name, pare_op_name(net->layers[found].op));
    return pare_err_set(e, PARE_EINPUT, file, l->pos, "network %s has no layer '%s'; '%s' expected",
                        net->name, l->layer, near);
}

/* Put the entries in the order of the network's MAC layers. */
static pare_status match(pare_bits *b, const pare_net *net, const char *file, pare_err *e)
{
    pare_layer_bits *const ordered = pare_arena_alloc(b->arena, net->n_mac_layers, sizeof *ordered);
    entry *const entries = pare_xalloc(net->n_mac_layers, sizeof *entries);
    const pare_pos last = b->layers[b->n_layers - 1].pos;
    pare_status status = PARE_OK;
    size_t n = 0;
    for (uint32_t i = 0; i < net->n_layers; i++)
        if (pare_layer_is_mac(&net->layers[i])) {
            entries[n] = (entry){net->layers[i].name, n};
            n++;
        }
    qsort(entries, n, sizeof *entries, compare_entries);
    for (size_t i = 0; i < b->n_layers && status == PARE_OK; i++) {
        size_t low = 0, high = n;
        while (low < high) {
            const size_t middle = low + (high - low) / 2;
            if (strcmp(entries[middle].layer, b->layers[i].layer) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < n && !strcmp(entries[low].layer, b->layers[i].layer))
            ordered[entries[low].index] = b->layers[i];
        else
            status = unknown_layer(&b->layers[i], net, file, e);
    }
    for (uint32_t i = 0, at = 0; i < net->n_layers && status == PARE_OK; i++) {
        if (!pare_layer_is_mac(&net->layers[i]) || ordered[at++].layer) continue;
        status = pare_err_set(e, PARE_EINPUT, file, last,
                              "no bits for layer '%s' of network %s; all %u conv2d, fc and matmul "
                              "layers expected",
                              net->layers[i].name, net->name, net->n_mac_layers);
    }
    free(entries);
    b->layers = ordered;
    b->n_layers = net->n_mac_layers;
    return status;
}

/* ---- reading ---- */

static bool has_suffix(const char *name, const char *suffix)
{
    const size_t n = strlen(name), k = strlen(suffix);
    return n >= k && !strcmp(name + n - k, suffix);
}

static pare_status parse_csv(const char *name, const char *text, size_t n, pare_bits *b,
                             pare_err *e)
{
    pare_csv *c;
    PARE_TRY(pare_csv_parse(name, text, n, &c, e));
    const pare_status status = pare_bits_from_csv(c, b, e);
    pare_csv_free(c);
    return status;
}

static pare_status parse_yaml(const char *name, const char *text, size_t n, pare_bits *b,
                              pare_err *e)
{
    pare_yaml *y;
    pare_status status;
    pare_bits_spec spec;
    PARE_TRY(pare_yaml_parse(name, text, n, &y, e));
    if (has_suffix(name, ".json")) {
        status = pare_bits_from_json(y, b, e);
    } else {
        status = pare_yaml_read(y, &pare_bits_schema, b->arena, &spec, e);
        if (status == PARE_OK) {
            b->network = spec.network;
            b->method = spec.method;
            b->layers = spec.layers.v;
            b->n_layers = spec.layers.n;
        }
    }
    pare_yaml_free(y);
    return status;
}

static pare_bits *new_bits(void)
{
    pare_arena *const arena = pare_arena_new();
    pare_bits *const b = pare_arena_alloc(arena, 1, sizeof *b);
    b->arena = arena;
    b->network = b->method = "";
    return b;
}

pare_status pare_bits_parse(const char *name, const char *text, size_t n, const pare_net *net,
                            pare_bits **out, pare_err *e)
{
    pare_bits *const b = new_bits();
    b->file = pare_arena_strdup(b->arena, name);
    pare_status status;
    *out = NULL;
    b->hash = pare_hash_bytes(PARE_HASH_SEED, text, n);
    if (has_suffix(name, ".csv"))
        PARE_TRY_DONE(parse_csv(name, text, n, b, e));
    else
        PARE_TRY_DONE(parse_yaml(name, text, n, b, e));
    if (b->n_layers == 0)
        PARE_TRY_DONE(pare_err_set(e, PARE_EINPUT, name, (pare_pos){1, 1},
                                   "no layer; the bits of at least one expected"));
    PARE_TRY_DONE(check_names(b, name, e));
    PARE_TRY_DONE(check_duplicates(b, name, e));
    if (net) {
        PARE_TRY_DONE(match(b, net, name, e));
        if (!b->network[0]) b->network = pare_arena_strdup(b->arena, net->name);
    }
    *out = b;
    return PARE_OK;
done:
    pare_bits_free(b);
    return status;
}

pare_status pare_bits_load(const char *path, const pare_net *net, pare_bits **out, pare_err *e)
{
    char *text;
    size_t n;
    *out = NULL;
    PARE_TRY(pare_file_read(path, CSV_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_bits_parse(path, text, n, net, out, e);
    free(text);
    return status;
}

/* 1..16 without a leading zero, or 0; *end is what follows the digits */
static uint32_t take_bits(const char *text, const char **end)
{
    uint32_t bits = 0;
    *end = text;
    if (*text == '0') return 0;
    for (; **end >= '0' && **end <= '9' && *end < text + 2; ++*end)
        bits = 10 * bits + (uint32_t)(**end - '0');
    return bits <= PARE_BITS_MAX ? bits : 0;
}

/* "8" or "w4a6" */
static bool parse_uniform(const char *spec, uint32_t *weight_bits, uint32_t *act_bits)
{
    const char *end;
    if (*spec != 'w') {
        *weight_bits = *act_bits = take_bits(spec, &end);
        return *weight_bits && !*end;
    }
    *weight_bits = take_bits(spec + 1, &end);
    if (!*weight_bits || *end != 'a') return false;
    *act_bits = take_bits(end + 1, &end);
    return *act_bits && !*end;
}

pare_status pare_bits_uniform(const char *spec, const pare_net *net, pare_bits **out, pare_err *e)
{
    uint32_t weight_bits, act_bits;
    *out = NULL;
    if (!parse_uniform(spec, &weight_bits, &act_bits))
        return pare_err_set(
            e, PARE_EINPUT, NULL, (pare_pos){0, 0},
            "bits '%s' are no file and no uniform bitlength; a bits file, 8 or w4a6 "
            "(each 1 to %d) expected",
            spec, PARE_BITS_MAX);
    pare_bits *const b = new_bits();
    b->network = pare_arena_strdup(b->arena, net->name);
    b->method = pare_arena_printf(b->arena, "uniform %s", spec);
    b->hash = pare_hash_bytes(PARE_HASH_SEED, spec, strlen(spec));
    b->layers = pare_arena_alloc(b->arena, net->n_mac_layers, sizeof *b->layers);
    for (uint32_t i = 0; i < net->n_layers; i++)
        if (pare_layer_is_mac(&net->layers[i]))
            b->layers[b->n_layers++] =
                (pare_layer_bits){.layer = pare_arena_strdup(b->arena, net->layers[i].name),
                                  .weight_bits = weight_bits,
                                  .act_bits = act_bits};
    *out = b;
    return PARE_OK;
}

pare_status pare_bits_get(const char *spec_or_path, const pare_net *net, pare_bits **out,
                          pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("bits", spec_or_path, &path);
    const bool is_file = access(path.text, F_OK) == 0;
    const pare_status status = is_file ? pare_bits_load(path.text, net, out, e)
                                       : pare_bits_uniform(spec_or_path, net, out, e);
    pare_buf_free(&path);
    return status;
}

void pare_bits_free(pare_bits *b)
{
    if (b) pare_arena_free(b->arena);
}

void pare_bits_write(const pare_bits *b, pare_buf *out)
{
    const pare_bits_spec spec = {.version = 1,
                                 .network = b->network,
                                 .method = b->method,
                                 .layers = {.v = b->layers, .n = b->n_layers}};
    pare_schema_write(&pare_bits_schema, &spec, out);
}

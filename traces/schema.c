/* The table of a file kind at work: values are checked, converted and stored by it, and every
 * message comes from it. */
#include "traces/yaml_tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 256, EXPECTED_MAX = 256, TEXT_SHOWN = 40 };

typedef struct reader {
    pare_arena *arena;
    pare_err *e;
    char path[PATH_MAX_BYTES]; /* of the value being read: "layers[3].kernel" */
} reader;

static const char *path_or_name(const reader *r, const pare_schema *s)
{
    return r->path[0] ? r->path : s->name;
}

static void describe_number(const pare_key *k, const char *article, char out[EXPECTED_MAX])
{
    if (isinf(k->max))
        snprintf(out, EXPECTED_MAX, "%s of at least %.15g", article, k->min);
    else if (k->min == k->max)
        snprintf(out, EXPECTED_MAX, "%.15g", k->min);
    else
        snprintf(out, EXPECTED_MAX, "%s from %.15g to %.15g", article, k->min, k->max);
}

static void describe_choices(const pare_key *k, char out[EXPECTED_MAX])
{
    size_t n = (size_t)snprintf(out, EXPECTED_MAX, "one of ");
    for (size_t i = 0; k->choices[i] && n < EXPECTED_MAX; i++)
        n += (size_t)snprintf(out + n, EXPECTED_MAX - n, "%s%s", i ? ", " : "", k->choices[i]);
}

/* what a key takes, in words: the second half of every message about it */
static void describe(const pare_key *k, char out[EXPECTED_MAX])
{
    switch (k->type) {
    case PARE_KEY_U32:
    case PARE_KEY_U64: describe_number(k, "an integer", out); break;
    case PARE_KEY_REAL: describe_number(k, "a number", out); break;
    case PARE_KEY_BOOL: snprintf(out, EXPECTED_MAX, "true or false"); break;
    case PARE_KEY_STR: snprintf(out, EXPECTED_MAX, "a text"); break;
    case PARE_KEY_NAME:
        snprintf(out, EXPECTED_MAX, "a name of letters, digits and _ . / + -");
        break;
    case PARE_KEY_ENUM: describe_choices(k, out); break;
    case PARE_KEY_PAIR:
        describe_number(k, "an integer", out);
        strncat(out, " or a list of two", EXPECTED_MAX - strlen(out) - 1);
        break;
    case PARE_KEY_NAMES: snprintf(out, EXPECTED_MAX, "a name or a list of names"); break;
    case PARE_KEY_MAP: snprintf(out, EXPECTED_MAX, "a mapping"); break;
    case PARE_KEY_MAPS: snprintf(out, EXPECTED_MAX, "a list of mappings"); break;
    case PARE_KEY_ANY: snprintf(out, EXPECTED_MAX, "any value"); break;
    }
}

static pare_status wrong_value(reader *r, const pare_key *k, const pare_node *node)
{
    char expected[EXPECTED_MAX];
    describe(k, expected);
    if (node->kind != PARE_NODE_SCALAR)
        return pare_err_set(r->e, PARE_EINPUT, node->file, node->pos, "%s is a %s; %s expected",
                            r->path, node->kind == PARE_NODE_LIST ? "list" : "mapping", expected);
    return pare_err_set(r->e, PARE_EINPUT, node->file, node->pos, "%s is '%.*s'; %s expected",
                        r->path, TEXT_SHOWN, node->text, expected);
}

/* ---- scalars ---- */

/* plain decimal digits, so that no octal or sexagesimal surprise is possible */
static bool to_integer(const char *text, uint64_t *out)
{
    if (!*text || strspn(text, "0123456789") != strlen(text)) return false;
    if (text[0] == '0' && text[1]) return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

static bool to_real(const char *text, double *out)
{
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text)) return false;
    char *end;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

static bool is_name(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_./+-";
    return *text && strspn(text, allowed) == strlen(text);
}

static bool in_range(const pare_key *k, double x) { return x >= k->min && x <= k->max; }

static bool store_choice(const pare_key *k, const char *text, void *out)
{
    for (int i = 0; k->choices[i]; i++) {
        if (strcmp(text, k->choices[i])) continue;
        *(int *)out = i;
        return true;
    }
    return false;
}

static bool store_scalar(reader *r, const pare_key *k, const pare_node *node, void *out)
{
    const char *const text = node->text;
    uint64_t u;
    double x;
    if (k->type == PARE_KEY_STR || k->type == PARE_KEY_NAME) {
        if (k->type == PARE_KEY_NAME && !is_name(text)) return false;
        *(const char **)out = pare_arena_strdup(r->arena, text);
        return true;
    }
    if (node->is_quoted) return false;
    switch (k->type) {
    case PARE_KEY_U32:
        if (!to_integer(text, &u) || u > UINT32_MAX || !in_range(k, (double)u)) return false;
        *(uint32_t *)out = (uint32_t)u;
        return true;
    case PARE_KEY_U64:
        if (!to_integer(text, &u) || !in_range(k, (double)u)) return false;
        *(uint64_t *)out = u;
        return true;
    case PARE_KEY_REAL:
        if (!to_real(text, &x) || !in_range(k, x)) return false;
        *(double *)out = x;
        return true;
    case PARE_KEY_BOOL:
        *(bool *)out = !strcmp(text, "true");
        return *(bool *)out || !strcmp(text, "false");
    case PARE_KEY_ENUM: return store_choice(k, text, out);
    default: return false;
    }
}

static pare_status wrong_choice(reader *r, const pare_key *k, const pare_node *node)
{
    const char *near = NULL;
    size_t near_distance = node->kind == PARE_NODE_SCALAR ? strlen(node->text) / 2 + 1 : 0;
    for (size_t i = 0; k->choices[i] && node->kind == PARE_NODE_SCALAR; i++) {
        const size_t d = pare_text_distance(node->text, k->choices[i]);
        if (d >= near_distance) continue;
        near_distance = d;
        near = k->choices[i];
    }
    if (!near) return wrong_value(r, k, node);
    return pare_err_set(r->e, PARE_EINPUT, node->file, node->pos, "%s is '%.*s'; '%s' expected",
                        r->path, TEXT_SHOWN, node->text, near);
}

/* ---- lists ---- */

static pare_status read_pair(reader *r, const pare_key *k, const pare_node *node, uint32_t out[2])
{
    const pare_key one = {.type = PARE_KEY_U32, .min = k->min, .max = k->max};
    if (node->kind == PARE_NODE_SCALAR && store_scalar(r, &one, node, &out[0])) {
        out[1] = out[0];
        return PARE_OK;
    }
    if (node->kind != PARE_NODE_LIST || node->n != 2) return wrong_value(r, k, node);
    for (size_t i = 0; i < 2; i++)
        if (node->items[i]->kind != PARE_NODE_SCALAR ||
            !store_scalar(r, &one, node->items[i], &out[i]))
            return wrong_value(r, k, node->items[i]);
    return PARE_OK;
}

static pare_status read_names(reader *r, const pare_key *k, const pare_node *node, pare_strs *out)
{
    const pare_key one = {.type = PARE_KEY_NAME};
    const bool is_list = node->kind == PARE_NODE_LIST;
    out->n = is_list ? node->n : 1;
    out->v = pare_arena_alloc(r->arena, out->n, sizeof *out->v);
    for (size_t i = 0; i < out->n; i++) {
        const pare_node *const item = is_list ? node->items[i] : node;
        if (item->kind != PARE_NODE_SCALAR || !store_scalar(r, &one, item, &out->v[i]))
            return wrong_value(r, k, item);
    }
    return PARE_OK;
}

static pare_status read_map(reader *r, const pare_schema *s, const pare_node *node, void *out);

static pare_status read_maps(reader *r, const pare_key *k, const pare_node *node, pare_maps *out)
{
    if (node->kind != PARE_NODE_LIST) return wrong_value(r, k, node);
    const size_t length = strlen(r->path);
    out->n = node->n;
    out->v = pare_arena_alloc(r->arena, node->n, k->sub->size);
    for (size_t i = 0; i < node->n; i++) {
        snprintf(r->path + length, sizeof r->path - length, "[%zu]", i);
        PARE_TRY(read_map(r, k->sub, node->items[i], (char *)out->v + i * k->sub->size));
    }
    r->path[length] = 0;
    return PARE_OK;
}

/* ---- mappings ---- */

static pare_status read_value(reader *r, const pare_key *k, const pare_node *node, void *out)
{
    switch (k->type) {
    case PARE_KEY_PAIR: return read_pair(r, k, node, out);
    case PARE_KEY_NAMES: return read_names(r, k, node, out);
    case PARE_KEY_MAP:
        if (node->kind != PARE_NODE_MAP) return wrong_value(r, k, node);
        return read_map(r, k->sub, node, out);
    case PARE_KEY_MAPS: return read_maps(r, k, node, out);
    case PARE_KEY_ANY: return PARE_OK;
    default:
        if (node->kind == PARE_NODE_SCALAR && store_scalar(r, k, node, out)) return PARE_OK;
        return k->type == PARE_KEY_ENUM ? wrong_choice(r, k, node) : wrong_value(r, k, node);
    }
}

/* a default is the same text that a file would hold; "" leaves strings, names and lists empty */
static pare_status read_default(reader *r, const pare_schema *s, const pare_key *k,
                                const pare_node *map, void *out)
{
    if (!k->def) {
        char expected[EXPECTED_MAX];
        describe(k, expected);
        return pare_err_set(r->e, PARE_EINPUT, map->file, map->pos, "%s lacks '%s'; %s expected",
                            path_or_name(r, s), k->name, expected);
    }
    if (k->type == PARE_KEY_MAP) {
        const pare_node empty = {.kind = PARE_NODE_MAP, .file = map->file, .pos = map->pos};
        return read_map(r, k->sub, &empty, out);
    }
    if (!k->def[0]) {
        if (k->type == PARE_KEY_STR || k->type == PARE_KEY_NAME) *(const char **)out = "";
        return PARE_OK;
    }
    const pare_node node = {
        .kind = PARE_NODE_SCALAR, .file = map->file, .pos = map->pos, .text = k->def};
    const pare_key unlimited = {
        .type = k->type, .min = -INFINITY, .max = INFINITY, .choices = k->choices};
    return read_value(r, &unlimited, &node, out);
}

static pare_status unknown_key(reader *r, const pare_schema *s, const pare_node *map, size_t i)
{
    const char *const key = map->keys[i];
    const char *near = NULL;
    size_t near_distance = strlen(key) / 2 + 1;
    pare_buf all = {0};
    for (size_t j = 0; j < s->n_keys; j++) {
        const size_t d = pare_text_distance(key, s->keys[j].name);
        pare_buf_printf(&all, "%s%s", j ? ", " : "one of ", s->keys[j].name);
        if (d >= near_distance) continue;
        near_distance = d;
        near = s->keys[j].name;
    }
    if (near) {
        all.n = 0;
        pare_buf_printf(&all, "'%s'", near);
    }
    const char *const file = map->items[i]->file; /* a --set override brings its own */
    const pare_status status = pare_err_set(r->e, PARE_EINPUT, file, map->key_pos[i],
                                            "unknown key '%.*s' in %s; %s expected", TEXT_SHOWN,
                                            key, path_or_name(r, s), all.text ? all.text : "none");
    pare_buf_free(&all);
    return status;
}

static int64_t find_key(const pare_schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (!strcmp(s->keys[i].name, name)) return (int64_t)i;
    return -1;
}

static pare_status read_map(reader *r, const pare_schema *s, const pare_node *node, void *out)
{
    const pare_key as_map = {.type = PARE_KEY_MAP};
    if (node->kind != PARE_NODE_MAP) return wrong_value(r, &as_map, node);
    if (s->pos_offset != PARE_NO_OFFSET)
        *(pare_pos *)(void *)((char *)out + s->pos_offset) = node->pos;
    for (size_t i = 0; i < node->n; i++)
        if (find_key(s, node->keys[i]) < 0) return unknown_key(r, s, node, i);
    const size_t length = strlen(r->path);
    uint64_t given = 0;
    for (size_t i = 0; i < s->n_keys; i++) {
        const pare_key *const k = &s->keys[i];
        void *const member = (char *)out + k->offset;
        const int64_t at = pare_node_find(node, k->name);
        if (at < 0 && !k->def) PARE_TRY(read_default(r, s, k, node, member));
        snprintf(r->path + length, sizeof r->path - length, "%s%s", length ? "." : "", k->name);
        if (at < 0)
            PARE_TRY(read_default(r, s, k, node, member));
        else
            PARE_TRY(read_value(r, k, node->items[at], member));
        r->path[length] = 0;
        if (at >= 0) given |= (uint64_t)1 << i;
    }
    if (s->given_offset != PARE_NO_OFFSET)
        *(uint64_t *)(void *)((char *)out + s->given_offset) = given;
    return PARE_OK;
}

pare_status pare_yaml_read(const pare_yaml *y, const pare_schema *schema, pare_arena *a, void *out,
                           pare_err *e)
{
    reader r = {.arena = a, .e = e};
    memset(out, 0, schema->size);
    if (y->root->kind != PARE_NODE_MAP)
        return pare_err_set(e, PARE_EINPUT, y->root->file, y->root->pos,
                            "%s is not a mapping; keys and values expected", schema->name);
    return read_map(&r, schema, y->root, out);
}

pare_status pare_node_read(const pare_node *node, const char *path, const pare_schema *schema,
                           pare_arena *a, void *out, pare_err *e)
{
    reader r = {.arena = a, .e = e};
    memset(out, 0, schema->size);
    snprintf(r.path, sizeof r.path, "%s", path);
    return read_map(&r, schema, node, out);
}

/* ---- the reference page ---- */

void pare_schema_doc(const pare_schema *schema, pare_buf *out)
{
    pare_buf_printf(out, "### %s\n\n%s\n\n", schema->name, schema->doc);
    pare_buf_puts(out, "| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < schema->n_keys; i++) {
        const pare_key *const k = &schema->keys[i];
        char expected[EXPECTED_MAX];
        describe(k, expected);
        pare_buf_printf(out, "| `%s` | %s", k->name, expected);
        if (!k->def)
            pare_buf_puts(out, " | required");
        else if (!k->def[0])
            pare_buf_puts(out, " | -");
        else
            pare_buf_printf(out, " | `%s`", k->def);
        pare_buf_printf(out, " | %s |\n", k->doc);
    }
    pare_buf_puts(out, "\n");
    for (size_t i = 0; i < schema->n_keys; i++)
        if (schema->keys[i].sub) pare_schema_doc(schema->keys[i].sub, out);
}

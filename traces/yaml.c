/* libyaml events to a small tree that keeps places. What YAML allows and a configuration never
 * needs (aliases, tags, several documents, duplicate keys) is refused here, once. */
#include "traces/yaml_tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, NODES_MAX = 1000000, KEYS_MAX = 4096 };
enum { FILE_MAX_BYTES = 16 << 20, TEXT_SHOWN = 40 };

typedef struct builder {
    yaml_parser_t parser;
    pare_yaml *y;
    const char *file;
    const char *text;
    size_t n_text;
    uint32_t column_shift; /* of a --set value: the length of "key=" */
    size_t n_nodes;
    pare_err *e;
} builder;

static pare_pos place(const builder *b, yaml_mark_t mark)
{
    return (pare_pos){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1 + b->column_shift};
}

/* libyaml gives an offset only when it cannot decode the bytes */
static pare_pos place_of_offset(const builder *b, size_t offset)
{
    pare_pos pos = {1, 1};
    for (size_t i = 0; i < offset && i < b->n_text; i++) {
        if (b->text[i] == '\n')
            pos = (pare_pos){pos.line + 1, 1};
        else
            pos.column++;
    }
    return pos;
}

static pare_status parser_failed(const builder *b)
{
    const yaml_parser_t *const p = &b->parser;
    const char *const problem = p->problem ? p->problem : "out of memory";
    const pare_pos pos = p->error == YAML_READER_ERROR ? place_of_offset(b, p->problem_offset)
                                                       : place(b, p->problem_mark);
    if (p->error == YAML_READER_ERROR)
        return pare_err_set(b->e, PARE_EINPUT, b->file, pos, "%s; UTF-8 text expected", problem);
    return pare_err_set(b->e, PARE_EINPUT, b->file, pos, "%s; well-formed YAML expected", problem);
}

static pare_status next_event(builder *b, yaml_event_t *event)
{
    if (yaml_parser_parse(&b->parser, event)) return PARE_OK;
    return parser_failed(b);
}

static pare_node *new_node(builder *b, pare_node_kind kind, yaml_mark_t mark)
{
    pare_node *const node = pare_arena_alloc(b->y->arena, 1, sizeof *node);
    node->kind = kind;
    node->file = b->file;
    node->pos = place(b, mark);
    return node;
}

/* append to a list, or to a map when key is not NULL */
static void append(pare_arena *a, pare_node *into, pare_node *item, const char *key, pare_pos pos)
{
    if (into->n == into->capacity) {
        const size_t capacity = into->capacity ? 2 * into->capacity : 8;
        pare_node **const items = pare_arena_alloc(a, capacity, sizeof *items);
        const char **const keys = pare_arena_alloc(a, capacity, sizeof *keys);
        pare_pos *const key_pos = pare_arena_alloc(a, capacity, sizeof *key_pos);
        if (into->n) {
            memcpy(items, into->items, into->n * sizeof *items);
            memcpy(keys, into->keys, into->n * sizeof *keys);
            memcpy(key_pos, into->key_pos, into->n * sizeof *key_pos);
        }
        into->items = items;
        into->keys = keys;
        into->key_pos = key_pos;
        into->capacity = capacity;
    }
    into->items[into->n] = item;
    into->keys[into->n] = key;
    into->key_pos[into->n++] = pos;
}

int64_t pare_node_find(const pare_node *map, const char *key)
{
    for (size_t i = 0; map->kind == PARE_NODE_MAP && i < map->n; i++)
        if (!strcmp(map->keys[i], key)) return (int64_t)i;
    return -1;
}

static pare_status build(builder *b, yaml_event_t *event, int depth, pare_node **out);

static pare_status build_list(builder *b, pare_node *list, int depth)
{
    for (;;) {
        yaml_event_t event;
        PARE_TRY(next_event(b, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return PARE_OK;
        }
        pare_node *item;
        PARE_TRY(build(b, &event, depth + 1, &item));
        append(b->y->arena, list, item, NULL, item->pos);
    }
}

static pare_status build_map(builder *b, pare_node *map, int depth)
{
    for (;;) {
        yaml_event_t event;
        PARE_TRY(next_event(b, &event));
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return PARE_OK;
        }
        pare_node *key, *value;
        PARE_TRY(build(b, &event, depth + 1, &key));
        if (key->kind != PARE_NODE_SCALAR)
            return pare_err_set(b->e, PARE_EINPUT, b->file, key->pos,
                                "a list or mapping as a key; a name expected");
        const int64_t before = pare_node_find(map, key->text);
        if (before >= 0)
            return pare_err_set(b->e, PARE_EINPUT, b->file, key->pos,
                                "duplicate key '%.*s' (first on line %u); each key once expected",
                                TEXT_SHOWN, key->text, map->key_pos[before].line);
        if (map->n == KEYS_MAX) /* finding duplicates is quadratic */
            return pare_err_set(b->e, PARE_EINPUT, b->file, key->pos,
                                "more than %d keys in a mapping; fewer expected", KEYS_MAX);
        PARE_TRY(next_event(b, &event));
        PARE_TRY(build(b, &event, depth + 1, &value));
        append(b->y->arena, map, value, key->text, key->pos);
    }
}

static const char *refused(const yaml_event_t *event)
{
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT: return "an alias; the value written out expected";
    case YAML_SCALAR_EVENT: tag = event->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT: tag = event->data.sequence_start.tag; break;
    case YAML_MAPPING_START_EVENT: tag = event->data.mapping_start.tag; break;
    default: break;
    }
    return tag ? "a tag; a plain value expected" : NULL;
}

/* consumes *event */
static pare_status build(builder *b, yaml_event_t *event, int depth, pare_node **out)
{
    const yaml_mark_t mark = event->start_mark;
    const yaml_event_type_t type = event->type;
    const char *why = refused(event);
    if (depth > DEPTH_MAX) why = "nesting deeper than 16; a flatter file expected";
    if (++b->n_nodes > NODES_MAX) why = "more than 1000000 values; a smaller file expected";
    if (!why && type == YAML_SCALAR_EVENT) {
        *out = new_node(b, PARE_NODE_SCALAR, mark);
        (*out)->text = pare_arena_strndup(b->y->arena, (const char *)event->data.scalar.value,
                                          event->data.scalar.length);
        (*out)->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        if (strlen((*out)->text) != event->data.scalar.length)
            why = "a NUL character in a value; text expected";
    }
    yaml_event_delete(event);
    if (why) return pare_err_set(b->e, PARE_EINPUT, b->file, place(b, mark), "%s", why);
    if (type == YAML_SCALAR_EVENT) return PARE_OK;
    if (type == YAML_SEQUENCE_START_EVENT) {
        *out = new_node(b, PARE_NODE_LIST, mark);
        return build_list(b, *out, depth);
    }
    *out = new_node(b, PARE_NODE_MAP, mark);
    return build_map(b, *out, depth);
}

/* stream start, document start, one value, document end, stream end */
static pare_status build_document(builder *b, pare_node **out)
{
    yaml_event_t event;
    *out = NULL;
    for (;;) {
        PARE_TRY(next_event(b, &event));
        const yaml_event_type_t type = event.type;
        const yaml_mark_t mark = event.start_mark;
        if (type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            if (*out) return PARE_OK;
            return pare_err_set(b->e, PARE_EINPUT, b->file, (pare_pos){1, 1},
                                "the file is empty; a mapping expected");
        }
        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT ||
            (type == YAML_DOCUMENT_START_EVENT && !*out)) {
            yaml_event_delete(&event);
        } else if (type == YAML_DOCUMENT_START_EVENT) {
            yaml_event_delete(&event);
            return pare_err_set(b->e, PARE_EINPUT, b->file, place(b, mark),
                                "a second document; one per file expected");
        } else {
            PARE_TRY(build(b, &event, 1, out));
        }
    }
}

static pare_status parse_into(pare_yaml *y, const char *file, const char *text, size_t n,
                              uint32_t column_shift, pare_node **out, pare_err *e)
{
    builder b = {
        .y = y, .file = file, .text = text, .n_text = n, .column_shift = column_shift, .e = e};
    if (!yaml_parser_initialize(&b.parser))
        return pare_err_set(e, PARE_EFAIL, file, (pare_pos){0, 0}, "out of memory");
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, n);
    const pare_status status = build_document(&b, out);
    yaml_parser_delete(&b.parser);
    return status;
}

pare_status pare_yaml_parse(const char *name, const char *text, size_t n, pare_yaml **out,
                            pare_err *e)
{
    *out = NULL;
    pare_arena *const arena = pare_arena_new();
    pare_yaml *const y = pare_arena_alloc(arena, 1, sizeof *y);
    y->arena = arena;
    y->name = pare_arena_strdup(arena, name);
    y->hash = pare_hash_bytes(PARE_HASH_SEED, text, n);
    const pare_status status = parse_into(y, y->name, text, n, 0, &y->root, e);
    if (status == PARE_OK)
        *out = y;
    else
        pare_arena_free(arena);
    return status;
}

pare_status pare_yaml_load(const char *path, pare_yaml **out, pare_err *e)
{
    *out = NULL;
    char *text;
    size_t n;
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_yaml_parse(path, text, n, out, e);
    free(text);
    return status;
}

void pare_yaml_free(pare_yaml *y)
{
    if (y) pare_arena_free(y->arena);
}

const char *pare_yaml_name(const pare_yaml *y) { return y->name; }

uint64_t pare_yaml_hash(const pare_yaml *y) { return y->hash; }

/* ---- paths such as array.rows and layers[3].kernel ---- */

/* the next step of a path: a name into *name, or *index; false at a mistake */
static bool next_step(const char **path, pare_arena *a, const char **name, size_t *index)
{
    *name = NULL;
    if (**path == '[') {
        char *end;
        *index = strtoul(*path + 1, &end, 10);
        if (end == *path + 1 || *end != ']') return false;
        *path = end + 1;
    } else {
        const size_t n = strcspn(*path, ".[");
        if (n == 0) return false;
        *name = pare_arena_strndup(a, *path, n);
        *path += n;
    }
    if (**path == '.') ++*path;
    return true;
}

/* the deepest node on the path that exists */
static const pare_node *nearest_node(const pare_yaml *y, const char *path)
{
    const pare_node *node = y->root;
    pare_arena *const scratch = pare_arena_new();
    while (*path) {
        const char *name;
        size_t index;
        if (!next_step(&path, scratch, &name, &index)) break;
        const int64_t i =
            name ? pare_node_find(node, name)
                 : (node->kind == PARE_NODE_LIST && index < node->n ? (int64_t)index : -1);
        if (i < 0) break;
        node = node->items[i];
    }
    pare_arena_free(scratch);
    return node;
}

pare_status pare_yaml_error(const pare_yaml *y, const char *path, pare_err *e, pare_status status,
                            const char *fmt, ...)
{
    const pare_node *const node = nearest_node(y, path);
    char text[PARE_ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return pare_err_set(e, status, node->file, node->pos, "%s", text);
}

/* the map entry of that name, made if it is not there */
static pare_node **entry(pare_yaml *y, pare_node *map, const char *key, pare_node *like)
{
    int64_t i = pare_node_find(map, key);
    if (i < 0) {
        pare_node *const made = pare_arena_alloc(y->arena, 1, sizeof *made);
        made->kind = PARE_NODE_MAP;
        made->file = like->file;
        made->pos = like->pos;
        append(y->arena, map, made, key, like->pos);
        i = (int64_t)map->n - 1;
    }
    return &map->items[i];
}

pare_status pare_yaml_set(pare_yaml *y, const char *assignment, pare_err *e)
{
    const char *const file = pare_arena_printf(y->arena, "--set %s", assignment);
    const char *const equals = strchr(assignment, '=');
    if (!equals || equals == assignment || !equals[1])
        return pare_err_set(e, PARE_EUSAGE, file, (pare_pos){0, 0},
                            "no key and value; key.key=value expected");
    pare_node *value, **slot = &y->root;
    PARE_TRY(parse_into(y, file, equals + 1, strlen(equals + 1),
                        (uint32_t)(equals - assignment) + 1, &value, e));
    const char *path = pare_arena_strndup(y->arena, assignment, (size_t)(equals - assignment));
    while (*path) {
        const char *name;
        size_t index;
        pare_node *const node = *slot;
        if (!next_step(&path, y->arena, &name, &index))
            return pare_err_set(e, PARE_EUSAGE, file, (pare_pos){1, 1},
                                "a malformed key; key.key=value expected");
        if (name && node->kind == PARE_NODE_MAP) {
            slot = entry(y, node, name, value);
        } else if (!name && node->kind == PARE_NODE_LIST && index < node->n) {
            slot = &node->items[index];
        } else {
            return pare_err_set(e, PARE_EINPUT, file, (pare_pos){1, 1},
                                "no such key in %s; a key of a mapping expected", y->name);
        }
    }
    *slot = value;
    return PARE_OK;
}

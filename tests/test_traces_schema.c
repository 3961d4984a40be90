#include "gtck.h"
#include "traces/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct buffer_cfg {
    uint32_t bytes;
    bool is_double;
} buffer_cfg;

typedef struct item_cfg {
    const char *name;
    uint32_t kernel[2];
    pare_pos pos;
    uint64_t given;
} item_cfg;

typedef struct file_cfg {
    uint32_t version, rows;
    uint64_t seed;
    double clock_mhz;
    int style;
    const char *note;
    pare_strs inputs;
    buffer_cfg buffer;
    pare_maps items;
} file_cfg;

static const char *const styles[] = {"temporal", "spatial", NULL};
static const pare_key buffer_keys[] = {
    {"bytes", PARE_KEY_U32, offsetof(buffer_cfg, bytes), 1, 1 << 30, NULL, NULL, NULL, "Size."},
    {"double", PARE_KEY_BOOL, offsetof(buffer_cfg, is_double), 0, 0, "true", NULL, NULL, "Halves."},
};
static const pare_schema buffer_schema = {"buffer",           "A buffer.",    buffer_keys,   2,
                                          sizeof(buffer_cfg), PARE_NO_OFFSET, PARE_NO_OFFSET};
static const pare_key item_keys[] = {
    {"name", PARE_KEY_NAME, offsetof(item_cfg, name), 0, 0, NULL, NULL, NULL, "Its name."},
    {"kernel", PARE_KEY_PAIR, offsetof(item_cfg, kernel), 1, 16, "1", NULL, NULL, "Kernel."},
};
static const pare_schema item_schema = {"item",
                                        "An item.",
                                        item_keys,
                                        2,
                                        sizeof(item_cfg),
                                        offsetof(item_cfg, pos),
                                        offsetof(item_cfg, given)};
static const pare_key file_keys[] = {
    {"version", PARE_KEY_U32, offsetof(file_cfg, version), 1, 1, NULL, NULL, NULL, "Always 1."},
    {"rows", PARE_KEY_U32, offsetof(file_cfg, rows), 1, 64, "4", NULL, NULL, "Rows."},
    {"seed", PARE_KEY_U64, offsetof(file_cfg, seed), 0, INFINITY, "1", NULL, NULL, "Seed."},
    {"clock_mhz", PARE_KEY_REAL, offsetof(file_cfg, clock_mhz), 1, 5000, "500", NULL, NULL,
     "Clock."},
    {"style", PARE_KEY_ENUM, offsetof(file_cfg, style), 0, 0, "temporal", styles, NULL, "Style."},
    {"note", PARE_KEY_STR, offsetof(file_cfg, note), 0, 0, "", NULL, NULL, "Free text."},
    {"inputs", PARE_KEY_NAMES, offsetof(file_cfg, inputs), 0, 0, "", NULL, NULL, "Names."},
    {"buffer", PARE_KEY_MAP, offsetof(file_cfg, buffer), 0, 0, NULL, NULL, &buffer_schema,
     "A map."},
    {"items", PARE_KEY_MAPS, offsetof(file_cfg, items), 0, 0, "", NULL, &item_schema, "A list."},
};
static const pare_schema file_schema = {"file",           "A file.",      file_keys,     9,
                                        sizeof(file_cfg), PARE_NO_OFFSET, PARE_NO_OFFSET};

static pare_arena *arena;

static void make_arena(void) { arena = pare_arena_new(); }

static void drop_arena(void) { pare_arena_free(arena); }

/* NULL, or the message of reading `text` after the override `set` (may be NULL) */
static const char *read_text(const char *text, const char *set, file_cfg *out)
{
    pare_err e = {0};
    pare_yaml *y = NULL;
    pare_status status = pare_yaml_parse("f.yaml", text, strlen(text), &y, &e);
    if (status == PARE_OK && set) status = pare_yaml_set(y, set, &e);
    if (status == PARE_OK) status = pare_yaml_read(y, &file_schema, arena, out, &e);
    pare_yaml_free(y);
    if (status == PARE_OK) return NULL;
    return pare_arena_printf(arena, "%s:%u:%u: %s", e.file, e.line, e.column, e.text);
}

#define LEAST "version: 1\nbuffer: {bytes: 8}\n"

START_TEST(values_defaults_and_places_arrive)
{
    file_cfg f;
    const char *const message =
        read_text("version: 1\nrows: 64\nclock_mhz: 0.5e3\nstyle: spatial\nnote: 'two words'\n"
                  "inputs: [a, b/c]\nbuffer: {bytes: 1024, double: false}\n"
                  "items:\n  - {name: x, kernel: [3, 5]}\n  - name: y\n",
                  NULL, &f);
    ck_assert_msg(!message, "%s", message);
    ck_assert_uint_eq(f.rows, 64);
    ck_assert_uint_eq(f.seed, 1);
    ck_assert_double_eq(f.clock_mhz, 500);
    ck_assert_int_eq(f.style, 1);
    ck_assert_str_eq(f.note, "two words");
    ck_assert_uint_eq(f.inputs.n, 2);
    ck_assert_str_eq(f.inputs.v[1], "b/c");
    ck_assert_uint_eq(f.buffer.bytes, 1024);
    ck_assert(!f.buffer.is_double);
    const item_cfg *const items = f.items.v;
    ck_assert_uint_eq(items[0].kernel[1], 5);
    ck_assert_uint_eq(items[0].given, 3);
    ck_assert_uint_eq(items[1].kernel[0], 1);
    ck_assert_uint_eq(items[1].given, 1);
    ck_assert_uint_eq(items[1].pos.line, 10);
}
END_TEST

static const struct {
    const char *text, *set, *message;
} bad[] = {
    {"version: 1\n", NULL, "f.yaml:1:1: file lacks 'buffer'; a mapping expected"},
    {LEAST "rows: 65\n", NULL, "f.yaml:3:7: rows is '65'; an integer from 1 to 64 expected"},
    {LEAST "rows: 010\n", NULL, "f.yaml:3:7: rows is '010'; an integer from 1 to 64 expected"},
    {LEAST "rows: '8'\n", NULL, "f.yaml:3:7: rows is '8'; an integer from 1 to 64 expected"},
    {LEAST "rows: [8]\n", NULL, "f.yaml:3:7: rows is a list; an integer from 1 to 64 expected"},
    {LEAST "rows: 99999999999999999999\n", NULL,
     "f.yaml:3:7: rows is '99999999999999999999'; an integer from 1 to 64 expected"},
    {LEAST "rowz: 8\n", NULL, "f.yaml:3:1: unknown key 'rowz' in file; 'rows' expected"},
    {LEAST "clock_mhz: .nan\n", NULL,
     "f.yaml:3:12: clock_mhz is '.nan'; a number from 1 to 5000 expected"},
    {LEAST "style: spacial\n", NULL, "f.yaml:3:8: style is 'spacial'; 'spatial' expected"},
    {LEAST "style: x\n", NULL, "f.yaml:3:8: style is 'x'; one of temporal, spatial expected"},
    {LEAST "items: [{name: a}, {nme: b}]\n", NULL,
     "f.yaml:3:21: unknown key 'nme' in items[1]; 'name' expected"},
    {LEAST "items: [{name: a, kernel: [1, 2, 3]}]\n", NULL,
     "f.yaml:3:27: items[0].kernel is a list; an integer from 1 to 16 or a list of two expected"},
    {LEAST "items: [{name: 'a b'}]\n", NULL,
     "f.yaml:3:16: items[0].name is 'a b'; a name of letters, digits and _ . / + - expected"},
    {"version: 1\nbuffer: {}\n", NULL,
     "f.yaml:2:9: buffer lacks 'bytes'; an integer from 1 to 1073741824 expected"},
    {LEAST "rows: 1\nrows: 2\n", NULL,
     "f.yaml:4:1: duplicate key 'rows' (first on line 3); each key once expected"},
    {"version: &a 1\nbuffer: *a\n", NULL, "f.yaml:2:9: an alias; the value written out expected"},
    {"version: !!int 1\n", NULL, "f.yaml:1:10: a tag; a plain value expected"},
    {"version: 1\n---\nversion: 1\n", NULL, "f.yaml:2:1: a second document; one per file expected"},
    {"", NULL, "f.yaml:1:1: the file is empty; a mapping expected"},
    {"- 1\n", NULL, "f.yaml:1:1: file is not a mapping; keys and values expected"},
    {"version: [1\n", NULL,
     "f.yaml:2:1: did not find expected ',' or ']'; well-formed YAML expected"},
    {"version: 1\nnote: \xff\xfe\n", NULL,
     "f.yaml:2:7: invalid leading UTF-8 octet; UTF-8 text expected"},
    {"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", NULL,
     "f.yaml:1:17: nesting deeper than 16; a flatter file expected"},
    {"? [a]\n: 1\n", NULL, "f.yaml:1:3: a list or mapping as a key; a name expected"},
    {LEAST, "rows=65", "--set rows=65:1:6: rows is '65'; an integer from 1 to 64 expected"},
    {LEAST, "buffer.byts=1",
     "--set buffer.byts=1:1:13: unknown key 'byts' in buffer; 'bytes' expected"},
    {LEAST, "rows", "--set rows:0:0: no key and value; key.key=value expected"},
    {LEAST, "version.x=1",
     "--set version.x=1:1:1: no such key in f.yaml; a key of a mapping expected"},
};

START_TEST(every_mistake_has_its_line)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        file_cfg f;
        const char *const message = read_text(bad[i].text, bad[i].set, &f);
        ck_assert_msg(message, "case %zu was accepted", i);
        ck_assert_str_eq(message, bad[i].message);
    }
}
END_TEST

START_TEST(a_set_value_overrides_the_file)
{
    file_cfg f;
    ck_assert_ptr_null(read_text(LEAST "items: [{name: a}]\n", "items[0].kernel=[2, 3]", &f));
    ck_assert_uint_eq(((item_cfg *)f.items.v)[0].kernel[1], 3);
    ck_assert_ptr_null(read_text(LEAST, "buffer.bytes=16", &f));
    ck_assert_uint_eq(f.buffer.bytes, 16);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    file_cfg f, g;
    ck_assert_ptr_null(read_text(
        "version: 1\nnote: 'it\"s: [x]'\nclock_mhz: 333.3333333333333\n"
        "buffer: {bytes: 3}\ninputs: q\nitems: [{name: on}, {name: z1, kernel: [2, 3]}]\n",
        NULL, &f));
    pare_buf text = {0};
    pare_schema_write(&file_schema, &f, &text);
    const char *const message = read_text(text.text, NULL, &g);
    ck_assert_msg(!message, "%s in\n%s", message, text.text);
    ck_assert_str_eq(f.note, g.note);
    ck_assert_double_eq(f.clock_mhz, g.clock_mhz);
    ck_assert_uint_eq(g.items.n, 2);
    ck_assert_str_eq(((item_cfg *)g.items.v)[0].name, "on");
    ck_assert_uint_eq(((item_cfg *)g.items.v)[1].kernel[1], 3);
    ck_assert_ptr_nonnull(strstr(text.text, "  - {name: \"on\"}\n"));
    pare_buf_free(&text);
}
END_TEST

START_TEST(the_reference_lists_every_key)
{
    pare_buf doc = {0};
    pare_schema_doc(&file_schema, &doc);
    for (size_t i = 0; i < file_schema.n_keys; i++)
        ck_assert_ptr_nonnull(strstr(doc.text, file_keys[i].name));
    ck_assert_ptr_nonnull(strstr(doc.text, "| `rows` | an integer from 1 to 64 | `4` | Rows. |"));
    ck_assert_ptr_nonnull(strstr(doc.text, "### item"));
    pare_buf_free(&doc);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {values_defaults_and_places_arrive, every_mistake_has_its_line,
                                  a_set_value_overrides_the_file,    what_is_written_reads_back,
                                  the_reference_lists_every_key,     NULL};
    const gtck_case cases[] = {
        {.suite = "Schema", .tests = tests, .setup = make_arena, .teardown = drop_arena}};
    return gtck_main(argc, argv, "traces_schema", cases, sizeof cases / sizeof *cases);
}

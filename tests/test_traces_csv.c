#include "gtck.h"
#include "traces/trace.h"

#include <string.h>

static pare_csv *parse(const char *text)
{
    pare_csv *c;
    pare_err e = {0};
    ck_assert_msg(pare_csv_parse("t.csv", text, strlen(text), &c, &e) == PARE_OK, "%u:%u: %s",
                  e.line, e.column, e.text);
    return c;
}

START_TEST(comments_blanks_quotes_and_line_ends_are_handled)
{
    pare_csv *const c = parse("# a comment\r\n\r\n  name , value,\"a \"\"b\"\", c\"\r\n"
                              "x,  1 ,\r\n  # another\n\"# no comment\",2.5e-1,\" kept \"\n"
                              "last,3,end");
    ck_assert_uint_eq(c->columns.n, 3);
    ck_assert_str_eq(c->columns.v[0], "name");
    ck_assert_str_eq(c->columns.v[2], "a \"b\", c");
    ck_assert_uint_eq(c->n_rows, 3);
    ck_assert_uint_eq(c->header_line, 3);
    static const char *const cells[3][3] = {
        {"x", "1", ""}, {"# no comment", "2.5e-1", " kept "}, {"last", "3", "end"}};
    static const uint32_t lines[3] = {4, 6, 7};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(c->lines[i], lines[i]);
        for (int j = 0; j < 3; j++) ck_assert_str_eq(pare_csv_cell(c, i, j), cells[i][j]);
    }
    ck_assert_int_eq(pare_csv_column(c, "value"), 1);
    ck_assert_int_eq(pare_csv_column(c, "Value"), -1);
    const pare_pos pos = pare_csv_pos(c, 0, 1);
    ck_assert_uint_eq(pos.line, 4);
    ck_assert_uint_eq(pos.column, 5);
    double x;
    ck_assert_int_eq(pare_csv_real(c, 1, 1, 0, 1, &x, NULL), PARE_OK);
    ck_assert_double_eq(x, 0.25);
    pare_csv_free(c);
}
END_TEST

START_TEST(a_table_without_rows_is_a_table)
{
    pare_csv *const c = parse("a,b");
    ck_assert_uint_eq(c->columns.n, 2);
    ck_assert_uint_eq(c->n_rows, 0);
    pare_csv_free(c);
    pare_csv_free(NULL);
}
END_TEST

static void add_quoted(pare_buf *b, const char *text)
{
    pare_buf_puts(b, "\"");
    for (const char *t = text; *t; t++) pare_buf_puts(b, (char[]){*t, *t == '"' ? '"' : 0, 0});
    pare_buf_puts(b, "\"");
}

START_TEST(random_cells_come_back)
{
    const uint64_t seed = 5;
    printf("seed %llu\n", (unsigned long long)seed);
    for (unsigned trial = 0; trial < 200; trial++) {
        enum { MOST = 6, LENGTH = 12 };
        static const char letters[] = "ab ,\"#\t0.x";
        pare_rng r = pare_rng_new(seed, trial);
        const size_t rows = pare_rng_below(&r, MOST + 1), columns = 1 + pare_rng_below(&r, MOST);
        char cells[MOST * MOST][LENGTH];
        pare_buf b = {0};
        for (size_t j = 0; j < columns; j++) pare_buf_printf(&b, "%sc%zu", j ? "," : "", j);
        for (size_t i = 0; i < rows * columns; i++) {
            const size_t n = pare_rng_below(&r, LENGTH);
            for (size_t k = 0; k < n; k++)
                cells[i][k] = letters[pare_rng_below(&r, sizeof letters - 1)];
            cells[i][n] = 0;
            pare_buf_puts(&b, i % columns ? "," : "\n");
            add_quoted(&b, cells[i]);
        }
        pare_csv *const c = parse(b.text);
        ck_assert_uint_eq(c->n_rows, rows);
        for (size_t i = 0; i < rows * columns; i++)
            ck_assert_str_eq(pare_csv_cell(c, i / columns, (int)(i % columns)), cells[i]);
        pare_csv_free(c);
        pare_buf_free(&b);
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const csv[] = {comments_blanks_quotes_and_line_ends_are_handled,
                                a_table_without_rows_is_a_table, random_cells_come_back, NULL};
    const gtck_case cases[] = {{.suite = "Csv", .tests = csv}};
    return gtck_main(argc, argv, "traces_csv", cases, sizeof cases / sizeof *cases);
}

#include "gtck.h"
#include "traces/trace.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- errors, memory, text ---- */

START_TEST(the_first_error_wins_and_is_one_line)
{
    pare_err e = {0};
    ck_assert_int_eq(pare_err_set(&e, PARE_EINPUT, "f", (pare_pos){3, 4}, "a\nb"), PARE_EINPUT);
    ck_assert_int_eq(pare_err_set(&e, PARE_EFAIL, "g", (pare_pos){1, 1}, "later"), PARE_EFAIL);
    ck_assert_str_eq(e.text, "a?b");
    ck_assert_int_eq(e.status, PARE_EINPUT);
    ck_assert_int_eq(pare_err_set(NULL, PARE_EFAIL, NULL, (pare_pos){0, 0}, "x"), PARE_EFAIL);
}
END_TEST

START_TEST(an_arena_gives_aligned_zeroed_memory)
{
    pare_arena *const a = pare_arena_new();
    for (size_t n = 1; n < 100000; n = n * 3 + 1) {
        const unsigned char *const p = pare_arena_alloc(a, n, 1);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++) ck_assert_uint_eq(p[i], 0);
        memset(pare_arena_alloc(a, n, 1), 0xff, n);
    }
    ck_assert_str_eq(pare_arena_printf(a, "%d-%s", 7, "x"), "7-x");
    pare_arena_free(a);
    pare_arena_free(NULL);
}
END_TEST

START_TEST(products_that_overflow_are_refused)
{
    size_t s;
    uint64_t u;
    ck_assert(pare_mul_size(3, 5, &s) && s == 15);
    ck_assert(!pare_mul_size(SIZE_MAX / 2, 3, &s));
    ck_assert(!pare_mul_u64((uint64_t)1 << 63, 2, &u));
    ck_assert(!pare_add_u64(UINT64_MAX, 1, &u));
    ck_assert(pare_add_u64(UINT64_MAX, 0, &u) && u == UINT64_MAX);
}
END_TEST

START_TEST(reals_read_back_as_written)
{
    pare_rng r = pare_rng_new(1, 0);
    for (int i = 0; i < 20000; i++) {
        const double x = pare_rng_normal(&r) * pow(10, pare_rng_below(&r, 40) - 20.0);
        pare_buf b = {0};
        pare_buf_real(&b, x);
        ck_assert_double_eq(strtod(b.text, NULL), x);
        pare_buf_free(&b);
    }
    pare_buf b = {0};
    pare_buf_real(&b, 0.1);
    pare_buf_puts(&b, " ");
    pare_buf_real(&b, NAN);
    ck_assert_str_eq(b.text, "0.1 null");
    pare_buf_free(&b);
}
END_TEST

START_TEST(json_strings_are_escaped)
{
    pare_buf b = {0};
    pare_buf_json_string(&b, "a\"b\\c\n\x01");
    ck_assert_str_eq(b.text, "\"a\\\"b\\\\c\\n\\u0001\"");
    pare_buf_free(&b);
}
END_TEST

START_TEST(distance_counts_edits)
{
    ck_assert_uint_eq(pare_text_distance("", ""), 0);
    ck_assert_uint_eq(pare_text_distance("rows", "ROWS"), 0);
    ck_assert_uint_eq(pare_text_distance("rows", "rosw"), 1); /* a transposition is one edit */
    ck_assert_uint_eq(pare_text_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(pare_text_distance("abc", ""), 3);
}
END_TEST

/* ---- files ---- */

static void in_scratch_folder(char path[64])
{
    strcpy(path, "/tmp/pare-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(chdir(path), 0);
}

START_TEST(a_file_is_written_whole_or_not_at_all)
{
    char folder[64];
    in_scratch_folder(folder);
    pare_err e = {0};
    ck_assert_int_eq(pare_file_write("x", "one", 3, &e), PARE_OK);
    ck_assert_int_eq(pare_file_write("x", "second", 6, &e), PARE_OK);
    char *bytes;
    size_t n;
    ck_assert_int_eq(pare_file_read("x", 100, &bytes, &n, &e), PARE_OK);
    ck_assert_uint_eq(n, 6);
    ck_assert_str_eq(bytes, "second");
    free(bytes);
    ck_assert_int_eq(pare_file_write("missing/x", "one", 3, &e), PARE_EFAIL);
    ck_assert_str_eq(e.file, "missing/x");
    ck_assert_int_eq(access("x", F_OK), 0);
    ck_assert_int_eq(unlink("x"), 0);
    ck_assert_int_eq(chdir("/") || rmdir(folder), 0); /* fails if a temporary file was left */
}
END_TEST

START_TEST(a_file_above_the_limit_is_refused)
{
    char folder[64];
    in_scratch_folder(folder);
    ck_assert_int_eq(pare_file_write("x", "12345", 5, NULL), PARE_OK);
    char *bytes;
    size_t n;
    pare_err e = {0};
    ck_assert_int_eq(pare_file_read("x", 5, &bytes, &n, &e), PARE_OK);
    free(bytes);
    ck_assert_int_eq(pare_file_read("x", 4, &bytes, &n, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "is too large; at most 4 bytes expected");
    unlink("x");
    rmdir(folder);
}
END_TEST

START_TEST(folders_are_made_with_their_parents)
{
    char folder[64];
    in_scratch_folder(folder);
    pare_err e = {0};
    ck_assert_int_eq(pare_dir_make("a/b/c", &e), PARE_OK);
    ck_assert_int_eq(pare_dir_make("a/b/c", &e), PARE_OK);
    ck_assert_int_eq(pare_file_write("a/file", "", 0, &e), PARE_OK);
    ck_assert_int_eq(pare_dir_make("a/file/d", &e), PARE_EFAIL);
    ck_assert_int_eq(system("rm -r a"), 0);
    rmdir(folder);
}
END_TEST

/* ---- random numbers ---- */

START_TEST(streams_are_reproducible_and_differ)
{
    pare_rng a = pare_rng_new(7, 1), b = pare_rng_new(7, 1), c = pare_rng_new(7, 2);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        const uint64_t x = pare_rng_u64(&a);
        ck_assert(x == pare_rng_u64(&b));
        same += x == pare_rng_u64(&c);
    }
    ck_assert_int_eq(same, 0);
}
END_TEST

START_TEST(draws_have_the_right_moments)
{
    enum { N = 200000 };
    pare_rng r = pare_rng_new(3, 0);
    double unit = 0, normal = 0, square = 0;
    int counts[7] = {0};
    for (int i = 0; i < N; i++) {
        unit += pare_rng_unit(&r);
        const double x = pare_rng_normal(&r);
        normal += x;
        square += x * x;
        counts[pare_rng_below(&r, 7)]++;
    }
    /* five standard errors */
    ck_assert_double_eq_tol(unit / N, 0.5, 5 * 0.2887 / sqrt(N));
    ck_assert_double_eq_tol(normal / N, 0, 5 / sqrt(N));
    ck_assert_double_eq_tol(square / N, 1, 5 * sqrt(2.0 / N));
    for (int i = 0; i < 7; i++) ck_assert_double_eq_tol(counts[i], N / 7.0, 5 * sqrt(N / 7.0));
}
END_TEST

/* ---- threads ---- */

typedef struct sums {
    uint64_t by_item[257];
    atomic_int runs;
} sums;

static void square_item(void *context, size_t item, unsigned worker)
{
    (void)worker;
    sums *const s = context;
    s->by_item[item] += item * item;
    atomic_fetch_add(&s->runs, 1);
}

START_TEST(every_item_runs_once_on_any_number_of_threads)
{
    for (unsigned threads = 1; threads <= 5; threads++) {
        pare_pool *const p = pare_pool_new(threads);
        ck_assert_uint_eq(pare_pool_threads(p), threads);
        sums s = {0};
        for (int round = 0; round < 200; round++) {
            const size_t n = (size_t)round % 257;
            pare_pool_run(p, n, square_item, &s);
        }
        uint64_t expected = 0;
        for (size_t i = 0; i < 257; i++) {
            expected = 0;
            for (size_t round = 0; round < 200; round++) expected += round % 257 > i ? i * i : 0;
            ck_assert(s.by_item[i] == expected);
        }
        pare_pool_free(p);
    }
}
END_TEST

START_TEST(workers_that_fell_asleep_wake_again)
{
    pare_pool *const p = pare_pool_new(3);
    sums s = {0};
    for (int i = 0; i < 5; i++) {
        struct timespec t = {0, 5000000};
        nanosleep(&t, NULL);
        pare_pool_run(p, 100, square_item, &s);
    }
    ck_assert_int_eq(s.runs, 500);
    pare_pool_free(p);
}
END_TEST

/* ---- command lines ---- */

typedef struct options {
    bool quiet;
    const char *out;
    pare_strs set;
    uint32_t rows;
    double gamma;
} options;

static bool parse(options *o, int argc, char **argv, int *n_operands, int *status)
{
    const pare_opt opts[] = {
        {"quiet", 'q', PARE_OPT_FLAG, NULL, "say less", &o->quiet, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "write here", &o->out, 0, 0},
        {"set", 0, PARE_OPT_LIST, "KEY=VALUE", "override", &o->set, 0, 0},
        {"rows", 0, PARE_OPT_U32, "N", "rows", &o->rows, 1, 64},
        {"gamma", 0, PARE_OPT_REAL, "G", "gamma", &o->gamma, 0, 100},
    };
    return pare_opts_parse(opts, 5, "t [options] FILE", "A test.", argc, argv, n_operands, status);
}

START_TEST(options_and_operands_mix)
{
    char *argv[] = {"t",         "a.yaml",  "-o",  "x",  "--rows=8", "--set", "k=v",
                    "--set=l=w", "--gamma", "0.5", "-q", "--",       "-b"};
    options o = {0};
    int n, status;
    ck_assert(parse(&o, sizeof argv / sizeof *argv, argv, &n, &status));
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(argv[1], "a.yaml");
    ck_assert_str_eq(argv[2], "-b");
    ck_assert(o.quiet);
    ck_assert_str_eq(o.out, "x");
    ck_assert_uint_eq(o.rows, 8);
    ck_assert_uint_eq(o.set.n, 2);
    ck_assert_str_eq(o.set.v[1], "l=w");
    ck_assert_double_eq(o.gamma, 0.5);
    free(o.set.v);
}
END_TEST

START_TEST(mistakes_on_the_command_line_are_usage_errors)
{
    static const char *const wrong[][2] = {
        {"--row", "1"},     {"--rows", "0"},     {"--rows", "-1"},
        {"--rows", "1x"},   {"--rows", NULL},    {"--gamma", "nan"},
        {"--gamma", "1e3"}, {"--quiet=1", NULL}, {"-x", NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *argv[] = {"t", (char *)wrong[i][0], (char *)wrong[i][1]};
        options o = {0};
        int n, status = 0;
        ck_assert_msg(!parse(&o, wrong[i][1] ? 3 : 2, argv, &n, &status), "%s", wrong[i][0]);
        ck_assert_int_eq(status, PARE_EUSAGE);
    }
}
END_TEST

START_TEST(provenance_is_comments)
{
    const char *const pairs[] = {"seed", "1", "input", "x"};
    pare_buf b = {0};
    pare_provenance(&b, "pare-test", pairs, 2);
    ck_assert_ptr_nonnull(strstr(b.text, "# pare-test " PARE_VERSION ", commit "));
    ck_assert_ptr_nonnull(strstr(b.text, "\n# seed: 1\n# input: x\n"));
    pare_buf_free(&b);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const base[] = {the_first_error_wins_and_is_one_line,
                                 an_arena_gives_aligned_zeroed_memory,
                                 products_that_overflow_are_refused,
                                 reals_read_back_as_written,
                                 json_strings_are_escaped,
                                 distance_counts_edits,
                                 provenance_is_comments,
                                 NULL};
    const TTest *const files[] = {a_file_is_written_whole_or_not_at_all,
                                  a_file_above_the_limit_is_refused,
                                  folders_are_made_with_their_parents, NULL};
    const TTest *const rng[] = {streams_are_reproducible_and_differ, draws_have_the_right_moments,
                                NULL};
    const TTest *const pool[] = {every_item_runs_once_on_any_number_of_threads,
                                 workers_that_fell_asleep_wake_again, NULL};
    const TTest *const cli[] = {options_and_operands_mix,
                                mistakes_on_the_command_line_are_usage_errors, NULL};
    const gtck_case cases[] = {{.suite = "Base", .tests = base},
                               {.suite = "Files", .tests = files},
                               {.suite = "Rng", .tests = rng},
                               {.suite = "Pool", .tests = pool},
                               {.suite = "Cli", .tests = cli}};
    return gtck_main(argc, argv, "traces_base", cases, sizeof cases / sizeof *cases);
}

/* The texts of a sweep: expressions as everybody reads them, wrong ones and bad files refused. */
#include "bad_files.h"
#include "sim/store_write.h"

static bool no_names(void *context, const char *name, unsigned *variable, bool *is_text,
                     const char **near)
{
    (void)context;
    *near = "x";
    *variable = 0;
    *is_text = !strcmp(name, "t");
    return *is_text || !strcmp(name, "x");
}

static expr_value three(void *context, unsigned variable)
{
    (void)variable;
    return (expr_value){3, context};
}

START_TEST(expressions_have_the_usual_precedence)
{
    static const struct {
        const char *text;
        bool is_true;
    } cases[] = {{"1 + 2 * 3 == 7", true},
                 {"(1 + 2) * 3 == 9", true},
                 {"2 ^ 3 ^ 2 == 512", true},
                 {"-2 ^ 2 == -4", true},
                 {"10 - 4 - 3 == 3", true},
                 {"7 % 4 == 3 and 8 / 4 / 2 == 1", true},
                 {"not 1 < 2", false},
                 {"not (1 > 2) and x == 3", true},
                 {"1 < 2 or 1 / 0 > 1", true},
                 {"x != 3 and 1 / (x - 3) > 1", false},
                 {"min(x, 2) + max(x, 5) == 7 and abs(-2) == 2", true},
                 {"floor(2.7) + ceil(2.1) + round(2.5) == 7", true},
                 {"sqrt(16) == log2(16)", true},
                 {"'a' == 'a' and 'a' != \"b\"", true},
                 {"1.5e2 == 150", true}};
    pare_arena *const a = pare_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expr *x = NULL;
        bool holds = false;
        pare_err e = {0};
        ck_assert_msg(expr_parse(cases[i].text, no_names, NULL, a, &x, &e) == PARE_OK, "%s",
                      e.text);
        ck_assert_msg(expr_holds(x, three, NULL, &holds, &e) == PARE_OK, "%s", e.text);
        ck_assert_msg(holds == cases[i].is_true, "%s", cases[i].text);
    }
    pare_arena_free(a);
}
END_TEST

START_TEST(wrong_expressions_are_refused)
{
    static const char *const texts[] = {
        "",    "1 +",    "(1",           "1)",          "y > 1",  "t > 1", "t + 1", "t",     "'a",
        "1 2", "min(1)", "min(1, 2, 3)", "1 < 2 < 'a'", "t == 1", "1x",    "#",     "and 1", "-"};
    pare_arena *const a = pare_arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expr *x = NULL;
        pare_err e = {0};
        ck_assert_msg(expr_parse(texts[i], no_names, NULL, a, &x, &e) == PARE_EINPUT, "%s",
                      texts[i]);
        ck_assert_ptr_nonnull(strstr(e.text, "expected"));
    }
    char deep[4000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    for (size_t n = 1900; n < sizeof deep; n += 2000) {
        expr *x = NULL;
        deep[n] = 0;
        ck_assert_int_eq(expr_parse(deep, no_names, NULL, a, &x, NULL), PARE_EINPUT);
        deep[n] = '(';
    }
    pare_arena_free(a);
}
END_TEST

static pare_status load(const char *path, pare_err *e)
{
    pare_sweep *s = NULL;
    const pare_status status = pare_sweep_load(path, &s, e);
    pare_sweep_free(s);
    return status;
}

START_TEST(bad_sweeps_get_their_exact_message) { check_folder("sweep", load, 40); }
END_TEST

int main(int argc, char **argv)
{
    const TTest *const texts[] = {expressions_have_the_usual_precedence,
                                  wrong_expressions_are_refused, bad_sweeps_get_their_exact_message,
                                  NULL};
    const gtck_case cases[] = {{.suite = "SweepText", .tests = texts}};
    return gtck_main(argc, argv, "sim_sweep_text", cases, sizeof cases / sizeof *cases);
}

/* Progress lines: when something may be said, and what. */
#include "gtck.h"
#include "traces/trace.h"

#include <string.h>

/* seconds at which something is said when asked every `step_s`, up to `end_s` */
static size_t times_said(pare_progress p, double step_s, double end_s)
{
    size_t n = 0;
    for (int i = 1; i * step_s <= end_s; i++)
        n += pare_progress_is_due(&p, i * step_s, i * step_s >= end_s);
    return n;
}

START_TEST(a_line_a_minute_or_five_a_second)
{
    const pare_progress tty = {.is_tty = true}, file = {.is_tty = false},
                        quiet = {.is_tty = true, .is_quiet = true};
    ck_assert_uint_eq(times_said(tty, 0.03125, 10), 10 * 32 / 7 + 1); /* each 7th, and the end */
    ck_assert_uint_eq(times_said(file, 0.5, 59), 0);
    ck_assert_uint_eq(times_said(file, 0.5, 3600), 60);
    ck_assert_uint_eq(times_said(quiet, 0.5, 3600), 0);
    pare_progress p = tty;
    ck_assert(pare_progress_is_due(&p, 0.01, true));
    p = file;
    ck_assert(!pare_progress_is_due(&p, 0.01, true));
}
END_TEST

static void assert_line(double s, uint64_t before, uint64_t done, uint64_t total, const char *line)
{
    pare_buf b = {0};
    pare_progress_text("small", "points", s, before, done, total, &b);
    ck_assert_str_eq(b.text, line);
    pare_buf_free(&b);
}

/* the rate counts what this process did, the share what is done at all */
START_TEST(rate_and_time_left)
{
    assert_line(10, 0, 250, 1000, "small: 25.0 %, 25 points/s, 0:30 left");
    assert_line(10, 500, 600, 1000, "small: 60.0 %, 10 points/s, 0:40 left");
    assert_line(10, 0, 1000, 1000, "small: 100.0 %, 100 points/s");
    assert_line(0, 0, 0, 1000, "small: 0.0 %, 0 points/s");
    assert_line(1, 0, 1, 7301, "small: 0.0 %, 1 points/s, 2:01:40 left");
    assert_line(1, 0, 0, 0, "small: 100.0 %, 0 points/s");
}
END_TEST

START_TEST(durations)
{
    static const struct {
        double s;
        const char *text;
    } cases[] = {{0, "0:00"}, {59.6, "1:00"}, {93, "1:33"}, {3599, "59:59"}, {3600, "1:00:00"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pare_buf b = {0};
        pare_buf_duration(&b, cases[i].s);
        ck_assert_str_eq(b.text, cases[i].text);
        pare_buf_free(&b);
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {a_line_a_minute_or_five_a_second, rate_and_time_left, durations,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Progress", .tests = tests}};
    return gtck_main(argc, argv, "traces_progress", cases, sizeof cases / sizeof *cases);
}

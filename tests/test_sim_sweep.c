/* Sweeps: every row is what pare_sim_run gives, whatever the threads, shards, interruptions and
 * changes were. */
#include "sweep_fixture.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* ---- rows ---- */

typedef struct row_check {
    const pare_sweep *s;
    pare_store *store;
    size_t n_ok, n_failed;
} row_check;

static double expected_cell(const pare_sim_result *r, const char *name)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name)) return pare_sim_stat(&r->total, &table[i]);
    if (!strcmp(name, "latency_ns")) return r->latency_ns;
    if (!strcmp(name, "edp_pj_ns")) return r->edp_pj_ns;
    if (!strcmp(name, "area_um2")) return r->area_um2;
    if (!strcmp(name, "utilization")) return r->utilization;
    if (!strcmp(name, "mean_weight_bits")) return r->mean_weight_bits;
    if (!strcmp(name, "mean_act_bits")) return r->mean_act_bits;
    return NAN;
}

static pare_status check_row(void *context, const pare_row *row, pare_err *e)
{
    row_check *const c = context;
    const pare_store_info *const info = pare_store_about(c->store);
    pare_sweep_point p;
    pare_sim_result r = {0};
    PARE_TRY(pare_sweep_point_open(c->s, row->space, &p, e));
    const pare_sim_options options = {.batch = p.batch};
    pare_err inner = {0};
    const pare_status status = pare_sim_run(p.net, p.machine, p.bits, &options, &r, &inner);
    ck_assert_int_eq(status == PARE_OK, !row->error);
    if (row->error) ck_assert_str_eq(row->error, inner.text);
    for (size_t i = 0; i < info->n_columns && !row->error; i++) {
        const double want = expected_cell(&r, info->columns[i].name);
        ck_assert_msg(row->values[i] == want || (isnan(want) && isnan(row->values[i])),
                      "point %llu, %s: %.17g, %.17g expected", (unsigned long long)row->point,
                      info->columns[i].name, row->values[i], want);
    }
    *(row->error ? &c->n_failed : &c->n_ok) += 1;
    pare_sim_result_free(&r);
    pare_sweep_point_close(&p);
    return PARE_OK;
}

START_TEST(rows_are_what_a_single_run_gives)
{
    pare_sweep *const s = parse(SWEEP);
    const pare_sweep_summary m = run_into(s, "a.sqlite");
    ck_assert_uint_eq(m.n_computed, 90);
    ck_assert_uint_eq(m.n_excluded, 18);
    ck_assert(m.is_complete);
    row_check c = {.s = s};
    pare_err e = {0};
    ck_assert_int_eq(pare_store_open(in_folder("a.sqlite"), &c.store, &e), PARE_OK);
    ck_assert_msg(pare_store_each(c.store, check_row, &c, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(c.n_ok + c.n_failed, 90);
    ck_assert_uint_eq(c.n_failed, m.n_failed);
    ck_assert_uint_gt(c.n_failed, 0);
    ck_assert_uint_gt(c.n_ok, 40);
    pare_store_close(c.store);
    pare_sweep_free(s);
}
END_TEST

/* the machine changes with every point, with none, and with all but the last axis */
START_TEST(rows_follow_the_machine_whatever_the_axes)
{
    static const char *const changes[][2] = {
        {"bits: [8, w4a6, w9a4]\n", "bits: [w4a6]\n"},
        {"  - {key: bits.scale, values: [0.5, 1, 1.25]}\n", "  - {key: bits.scale, values: [1]}\n"},
        {"array.rows, values: [8, 16]", "array.rows, values: [8]"}};
    for (size_t mask = 0; mask < 8; mask++) {
        char text[4096], next[4096];
        snprintf(text, sizeof text, "%s", SWEEP);
        for (size_t i = 0; i < 3; i++) {
            if (!(mask >> i & 1)) continue;
            const char *const at = strstr(text, changes[i][0]);
            snprintf(next, sizeof next, "%.*s%s%s", (int)(at - text), text, changes[i][1],
                     at + strlen(changes[i][0]));
            memcpy(text, next, sizeof text);
        }
        pare_sweep *const s = parse(text);
        row_check c = {.s = s};
        pare_err e = {0};
        unlink(in_folder("a.sqlite"));
        run_into(s, "a.sqlite");
        ck_assert_int_eq(pare_store_open(in_folder("a.sqlite"), &c.store, &e), PARE_OK);
        ck_assert_msg(pare_store_each(c.store, check_row, &c, &e) == PARE_OK, "%s", e.text);
        ck_assert_uint_gt(c.n_ok, 0);
        pare_store_close(c.store);
        pare_sweep_free(s);
    }
}
END_TEST

typedef struct layer_sum {
    int column;
    double sum;
    size_t n;
} layer_sum;

static pare_status add_layer(void *context, const pare_layer_row *row, pare_err *e)
{
    (void)e;
    layer_sum *const l = context;
    ck_assert_str_ne(row->layer, "");
    l->sum += row->values[l->column];
    l->n++;
    return PARE_OK;
}

static pare_status check_layers(void *context, const pare_row *row, pare_err *e)
{
    pare_store *const s = context;
    pare_store *other = NULL; /* two statements of one store are not open at once */
    layer_sum l = {.column = pare_store_column(s, "cycles")};
    PARE_TRY(pare_store_open(pare_store_about(s)->path, &other, e));
    PARE_TRY(pare_store_layers(other, row->point, add_layer, &l, e));
    pare_store_close(other);
    ck_assert_uint_eq(l.n, row->error ? 0 : 5); /* lenet5: two convolutions, three fc */
    if (!row->error) ck_assert(l.sum == row->values[l.column]);
    return PARE_OK;
}

START_TEST(layers_sum_to_their_point)
{
    pare_sweep *const s = parse_changed("columns: [all]\n", "layers: true\n");
    pare_store *store = NULL;
    pare_err e = {0};
    run_into(s, "a.sqlite");
    ck_assert_int_eq(pare_store_open(in_folder("a.sqlite"), &store, &e), PARE_OK);
    ck_assert_msg(pare_store_each(store, check_layers, store, &e) == PARE_OK, "%s", e.text);
    pare_store_close(store);
    pare_sweep_free(s);
}
END_TEST

/* ---- threads, shards, interruptions, changes ---- */

START_TEST(threads_and_shards_change_nothing)
{
    pare_sweep *const s = parse_changed("columns: [all]\n", "layers: true\n");
    pare_err e = {0};
    run_into(s, "a.sqlite");
    const pare_sweep_options one = {.store = in_folder("one.sqlite"), .threads = 1};
    run_with(s, &one);
    ck_assert(same_files(in_folder("a.sqlite"), in_folder("one.sqlite")));
    for (uint32_t n = 1; n <= 5; n += 2) {
        char names[5][PATH_MAX];
        const char *paths[5];
        for (uint32_t i = 0; i < n; i++) {
            snprintf(names[i], sizeof names[i], "%.200s/part%u-%u", folder, i, n);
            paths[n - 1 - i] = names[i]; /* the order does not matter */
            const pare_sweep_options o = {
                .store = names[i], .shard = i, .n_shards = n, .threads = 2};
            run_with(s, &o);
        }
        ck_assert_msg(pare_store_merge(paths, n, in_folder("all.sqlite"), &e) == PARE_OK, "%s",
                      e.text);
        ck_assert_msg(same_files(in_folder("all.sqlite"), in_folder("a.sqlite")), "%u shards", n);
        if (n == 1) continue;
        ck_assert_int_eq(pare_store_merge(paths, n - 1, in_folder("x"), &e), PARE_EINPUT);
        ck_assert_ptr_nonnull(strstr(e.text, "stores are given"));
        e = (pare_err){0};
        paths[0] = paths[1];
        ck_assert_int_eq(pare_store_merge(paths, n, in_folder("x"), &e), PARE_EINPUT);
        ck_assert_ptr_nonnull(strstr(e.text, "twice"));
        e = (pare_err){0};
        ck_assert_int_ne(access(in_folder("x"), F_OK), 0);
    }
    pare_sweep_free(s);
}
END_TEST

static void sql(const char *name, const char *text)
{
    sqlite3 *db = NULL;
    char *error = NULL;
    ck_assert_int_eq(sqlite3_open(in_folder(name), &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, text, NULL, NULL, &error) == SQLITE_OK, "%s", error);
    sqlite3_close(db);
}

START_TEST(merge_sees_a_lost_and_a_foreign_row)
{
    static const char *const damages[][2] = {
        {"DELETE FROM point WHERE point = 0", "points 0 to 0: 1 of them have no row"},
        {"INSERT INTO point(point, space, hash) VALUES(4000, 4000, zeroblob(16))",
         "belong to another shard"},
        {"UPDATE meta SET value = 0 WHERE key = 'complete'", "is not complete"},
        {"UPDATE meta SET value = 'other' WHERE key = 'kind'", "holds a other"}};
    pare_sweep *const s = parse(SWEEP);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        pare_err e = {0};
        unlink(in_folder("a.sqlite"));
        run_into(s, "a.sqlite");
        sql("a.sqlite", damages[i][0]);
        const char *const path = in_folder("a.sqlite");
        ck_assert_int_eq(pare_store_merge(&path, 1, in_folder("x"), &e), PARE_EINPUT);
        ck_assert_msg(strstr(e.text, damages[i][1]) != NULL, "%s", e.text);
    }
    pare_sweep_free(s);
}
END_TEST

/* Ends after every block, as if killed between two commits, and within: by a real kill. */
START_TEST(killed_and_continued_is_as_never_interrupted)
{
    pare_sweep *const s = parse_changed("1.25]}\n", MORE_BITS);
    pare_rng rng = pare_rng_new(1, 0);
    run_into(s, "whole.sqlite");
    for (int round = 0; round < 3; round++) {
        int status = 1, n_kills = 0;
        unlink(in_folder("a.sqlite"));
        unlink(in_folder("a.sqlite-wal"));
        for (bool is_done = false; !is_done; n_kills += !is_done) {
            const long after_ns = 1000000L + (long)pare_rng_below(&rng, 30000000);
            const pid_t child = fork();
            ck_assert_int_ge(child, 0);
            if (child == 0) {
                /* a block a start at least, so that it ends */
                pare_sweep_summary m;
                pare_err e = {0};
                const pare_sweep_options o = {
                    .store = in_folder("a.sqlite"), .threads = 2, .block_limit = 40};
                const pare_status done = pare_sweep_run(s, &o, &m, &e);
                if (done != PARE_OK) pare_err_print(&e, stderr);
                _exit(done != PARE_OK ? 2 : m.is_complete ? 0 : 1);
            }
            nanosleep(&(struct timespec){.tv_nsec = after_ns}, NULL);
            if (n_kills < 60) kill(child, SIGKILL);
            ck_assert_int_eq(waitpid(child, &status, 0), child);
            is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) < 2);
        }
        ck_assert_msg(same_stores("a.sqlite", "whole.sqlite"), "seed 1, round %d, %d kills", round,
                      n_kills);
    }
    pare_sweep_free(s);
}
END_TEST

START_TEST(only_what_changed_is_computed)
{
    pare_sweep *const s = parse(SWEEP);
    pare_sweep *const more = parse_changed("array.rows, values: [8, 16]", "array.rows, values: "
                                                                          "[8, 12, 16]");
    run_into(s, "a.sqlite");
    pare_sweep_summary m = run_into(s, "a.sqlite");
    ck_assert_uint_eq(m.n_computed + m.n_reused + m.n_excluded, 0);
    m = run_into(more, "a.sqlite");
    ck_assert_uint_eq(m.n_reused, 90);
    ck_assert_uint_eq(m.n_computed, 54);
    run_into(more, "fresh.sqlite");
    ck_assert(same_stores("a.sqlite", "fresh.sqlite"));
    /* changed again before it is finished, then back */
    pare_sweep *const other = parse_changed("w9a4", "w2a2");
    const pare_sweep_options some = {
        .store = in_folder("a.sqlite"), .threads = 2, .block_limit = 30};
    ck_assert(!run_with(other, &some).is_complete);
    m = run_into(more, "a.sqlite");
    ck_assert_uint_eq(m.n_computed, 0);
    ck_assert(same_stores("a.sqlite", "fresh.sqlite"));
    pare_sweep_free(other);
    pare_sweep_free(more);
    pare_sweep_free(s);
}
END_TEST

/* ---- files that cannot be written ---- */

static pare_err fail_into(const pare_sweep *s, const char *name, pare_status wanted)
{
    pare_sweep_summary m;
    pare_err e = {0};
    const pare_sweep_options o = {.store = in_folder(name), .threads = 1};
    const pare_status status = pare_sweep_run(s, &o, &m, &e);
    ck_assert_msg(status == wanted, "%d: %s", (int)status, e.text);
    return e;
}

START_TEST(wrong_stores_are_refused)
{
    pare_sweep *const s = parse(SWEEP);
    pare_sweep *const named = parse_changed("name: test", "name: other");
    run_into(s, "a.sqlite");
    ck_assert_ptr_nonnull(strstr(fail_into(named, "a.sqlite", PARE_EINPUT).text, "'test'"));
    sql("a.sqlite", "PRAGMA user_version = 2");
    ck_assert_ptr_nonnull(
        strstr(fail_into(s, "a.sqlite", PARE_EINPUT).text, "version 2; version 1"));
    sql("a.sqlite", "PRAGMA application_id = 5");
    ck_assert_ptr_nonnull(strstr(fail_into(s, "a.sqlite", PARE_EINPUT).text, "another program"));
    ck_assert_int_eq(
        pare_file_write(in_folder("text"), "no database, but long enough to be one", 38, NULL),
        PARE_OK);
    ck_assert_ptr_nonnull(strstr(fail_into(s, "text", PARE_EINPUT).text, "not a readable"));
    ck_assert_ptr_nonnull(
        strstr(fail_into(s, "none/a.sqlite", PARE_EFAIL).text, "cannot be opened"));
    pare_sweep_free(named);
    pare_sweep_free(s);
}
END_TEST

/* the child holds the store until it is told to end */
START_TEST(a_second_writer_is_refused)
{
    pare_sweep *const s = parse(SWEEP);
    int pipe_fd[2], back_fd[2];
    char c;
    ck_assert_int_eq(pipe(pipe_fd), 0);
    ck_assert_int_eq(pipe(back_fd), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const store_plan plan = store_plan_of(s);
        store_writer *w = NULL;
        const pare_status status = store_writer_open(in_folder("a.sqlite"), &plan, &w, NULL);
        if (write(pipe_fd[1], "x", 1) != 1 || read(back_fd[0], &c, 1) != 1) _exit(3);
        store_writer_close(w);
        _exit((int)status);
    }
    ck_assert_int_eq(read(pipe_fd[0], &c, 1), 1);
    const pare_err e = fail_into(s, "a.sqlite", PARE_EFAIL);
    int status;
    ck_assert_msg(strstr(e.text, "another process") != NULL, "%s", e.text);
    ck_assert_int_eq(write(back_fd[1], "x", 1), 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert(run_into(s, "a.sqlite").is_complete);
    pare_sweep_free(s);
}
END_TEST

/* a limit on file sizes is a full disk: the message says so, and the next run finishes */
START_TEST(a_full_disk_loses_nothing)
{
    enum { LIMIT_BYTES = 100000 };
    pare_sweep *const s = parse_changed("1.25]}\n", MORE_BITS);
    int status;
    run_into(s, "whole.sqlite");
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct rlimit limit = {LIMIT_BYTES, LIMIT_BYTES};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit)) _exit(9);
        const pare_err e = fail_into(s, "a.sqlite", PARE_EFAIL);
        _exit(strstr(e.text, "what was stored before is safe") ? 0 : 8);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    run_into(s, "a.sqlite");
    ck_assert(same_stores("a.sqlite", "whole.sqlite"));
    pare_sweep_free(s);
}
END_TEST

/* ---- hashes ---- */

START_TEST(hashes_tell_inputs_apart_and_nothing_else)
{
    static const char *const same[][2] = {{"name: test\n", "name: test # a comment\n"},
                                          {"name: test\n", "name: test\ntitle: another\n"}};
    static const char *const other[][2] = {{"w4a6", "w4a5"},
                                           {"lenet5", "cnn_small"},
                                           {"[8, 16]", "[8, 17]"},
                                           {"factor: 2", "factor: 4"},
                                           {"columns: [all]", "columns: [cycles]"},
                                           {"columns: [all]", "layers: true"},
                                           {"< 1e9", "< 2e9"}};
    pare_sweep *const s = parse(SWEEP);
    const XXH128_hash_t h = sweep_hash_plan(s);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        pare_sweep *const t = parse_changed(same[i][0], same[i][1]);
        ck_assert(XXH128_isEqual(h, sweep_hash_plan(t)));
        pare_sweep_free(t);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        pare_sweep *const t = parse_changed(other[i][0], other[i][1]);
        ck_assert_msg(!XXH128_isEqual(h, sweep_hash_plan(t)), "%s", other[i][1]);
        pare_sweep_free(t);
    }
    pare_sweep_free(s);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const rows[] = {rows_are_what_a_single_run_gives,
                                 rows_follow_the_machine_whatever_the_axes,
                                 layers_sum_to_their_point, NULL};
    const TTest *const same[] = {
        threads_and_shards_change_nothing, merge_sees_a_lost_and_a_foreign_row,
        killed_and_continued_is_as_never_interrupted, only_what_changed_is_computed, NULL};
    const TTest *const stores[] = {wrong_stores_are_refused, a_second_writer_is_refused,
                                   a_full_disk_loses_nothing, NULL};
    const TTest *const hashes[] = {hashes_tell_inputs_apart_and_nothing_else, NULL};
    const gtck_case cases[] = {
        {.suite = "SweepRows", .tests = rows, .setup = set_up, .teardown = tear_down},
        {.suite = "SweepSame",
         .tests = same,
         .setup = set_up,
         .teardown = tear_down,
         .timeout_s = 60},
        {.suite = "SweepStore", .tests = stores, .setup = set_up, .teardown = tear_down},
        {.suite = "SweepHashes", .tests = hashes}};
    return gtck_main(argc, argv, "sim_sweep", cases, sizeof cases / sizeof *cases);
}

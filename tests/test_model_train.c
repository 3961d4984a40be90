#define _DEFAULT_SOURCE /* DT_DIR, mkdtemp */
#include "gtck.h"
#include "model/data.h"
#include "model/optim.h"
#include "model/penalty.h"
#include "model/quant.h"
#include "model_run_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

START_TEST(the_choices_of_the_schema_are_the_rows_of_the_tables)
{
    const char *const *m = key("method")->choices, *const *c = key("criterion")->choices;
    const char *const *o = key("optimizer")->choices, *const *s = key("schedule")->choices;
    const char *const *a = key("augment")->choices;
    for (size_t i = 0; i < pare_n_methods; i++)
        ck_assert_int_eq(choice(m, pare_methods[i].name), (int)i);
    for (size_t i = 0; i < pare_n_criteria; i++)
        ck_assert_int_eq(choice(c, pare_criteria[i].name), (int)i);
    for (size_t i = 0; i < pare_n_optimizers; i++)
        ck_assert_int_eq(choice(o, pare_optimizers[i].name), (int)i);
    for (size_t i = 0; i < pare_n_schedules; i++)
        ck_assert_int_eq(choice(s, pare_schedules[i].name), (int)i);
    for (size_t i = 0; i < pare_n_augments; i++)
        ck_assert_int_eq(choice(a, pare_augments[i].name), (int)i);
    ck_assert_ptr_null(m[pare_n_methods]);
    ck_assert_ptr_null(c[pare_n_criteria]);
    ck_assert_ptr_null(o[pare_n_optimizers]);
    ck_assert_ptr_null(s[pare_n_schedules]);
    ck_assert_ptr_null(a[pare_n_augments]);
}
END_TEST

START_TEST(one_and_two_threads_leave_the_same_bytes)
{
    static const char *const ways[] = {
        "method=bitpruning augment=crop_flip", "method=fixed bits=w3a4 optimizer=adam lr=0.002",
        "method=fp32 schedule=step", "compute=bf16", "compute=winograd"};
    /* the last ones need AVX-512 */
    const int n_ways = pare_kernels_best() == &pare_kernels_avx512 ? 5 : 3;
    for (int i = 0; i < n_ways; i++) {
        run(ways[i], "one", 1);
        run(ways[i], "two", 2);
        ck_assert_int_ge(compare_trees("one", "two", "."), 8);
        char path[128];
        snprintf(path, sizeof path, "%s/one", scratch);
        remove_tree(path);
        snprintf(path, sizeof path, "%s/two", scratch);
        remove_tree(path);
    }
}
END_TEST

START_TEST(another_seed_gives_another_network)
{
    char *a, *b;
    size_t na, nb;
    run("", "one", 1);
    run("seed=2", "two", 1);
    read_bytes("one", "weights/conv1.npy", &a, &na);
    read_bytes("two", "weights/conv1.npy", &b, &nb);
    ck_assert(na != nb || memcmp(a, b, na) != 0);
    free(a);
    free(b);
}
END_TEST

typedef struct stopper {
    int left;
} stopper;

static bool stop_after(void *context)
{
    stopper *s = context;
    return s->left-- <= 0;
}

START_TEST(a_stopped_run_continues_to_the_same_bytes)
{
    run("", "whole", 1);
    for (int steps = 0; steps < 8; steps++) {
        stopper s = {steps};
        const pare_train_hooks hooks = {.context = &s, .should_stop = stop_after};
        pare_train_result r;
        pare_err e = {0};
        char path[128];
        ck_assert_int_eq(run_with("", "parts", 1, &hooks, &r, &e), PARE_OK);
        ck_assert(!r.is_complete);
        run("", "parts", 2);
        compare_trees("whole", "parts", ".");
        snprintf(path, sizeof path, "%s/parts", scratch);
        remove_tree(path);
    }
}
END_TEST

START_TEST(a_killed_run_continues_to_the_same_bytes)
{
    const char *settings = "epochs=6 tune_epochs=3 augment=crop";
    pare_rng r = pare_rng_new((uint64_t)time(NULL), 0);
    printf("seed of the moments: %llu\n", (unsigned long long)time(NULL));
    run(settings, "whole", 1);
    int n_kills = 0;
    for (bool is_done = false; !is_done;) {
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (!child) {
            pare_train_result result;
            _exit(run_with(settings, "parts", 1 + pare_rng_below(&r, 2), NULL, &result, NULL));
        }
        const uint32_t most = n_kills < 25 ? 40 : 2000;
        const struct timespec pause = {0, (long)(1 + pare_rng_below(&r, most)) * 1000000L};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        is_done = WIFEXITED(status);
        if (is_done)
            ck_assert_int_eq(WEXITSTATUS(status), 0);
        else
            n_kills++;
    }
    printf("killed %d times\n", n_kills);
    ck_assert_int_gt(n_kills, 0);
    run(settings, "parts", 1); /* clears what the last kill has left */
    compare_trees("whole", "parts", ".");
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------------
 */

START_TEST(a_run_that_diverges_stops_and_says_where)
{
    check_refused("lr=1000 method=fp32 momentum=0.99 weight_decay=1 epochs=40", "one", PARE_EFAIL,
                  "not finite");
}
END_TEST

/* The checkpoint of before stays, and holds a network that can be started from. */
START_TEST(a_run_that_diverges_keeps_its_last_checkpoint)
{
    char start[160];
    pare_err e = {0};
    pare_train_result r;
    const char *settings = "method=fp32 lr=1000 momentum=0.99 epochs=40 checkpoint_steps=1";
    ck_assert_int_eq(run_with(settings, "one", 1, NULL, &r, &e), PARE_EFAIL);
    printf("%s:%u: %s\n", e.file, e.line, e.text);
    unsigned step, epoch, kept;
    ck_assert_int_eq(sscanf(e.text, "step %u of epoch %u (train)", &step, &epoch), 2);
    ck_assert_ptr_nonnull(strstr(e.text, "layer "));
    const char *tail = strstr(e.text, "checkpoint.bin of ");
    ck_assert(tail && sscanf(tail, "checkpoint.bin of %u steps is kept", &kept) == 1);
    ck_assert_uint_eq(kept, 6 * (epoch - 1) + step - 1);
    ck_assert_uint_gt(e.line, 0);
    snprintf(start, sizeof start, "method=fp32 lr=0 from=%s/one", scratch);
    ck_assert_int_ne(run_with(start, "two", 1, NULL, &r, NULL), PARE_EINPUT);
}
END_TEST

START_TEST(a_checkpoint_of_another_run_is_refused)
{
    run("", "one", 1);
    check_refused("gamma=0.6", "one", PARE_EINPUT, "another configuration");
}
END_TEST

START_TEST(a_damaged_checkpoint_is_refused)
{
    char *bytes;
    size_t n;
    run("", "one", 1);
    read_bytes("one", "checkpoint.bin", &bytes, &n);
    bytes[n / 2] ^= 1;
    write_text("one/checkpoint.bin", bytes, n);
    check_refused("", "one", PARE_EINPUT, "not a whole checkpoint");
    write_text("one/checkpoint.bin", bytes, n / 3);
    check_refused("", "one", PARE_EINPUT, "not a whole checkpoint");
    write_text("one/checkpoint.bin", bytes, 0);
    check_refused("", "one", PARE_EINPUT, "not a whole checkpoint");
    free(bytes);
}
END_TEST

START_TEST(settings_that_do_not_fit_are_refused)
{
    check_refused("batch=97", "one", PARE_EINPUT, "batch is 97 with 96 training images");
    check_refused("init_bits=9", "one", PARE_EINPUT,
                  "init_bits is 9; min_bits..max_bits expected, 1..8");
    check_refused("init_bits=2 min_bits=3", "one", PARE_EINPUT,
                  "init_bits is 2; min_bits..max_bits expected, 3..8");
    check_refused("method=fixed bits=nonsense", "one", PARE_EINPUT, "nonsense");
}
END_TEST

START_TEST(a_network_that_cannot_be_trained_is_refused_at_its_place)
{
    static const char bad[] = "version: 1\nname: bad\ninput: {channels: 1, height: 8, width: 8}\n"
                              "layers:\n"
                              "  - {name: c, type: conv2d, out_channels: 4, kernel: 3}\n"
                              "  - {name: g, type: gelu}\n"
                              "  - {name: f, type: flatten}\n"
                              "  - {name: d, type: fc, out_channels: 4}\n";
    pare_err e = {0};
    pare_train_result r;
    write_text("little.net.yaml", bad, sizeof bad - 1);
    ck_assert_int_eq(run_with("", "one", 1, NULL, &r, &e), PARE_EINPUT);
    ck_assert_uint_eq(e.line, 6);
    ck_assert_ptr_nonnull(strstr(e.text, "layer g is of type gelu"));
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const runs[] = {the_choices_of_the_schema_are_the_rows_of_the_tables,
                                 one_and_two_threads_leave_the_same_bytes,
                                 another_seed_gives_another_network,
                                 a_stopped_run_continues_to_the_same_bytes, NULL};
    const TTest *const kills[] = {a_killed_run_continues_to_the_same_bytes, NULL};
    const TTest *const refusals[] = {a_run_that_diverges_stops_and_says_where,
                                     a_run_that_diverges_keeps_its_last_checkpoint,
                                     a_checkpoint_of_another_run_is_refused,
                                     a_damaged_checkpoint_is_refused,
                                     settings_that_do_not_fit_are_refused,
                                     a_network_that_cannot_be_trained_is_refused_at_its_place,
                                     NULL};
    const gtck_case cases[] = {
        {.suite = "Run", .tests = runs, .setup = setup, .teardown = teardown, .timeout_s = 60},
        {.suite = "Kill", .tests = kills, .setup = setup, .teardown = teardown, .timeout_s = 60},
        {.suite = "Refusal",
         .tests = refusals,
         .setup = setup,
         .teardown = teardown,
         .timeout_s = 60},
    };
    return gtck_main(argc, argv, "model_train", cases, sizeof cases / sizeof *cases);
}

/* Bad machines are refused with their exact message: most while loading, some only by a layer that
 * the machine cannot run. */
#include "bad_files.h"
#include "sim/sim.h"

/* 16 x 14 x 14 -> 32, 3x3, weights 9 b, activations 8 b */
static const pare_sim_job job = {.layer = "conv1",
                                 .type = "conv2d",
                                 .dims = {.n = 1,
                                          .c = 16,
                                          .h = 14,
                                          .w = 14,
                                          .k = 32,
                                          .r = 3,
                                          .s = 3,
                                          .p = 14,
                                          .q = 14,
                                          .groups = 1,
                                          .stride = {1, 1},
                                          .pad = {1, 1},
                                          .dilation = {1, 1}},
                                 .weight_bits = 9,
                                 .act_bits = 8,
                                 .out_bits = 8};

static pare_status use(const char *path, pare_err *e)
{
    pare_machine *m = NULL;
    pare_sim_layer l;
    pare_status status = pare_machine_load(path, NULL, 0, &m, e);
    if (status == PARE_OK) status = pare_sim_run_layer(m, &job, &l, e);
    pare_machine_free(m);
    return status;
}

START_TEST(bad_machines_get_their_exact_message) { check_folder("machine", use, 50); }
END_TEST

/* the change that each message about a layer asks for is enough, and one less is not */
START_TEST(the_smallest_change_makes_the_machine_run)
{
    static const char *const files[] = {"weight_buffer_below_a_tile", "act_buffer_below_a_tile",
                                        "out_buffer_below_a_tile",    "weights_too_wide",
                                        "activations_too_wide",       "zero_bandwidth"};
    const char *const src = getenv("PARE_SRC");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[PATH_MAX], set[128], key[64];
        pare_err e = {0};
        snprintf(path, sizeof path, "%s/tests/data/bad/machine/%s.machine.yaml", src ? src : ".",
                 files[i]);
        ck_assert_int_eq(use(path, &e), PARE_EINPUT);
        const char *const least = strstr(e.text, "at least ");
        ck_assert_ptr_nonnull(least);
        const unsigned long value = strtoul(least + strlen("at least "), NULL, 10);
        snprintf(key, sizeof key, "%.*s", (int)strcspn(e.text, " "), e.text);
        for (unsigned long less = 0; less < 2; less++) {
            const char *const sets[] = {set};
            pare_machine *m = NULL;
            pare_sim_layer l;
            pare_err again = {0};
            snprintf(set, sizeof set, "%s=%lu", key, value - less);
            ck_assert_msg(pare_machine_load(path, sets, 1, &m, &again) == PARE_OK, "%s",
                          again.text);
            const pare_status status = pare_sim_run_layer(m, &job, &l, &again);
            ck_assert_msg(status == (less ? PARE_EINPUT : PARE_OK), "%s: %s", set, again.text);
            pare_machine_free(m);
        }
    }
}
END_TEST

/* huge layers are refused, not wrapped */
START_TEST(counters_that_would_overflow_are_errors)
{
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_err e = {0};
    pare_data_find("machines", "loom1", &path);
    ck_assert_msg(pare_machine_load(path.text, NULL, 0, &m, &e) == PARE_OK, "%s", e.text);
    pare_sim_job large = job;
    large.dims.c = large.dims.k = 1u << 20;
    large.dims.n = 1u << 20;
    pare_sim_layer l;
    ck_assert_int_eq(pare_sim_run_layer(m, &large, &l, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.text, "expected"));
    pare_machine_free(m);
    pare_buf_free(&path);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const bad[] = {bad_machines_get_their_exact_message,
                                the_smallest_change_makes_the_machine_run,
                                counters_that_would_overflow_are_errors, NULL};
    const gtck_case cases[] = {{.suite = "BadInput", .tests = bad}};
    return gtck_main(argc, argv, "sim_bad", cases, sizeof cases / sizeof *cases);
}

/* The whole machine: random layers on the RTL against the integer reference, the C model pin by
 * pin, and level 2 record by record. */
#include "gtck.h"
#include "rtl/layer.h"

#include <stdlib.h>

enum { LAYERS = 60 };

static pare_machine *load(const char *name)
{
    const char *const root = getenv("PARE_DATA") ? getenv("PARE_DATA") : ".";
    char path[512];
    pare_machine *m = NULL;
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/sim/machines/%s.machine.yaml", root, name);
    ck_assert_msg(pare_machine_load(path, NULL, 0, &m, &e) == PARE_OK, "%s", e.text);
    return m;
}

static void run_random(const char *name, uint64_t seed, uint64_t first, uint64_t n)
{
    pare_machine *const m = load(name);
    const pare_accel_params *const p = pare_accel_find(name);
    pare_err e = {0};
    ck_assert_msg(pare_layer_machine_check(m, p, &e) == PARE_OK, "%s", e.text);
    uint64_t n_run = 0;
    for (uint64_t i = first; i < first + n; i++) {
        pare_layer_random x;
        pare_layer_random_new(p, seed, i, &x);
        const pare_layer_check check = {.machine = m,
                                        .params = p,
                                        .pace = x.has_pace ? &x.pace : NULL,
                                        .has_model = true,
                                        .desc_seed = x.desc_seed};
        pare_layer_result r;
        const pare_status status = pare_layer_verify(&check, &x.job, &r, &e);
        if (status == PARE_OK) {
            ck_assert_msg(r.is_ok, "%s, seed %llu, layer %llu: %s", name, (unsigned long long)seed,
                          (unsigned long long)i, r.difference.text);
            n_run++;
        }
        if (status != PARE_OK && getenv("PARE_VERBOSE"))
            printf("%llu: %s\n", (unsigned long long)i, e.text);
        pare_layer_result_free(&r);
        pare_layer_random_free(&x);
    }
    printf("%s: %llu of %llu layers run, seed %llu\n", name, (unsigned long long)n_run,
           (unsigned long long)n, (unsigned long long)seed);
    pare_machine_free(m);
}

static uint64_t seed(void)
{
    return getenv("PARE_SEED") ? strtoull(getenv("PARE_SEED"), NULL, 10) : 1;
}
static uint64_t n_layers(void)
{
    return getenv("PARE_CASES") ? strtoull(getenv("PARE_CASES"), NULL, 10) : LAYERS;
}
static uint64_t first_layer(void)
{
    return getenv("PARE_FIRST") ? strtoull(getenv("PARE_FIRST"), NULL, 10) : 0;
}

START_TEST(test_serial) { run_random("pare4", seed(), first_layer(), n_layers()); }
END_TEST
START_TEST(test_skewed) { run_random("pare4_skew", seed(), first_layer(), n_layers()); }
END_TEST
START_TEST(test_odd) { run_random("pare_odd", seed(), first_layer(), n_layers()); }
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {test_serial, test_skewed, test_odd, NULL};
    const gtck_case cases[] = {{.suite = "Accel", .tests = tests}};
    return gtck_main(argc, argv, "rtl_accel", cases, sizeof cases / sizeof *cases);
}

/* Speed of a whole layer on the Verilated machine, beside the C model and level 2. */
#include "rtl/layer.h"
#include "sim/accel_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int32_t *codes(pare_rng *r, size_t n, uint32_t bits)
{
    int32_t *const v = pare_xalloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = (int32_t)pare_rng_below(r, 1u << bits);
    return v;
}

/* A 3 x 3 convolution, 16 channels of 14 x 14 to 32, 4 bits: conv2 of cnn_small. */
static void bench(const pare_accel_params *p)
{
    pare_machine *m = NULL;
    pare_err e = {0};
    pare_buf path = {0};
    pare_rng r = pare_rng_new(1, 0);
    pare_data_find("machines", p->name, &path);
    if (pare_machine_load(path.text, NULL, 0, &m, &e) != PARE_OK) {
        pare_err_print(&e, stderr);
        exit(1);
    }
    int32_t *const weights = codes(&r, 32 * 144, 4), *const acts = codes(&r, 196 * 16, 4);
    const pare_layer_job job = {
        .name = "conv",
        .dims = {1, 16, 14, 14, 32, 3, 3, 14, 14, 1, {1, 1}, {1, 1}, {1, 1}},
        .weight_bits = 4,
        .act_bits = 4,
        .out_bits = 8,
        .raw = true,
        .weights = weights,
        .acts = acts};
    double best_s[2] = {1e9, 1e9}, level2_s = 1e9;
    uint64_t cycles = 0;
    for (int model = 0; model < 2; model++)
        for (int i = 0; i < 3; i++) {
            const pare_layer_check check = {.machine = m, .params = p, .has_model = model};
            pare_layer_result result;
            const double start = now_s();
            if (pare_layer_verify(&check, &job, &result, &e) != PARE_OK || !result.is_ok) exit(1);
            const double s = now_s() - start;
            if (s < best_s[model]) best_s[model] = s;
            cycles = result.rtl_cycles;
            pare_layer_result_free(&result);
        }
    const pare_sim_job sim_job = {.layer = "conv",
                                  .type = "conv2d",
                                  .dims = job.dims,
                                  .weight_bits = 4,
                                  .act_bits = 4,
                                  .out_bits = 8};
    for (int i = 0; i < 20; i++) {
        pare_sim_layer l;
        const double start = now_s();
        if (pare_sim_events(m, &sim_job, NULL, NULL, &l, &e) != PARE_OK) exit(1);
        if (now_s() - start < level2_s) level2_s = now_s() - start;
    }
    const double pes = (double)p->rows * p->cols, rate = (double)cycles / best_s[0];
    printf("%-12s %3" PRIu32 " x %-3" PRIu32 " %10" PRIu64 " cycles %8.1f k array cycles/s %7.2f M "
           "PE cycles/s; lockstep with the C model %.2fx the time; level 2 %.0fx faster\n",
           p->name, p->rows, p->cols, cycles, rate / 1e3, rate * pes / 1e6, best_s[1] / best_s[0],
           best_s[0] / level2_s);
    free(weights);
    free(acts);
    pare_buf_free(&path);
    pare_machine_free(m);
}

int main(void)
{
    size_t n;
    const pare_accel_params *const all = pare_accels(&n);
    for (size_t i = 0; i < n; i++)
        if (all[i].max_filters >= 1024) bench(&all[i]);
    return 0;
}

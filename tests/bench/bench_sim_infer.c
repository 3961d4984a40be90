/* Speed of bit-true inference: each kernel's products a second by bitlength, and 10,000 images of
 * a network that is trained for the purpose, on one thread. */
#include "sim/infer_core.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double WANTED_S = 10; /* 10,000 images of cnn_small on one thread */
static const double KERNEL_S = 0.1;
enum { N_ROWS = 64, TEXT_MAX = 1024 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Products per second, in 1e9. */
static double measure(const infer_kernel *kernel, uint32_t depth, uint32_t k, uint32_t bits)
{
    infer_matrix m = {.k = k, .depth = depth, .bits = bits};
    const size_t stride = infer_row_stride(depth);
    uint8_t *const w = pare_xalloc((size_t)k * depth, 1), *const a =
                                                              pare_xalloc(N_ROWS * stride, 1);
    uint64_t *const scratch = pare_xalloc(stride, sizeof *scratch), sums[N_ROWS] = {0};
    pare_rng r = pare_rng_new(1, bits);
    for (size_t i = 0; i < (size_t)k * depth; i++) w[i] = (uint8_t)pare_rng_below(&r, 1u << bits);
    for (size_t i = 0; i < N_ROWS; i++)
        for (size_t j = 0; j < depth; j++)
            sums[i] += a[i * stride + j] = (uint8_t)pare_rng_below(&r, 1u << bits);
    kernel->pack(w, &m);
    uint64_t *const acc = pare_xalloc(N_ROWS * m.k_stride, sizeof *acc);
    const infer_rows rows = {a, N_ROWS, stride, bits, sums, scratch};
    const double start_s = now_s();
    double n = 0, spent_s = 0;
    do {
        kernel->dot(&m, &rows, 0, acc);
        n += (double)N_ROWS * k * depth;
        spent_s = now_s() - start_s;
    } while (spent_s < KERNEL_S);
    free(w);
    free(a);
    free(scratch);
    free(acc);
    free(m.data);
    return n / spent_s * 1e-9;
}

static void bench_kernels(uint32_t depth, uint32_t k)
{
    static const uint32_t bits[] = {1, 2, 3, 4, 6, 8};
    const size_t n = sizeof bits / sizeof *bits;
    printf("1e9 products a second, depth %u, %u filters, by bits of both operands\n", depth, k);
    printf("%-26s", "kernel");
    for (size_t j = 0; j < n; j++) printf(" %7u", bits[j]);
    printf("\n");
    for (size_t i = 0; i < infer_n_kernels; i++) {
        const infer_kernel *const kernel = infer_kernels[i];
        printf("%-26s", kernel->name);
        if (!kernel->is_supported()) printf(" not on this machine");
        for (size_t j = 0; j < n && kernel->is_supported(); j++)
            printf(" %7.2f", measure(kernel, depth, k, bits[j]));
        printf("\n");
    }
}

/* A run folder of cnn_small; the bits matter here, the accuracy does not. */
static bool train(const char *build, const char *bits, const char *folder)
{
    char command[TEXT_MAX];
    snprintf(command, sizeof command,
             "%s/bin/pare-train cnn_small --data fashion-mnist --method fixed --bits %s --epochs 1 "
             "--limit 10000 --sample-images 2 -q -o %s",
             build, bits, folder);
    return system(command) == 0;
}

static pare_status run(const char *folder, const pare_infer_images *images,
                       const infer_kernel *kernel, pare_err *e)
{
    pare_infer *f = NULL;
    pare_machine *m = NULL;
    pare_infer_result r = {0};
    pare_buf path = {0};
    pare_status status;
    const pare_infer_options options = {.threads = 1};
    pare_data_find("machines", "loom1", &path);
    PARE_TRY_DONE(pare_machine_load(path.text, NULL, 0, &m, e));
    PARE_TRY_DONE(pare_infer_load(folder, &f, e));
    if (kernel) infer_use_kernel(f, kernel);
    const double start_s = now_s();
    PARE_TRY_DONE(pare_infer_run(f, m, images, &options, &r, e));
    const double spent_s = now_s() - start_s;
    printf("  %-26s %6.2f s for %zu images, checks included: %.1f x the %.0f s wanted; agreement "
           "%.3f %%\n",
           r.layers[0].kernel, spent_s, r.n_images, WANTED_S / spent_s, WANTED_S,
           100 * (double)r.n_agree / (double)r.n_compared);
done:
    pare_infer_result_free(&r);
    pare_infer_free(f);
    pare_machine_free(m);
    pare_buf_free(&path);
    return status;
}

static int bench_bits(const char *build, const char *bits, const pare_infer_images *images)
{
    char folder[] = "/tmp/pare_bench_XXXXXX", command[TEXT_MAX];
    pare_err e = {0};
    pare_status status = PARE_OK;
    if (!mkdtemp(folder) || !train(build, bits, folder)) return 1;
    printf("cnn_small at %s, one thread\n", bits);
    for (size_t i = 0; i < infer_n_kernels && status == PARE_OK; i++)
        if (infer_kernels[i]->is_supported()) status = run(folder, images, infer_kernels[i], &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0 || status != PARE_OK;
}

int main(void)
{
    const char *const build = getenv("PARE_BUILD") ? getenv("PARE_BUILD") : "build";
    pare_infer_images images;
    pare_err e = {0};
    bench_kernels(144, 32);
    bench_kernels(1152, 128);
    if (pare_infer_images_load("fashion-mnist", 0, &images, &e) != PARE_OK) {
        printf("SKIPPED whole networks: ");
        fflush(stdout);
        pare_err_print(&e, stdout);
        return 0;
    }
    int status = 0;
    static const char *const bits[] = {"2", "4", "8"};
    for (size_t i = 0; i < sizeof bits / sizeof *bits && !status; i++)
        status = bench_bits(build, bits[i], &images);
    pare_infer_images_free(&images);
    return status;
}

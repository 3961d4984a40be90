/* bench_model_scale: how training scales: images/s over batch and threads, memory over depth, and
 * two processes of MPI beside one.
 *
 * ResNet-20 for CIFAR with BitPruning on one synthetic batch; depth is varied by the number of
 * blocks. The processes train pare-train itself on a synthetic image set.
 */
#define _DEFAULT_SOURCE /* mkdtemp, wait4 */
#include "model_bench.h"

#include <sys/stat.h>

enum { ROUNDS = 3, WAYS = 3, RECORDS = 1024, RECORD_BYTES = 3073 };

/* ---- batch and threads -------------------------------------------------------------------------
 */

static void over_batch_and_threads(void)
{
    static const uint32_t batches[] = {16, 32, 64, 128, 256, 512};
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned most = cores > 1 ? 2 : 1;
    printf("images/s of resnet20 bitpruning by batch, arithmetic and threads, median of %d\n%8s",
           (int)ROUNDS, "batch");
    for (unsigned t = 1; t <= most; t++)
        printf("  %7s %u  %7s %u  %7s %u", "f32", t, "winogr.", t, "bf16", t);
    printf("\n");
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        printf("%8u", batches[i]);
        for (unsigned t = 1; t <= most; t++)
            for (int how = 0; how < WAYS; how++) {
                const bool has = !how || pare_kernels_best() == &pare_kernels_avx512;
                const bench_setup s = {.network = "resnet20",
                                       .method = "bitpruning",
                                       .is_winograd = how == 1,
                                       .is_bf16 = how == 2,
                                       .batch = batches[i],
                                       .threads = t};
                printf("  %9.0f", has ? rate_of(&s, ROUNDS, 1) : 0);
                fflush(stdout);
            }
        printf("\n");
    }
}

/* ---- depth -------------------------------------------------------------------------------------
 */

/* ResNet of 6 n + 2 layers for CIFAR. */
static char *resnet(int n)
{
    pare_buf b = {0};
    pare_buf_puts(&b,
                  "version: 1\nname: resnet\ninput: {channels: 3, height: 32, width: 32}\nlayers:\n"
                  "  - {name: c, type: conv2d, out_channels: 16, kernel: 3, pad: 1}\n"
                  "  - {name: b, type: batchnorm}\n  - {name: r, type: relu}\n");
    char last[32] = "r";
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < n; i++) {
            const int k = 16 << stage, is_down = stage && !i, id = stage * 100 + i;
            pare_buf_printf(&b,
                            "  - {name: a%d, type: conv2d, out_channels: %d, kernel: 3, pad: 1, "
                            "stride: %d}\n  - {name: ba%d, type: batchnorm}\n"
                            "  - {name: ra%d, type: relu}\n"
                            "  - {name: d%d, type: conv2d, out_channels: %d, kernel: 3, pad: 1}\n"
                            "  - {name: bd%d, type: batchnorm}\n",
                            id, k, 1 + is_down, id, id, id, k, id);
            if (is_down) {
                pare_buf_printf(&b,
                                "  - {name: s%d, type: conv2d, out_channels: %d, stride: 2, "
                                "inputs: [%s]}\n  - {name: bs%d, type: batchnorm}\n",
                                id, k, last, id);
                snprintf(last, sizeof last, "bs%d", id);
            }
            pare_buf_printf(&b,
                            "  - {name: p%d, type: add, inputs: [bd%d, %s]}\n"
                            "  - {name: rp%d, type: relu}\n",
                            id, id, last, id);
            snprintf(last, sizeof last, "rp%d", id);
        }
    pare_buf_puts(&b, "  - {name: g, type: global_avgpool}\n"
                      "  - {name: fc, type: fc, out_channels: 10, bias: true}\n");
    return b.text;
}

static void over_depth(void)
{
    printf("peak memory of a ResNet for CIFAR, bitpruning at batch 128, 1 thread, MiB\n"
           "%8s  %8s  %8s  %18s\n",
           "layers", "f32", "bf16", "f32, a layer more");
    double before = 0;
    int layers_before = 0;
    for (int n = 1; n <= 9; n += 2) {
        char *text = resnet(n);
        bench_setup s = {.network = text, .method = "bitpruning", .batch = 128, .threads = 1};
        const double f32 = memory_of(&s);
        s.is_bf16 = true;
        const double bf16 = pare_kernels_best() == &pare_kernels_avx512 ? memory_of(&s) : 0;
        printf("%8d  %8.0f  %8.0f", 6 * n + 2, f32, bf16);
        if (layers_before) printf("  %18.1f", (f32 - before) / (6 * n + 2 - layers_before));
        printf("\n");
        fflush(stdout);
        before = f32;
        layers_before = 6 * n + 2;
        free(text);
    }
}

/* ---- processes ---------------------------------------------------------------------------------
 */

static void write_images(const char *folder, const char *name, size_t n)
{
    pare_err e = {0};
    char path[256];
    uint8_t *bytes = pare_xalloc(n, RECORD_BYTES);
    pare_rng r = pare_rng_new(1, n);
    for (size_t i = 0; i < n * RECORD_BYTES; i++) bytes[i] = (uint8_t)pare_rng_below(&r, 256);
    for (size_t i = 0; i < n; i++) bytes[i * RECORD_BYTES] = (uint8_t)(i % 10);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(pare_file_write(path, bytes, n * RECORD_BYTES, &e), &e);
    free(bytes);
}

/* Images/s that `prefix pare-train` tells at the end of its second epoch. */
static double run_train(const char *folder, const char *prefix, const char *run)
{
    const char *build = getenv("PARE_BUILD");
    char command[1024], line[1024];
    double rate = 0;
    snprintf(command, sizeof command,
             "rm -rf %s/%s; %s %s/bin/pare-train resnet20 --data %s -o %s/%s -j 1 --epochs 2 "
             "--tune-epochs 0 --compute f32 2>&1",
             folder, run, prefix, build ? build : "build", folder, folder, run);
    FILE *p = popen(command, "r");
    while (p && fgets(line, sizeof line, p)) {
        const char *at = strstr(line, " images/s");
        while (at && at > line && at[-1] != ' ') at--;
        if (at) rate = strtod(at, NULL);
    }
    if (p) pclose(p);
    return rate;
}

static void over_processes(void)
{
    char folder[] = "/tmp/pare_bench_XXXXXX", name[32];
    if (!pare_comm_is_built()) {
        printf("processes: this build has no MPI\n");
        return;
    }
    if (!mkdtemp(folder)) return;
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        write_images(folder, name, RECORDS / 5 + 1);
    }
    write_images(folder, "test_batch.bin", 128);
    const double one = run_train(folder, "", "one");
    const double alone = run_train(folder, "mpirun --oversubscribe -n 1", "alone");
    const double two = run_train(folder, "mpirun --oversubscribe -n 2", "two");
    printf("processes of one thread, pare-train resnet20, batch 128 in all, evaluation included: "
           "%.0f images/s without MPI, %.0f with 1 process, %.0f with 2: efficiency %.0f %%\n",
           one, alone, two, one > 0 ? 100 * two / (2 * one) : 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command)) return;
}

int main(void)
{
    over_depth(); /* first: a forked process inherits what this one has touched */
    over_batch_and_threads();
    over_processes();
    return 0;
}

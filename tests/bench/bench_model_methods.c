/* bench_model_methods: images/s of every training method on ResNet-20, batch 128, beside our own
 * fp32; and the seconds that methods without training take.
 *
 * Each is a run of pare-train's library on random images; steps are timed from one progress report
 * to the next, so evaluations and files do not count. fp32 is run between the others, so that what
 * else the machine does hits both. `adaptive, all` passes each image once for each of its widths:
 * its rate is said by images and by passes.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include "model/model.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 128, FILES = 5, PER_FILE = 256, RECORD = 3073, STEPS_MAX = 64 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* one thread; the machine may be busy */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(pare_status s, const pare_err *e)
{
    if (s == PARE_OK) return;
    pare_err_print(e, stderr);
    exit(s);
}

static void write_images(const char *folder, const char *name, uint64_t stream)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_rng r = pare_rng_new(1, stream);
    uint8_t *bytes = pare_xalloc(PER_FILE, RECORD);
    for (size_t i = 0; i < (size_t)PER_FILE * RECORD; i++)
        bytes[i] = (uint8_t)pare_rng_below(&r, i % RECORD ? 256 : 10);
    pare_buf_printf(&path, "%s/%s", folder, name);
    must(pare_file_write(path.text, bytes, (size_t)PER_FILE * RECORD, &e), &e);
    pare_buf_free(&path);
    free(bytes);
}

/* ---- one run ----------------------------------------------------------------------------------
 */

typedef struct steps {
    double last, seconds[STEPS_MAX];
    size_t n;
} steps;

static void on_progress(void *context, const pare_train_progress *p)
{
    steps *s = context;
    const double now = now_s();
    if (s->last > 0 && !p->is_epoch_end && s->n < STEPS_MAX) s->seconds[s->n++] = now - s->last;
    s->last = p->is_epoch_end ? 0 : now;
}

static pare_train_config config_of(pare_arena *a, const char *folder, const char *options)
{
    pare_err e = {0};
    pare_yaml *y;
    pare_train_config c;
    const char *text = pare_arena_printf(a,
                                         "version: 1\nnetwork: resnet20\ndata: %s\nepochs: 1\n"
                                         "tune_epochs: 0\nlr: 0.01\n",
                                         folder);
    must(pare_yaml_parse("bench", text, strlen(text), &y, &e), &e);
    char *list = pare_arena_strdup(a, options);
    for (char *s = strtok(list, " "); s; s = strtok(NULL, " ")) must(pare_yaml_set(y, s, &e), &e);
    must(pare_yaml_read(y, &pare_train_schema, a, &c, &e), &e);
    pare_yaml_free(y);
    return c;
}

static void remove_run(const char *path)
{
    pare_buf b = {0};
    pare_buf_printf(&b, "rm -rf '%s'", path);
    if (system(b.text)) fprintf(stderr, "%s stays\n", path);
    pare_buf_free(&b);
}

/* Mean seconds of a step; *total_s: of the whole run. */
static double run(const char *folder, const char *options, unsigned threads, bool keeps,
                  double *total_s)
{
    pare_err e = {0};
    pare_arena *a = pare_arena_new();
    steps s = {0};
    const pare_train_hooks hooks = {.context = &s, .progress = on_progress};
    const pare_train_config c = config_of(a, folder, options);
    const char *out = pare_arena_printf(a, "%s/%s", folder, keeps ? "fp" : "run");
    pare_train_result r;
    const double start = now_s();
    must(pare_train_run(&c, out, threads, &hooks, &r, &e), &e);
    *total_s = now_s() - start;
    double sum = 0; /* the mean: some methods do more in some steps */
    for (size_t i = 0; i < s.n; i++) sum += s.seconds[i];
    if (!keeps) remove_run(out);
    pare_arena_free(a);
    return s.n ? sum / (double)s.n : 0;
}

/* ---- the table --------------------------------------------------------------------------------
 */

static bool is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], name, strlen(argv[i]))) return true;
    return argc < 2;
}

/* With arguments only the methods whose names begin so. */
int main(int argc, char **argv)
{
    static const struct {
        const char *name, *options;
        double passes;
    } methods[] = {
        {"bitpruning", "method=bitpruning", 1},
        {"fixed", "method=fixed bits=w4a4", 1},
        {"stochastic", "method=stochastic", 1},
        {"fracbits", "method=fracbits criterion=bitops", 1},
        {"lsq", "method=lsq bits=w4a4", 1},
        {"lsq, channels", "method=lsq bits=w4a4 granularity=channel", 1},
        {"pact", "method=pact bits=w4a4", 1},
        {"adaqat", "method=adaqat", 1},
        {"bmpq", "method=bmpq bits=w4a4", 1},
        {"syq", "method=syq bits=w4a4", 1},
        {"pow2", "method=pow2 bits=w4a4", 1},
        {"dq", "method=dq bits=w4a4", 1},
        {"adaptive", "method=adaptive options.adaptive.widths=8,4,2", 1},
        {"adaptive, all", "method=adaptive options.adaptive.widths=8,4,2 options.adaptive.passes=0",
         3},
    };
    static const char *const after[] = {
        "method=mmse bits=w4a4", "method=mmse bits=w4a4 granularity=channel",
        "method=settle bits=w4a4", "method=datafree bits=w8a8 options.datafree.drop=0.1"};
    char folder[] = "/tmp/pare_bench_methods_XXXXXX";
    double total_s;
    if (!mkdtemp(folder)) return 1;
    for (int i = 1; i <= FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        write_images(folder, name, (uint64_t)i);
    }
    write_images(folder, "test_batch.bin", 99);
    run(folder, "method=fp32", 1, true, &total_s);
    printf("resnet20, batch %d, 1 thread, CPU time, mean step of %d\n", (int)BATCH,
           FILES * PER_FILE / BATCH);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!is_wanted(argc, argv, methods[i].name)) continue;
        const double before = run(folder, "method=fp32", 1, false, &total_s);
        const double own = run(folder, methods[i].options, 1, false, &total_s);
        const double later = run(folder, "method=fp32", 1, false, &total_s);
        const double fp32 = (before + later) / 2;
        printf("%-14s %5.0f images/s   %.2f of fp32's", methods[i].name, BATCH / own, fp32 / own);
        if (methods[i].passes > 1)
            printf(", %.2f by passes, %g an image", fp32 * methods[i].passes / own,
                   methods[i].passes);
        printf("\n");
        fflush(stdout);
    }
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        if (!is_wanted(argc, argv, after[i] + strlen("method="))) continue;
        pare_buf b = {0};
        pare_buf_printf(&b, "%s from=%s/fp", after[i], folder);
        run(folder, b.text, 1, false, &total_s);
        printf("%-50s %5.1f s CPU in all\n", after[i], total_s);
        pare_buf_free(&b);
    }
    remove_run(folder);
    return 0;
}

#define _DEFAULT_SOURCE /* DT_DIR, mkdtemp */
#include "gtck.h"
#include "model/data.h"
#include "model/model.h"
#include "model/naive.h"
#include "model/optim.h"
#include "model/quant.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEED = 41, TRAIN = 96, TEST = 40, SIDE = 8, CLASSES = 4 };

static char scratch[64];

/* ---- a little image set and a little network ---------------------------------------------------
 */

static void put_u32(pare_buf *b, uint32_t x)
{
    const unsigned char bytes[4] = {(unsigned char)(x >> 24), (unsigned char)(x >> 16),
                                    (unsigned char)(x >> 8), (unsigned char)x};
    pare_buf_add(b, bytes, sizeof bytes);
}

static void write_text(const char *name, const void *text, size_t n)
{
    pare_buf path = {0};
    pare_err e = {0};
    pare_buf_printf(&path, "%s/%s", scratch, name);
    ck_assert_int_eq(pare_file_write(path.text, text, n, &e), PARE_OK);
    pare_buf_free(&path);
}

/* Images whose class is the brightest quadrant: learnable in a few steps. */
static void write_split(const char *split, uint32_t n, uint64_t stream)
{
    pare_rng r = pare_rng_new(SEED, stream);
    pare_buf x = {0}, t = {0};
    char name[64];
    put_u32(&x, 0x803);
    put_u32(&x, n);
    put_u32(&x, SIDE);
    put_u32(&x, SIDE);
    put_u32(&t, 0x801);
    put_u32(&t, n);
    for (uint32_t i = 0; i < n; i++) {
        const unsigned char label = (unsigned char)pare_rng_below(&r, CLASSES);
        pare_buf_add(&t, &label, 1);
        for (uint32_t p = 0; p < SIDE * SIDE; p++) {
            const uint32_t quadrant = p / (SIDE * SIDE / 2) * 2 + p % SIDE / (SIDE / 2);
            const unsigned char v =
                (unsigned char)(pare_rng_below(&r, 120) + (quadrant == label ? 130 : 0));
            pare_buf_add(&x, &v, 1);
        }
    }
    snprintf(name, sizeof name, "data/%s-images-idx3-ubyte", split);
    write_text(name, x.text, x.n);
    snprintf(name, sizeof name, "data/%s-labels-idx1-ubyte", split);
    write_text(name, t.text, t.n);
    pare_buf_free(&x);
    pare_buf_free(&t);
}

static const char net_text[] =
    "version: 1\n"
    "name: little\n"
    "input: {channels: 1, height: 8, width: 8}\n"
    "layers:\n"
    "  - {name: conv1, type: conv2d, out_channels: 8, kernel: 3, pad: 1}\n"
    "  - {name: bn1, type: batchnorm}\n"
    "  - {name: relu1, type: relu}\n"
    "  - {name: conv2, type: conv2d, out_channels: 12, kernel: 3, pad: 1, bias: true}\n"
    "  - {name: relu2, type: relu}\n"
    "  - {name: pool, type: maxpool, kernel: 2, stride: 2}\n"
    "  - {name: flatten, type: flatten}\n"
    "  - {name: fc, type: fc, out_channels: 4, bias: true}\n";

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    for (const struct dirent *f; d && (f = readdir(d));) {
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..")) continue;
        pare_buf p = {0};
        pare_buf_printf(&p, "%s/%s", path, f->d_name);
        remove_tree(p.text);
        pare_buf_free(&p);
    }
    if (d) closedir(d);
    remove(path);
}

static void setup(void)
{
    pare_buf path = {0};
    snprintf(scratch, sizeof scratch, "/tmp/pare_test_train_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
    pare_buf_printf(&path, "%s/data", scratch);
    ck_assert_int_eq(mkdir(path.text, 0777), 0);
    pare_buf_free(&path);
    write_split("train", TRAIN, 1);
    write_split("t10k", TEST, 2);
    write_text("little.net.yaml", net_text, sizeof net_text - 1);
}

static void teardown(void) { remove_tree(scratch); }

/* ---- runs --------------------------------------------------------------------------------------
 */

static int choice(const char *const *choices, const char *name)
{
    for (int i = 0; choices[i]; i++)
        if (!strcmp(choices[i], name)) return i;
    ck_abort_msg("no choice %s", name);
}

static const pare_key *key(const char *name)
{
    for (size_t i = 0; i < pare_train_schema.n_keys; i++)
        if (!strcmp(pare_train_schema.keys[i].name, name)) return &pare_train_schema.keys[i];
    ck_abort_msg("no key %s", name);
}

/* The default configuration with the assignments, separated by spaces, applied to it. */
static pare_train_config config_of(pare_arena *a, const char *assignments)
{
    pare_train_config c;
    pare_err e = {0};
    pare_yaml *y;
    char *text = pare_arena_printf(
        a,
        "version: 1\nnetwork: %s/little.net.yaml\ndata: %s/data\nbatch: 16\nepochs: 2\n"
        "tune_epochs: 1\nlr: 0.02\ncheckpoint_steps: 2\nn_lr: 2\ngamma: 0.5\n",
        scratch, scratch);
    ck_assert_int_eq(pare_yaml_parse("c", text, strlen(text), &y, &e), PARE_OK);
    char *list = pare_arena_strdup(a, assignments);
    for (char *s = strtok(list, " "); s; s = strtok(NULL, " "))
        ck_assert_int_eq(pare_yaml_set(y, s, &e), PARE_OK);
    const pare_status status = pare_yaml_read(y, &pare_train_schema, a, &c, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    pare_yaml_free(y);
    return c;
}

static pare_status run_with(const char *assignments, const char *folder, unsigned threads,
                            const pare_train_hooks *hooks, pare_train_result *r, pare_err *e)
{
    pare_arena *a = pare_arena_new();
    const pare_train_config c = config_of(a, assignments);
    const char *path = pare_arena_printf(a, "%s/%s", scratch, folder);
    const pare_status status = pare_train_run(&c, path, threads, hooks, r, e);
    pare_arena_free(a);
    return status;
}

static pare_train_result run(const char *assignments, const char *folder, unsigned threads)
{
    pare_err e = {0};
    pare_train_result r;
    const pare_status status = run_with(assignments, folder, threads, NULL, &r, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    ck_assert(r.is_complete);
    return r;
}

static void read_bytes(const char *folder, const char *name, char **bytes, size_t *n)
{
    pare_buf p = {0};
    pare_err e = {0};
    pare_buf_printf(&p, "%s/%s/%s", scratch, folder, name);
    const pare_status status = pare_file_read(p.text, 1 << 26, bytes, n, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    pare_buf_free(&p);
}

/* Number of files that both folders have with equal bytes; fails on any difference. */
static int compare_trees(const char *a, const char *b, const char *sub)
{
    pare_buf p = {0};
    int n_files = 0, n_other = 0;
    for (int side = 0; side < 2; side++) {
        p.n = 0;
        pare_buf_printf(&p, "%s/%s/%s", scratch, side ? b : a, sub);
        DIR *d = opendir(p.text);
        ck_assert_ptr_nonnull(d);
        for (const struct dirent *f; (f = readdir(d));) {
            if (f->d_name[0] == '.') continue;
            if (side) {
                n_other++;
                continue;
            }
            n_files++;
            pare_buf name = {0};
            pare_buf_printf(&name, "%s/%s", sub, f->d_name);
            if (f->d_type == DT_DIR) {
                ck_assert_int_gt(compare_trees(a, b, name.text), 0);
            } else {
                char *x, *y;
                size_t nx, ny;
                read_bytes(a, name.text, &x, &nx);
                read_bytes(b, name.text, &y, &ny);
                ck_assert_msg(nx == ny && !memcmp(x, y, nx), "%s differs", name.text);
                free(x);
                free(y);
            }
            pare_buf_free(&name);
        }
        closedir(d);
    }
    ck_assert_int_eq(n_files, n_other);
    pare_buf_free(&p);
    return n_files;
}

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
    static const char *const ways[] = {"method=bitpruning augment=crop_flip",
                                       "method=fixed bits=w3a4 optimizer=adam lr=0.002",
                                       "method=fp32 schedule=step", "compute=bf16"};
    /* the last needs AVX-512 */
    const int n_ways = pare_kernels_best() == &pare_kernels_avx512 ? 4 : 3;
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

/* ---- what a run leaves ------------------------------------------------------------------------
 */

static double number_of(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    ck_assert_msg(at != NULL, "no %s", name);
    return strtod(strchr(at + strlen(name), ':') + 1, NULL);
}

START_TEST(evaluating_a_run_gives_its_summary_again)
{
    char *json;
    size_t n;
    pare_err e = {0};
    pare_train_result again;
    const pare_train_result r = run("", "one", 2);
    char path[128];
    snprintf(path, sizeof path, "%s/one", scratch);
    ck_assert_int_eq(pare_train_eval(path, NULL, 1, &again, &e), PARE_OK);
    read_bytes("one", "summary.json", &json, &n);
    ck_assert_double_eq(again.real_frac, r.real_frac);
    ck_assert_double_eq(again.ceil_frac, r.ceil_frac);
    ck_assert_double_eq(again.final_frac, r.final_frac);
    ck_assert_double_eq(number_of(json, "\"final_accuracy_frac\""), r.final_frac);
    ck_assert_double_eq(number_of(json, "\"mean_act_bits\""), r.mean_act_bits);
    ck_assert_double_eq(again.mean_weight_bits, r.mean_weight_bits);
    ck_assert_double_gt(r.final_frac, 0.6); /* chance is 0.25 */
    free(json);
}
END_TEST

/* What tensors.csv says of a tensor, with its codes. */
typedef struct coded {
    pare_tensor t;
    double scale, offset;
    uint32_t bits;
} coded;

static coded load_coded(const pare_csv *csv, const char *layer, const char *kind)
{
    coded c = {{0}, 0, 0, 0};
    pare_err e = {0};
    for (size_t i = 0; i < csv->n_rows; i++) {
        if (strcmp(pare_csv_cell(csv, i, 0), layer) || strcmp(pare_csv_cell(csv, i, 1), kind))
            continue;
        char path[256];
        c.bits = (uint32_t)strtoul(pare_csv_cell(csv, i, 2), NULL, 10);
        c.scale = strtod(pare_csv_cell(csv, i, 4), NULL);
        c.offset = strtod(pare_csv_cell(csv, i, 5), NULL);
        snprintf(path, sizeof path, "%s/one/%s", scratch, pare_csv_cell(csv, i, 6));
        ck_assert_int_eq(pare_npy_load(path, &c.t, &e), PARE_OK);
        for (size_t j = 0; j < c.t.count; j++)
            ck_assert_uint_lt(((uint8_t *)c.t.data)[j], 1u << c.bits);
    }
    ck_assert_ptr_nonnull(c.t.data);
    return c;
}

static float *values_of(coded *c)
{
    float *x = pare_xalloc(c->t.count, sizeof *x);
    for (size_t i = 0; i < c->t.count; i++) {
        const float product = (float)c->scale * (float)((uint8_t *)c->t.data)[i];
        x[i] = product + (float)c->offset;
    }
    pare_tensor_free(&c->t);
    return x;
}

static pare_tensor load_floats(const char *name)
{
    pare_tensor t;
    pare_err e = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/one/%s", scratch, name);
    ck_assert_int_eq(pare_npy_load(path, &t, &e), PARE_OK);
    return t;
}

static void to_nhwc(const float *x, size_t n, size_t c, size_t hw, float *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            for (size_t p = 0; p < hw; p++) out[(i * hw + p) * c + j] = x[(i * c + j) * hw + p];
}

static void requantize(float *x, size_t n, const coded *c)
{
    const float top = (float)((1u << c->bits) - 1u);
    for (size_t i = 0; i < n; i++) {
        const float code = rintf((x[i] - (float)c->offset) / (float)c->scale);
        const float product = (float)c->scale * fminf(fmaxf(code, 0), top);
        x[i] = product + (float)c->offset;
    }
}

/* What the run folder holds of the little network. */
typedef struct exported {
    coded a[3];           /* of the layers' inputs, without data */
    float *fw[3], *fa[3]; /* values of weights and inputs */
    pare_tensor scale, offset, b2, b3, logits;
} exported;

static exported load_exported(void)
{
    static const char *const layers[] = {"conv1", "conv2", "fc"};
    exported x = {0};
    pare_csv *csv;
    pare_err e = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/one/tensors.csv", scratch);
    ck_assert_int_eq(pare_csv_load(path, &csv, &e), PARE_OK);
    for (int i = 0; i < 3; i++) {
        coded w = load_coded(csv, layers[i], "weight");
        x.fw[i] = values_of(&w);
        x.a[i] = load_coded(csv, layers[i], "activation");
        x.fa[i] = values_of(&x.a[i]);
    }
    pare_csv_free(csv);
    x.scale = load_floats("params/bn1.scale.npy");
    x.offset = load_floats("params/bn1.offset.npy");
    x.b2 = load_floats("params/conv2.bias.npy");
    x.b3 = load_floats("params/fc.bias.npy");
    x.logits = load_floats("acts/logits.npy");
    return x;
}

static void free_exported(exported *x)
{
    pare_tensor *const tensors[] = {&x->scale, &x->offset, &x->b2, &x->b3, &x->logits};
    for (int i = 0; i < 5; i++) pare_tensor_free(tensors[i]);
    for (int i = 0; i < 3; i++) {
        free(x->fw[i]);
        free(x->fa[i]);
    }
}

enum { N = 8, HW = SIDE * SIDE };

/* A sum in another order may cross a boundary between two codes, not more. */
static void check_within_a_step(const float *a, const float *b, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++) ck_assert(fabs((double)a[i] - (double)b[i]) <= scale * 1.001);
}

/* conv1, batch norm, relu: gives the input of conv2 as the folder has it. */
static void check_first_layer(const exported *x, const pare_dims *d, float *conv2_in)
{
    static float in[N * HW], y[N * HW * 8];
    to_nhwc(x->fa[0], N, 1, HW, in);
    pare_naive_conv(d, in, x->fw[0], NULL, y);
    const float *scale = x->scale.data, *offset = x->offset.data;
    for (size_t i = 0; i < N * HW * 8; i++) y[i] = fmaxf(scale[i % 8] * y[i] + offset[i % 8], 0);
    requantize(y, N * HW * 8, &x->a[1]);
    to_nhwc(x->fa[1], N, 8, HW, conv2_in);
    check_within_a_step(y, conv2_in, N * HW * 8, x->a[1].scale);
}

/* conv2, relu, pooling, flattening. */
static void check_second_layer(const exported *x, const pare_dims *d, const float *in)
{
    static float y[N * HW * 12], p[N * HW * 3], f[N * HW * 3];
    pare_naive_conv(d, in, x->fw[1], x->b2.data, y);
    for (size_t i = 0; i < N * HW * 12; i++) y[i] = fmaxf(y[i], 0);
    const pare_pool_window k = {N, 12, SIDE, SIDE, SIDE / 2, SIDE / 2, {2, 2}, {2, 2}, {0, 0}};
    pare_naive_maxpool(&k, y, p);
    for (size_t i = 0; i < N; i++) /* files are in the order c, h, w */
        for (size_t j = 0; j < HW * 3; j++)
            f[i * HW * 3 + j % 12 * (HW / 4) + j / 12] = p[i * HW * 3 + j];
    requantize(f, N * HW * 3, &x->a[2]);
    check_within_a_step(f, x->fa[2], N * HW * 3, x->a[2].scale);
}

/* Plain loops over what the run folder holds give the logits that it holds. */
START_TEST(the_exported_codes_compute_the_logits)
{
    static float conv2_in[N * HW * 8], out[N * CLASSES];
    run("", "one", 1);
    exported x = load_exported();
    pare_dims d = {.n = N,
                   .c = 1,
                   .h = SIDE,
                   .w = SIDE,
                   .k = 8,
                   .r = 3,
                   .s = 3,
                   .p = SIDE,
                   .q = SIDE,
                   .groups = 1,
                   .stride = {1, 1},
                   .pad = {1, 1},
                   .dilation = {1, 1}};
    check_first_layer(&x, &d, conv2_in);
    d.c = 8;
    d.k = 12;
    check_second_layer(&x, &d, conv2_in);
    const pare_dims fc = {.n = N,
                          .c = HW * 3,
                          .h = 1,
                          .w = 1,
                          .k = CLASSES,
                          .r = 1,
                          .s = 1,
                          .p = 1,
                          .q = 1,
                          .groups = 1,
                          .stride = {1, 1},
                          .dilation = {1, 1}};
    pare_naive_conv(&fc, x.fa[2], x.fw[2], x.b3.data, out);
    for (size_t i = 0; i < N * CLASSES; i++)
        ck_assert_double_eq_tol((double)out[i], (double)((float *)x.logits.data)[i], 1e-3);
    free_exported(&x);
}
END_TEST

START_TEST(bitlengths_fall_with_gamma_and_their_file_loads)
{
    pare_err e = {0};
    pare_net *net;
    pare_bits *bits;
    char path[128];
    const pare_train_result low = run("gamma=0", "low", 2), high = run("gamma=4", "one", 2);
    ck_assert_double_gt(low.mean_weight_n, high.mean_weight_n + 1);
    ck_assert_double_gt(low.mean_act_n, high.mean_act_n + 1);
    snprintf(path, sizeof path, "%s/one/network.net.yaml", scratch);
    ck_assert_int_eq(pare_net_load(path, &net, &e), PARE_OK);
    snprintf(path, sizeof path, "%s/one/network.bits.yaml", scratch);
    ck_assert_int_eq(pare_bits_load(path, net, &bits, &e), PARE_OK);
    ck_assert_uint_eq(bits->n_layers, 3);
    for (size_t i = 0; i < 3; i++) {
        const pare_layer_bits *l = &bits->layers[i];
        ck_assert_double_eq(ceil(l->weight_n), l->weight_bits);
        ck_assert_double_eq(ceil(l->act_n), l->act_bits);
    }
    pare_bits_free(bits);
    pare_net_free(net);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------------
 */

static void check_refused(const char *assignments, const char *folder, pare_status status,
                          const char *text)
{
    pare_err e = {0};
    pare_train_result r;
    ck_assert_int_eq(run_with(assignments, folder, 1, NULL, &r, &e), status);
    ck_assert_msg(strstr(e.text, text) != NULL, "%s", e.text);
}

START_TEST(a_run_that_diverges_stops_and_says_where)
{
    check_refused("lr=1000 method=fp32 momentum=0.99 weight_decay=1 epochs=40", "one", PARE_EFAIL,
                  "not finite");
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
    check_refused("init_bits=9", "one", PARE_EINPUT, "init_bits is 9 and max_bits 8");
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
    const TTest *const folders[] = {evaluating_a_run_gives_its_summary_again,
                                    the_exported_codes_compute_the_logits,
                                    bitlengths_fall_with_gamma_and_their_file_loads, NULL};
    const TTest *const refusals[] = {a_run_that_diverges_stops_and_says_where,
                                     a_checkpoint_of_another_run_is_refused,
                                     a_damaged_checkpoint_is_refused,
                                     settings_that_do_not_fit_are_refused,
                                     a_network_that_cannot_be_trained_is_refused_at_its_place,
                                     NULL};
    const gtck_case cases[] = {
        {.suite = "Run", .tests = runs, .setup = setup, .teardown = teardown, .timeout_s = 60},
        {.suite = "Kill", .tests = kills, .setup = setup, .teardown = teardown, .timeout_s = 60},
        {.suite = "Folder",
         .tests = folders,
         .setup = setup,
         .teardown = teardown,
         .timeout_s = 60},
        {.suite = "Refusal",
         .tests = refusals,
         .setup = setup,
         .teardown = teardown,
         .timeout_s = 60},
    };
    return gtck_main(argc, argv, "model_train", cases, sizeof cases / sizeof *cases);
}

/* model_run_fixture.h: a little image set, a little network, and whole runs of them in a scratch
 * folder. Include gtck.h first and define _DEFAULT_SOURCE before everything (DT_DIR, mkdtemp).
 */
#ifndef MODEL_RUN_FIXTURE_H
#define MODEL_RUN_FIXTURE_H
#include "model/model.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED = 41, TRAIN = 96, TEST = 40, SIDE = 8, CLASSES = 4 };

/* the folder of the running test */
static char scratch[64];

/* ---- a little image set and a little network ---------------------------------------------------
 */

static inline void put_u32(pare_buf *b, uint32_t x)
{
    const unsigned char bytes[4] = {(unsigned char)(x >> 24), (unsigned char)(x >> 16),
                                    (unsigned char)(x >> 8), (unsigned char)x};
    pare_buf_add(b, bytes, sizeof bytes);
}

static inline void write_text(const char *name, const void *text, size_t n)
{
    pare_buf path = {0};
    pare_err e = {0};
    pare_buf_printf(&path, "%s/%s", scratch, name);
    ck_assert_int_eq(pare_file_write(path.text, text, n, &e), PARE_OK);
    pare_buf_free(&path);
}

/* Images whose class is the brightest quadrant: learnable in a few steps. */
static inline void write_split(const char *split, uint32_t n, uint64_t stream)
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

static inline void remove_tree(const char *path)
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

static inline void setup(void)
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

static inline void teardown(void) { remove_tree(scratch); }

/* ---- runs --------------------------------------------------------------------------------------
 */

static inline int choice(const char *const *choices, const char *name)
{
    for (int i = 0; choices[i]; i++)
        if (!strcmp(choices[i], name)) return i;
    ck_abort_msg("no choice %s", name);
}

static inline const pare_key *key(const char *name)
{
    for (size_t i = 0; i < pare_train_schema.n_keys; i++)
        if (!strcmp(pare_train_schema.keys[i].name, name)) return &pare_train_schema.keys[i];
    ck_abort_msg("no key %s", name);
}

/* The default configuration with the assignments, separated by spaces, applied to it. */
static inline pare_train_config config_of(pare_arena *a, const char *assignments)
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

static inline pare_status run_with(const char *assignments, const char *folder, unsigned threads,
                                   const pare_train_hooks *hooks, pare_train_result *r, pare_err *e)
{
    pare_arena *a = pare_arena_new();
    const pare_train_config c = config_of(a, assignments);
    const char *path = pare_arena_printf(a, "%s/%s", scratch, folder);
    const pare_status status = pare_train_run(&c, path, threads, hooks, r, e);
    pare_arena_free(a);
    return status;
}

static inline pare_train_result run(const char *assignments, const char *folder, unsigned threads)
{
    pare_err e = {0};
    pare_train_result r;
    const pare_status status = run_with(assignments, folder, threads, NULL, &r, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    ck_assert(r.is_complete);
    return r;
}

static inline void read_bytes(const char *folder, const char *name, char **bytes, size_t *n)
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
static inline int compare_trees(const char *a, const char *b, const char *sub)
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

static inline double number_of(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    ck_assert_msg(at != NULL, "no %s", name);
    return strtod(strchr(at + strlen(name), ':') + 1, NULL);
}

static inline void check_refused(const char *assignments, const char *folder, pare_status status,
                                 const char *text)
{
    pare_err e = {0};
    pare_train_result r;
    ck_assert_int_eq(run_with(assignments, folder, 1, NULL, &r, &e), status);
    ck_assert_msg(strstr(e.text, text) != NULL, "%s", e.text);
}
#endif

#define _DEFAULT_SOURCE /* mkdtemp */
#include "gtck.h"
#include "model/data.h"
#include "model/model.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED = 51, RECORD = 3073, PLANE = 1024, LINE_MAX_BYTES = 1024, FILES_MAX = 64 };

static char scratch[64];

static void setup(void)
{
    snprintf(scratch, sizeof scratch, "/tmp/pare_test_data_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static void teardown(void)
{
    DIR *d = opendir(scratch);
    for (const struct dirent *f; d && (f = readdir(d));) {
        pare_buf p = {0};
        pare_buf_printf(&p, "%s/%s", scratch, f->d_name);
        remove(p.text);
        pare_buf_free(&p);
    }
    if (d) closedir(d);
    rmdir(scratch);
}

static void put(const char *name, const void *bytes, size_t n)
{
    char path[128];
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    ck_assert_int_eq(pare_file_write(path, bytes, n, &e), PARE_OK);
}

static void check_refused(const char *text)
{
    pare_err e = {0};
    pare_dataset *d;
    ck_assert_int_eq(pare_dataset_load(scratch, 0, &d, &e), PARE_EINPUT);
    ck_assert_msg(strstr(e.text, text) != NULL, "%s", e.text);
    ck_assert_ptr_null(d);
}

/* ---- CIFAR-10 ----------------------------------------------------------------------------------
 */

/* pixel (c, i) of record r is (7 c + 3 i + r) mod 256, its label r mod 10 */
static void put_cifar(const char *name, size_t records, size_t extra_bytes)
{
    uint8_t *b = pare_xalloc(records * RECORD + extra_bytes, 1);
    for (size_t r = 0; r < records; r++) {
        b[r * RECORD] = (uint8_t)(r % 10);
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < PLANE; i++)
                b[r * RECORD + 1 + c * PLANE + i] = (uint8_t)(7 * c + 3 * i + r);
    }
    put(name, b, records * RECORD + extra_bytes);
    free(b);
}

START_TEST(cifar_planes_become_channels_innermost)
{
    char name[24];
    pare_dataset *d;
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        put_cifar(name, 12, 0);
    }
    put_cifar("test_batch.bin", 7, 0);
    ck_assert_int_eq(pare_dataset_load(scratch, 0, &d, NULL), PARE_OK);
    ck_assert_str_eq(d->kind, "cifar10");
    ck_assert_uint_eq(d->train.n, 60);
    ck_assert_uint_eq(d->test.n, 7);
    ck_assert_uint_eq(d->n_classes, 10);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < PLANE; i += 101)
            ck_assert_uint_eq(d->train.pixels[(13 * PLANE + i) * 3 + c],
                              (uint8_t)(7 * c + 3 * i + 1));
    ck_assert_uint_eq(d->train.labels[13], 1);
    pare_dataset_free(d);
    ck_assert_int_eq(pare_dataset_load(scratch, 14, &d, NULL), PARE_OK);
    ck_assert_uint_eq(d->train.n, 14);
    ck_assert_uint_eq(d->train.labels[13], 1);
    pare_dataset_free(d);
}
END_TEST

START_TEST(broken_cifar_files_are_refused)
{
    put_cifar("data_batch_1.bin", 3, 5);
    check_refused("a multiple of 3073 expected");
    put_cifar("data_batch_1.bin", 0, 0);
    check_refused("a multiple of 3073 expected");
    uint8_t record[RECORD] = {11};
    put("data_batch_1.bin", record, sizeof record);
    check_refused("record 0 has label 11; 0 to 9 expected");
    put_cifar("data_batch_1.bin", 3, 0);
    check_refused("cannot be opened");
}
END_TEST

/* ---- IDX ----------------------------------------------------------------------------------------
 */

static void put_idx(const char *name, uint8_t n_dims, const uint8_t *dims, size_t count)
{
    uint8_t b[512] = {0, 0, 8, n_dims};
    for (size_t i = 0; i < n_dims; i++) b[4 + 4 * i + 3] = dims[i];
    for (size_t i = 0; i < count; i++) b[4 + 4 * (size_t)n_dims + i] = (uint8_t)(i % 3);
    put(name, b, 4 + 4 * (size_t)n_dims + count);
}

START_TEST(idx_pairs_load_and_broken_ones_are_refused)
{
    check_refused("holds no image set");
    put_idx("train-images-idx3-ubyte", 3, (uint8_t[]){6, 2, 3}, 36);
    check_refused("train-labels-idx1-ubyte (plain or .gz) is missing");
    put_idx("train-labels-idx1-ubyte", 1, (uint8_t[]){5}, 5);
    check_refused("train has 6 images and 5 labels");
    put_idx("train-labels-idx1-ubyte", 1, (uint8_t[]){6}, 6);
    put_idx("t10k-images-idx3-ubyte", 3, (uint8_t[]){2, 3, 3}, 18);
    put_idx("t10k-labels-idx1-ubyte", 1, (uint8_t[]){2}, 2);
    check_refused("test images are 3x3, training images 2x3");
    put_idx("t10k-images-idx3-ubyte", 1, (uint8_t[]){2}, 2);
    check_refused("has 1 dimensions; 3 expected");
    put_idx("t10k-images-idx3-ubyte", 3, (uint8_t[]){2, 2, 3}, 12);
    pare_dataset *d;
    ck_assert_int_eq(pare_dataset_load(scratch, 0, &d, NULL), PARE_OK);
    ck_assert_uint_eq(d->n_classes, 3);
    ck_assert_double_eq_tol((double)d->mean[0], 1, 1e-6); /* 0, 1, 2 in turn */
    pare_dataset_free(d);
}
END_TEST

START_TEST(fashion_mnist_is_what_it_should_be)
{
    pare_err e = {0};
    pare_dataset *d;
    const pare_status status = pare_dataset_load("fashion-mnist", 0, &d, &e);
    if (status != PARE_OK) {
        ck_assert_ptr_nonnull(strstr(e.text, "dataset-fashion-mnist"));
        GTCK_SKIP("dataset-fashion-mnist is not installed");
    }
    ck_assert_uint_eq(d->train.n, 60000);
    ck_assert_uint_eq(d->test.n, 10000);
    ck_assert_uint_eq(d->n_classes, 10);
    ck_assert_double_eq_tol((double)d->mean[0], 72.94, 0.01);
    ck_assert_double_eq_tol(1 / (double)d->inv_std[0], 90.02, 0.01);
    ck_assert_uint_eq(d->train.labels[0], 9); /* an ankle boot */
    pare_dataset_free(d);
}
END_TEST

/* ---- batches ------------------------------------------------------------------------------------
 */

START_TEST(augmented_images_are_moved_mirrored_or_both)
{
    enum { SIDE = 6, N = SIDE * SIDE };
    uint8_t pixels[N];
    uint16_t label = 3, got;
    for (int i = 0; i < N; i++) pixels[i] = (uint8_t)(i + 1);
    const pare_dataset d = {.shape = {1, SIDE, SIDE}, .inv_std = {1}};
    const pare_images images = {1, pixels, &label};
    const pare_augment *a = &pare_augments[3];
    ck_assert_str_eq(a->name, "crop_flip");
    bool seen[2][9][9] = {{{false}}};
    int n_seen = 0;
    for (uint64_t epoch = 0; epoch < 3000; epoch++) {
        const pare_batch b = {&d, &images, NULL, 0, a, SEED, epoch};
        float x[N];
        pare_batch_image(&b, 0, x, &got);
        ck_assert_uint_eq(got, label);
        bool is_known = false;
        for (int flip = 0; flip < 2 && !is_known; flip++)
            for (int dy = -4; dy <= 4 && !is_known; dy++)
                for (int dx = -4; dx <= 4 && !is_known; dx++) {
                    bool equal = true;
                    for (int h = 0; h < SIDE && equal; h++)
                        for (int w = 0; w < SIDE && equal; w++) {
                            const int fh = h + dy;
                            const int fw = flip ? SIDE - 1 - (w + dx) : w + dx;
                            const bool out = fh < 0 || fh >= SIDE || fw < 0 || fw >= SIDE;
                            equal = x[h * SIDE + w] == (out ? 0 : (float)pixels[fh * SIDE + fw]);
                        }
                    if (!equal) continue;
                    is_known = true;
                    n_seen += !seen[flip][dy + 4][dx + 4];
                    seen[flip][dy + 4][dx + 4] = true;
                }
        ck_assert(is_known);
    }
    ck_assert_int_ge(n_seen, 150); /* of 162 */
}
END_TEST

START_TEST(an_order_is_a_permutation_of_its_own)
{
    enum { N = 1000 };
    uint32_t a[N], b[N];
    bool seen[N] = {false};
    pare_shuffle(a, N, SEED, 0);
    pare_shuffle(b, N, SEED, 0);
    ck_assert_mem_eq(a, b, sizeof a);
    for (int i = 0; i < N; i++) {
        ck_assert(a[i] < N && !seen[a[i]]);
        seen[a[i]] = true;
    }
    pare_shuffle(b, N, SEED, 1);
    ck_assert_mem_ne(a, b, sizeof a);
    pare_shuffle(b, N, SEED + 1, 0);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

/* ---- bad configurations
 * -------------------------------------------------------------------------- */

static bool is_refused_as_expected(const char *file)
{
    char path[PATH_MAX], line[LINE_MAX_BYTES] = "";
    pare_err e = {0};
    pare_yaml *y = NULL;
    pare_train_config c;
    pare_arena *a = pare_arena_new();
    pare_status status = pare_yaml_load(file, &y, &e);
    if (status == PARE_OK) status = pare_yaml_read(y, &pare_train_schema, a, &c, &e);
    pare_yaml_free(y);
    pare_arena_free(a);
    FILE *f = fmemopen(line, sizeof line, "w");
    ck_assert_ptr_nonnull(f);
    pare_err_print(&e, f);
    fclose(f);
    snprintf(path, sizeof path, "%.*s.expected", (int)strcspn(file, "."), file);
    if (getenv("UPDATE")) return pare_file_write(path, line, strlen(line), NULL) == PARE_OK;
    char *expected = NULL;
    size_t n;
    if (pare_file_read(path, LINE_MAX_BYTES, &expected, &n, NULL) != PARE_OK) return false;
    const bool equal = status == PARE_EINPUT && !strcmp(line, expected);
    if (!equal) printf("%s: given %s", file, line);
    free(expected);
    return equal;
}

START_TEST(bad_configurations_get_their_exact_message)
{
    const char *src = getenv("PARE_SRC");
    pare_buf folder = {0};
    size_t n = 0, n_wrong = 0;
    pare_buf_printf(&folder, "%s/tests/data/bad/train", src && src[0] ? src : ".");
    ck_assert_msg(chdir(folder.text) == 0, "no folder %s", folder.text);
    pare_buf_free(&folder);
    DIR *d = opendir(".");
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *f; (f = readdir(d)) && n < FILES_MAX;) {
        const char *dot = strrchr(f->d_name, '.');
        if (!dot || strcmp(dot, ".yaml")) continue;
        n++;
        n_wrong += !is_refused_as_expected(f->d_name);
    }
    closedir(d);
    fflush(stdout);
    ck_assert_uint_ge(n, 20);
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const sets[] = {
        cifar_planes_become_channels_innermost, broken_cifar_files_are_refused,
        idx_pairs_load_and_broken_ones_are_refused, fashion_mnist_is_what_it_should_be, NULL};
    const TTest *const batches[] = {augmented_images_are_moved_mirrored_or_both,
                                    an_order_is_a_permutation_of_its_own, NULL};
    const TTest *const bad[] = {bad_configurations_get_their_exact_message, NULL};
    const gtck_case cases[] = {
        {.suite = "Dataset", .tests = sets, .setup = setup, .teardown = teardown, .timeout_s = 20},
        {.suite = "Batch", .tests = batches},
        {.suite = "BadInput", .tests = bad}};
    return gtck_main(argc, argv, "model_data", cases, sizeof cases / sizeof *cases);
}

/* Coverage bins, and the operands of a trained layer. */
#include "gtck.h"
#include "rtl/bins.h"
#include "rtl/codes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const letters[] = {"a", "b", "c"};
static const char *const numbers[] = {"0", "1"};
static const pare_bins_axis axes[] = {{"letter", 3, letters}, {"number", 2, numbers}, {0}};

static const char *no_c1(const void *context, const uint32_t *v)
{
    return v[0] == 2 && v[1] == 1 ? context : NULL;
}

START_TEST(bins_are_counted_and_holes_named)
{
    pare_bins b;
    pare_bins_new(&b, "demo", axes, no_c1, "c has no 1");
    ck_assert_uint_eq(b.n, 6);
    pare_bins_hit(&b, (uint32_t[]){0, 0});
    pare_bins_hit(&b, (uint32_t[]){1, 1});
    pare_bins_hit(&b, (uint32_t[]){1, 1});
    pare_bins_tally t = {.fewest = UINT64_MAX};
    pare_bins_count(&b, &t);
    ck_assert_uint_eq(t.n_reachable, 5);
    ck_assert_uint_eq(t.n_unreachable, 1);
    ck_assert_uint_eq(t.n_hit, 2);
    ck_assert_uint_eq(t.n_wrong, 0);
    ck_assert_uint_eq(t.fewest, 0);
    pare_buf text = {0};
    pare_bins_write(&b, 2, &text);
    ck_assert_str_eq(text.text, "  demo           letter x number: 2 of 5 covered, fewest hits 0\n"
                                "    hole        letter a, number 1\n"
                                "    hole        letter b, number 0\n"
                                "    ... and 1 holes more\n"
                                "    1 cannot be: c has no 1\n");
    pare_buf_free(&text);
    pare_bins_free(&b);
}
END_TEST

START_TEST(a_hit_out_of_reach_is_a_wrong_reason)
{
    pare_bins b;
    pare_bins_new(&b, "demo", axes, no_c1, "c has no 1");
    for (uint32_t l = 0; l < 3; l++)
        for (uint32_t n = 0; n < 2; n++) pare_bins_hit(&b, (uint32_t[]){l, n});
    pare_bins_tally t = {.fewest = UINT64_MAX};
    pare_bins_count(&b, &t);
    ck_assert_uint_eq(t.n_wrong, 1);
    ck_assert_uint_eq(t.n_hit, 5);
    ck_assert_uint_eq(t.fewest, 1);
    pare_buf text = {0};
    pare_bins_write(&b, 2, &text);
    ck_assert_ptr_nonnull(strstr(text.text, "impossible  letter c, number 1\n"));
    pare_buf_free(&text);
    pare_bins_free(&b);
}
END_TEST

/* ---- codes ---- */

static char folder[] = "/tmp/pare_test_codesXXXXXX";

static void save(const char *name, uint32_t n_dims, const size_t *dims, uint32_t base)
{
    char path[256];
    pare_tensor t;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(pare_tensor_new(PARE_U8, n_dims, dims, &t, NULL), PARE_OK);
    for (size_t i = 0; i < t.count; i++) ((uint8_t *)t.data)[i] = (uint8_t)(base + i);
    ck_assert_int_eq(pare_npy_save(path, &t, NULL), PARE_OK);
    pare_tensor_free(&t);
}

static void write_index(const char *rows)
{
    char path[256];
    snprintf(path, sizeof path, "%s/tensors.csv", folder);
    pare_buf s = {0};
    pare_buf_printf(&s, "layer,kind,bits,signed,scale,offset,file\n%s", rows);
    ck_assert_int_eq(pare_file_write(path, s.text, s.n, NULL), PARE_OK);
    pare_buf_free(&s);
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    /* 4 filters in 2 groups of 2 channels of 1 x 2 pixels, inputs of 4 channels of 1 x 2: one
     * window */
    save("w.npy", 4, (size_t[]){4, 2, 1, 2}, 100);
    save("a.npy", 4, (size_t[]){1, 4, 1, 2}, 0);
    save("fw.npy", 2, (size_t[]){1, 5}, 10);
    save("fa.npy", 2, (size_t[]){1, 5}, 20);
}

static void teardown(void)
{
    const char *const files[] = {"w.npy", "a.npy", "fw.npy", "fa.npy", "tensors.csv"};
    char path[256];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

START_TEST(operands_of_a_window_and_its_filter)
{
    write_index("c,weight,8,0,1,0,w.npy\nc,activation,7,0,1,0,a.npy\n"
                "f,weight,5,0,1,0,fw.npy\nf,activation,6,0,1,0,fa.npy\n");
    pare_codes_run run;
    pare_err e = {0};
    if (pare_codes_load(folder, &run, &e) != PARE_OK) ck_abort_msg("%s", e.text);
    ck_assert_uint_eq(run.n_layers, 2);
    ck_assert_uint_eq(run.layers[0].act_bits, 7);
    ck_assert_uint_eq(run.layers[0].weight_bits, 8);
    pare_rng r = pare_rng_new(1, 0);
    int32_t act[6], weight[6];
    uint64_t n;
    for (int i = 0; i < 20; i++) {
        /* 3 lanes: channels 0 and 1 of pixel 0, then of pixel 1; two lanes idle */
        ck_assert_uint_eq(pare_codes_take(&run.layers[0], &r, 3, 9, act, weight, &n), 2);
        ck_assert_uint_eq(n, 4);
        const int32_t k = (weight[0] - 100) / 4, group = k / 2;
        ck_assert(k >= 0 && k < 4);
        const int32_t at[] = {0, 2, 1, 3}; /* [channel][pixel] of the group */
        for (int p = 0; p < 4; p++) {
            ck_assert_int_eq(weight[p], 100 + 4 * k + at[p]);
            ck_assert_int_eq(act[p], 4 * group + at[p]);
        }
        ck_assert(weight[4] == 0 && act[5] == 0);
    }
    bool has_begun[2] = {false, false};
    for (int i = 0; i < 40; i++) { /* 2 of the 3 steps of fc */
        ck_assert_uint_eq(pare_codes_take(&run.layers[1], &r, 2, 2, act, weight, &n), 2);
        const int32_t first = act[0] - 20;
        ck_assert(first == 0 || first == 2);
        has_begun[first / 2] = true;
        ck_assert_uint_eq(n, first ? 3 : 4);
        ck_assert_int_eq(weight[1], 11 + first);
    }
    ck_assert(has_begun[0] && has_begun[1]);
    pare_codes_free(&run);
}
END_TEST

START_TEST(a_bad_run_is_refused)
{
    const char *const bad[] = {
        "c,weight,6,0,1,0,w.npy\nc,activation,7,0,1,0,a.npy\n",
        "the value at index 0 is no code of 6 bits; 0 to 63 expected",
        "f,weight,5,0,1,0,fw.npy\nf,activation,8,0,1,0,w.npy\n",
        "the filters of layer 'f' (1x5x1x1) do not fit its inputs (4x4x1x1); a convolution or a "
        "fully connected layer expected",
        "c,weight,8,0,1,0,w.npy\n",
        "no layer has weights and activations; the folder of a run of pare-train expected",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i += 2) {
        pare_codes_run run;
        pare_err e = {0};
        write_index(bad[i]);
        ck_assert_int_eq(pare_codes_load(folder, &run, &e), PARE_EINPUT);
        ck_assert_str_eq(e.text, bad[i + 1]);
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const bins[] = {bins_are_counted_and_holes_named,
                                 a_hit_out_of_reach_is_a_wrong_reason, NULL};
    const TTest *const codes[] = {operands_of_a_window_and_its_filter, a_bad_run_is_refused, NULL};
    const gtck_case cases[] = {
        {.suite = "Bins", .tests = bins},
        {.suite = "Codes", .tests = codes, .setup = setup, .teardown = teardown}};
    return gtck_main(argc, argv, "rtl_bins", cases, sizeof cases / sizeof *cases);
}

#include "infer_fixture.h"

static const uint64_t SEED = 31;

static pare_machine *machine(const char *name, const char *set)
{
    pare_err e = {0};
    pare_machine *m = NULL;
    pare_buf path = {0};
    pare_data_find("machines", name, &path);
    const pare_status status = pare_machine_load(path.text, &set, set ? 1 : 0, &m, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    pare_buf_free(&path);
    return m;
}

static pare_infer_result run_fc(const char *folder, const char *machine_name)
{
    pare_err e = {0};
    pare_infer_result r;
    pare_infer *const f = load(folder);
    pare_machine *const m = machine(machine_name, NULL);
    const pare_status status = pare_infer_run(f, m, &fc_images, NULL, &r, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    /* names do not outlive the run */
    pare_machine_free(m);
    pare_infer_free(f);
    return r;
}

/* ---- what a run says ---- */

START_TEST(a_run_reports_sums_widths_accuracy_and_agreement)
{
    static const char *const machines[] = {"loom1", "loom2", "stripes", "bitparallel8",
                                           "bitfusion"};
    char folder[64];
    make_fc(folder);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        pare_infer_result r = run_fc(folder, machines[i]);
        ck_assert(r.is_ok);
        ck_assert_uint_eq(r.n_layers, 1);
        const pare_infer_layer *const l = &r.layers[0];
        /* codes 0 1 2 3 by 1 0 2 3, and 3 3 0 1 by 3 1 0 0 */
        ck_assert_uint_eq(l->acc_max, 13);
        ck_assert_uint_eq(l->acc_bits, 5);
        ck_assert_uint_eq(l->acc_bound, 18); /* 3 * (1 + 0 + 2 + 3) */
        ck_assert_uint_eq(l->acc_bound_bits, 6);
        ck_assert_uint_eq(l->n_pe_sums, 2);
        ck_assert_uint_eq(l->n_codes, 8);
        ck_assert_uint_eq(l->n_codes_differ, 0);
        ck_assert_uint_eq(r.n_logits, 4);
        ck_assert_uint_eq(r.n_logits_differ, 0);
        ck_assert_uint_eq(r.n_correct, 2);
        ck_assert_uint_eq(r.n_agree, 2);
        ck_assert_uint_eq(r.cycles, l->cycles);
        pare_infer_result_free(&r);
    }
    remove_folder(folder);
}
END_TEST

START_TEST(a_wrong_code_of_the_trainer_is_unexplained)
{
    static const size_t fc[2] = {2, 4};
    static const uint8_t codes[8] = {0, 1, 2, 2, 3, 3, 0, 1};
    char folder[64];
    make_fc(folder);
    write_npy(folder, "acts/fc.npy", PARE_U8, 2, fc, codes);
    pare_infer_result r = run_fc(folder, "loom1");
    ck_assert_uint_eq(r.layers[0].n_codes_differ, 1);
    ck_assert_uint_eq(r.layers[0].n_codes_rounding, 0);
    ck_assert(!r.is_ok);
    pare_infer_result_free(&r);
    remove_folder(folder);
}
END_TEST

START_TEST(a_logit_one_rounding_off_is_explained_and_a_larger_one_is_not)
{
    static const uint8_t classes[2] = {0, 1};
    for (int step = 0; step < 2; step++) {
        char folder[64];
        float logits[4];
        make_fc(folder);
        memcpy(logits, fc_logits, sizeof logits);
        logits[0] = step ? 0.7501f : nextafterf(0.75f, 1);
        write_evaluation(folder, 2, 2, fc_labels, logits, classes);
        pare_infer_result r = run_fc(folder, "loom1");
        ck_assert_uint_eq(r.n_logits_differ, 1);
        ck_assert_uint_eq(r.n_logits_rounding, step ? 0 : 1);
        ck_assert_int_eq(r.is_ok, !step);
        pare_infer_result_free(&r);
        remove_folder(folder);
    }
}
END_TEST

START_TEST(another_prediction_without_a_tie_fails)
{
    static const uint8_t classes[2] = {0, 0};
    char folder[64];
    make_fc(folder);
    write_evaluation(folder, 2, 2, fc_labels, fc_logits, classes);
    pare_infer_result r = run_fc(folder, "loom1");
    ck_assert_uint_eq(r.n_agree, 1);
    ck_assert_uint_eq(r.n_disagree_logit_tie + r.n_disagree_code_tie, 0);
    ck_assert_uint_eq(r.n_trainer_correct, 1);
    ck_assert_uint_eq(r.n_correct, 2);
    ck_assert(!r.is_ok);
    pare_infer_result_free(&r);
    remove_folder(folder);
}
END_TEST

START_TEST(another_prediction_at_a_tie_is_explained)
{
    /* equal weights and biases: both logits of an image are the same number */
    static const size_t fc[2] = {2, 4};
    static const uint8_t weights[8] = {1, 0, 2, 3, 1, 0, 2, 3}, classes[2] = {0, 1};
    static const float bias[2] = {0.25f, 0.25f}, logits[4] = {0.75f, 0.75f, -3.75f, -3.75f};
    char folder[64];
    make_fc(folder);
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, weights);
    write_floats(folder, "params/fc.bias.npy", 2, bias);
    write_evaluation(folder, 2, 2, fc_labels, logits, classes);
    pare_infer_result r = run_fc(folder, "loom1");
    ck_assert_uint_eq(r.n_logits_differ, 0);
    ck_assert_uint_eq(r.n_agree, 1);
    ck_assert_uint_eq(r.n_disagree_logit_tie, 1);
    ck_assert_uint_eq(r.n_disagree_code_tie, 0);
    ck_assert(!r.is_ok); /* half of the predictions agree */
    pare_infer_result_free(&r);
    remove_folder(folder);
}
END_TEST

START_TEST(threads_do_not_change_the_result)
{
    char folder[64];
    make_fc(folder);
    pare_infer *const f = load(folder);
    pare_machine *const m = machine("stripes", NULL);
    enum { N = 500 };
    uint8_t *const pixels = pare_xalloc(N, 4), *const labels = pare_xalloc(N, 1);
    pare_rng r = pare_rng_new(SEED, 2);
    memcpy(pixels, fc_pixels, sizeof fc_pixels);
    memcpy(labels, fc_labels, sizeof fc_labels);
    for (size_t i = 8; i < 4 * N; i++) pixels[i] = (uint8_t)pare_rng_below(&r, 5);
    const pare_infer_images images = {{1, 2, 2}, N, pixels, labels};
    pare_buf text[3] = {{0}};
    uint8_t *predictions[3];
    for (unsigned i = 0; i < 3; i++) {
        pare_err e = {0};
        pare_infer_result out;
        const pare_infer_options options = {.threads = 1 + 2 * i};
        ck_assert_int_eq(pare_infer_run(f, m, &images, &options, &out, &e), PARE_OK);
        pare_infer_write_json(&out, &text[i]);
        predictions[i] = out.predictions;
        out.predictions = NULL;
        pare_infer_result_free(&out);
        ck_assert_str_eq(text[i].text, text[0].text);
        ck_assert_mem_eq(predictions[i], predictions[0], N);
    }
    for (int i = 0; i < 3; i++) {
        pare_buf_free(&text[i]);
        free(predictions[i]);
    }
    free(pixels);
    free(labels);
    pare_machine_free(m);
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

START_TEST(an_accumulator_too_narrow_is_refused_at_its_line)
{
    /* 64 products of 3 by 3: 576 needs 11 bits */
    char folder[64];
    uint16_t weights[64];
    for (int i = 0; i < 64; i++) weights[i] = 3;
    const conv v = {.c = 64,
                    .h = 1,
                    .w = 1,
                    .k = 1,
                    .r = 1,
                    .s = 1,
                    .groups = 1,
                    .stride = 1,
                    .dilation = 1,
                    .weight_bits = 2,
                    .act_bits = 2,
                    .codes = weights};
    pare_shape out;
    uint8_t pixels[64], label = 0;
    float ones[64], zeros[64] = {0};
    memset(pixels, 3, sizeof pixels);
    for (int i = 0; i < 64; i++) ones[i] = 1;
    make_conv(folder, &v, &out);
    write_floats(folder, "params/input.mean.npy", 64, zeros);
    write_floats(folder, "params/input.inv_std.npy", 64, ones);
    pare_infer *const f = load(folder);
    const pare_infer_images images = {{64, 1, 1}, 1, pixels, &label};
    for (uint32_t bits = 10; bits <= 11; bits++) {
        char set[32];
        pare_err e = {0};
        pare_infer_result r;
        snprintf(set, sizeof set, "pe.acc_bits=%u", bits);
        pare_machine *const m = machine("loom1", set);
        const pare_status status = pare_infer_run(f, m, &images, NULL, &r, &e);
        if (bits == 10) {
            ck_assert_int_eq(status, PARE_EINPUT);
            ck_assert_str_eq(e.text, "pe.acc_bits is 10, but layer 'a/b' reaches a sum of 576; at "
                                     "least 11 expected");
        } else {
            ck_assert_int_eq(status, PARE_OK);
            ck_assert_uint_eq(r.layers[0].acc_bits, 11);
            pare_infer_result_free(&r);
        }
        pare_machine_free(m);
    }
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

/* ---- bad run folders ---- */

static void expect_error(const char *folder, const char *file, const char *place, const char *text)
{
    char want[900], got[900];
    pare_err e = {0};
    pare_infer *f = NULL;
    ck_assert_int_eq(pare_infer_load(folder, &f, &e), PARE_EINPUT);
    ck_assert_ptr_null(f);
    snprintf(want, sizeof want, "%s/%s%s: %s", folder, file, place, text);
    char at[64] = "";
    if (e.line) snprintf(at, sizeof at, ":%u:%u", e.line, e.column);
    snprintf(got, sizeof got, "%s%s: %s", e.file, at, e.text);
    ck_assert_str_eq(got, want);
}

START_TEST(a_missing_file_is_named)
{
    static const char *const files[] = {
        "network.net.yaml",         "network.bits.yaml",  "tensors.csv",
        "weights/fc.npy",           "acts/fc.npy",        "acts/labels.npy",
        "acts/logits.npy",          "params/fc.bias.npy", "params/input.mean.npy",
        "params/input.inv_std.npy", "predictions.npy"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char folder[64], path[256];
        make_fc(folder);
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        ck_assert_int_eq(unlink(path), 0);
        pare_err e = {0};
        pare_infer *f = NULL;
        ck_assert_int_eq(pare_infer_load(folder, &f, &e), PARE_EINPUT);
        ck_assert_str_eq(e.file, path);
        remove_folder(folder);
    }
}
END_TEST

START_TEST(wrong_shapes_codes_and_grids_are_refused)
{
    static const struct {
        const char *csv, *place, *text;
    } tables[] = {
        {"layer,kind,bits,signed,scale,offset,file\nfc,weight,2,0,0.5,-1,w\n", ":1:1",
         "has no column 'inverse_scale'; a run folder of this version of pare-train expected"},
        {"layer,kind,bits,signed,scale,offset,file,inverse_scale\nfc,weight,2,0,0.5,-1,w,2\n", "",
         "has no activation of layer 'fc'; a run with quantized weights and activations expected"},
        {"layer,kind,bits,signed,scale,offset,file,inverse_scale\nfc,weight,3,0,0.5,-1,w,2\n",
         ":2:11", "layer 'fc': bits are not those of network.bits.yaml"},
        {"layer,kind,bits,signed,scale,offset,file,inverse_scale\nfc,weight,2,0,0.5,-1,w,2\n"
         "fc,activation,2,1,0.5,0,w,2\n",
         ":3:17", "layer 'fc': activation codes are signed; unsigned affine codes expected"},
    };
    static const size_t square[2] = {2, 2}, fc[2] = {2, 4}, two = 2;
    static const uint8_t codes[8] = {0, 1, 2, 4, 0, 0, 0, 0};
    char folder[64];
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        make_fc(folder);
        write_text(folder, "tensors.csv", tables[i].csv);
        expect_error(folder, "tensors.csv", tables[i].place, tables[i].text);
        remove_folder(folder);
    }
    make_fc(folder);
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, square, NULL);
    expect_error(folder, "weights/fc.npy", "", "is 2x2; 2x4 expected, as in network.net.yaml");
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, codes);
    expect_error(folder, "weights/fc.npy", "",
                 "element 3 is code 4; at most 3 expected, as the layer has 2 bits");
    write_npy(folder, "weights/fc.npy", PARE_I8, 2, fc, NULL);
    expect_error(folder, "weights/fc.npy", "", "holds no unsigned codes; u1 or u2 expected");
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, NULL);
    write_npy(folder, "acts/fc.npy", PARE_U8, 1, &two, NULL);
    expect_error(folder, "acts/fc.npy", "", "is 2; 2x4 expected, as in network.net.yaml");
    write_npy(folder, "predictions.npy", PARE_U8, 2, fc, NULL);
    expect_error(folder, "predictions.npy", "", "is 2x4; N expected, as in network.net.yaml");
    remove_folder(folder);
}
END_TEST

START_TEST(padding_without_a_zero_level_is_refused)
{
    char folder[64];
    uint16_t weight = 1;
    const conv v = {.c = 1,
                    .h = 2,
                    .w = 2,
                    .k = 1,
                    .r = 1,
                    .s = 1,
                    .groups = 1,
                    .stride = 1,
                    .pad = 1,
                    .dilation = 1,
                    .weight_bits = 1,
                    .act_bits = 2,
                    .codes = &weight};
    pare_shape out;
    make_conv(folder, &v, &out);
    write_text(folder, "tensors.csv",
               "layer,kind,bits,signed,scale,offset,file,inverse_scale\n"
               "a/b,weight,1,0,1,0,,1\na/b,activation,2,0,1,0.25,,1\n");
    expect_error(folder, "tensors.csv", ":3:22",
                 "layer 'a/b': zero is not a level of its activations, but it pads with zeros");
    remove_folder(folder);
}
END_TEST

START_TEST(images_of_another_set_are_refused)
{
    char folder[64], text[300];
    make_fc(folder);
    pare_infer *const f = load(folder);
    pare_machine *const m = machine("loom1", NULL);
    uint8_t labels[2] = {0, 0};
    pare_infer_images images = {{1, 2, 2}, 2, fc_pixels[0], labels};
    pare_infer_result r;
    pare_err e = {0};
    ck_assert_int_eq(pare_infer_run(f, m, &images, NULL, &r, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "acts/labels.npy has 1 for image 1, the data 0; the test set that the "
                             "network was trained with expected (--data)");
    images.shape = (pare_shape){1, 4, 1};
    e = (pare_err){0};
    ck_assert_int_eq(pare_infer_run(f, m, &images, NULL, &r, &e), PARE_EINPUT);
    snprintf(text, sizeof text, "%s/network.net.yaml", folder);
    ck_assert_str_eq(e.file, text);
    ck_assert_str_eq(e.text,
                     "takes images of 1x2x2 (channels, height, width), the data has 1x4x1; the "
                     "test set that it was trained with expected (--data)");
    pare_machine_free(m);
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

START_TEST(test_images_of_both_formats_are_read)
{
    char folder[] = "/tmp/pare_infer_XXXXXX", path[128];
    static uint8_t record[2 * 3073];
    pare_infer_images t;
    pare_err e = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(pare_infer_images_load(folder, 0, &t, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "holds no test images; an IDX pair (t10k-images-idx3-ubyte, plain or "
                             ".gz) or CIFAR-10's test_batch.bin expected");
    static const uint8_t x[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    static const uint8_t y[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte", folder);
    ck_assert_int_eq(pare_file_write(path, x, sizeof x, &e), PARE_OK);
    snprintf(path, sizeof path, "%s/t10k-labels-idx1-ubyte", folder);
    ck_assert_int_eq(pare_file_write(path, y, sizeof y, &e), PARE_OK);
    ck_assert_int_eq(pare_infer_images_load(folder, 0, &t, &e), PARE_OK);
    ck_assert(t.n == 2 && t.shape.c == 1 && t.shape.h == 1 && t.shape.w == 3);
    ck_assert(t.pixels[5] == 6 && t.labels[0] == 7 && t.labels[1] == 9);
    pare_infer_images_free(&t);
    ck_assert_int_eq(pare_infer_images_load(folder, 1, &t, &e), PARE_OK);
    ck_assert_uint_eq(t.n, 1);
    pare_infer_images_free(&t);
    record[0] = 4;
    record[1 + 1024 + 5] = 77; /* green, pixel 5 of the first image */
    record[3073] = 3;
    snprintf(path, sizeof path, "%s/test_batch.bin", folder);
    ck_assert_int_eq(pare_file_write(path, record, sizeof record, &e), PARE_OK);
    ck_assert_int_eq(pare_infer_images_load(folder, 0, &t, &e), PARE_OK);
    ck_assert(t.n == 2 && t.shape.c == 3 && t.labels[0] == 4 && t.labels[1] == 3);
    ck_assert_uint_eq(t.pixels[5 * 3 + 1], 77);
    pare_infer_images_free(&t);
    remove_folder(folder);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const run[] = {a_run_reports_sums_widths_accuracy_and_agreement,
                                a_wrong_code_of_the_trainer_is_unexplained,
                                a_logit_one_rounding_off_is_explained_and_a_larger_one_is_not,
                                another_prediction_without_a_tie_fails,
                                another_prediction_at_a_tie_is_explained,
                                threads_do_not_change_the_result,
                                an_accumulator_too_narrow_is_refused_at_its_line,
                                NULL};
    const TTest *const bad[] = {a_missing_file_is_named,
                                wrong_shapes_codes_and_grids_are_refused,
                                padding_without_a_zero_level_is_refused,
                                images_of_another_set_are_refused,
                                test_images_of_both_formats_are_read,
                                NULL};
    const gtck_case cases[] = {
        {"run", run, NULL, NULL, 0, NULL},
        {"files", bad, NULL, NULL, 0, NULL},
    };
    return gtck_main(argc, argv, "sim_infer_run", cases, sizeof cases / sizeof *cases);
}

#include "infer_fixture.h"

/* Integers between layers: random chains against plain loops over the files' own numbers, and what
 * is wrong in a run folder. */

static const uint64_t SEED = 77;
enum { C = 4, H = 7, K = 6, OUT = 3, IN_BITS = 5, BITS = 4 };

/* conv - bn - relu - pool - fc, as the trainer would leave it: [K][C/groups][3][3], two's
 * complement. */
typedef struct run {
    char folder[64];
    uint32_t groups, stride, pool; /* pool: 1 none */
    int8_t w[K * C * 9], v[OUT * K * H * H];
    int32_t triples[K * 4];
    uint8_t pixels[C * H * H]; /* h, w, c */
    uint32_t p, out;           /* side of the map, and after pooling */
    uint8_t codes[K * H * H];  /* of the fc layer, by plain loops: h, w, c */
} run;

static int32_t draw(pare_rng *r, int32_t low, int32_t high)
{
    return low + (int32_t)pare_rng_below(r, (uint32_t)(high - low + 1));
}

static int64_t sum_of(const run *x, uint32_t k, uint32_t p, uint32_t q)
{
    const uint32_t channels = C / x->groups, group = k / (K / x->groups);
    int64_t sum = 0;
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t r = 0; r < 3; r++)
            for (uint32_t s = 0; s < 3; s++) {
                const int h = (int)(p * x->stride + r) - 1, w = (int)(q * x->stride + s) - 1;
                if (h < 0 || w < 0 || h >= H || w >= H) continue;
                sum += (int64_t)x->w[((k * channels + c) * 3 + r) * 3 + s] *
                       x->pixels[((uint32_t)h * H + (uint32_t)w) * C + group * channels + c];
            }
    return sum;
}

/* By the definition, in a float of 64 bits that is exact here. */
static int32_t code_of(const run *x, uint32_t k, int64_t sum)
{
    const int32_t *const t = x->triples + k * 4;
    const long double first = rintl(ldexpl((long double)sum * 256, -t[0])) + t[3];
    const long double code = rintl(ldexpl(first * t[1], -t[2])), top = (1 << BITS) - 1;
    return (int32_t)(code < 0 ? 0 : code > top ? top : code);
}

static void find_codes(run *x)
{
    for (uint32_t i = 0; i < x->out * x->out * K; i++) {
        const uint32_t k = i % K, p = i / K / x->out, q = i / K % x->out;
        int32_t best = 0;
        for (uint32_t j = 0; j < x->pool * x->pool; j++) {
            const int64_t sum = sum_of(x, k, p * x->pool + j / x->pool, q * x->pool + j % x->pool);
            const int32_t code = code_of(x, k, sum);
            best = code > best ? code : best;
        }
        x->codes[i] = (uint8_t)best;
    }
}

static void write_texts(const run *x)
{
    char text[900];
    snprintf(text, sizeof text,
             "version: 1\nname: chain\ninput: {channels: %d, height: %d, width: %d}\nlayers:\n"
             "  - {name: a/b, type: conv2d, out_channels: %d, kernel: 3, pad: 1, stride: %u, "
             "groups: %u}\n"
             "  - {name: bn, type: batchnorm}\n  - {name: act, type: relu}\n",
             C, H, H, K, x->stride, x->groups);
    if (x->pool > 1)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "  - {name: pool, type: maxpool, kernel: %u, stride: %u}\n", x->pool, x->pool);
    snprintf(text + strlen(text), sizeof text - strlen(text),
             "  - {name: flat, type: flatten}\n  - {name: fc, type: fc, out_channels: %d}\n", OUT);
    write_text(x->folder, "network.net.yaml", text);
    snprintf(text, sizeof text,
             "version: 1\nlayers:\n"
             "  - {layer: a/b, weight_bits: 8, act_bits: %d, weight_signed: true}\n"
             "  - {layer: fc, weight_bits: 8, act_bits: %d, weight_signed: true}\n",
             IN_BITS, BITS);
    write_text(x->folder, "network.bits.yaml", text);
    snprintf(text, sizeof text,
             "layer,kind,bits,signed,scale,offset,file,inverse_scale\n"
             "a/b,weight,8,1,0.5,0,,2\na/b,activation,%d,0,1,0,,1\n"
             "fc,weight,8,1,0.25,0,,4\nfc,activation,%d,0,0.125,0,,8\n",
             IN_BITS, BITS);
    write_text(x->folder, "tensors.csv", text);
}

static void write_arrays(const run *x)
{
    static const float zeros[K], ones[K] = {1, 1, 1, 1, 1, 1}, logits[OUT];
    static const uint8_t label;
    const size_t k = K, triples[2] = {K, 4}, weights[4] = {K, C / x->groups, 3, 3};
    const size_t n = (size_t)x->out * x->out * K, fc[2] = {OUT, n}, row[2] = {1, n};
    const size_t map[4] = {1, C, H, H};
    uint8_t acts[C * H * H], codes[K * H * H];
    for (size_t i = 0; i < sizeof acts; i++) acts[i % C * H * H + i / C] = x->pixels[i];
    for (size_t i = 0; i < n; i++) codes[i % K * (n / K) + i / K] = x->codes[i];
    write_npy(x->folder, "weights/a_b.npy", PARE_I8, 4, weights, x->w);
    write_npy(x->folder, "weights/fc.npy", PARE_I8, 2, fc, x->v);
    write_npy(x->folder, "acts/a_b.npy", PARE_U8, 4, map, acts);
    write_npy(x->folder, "acts/fc.npy", PARE_U8, 2, row, codes);
    write_npy(x->folder, "acts/fc.requant.npy", PARE_U8, 2, row, codes);
    write_npy(x->folder, "params/a_b.requant.npy", PARE_I32, 2, triples, x->triples);
    write_floats(x->folder, "params/bn.scale.npy", k, ones);
    write_floats(x->folder, "params/bn.offset.npy", k, zeros);
    write_floats(x->folder, "params/input.mean.npy", C, zeros);
    write_floats(x->folder, "params/input.inv_std.npy", C, ones);
    write_evaluation(x->folder, 1, OUT, &label, logits, &label);
}

static void make(run *x, uint64_t stream)
{
    pare_rng r = pare_rng_new(SEED, stream);
    *x = (run){.groups = 1 + stream % 2, .stride = 1 + stream / 2 % 2, .pool = 1 + stream / 4 % 2};
    strcpy(x->folder, "/tmp/pare_requant_XXXXXX");
    make_folders(x->folder);
    x->p = (H - 1) / x->stride + 1;
    x->out = x->p / x->pool;
    const bool is_small = stream % 3 == 0; /* sums, so that many lie at a tie */
    for (size_t i = 0; i < sizeof x->w; i++)
        x->w[i] = (int8_t)(is_small ? draw(&r, -2, 2) : draw(&r, -128, 127));
    for (size_t i = 0; i < sizeof x->v; i++) x->v[i] = (int8_t)draw(&r, -128, 127);
    for (size_t i = 0; i < sizeof x->pixels; i++)
        x->pixels[i] = (uint8_t)draw(&r, 0, (1 << IN_BITS) - 1);
    for (size_t k = 0; k < K; k++) {
        int32_t *const t = x->triples + k * 4;
        t[0] = draw(&r, 0, 3) ? draw(&r, 0, 8) : draw(&r, 9, 16);
        t[1] = draw(&r, 1, 40000) * (draw(&r, 0, 3) ? 1 : -1);
        t[2] = 24 - t[0];
        t[3] = draw(&r, -200000, 200000) >> t[0];
        if (!is_small) continue;
        t[0] = draw(&r, 0, 8);
        t[1] = draw(&r, 0, 3) ? 1 : -1;
        t[2] = 12 - t[0];
        t[3] = draw(&r, -32, 128) * (256 >> t[0]);
    }
    find_codes(x);
    write_texts(x);
    write_arrays(x);
}

START_TEST(codes_are_those_of_plain_loops)
{
    uint32_t met[1 << BITS] = {0};
    for (uint64_t i = 0; i < 16; i++) {
        run x;
        uint16_t codes[K * H * H];
        make(&x, i);
        pare_infer *const f = load(x.folder);
        ck_assert(pare_infer_use_requant(f));
        pare_infer_layer_codes(f, x.pixels, f->net->n_layers - 1, codes);
        for (uint32_t j = 0; j < x.out * x.out * K; j++) {
            ck_assert_msg(codes[j] == x.codes[j], "seed %llu, stream %llu, code %u: %u for %u",
                          (unsigned long long)SEED, (unsigned long long)i, j, codes[j], x.codes[j]);
            met[codes[j]]++;
        }
        pare_infer_free(f);
        remove_folder(x.folder);
    }
    for (int i = 0; i < 1 << BITS; i++) ck_assert_uint_gt(met[i], 0);
}
END_TEST

static pare_infer_result run_once(const run *x, const char *machine_name)
{
    pare_err e = {0};
    pare_infer_result r;
    pare_machine *m = NULL;
    pare_buf path = {0};
    uint8_t label = 0;
    uint8_t pixels[sizeof x->pixels];
    memcpy(pixels, x->pixels, sizeof pixels);
    const pare_infer_images images = {{C, H, H}, 1, pixels, &label};
    pare_data_find("machines", machine_name, &path);
    ck_assert_int_eq(pare_machine_load(path.text, NULL, 0, &m, &e), PARE_OK);
    pare_infer *const f = load(x->folder);
    ck_assert(pare_infer_use_requant(f));
    const pare_status status = pare_infer_run(f, m, &images, NULL, &r, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    ck_assert(r.is_integer);
    ck_assert_str_eq(r.layers[0].next, "fc");
    ck_assert_ptr_null(r.layers[1].next);
    pare_machine_free(m);
    pare_infer_free(f);
    pare_buf_free(&path);
    return r;
}

START_TEST(one_code_that_is_not_the_trainers_fails)
{
    run x;
    make(&x, 4);
    pare_infer_result r = run_once(&x, "loom1");
    ck_assert_uint_eq(r.layers[1].n_codes_differ, 0);
    pare_infer_result_free(&r);
    const size_t n = (size_t)x.out * x.out * K, row[2] = {1, n};
    uint8_t codes[K * H * H];
    for (size_t i = 0; i < n; i++) codes[i % K * (n / K) + i / K] = x.codes[i];
    codes[5] ^= 1;
    write_npy(x.folder, "acts/fc.requant.npy", PARE_U8, 2, row, codes);
    r = run_once(&x, "loom1");
    ck_assert_uint_eq(r.layers[1].n_codes_differ, 1);
    ck_assert_uint_eq(r.layers[1].n_codes_rounding, 0);
    ck_assert(!r.is_ok);
    pare_infer_result_free(&r);
    remove_folder(x.folder);
}
END_TEST

/* ---- bad run folders ---- */

static void expect(const run *x, const char *file, const char *text)
{
    pare_err e = {0};
    pare_infer *f = NULL;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", x->folder, file);
    ck_assert_int_eq(pare_infer_load(x->folder, &f, &e), PARE_EINPUT);
    ck_assert_ptr_null(f);
    ck_assert_str_eq(e.file, path);
    ck_assert_msg(strstr(e.text, text), "%s", e.text);
}

START_TEST(wrong_triples_are_refused)
{
    static const char file[] = "params/a_b.requant.npy";
    const size_t dims[2] = {K, 4}, few[2] = {K, 3}, row[2] = {1, 2};
    run x;
    char path[256];
    make(&x, 0);
    write_npy(x.folder, file, PARE_I32, 2, few, NULL);
    expect(&x, file, "is no i4 of one row of 4 for each output channel");
    x.triples[4 * 2 + 2] = 63;
    write_npy(x.folder, file, PARE_I32, 2, dims, x.triples);
    expect(&x, file, "channel 2 has shifts");
    x.triples[4 * 2 + 2] = 20;
    x.triples[1] = 1 << 23;
    write_npy(x.folder, file, PARE_I32, 2, dims, x.triples);
    expect(&x, file, "channel 0 has shifts");
    x.triples[1] = 9;
    write_npy(x.folder, file, PARE_I32, 2, dims, x.triples);
    write_npy(x.folder, "acts/fc.requant.npy", PARE_U8, 2, row, NULL);
    expect(&x, "acts/fc.requant.npy", "is not of the type and shape of the layer's codes");
    snprintf(path, sizeof path, "%s/acts/fc.requant.npy", x.folder);
    ck_assert_int_eq(unlink(path), 0);
    expect(&x, "acts/fc.requant.npy", "cannot be opened");
    remove_folder(x.folder);
    make(&x, 0);
    write_npy(x.folder, "params/fc.requant.npy", PARE_I32, 2, dims, x.triples);
    expect(&x, "params/fc.requant.npy", "is of layer 'fc', which has");
    remove_folder(x.folder);
}
END_TEST

START_TEST(a_run_without_triples_has_no_integers_between_layers)
{
    char folder[64];
    make_fc(folder);
    pare_infer *const f = load(folder);
    ck_assert(!pare_infer_use_requant(f));
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const codes[] = {codes_are_those_of_plain_loops,
                                  one_code_that_is_not_the_trainers_fails, NULL};
    const TTest *const files[] = {wrong_triples_are_refused,
                                  a_run_without_triples_has_no_integers_between_layers, NULL};
    const gtck_case cases[] = {
        {"codes", codes, NULL, NULL, 0, NULL},
        {"files", files, NULL, NULL, 0, NULL},
    };
    return gtck_main(argc, argv, "sim_requant", cases, sizeof cases / sizeof *cases);
}

#include "gtck.h"
#include "traces/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 512 };

static const char small[] = "version: 1\nname: small\ninput: {channels: 3, height: 8, width: 8}\n"
                            "layers:\n"
                            "  - {name: a, type: conv2d, out_channels: 4}\n"
                            "  - {name: r, type: relu}\n"
                            "  - {name: b, type: conv2d, out_channels: 4}\n"
                            "  - {name: f, type: flatten}\n"
                            "  - {name: c, type: fc, out_channels: 4}\n";

static pare_net *small_net(void)
{
    pare_net *net;
    ck_assert_int_eq(pare_net_parse("small.net.yaml", small, strlen(small), &net, NULL), PARE_OK);
    return net;
}

static pare_bits *parse(const char *name, const char *text, const pare_net *net)
{
    pare_bits *b;
    pare_err e = {0};
    ck_assert_msg(pare_bits_parse(name, text, strlen(text), net, &b, &e) == PARE_OK, "%u: %s",
                  e.line, e.text);
    return b;
}

static void assert_equal(const pare_bits *a, const pare_bits *b)
{
    ck_assert_uint_eq(a->n_layers, b->n_layers);
    for (size_t i = 0; i < a->n_layers; i++) {
        const pare_layer_bits *const x = &a->layers[i], *const y = &b->layers[i];
        ck_assert_str_eq(x->layer, y->layer);
        ck_assert_uint_eq(x->weight_bits, y->weight_bits);
        ck_assert_uint_eq(x->act_bits, y->act_bits);
        ck_assert_double_eq(x->weight_n, y->weight_n);
        ck_assert_double_eq(x->act_n, y->act_n);
        ck_assert_int_eq(x->weight_signed, y->weight_signed);
        ck_assert_int_eq(x->act_signed, y->act_signed);
    }
}

START_TEST(entries_are_put_in_the_order_of_the_network)
{
    pare_net *const net = small_net();
    pare_bits *const b = parse("x.bits.yaml",
                               "version: 1\nlayers:\n"
                               "  - {layer: c, weight_bits: 1, act_bits: 2}\n"
                               "  - {layer: a, weight_bits: 3, act_bits: 4, weight_n: 2.5, "
                               "weight_signed: true}\n"
                               "  - {layer: b, weight_bits: 5, act_bits: 16}\n",
                               net);
    const char *const order[] = {"a", "b", "c"};
    const uint32_t weights[] = {3, 5, 1}, acts[] = {4, 16, 2};
    ck_assert_uint_eq(b->n_layers, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(b->layers[i].layer, order[i]);
        ck_assert_uint_eq(b->layers[i].weight_bits, weights[i]);
        ck_assert_uint_eq(b->layers[i].act_bits, acts[i]);
    }
    ck_assert_double_eq(b->layers[0].weight_n, 2.5);
    ck_assert(b->layers[0].weight_signed && !b->layers[0].act_signed);
    ck_assert_str_eq(b->network, "small");
    pare_bits_free(b);
    pare_net_free(net);
}
END_TEST

START_TEST(real_bitlengths_are_rounded_up)
{
    static const struct {
        const char *text;
        uint32_t bits;
        double n;
    } rows[] = {{"1", 1, 0},         {"1.0001", 2, 1.0001}, {"3.4", 4, 3.4},  {"4.000", 4, 0},
                {"7.999", 8, 7.999}, {"16", 16, 0},         {"1.6e1", 16, 0}, {"2.5e0", 3, 2.5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[128], csv[128];
        snprintf(json, sizeof json, "{\"a\": {\"w_bits\": %s, \"a_bits\": 8}}", rows[i].text);
        snprintf(csv, sizeof csv, "layer,weight_bits,act_bits\na,%s,8\n", rows[i].text);
        pare_bits *const b[] = {parse("x.json", json, NULL), parse("x.csv", csv, NULL)};
        for (int k = 0; k < 2; k++) {
            ck_assert_uint_eq(b[k]->layers[0].weight_bits, rows[i].bits);
            ck_assert_double_eq(b[k]->layers[0].weight_n, rows[i].n);
            ck_assert_uint_eq(b[k]->layers[0].act_bits, 8);
            pare_bits_free(b[k]);
        }
    }
}
END_TEST

START_TEST(a_uniform_specification_covers_every_mac_layer)
{
    pare_net *const net = small_net();
    for (uint32_t w = 1; w <= PARE_BITS_MAX; w++)
        for (uint32_t a = 1; a <= PARE_BITS_MAX; a++) {
            char spec[16];
            pare_bits *b;
            snprintf(spec, sizeof spec, w == a ? "%u" : "w%ua%u", w, a);
            ck_assert_int_eq(pare_bits_uniform(spec, net, &b, NULL), PARE_OK);
            ck_assert_uint_eq(b->n_layers, net->n_mac_layers);
            for (size_t i = 0; i < b->n_layers; i++) {
                ck_assert_uint_eq(b->layers[i].weight_bits, w);
                ck_assert_uint_eq(b->layers[i].act_bits, a);
            }
            pare_bits_free(b);
        }
    pare_net_free(net);
}
END_TEST

START_TEST(what_is_no_uniform_specification_is_refused)
{
    static const char *const wrong[] = {"",    "0",     "17",    "08",    "8 ",   "-8",
                                        "w4",  "w4a",   "w0a4",  "w4a17", "a4w4", "w4a4x",
                                        "4.5", "w4 a4", "w04a4", "100",   "W4A4"};
    pare_net *const net = small_net();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pare_bits *b;
        pare_err e = {0};
        ck_assert_msg(pare_bits_uniform(wrong[i], net, &b, &e) == PARE_EINPUT, "'%s'", wrong[i]);
        ck_assert_ptr_null(b);
        ck_assert_ptr_nonnull(strstr(e.text, "w4a6"));
    }
    pare_net_free(net);
}
END_TEST

/* a file of the name wins over a specification */
START_TEST(shipped_bits_fit_their_networks)
{
    static const char *const names[] = {"resnet18", "cnn_small"};
    const char *const src = getenv("PARE_SRC");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH_BYTES];
        pare_net *net;
        pare_bits *b;
        pare_err e = {0};
        snprintf(path, sizeof path, "%s/traces/networks/%s.net.yaml", src ? src : ".", names[i]);
        ck_assert_int_eq(pare_net_load(path, &net, NULL), PARE_OK);
        snprintf(path, sizeof path, "%s/traces/bits/%s_mixed.bits.yaml", src ? src : ".", names[i]);
        ck_assert_msg(pare_bits_get(path, net, &b, &e) == PARE_OK, "%s", e.text);
        ck_assert_uint_eq(b->n_layers, net->n_mac_layers);
        ck_assert_str_eq(b->network, names[i]);
        pare_bits_free(b);
        pare_net_free(net);
    }
}
END_TEST

START_TEST(random_bits_survive_writing)
{
    const uint64_t seed = 7;
    printf("seed %llu\n", (unsigned long long)seed);
    for (unsigned trial = 0; trial < 300; trial++) {
        pare_rng r = pare_rng_new(seed, trial);
        pare_layer_bits layers[8] = {0};
        static const char *const names[] = {"a", "b.c", "d/e", "f+1", "true", "0", "l-7", "x_y"};
        pare_bits b = {.network = "n", .method = trial % 2 ? "" : "a method: with \"quotes\" # 1"};
        b.layers = layers;
        b.n_layers = 1 + pare_rng_below(&r, 8);
        for (size_t i = 0; i < b.n_layers; i++) {
            pare_layer_bits *const l = &layers[i];
            l->layer = names[i];
            l->weight_n = pare_rng_below(&r, 2) ? 1 + 15 * pare_rng_unit(&r) : 0;
            l->act_n = pare_rng_below(&r, 2) ? 1 + 15 * pare_rng_unit(&r) : 0;
            l->weight_bits = l->weight_n > 0 ? (uint32_t)ceil(l->weight_n)
                                             : 1 + pare_rng_below(&r, PARE_BITS_MAX);
            l->act_bits =
                l->act_n > 0 ? (uint32_t)ceil(l->act_n) : 1 + pare_rng_below(&r, PARE_BITS_MAX);
        }
        pare_buf yaml = {0}, json = {0}, csv = {0};
        pare_bits_write_json(&b, &json); /* before the signs, which JSON has not */
        pare_bits *again = parse("x.json", json.text, NULL);
        assert_equal(&b, again);
        pare_bits_free(again);
        for (size_t i = 0; i < b.n_layers; i++) {
            layers[i].weight_signed = pare_rng_below(&r, 2);
            layers[i].act_signed = pare_rng_below(&r, 2);
        }
        pare_bits_write(&b, &yaml);
        again = parse("x.bits.yaml", yaml.text, NULL);
        assert_equal(&b, again);
        ck_assert_str_eq(again->network, "n");
        ck_assert_str_eq(again->method, b.method);
        pare_bits_free(again);
        pare_bits_write_csv(&b, &csv);
        again = parse("x.csv", csv.text, NULL);
        assert_equal(&b, again);
        pare_bits_free(again);
        pare_buf_free(&yaml);
        pare_buf_free(&json);
        pare_buf_free(&csv);
    }
}
END_TEST

/* results have more columns than we read */
START_TEST(a_results_table_serves_as_bits)
{
    pare_net *const net = small_net();
    pare_bits *const b = parse("r.csv",
                               "# pare-sim 0.1.0\nlayer,type,macs,act_bits,weight_bits,cycles\n"
                               "a,conv2d,768,5,4,100\nb,conv2d,1024,6,3,100\nc,fc,1024,7,2,1\n",
                               net);
    ck_assert_uint_eq(b->layers[2].weight_bits, 2);
    ck_assert_uint_eq(b->layers[2].act_bits, 7);
    pare_bits_free(b);
    pare_net_free(net);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const reading[] = {entries_are_put_in_the_order_of_the_network,
                                    real_bitlengths_are_rounded_up,
                                    a_uniform_specification_covers_every_mac_layer,
                                    what_is_no_uniform_specification_is_refused,
                                    shipped_bits_fit_their_networks,
                                    a_results_table_serves_as_bits,
                                    NULL};
    const TTest *const writing[] = {random_bits_survive_writing, NULL};
    const gtck_case cases[] = {{.suite = "Reading", .tests = reading},
                               {.suite = "Writing", .tests = writing}};
    return gtck_main(argc, argv, "traces_bits", cases, sizeof cases / sizeof *cases);
}

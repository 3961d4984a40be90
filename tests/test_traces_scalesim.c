#include "gtck.h"
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char header[] = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
                             "Channels, Num Filter, Strides,\n";

static pare_net *parse(const char *name, const char *rows)
{
    pare_net *net;
    pare_err e = {0};
    pare_buf b = {0};
    pare_buf_puts(&b, header);
    pare_buf_puts(&b, rows);
    ck_assert_msg(pare_net_parse_scalesim(name, b.text, b.n, &net, &e) == PARE_OK, "%u:%u: %s",
                  e.line, e.column, e.text);
    pare_buf_free(&b);
    return net;
}

START_TEST(stray_blanks_commas_and_our_columns_are_taken)
{
    pare_net *const net = parse("folder/my topology.csv", "Conv1, 224,224 ,7,7,3,  64,2,\r\n"
                                                          "\n  FC 6 ,1,1,1,1,512,1000,1\n"
                                                          "Conv2,10,8,3,1,4,5,1,4,6,\n");
    ck_assert_str_eq(net->name, "my_topology");
    ck_assert_uint_eq(net->n_layers, 3);
    ck_assert_uint_eq(net->n_mac_layers, 3);
    const pare_layer *const l = net->layers;
    ck_assert_str_eq(l[1].name, "FC_6");
    ck_assert_uint_eq(l[1].pos.line, 4);
    ck_assert_uint_eq(l[1].macs, 512000);
    ck_assert_uint_eq(l[2].in.c, 4);
    ck_assert_uint_eq(l[2].out.h, 8);
    ck_assert_uint_eq(l[2].out.w, 8);
    ck_assert_uint_eq(l[2].kernel[0], 3);
    ck_assert_uint_eq(l[2].kernel[1], 1);
    ck_assert_uint_eq(l[0].n_inputs, 0);
    pare_net_free(net);
}
END_TEST

/* output = ceil((input - filter + stride) / stride), as SCALE-Sim has it */
START_TEST(a_partial_window_counts_and_its_input_is_whole)
{
    static const struct {
        uint32_t in, kernel, stride, out, covered;
    } rows[] = {{224, 7, 2, 110, 225}, {56, 1, 2, 29, 57}, {56, 3, 2, 28, 57},
                {14, 3, 1, 12, 14},    {7, 7, 3, 1, 7},    {8, 7, 3, 2, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char row[96];
        snprintf(row, sizeof row, "c, %u, %u, %u, %u, 2, 3, %u,\n", rows[i].in, rows[i].in,
                 rows[i].kernel, rows[i].kernel, rows[i].stride);
        pare_net *const net = parse("t.csv", row);
        ck_assert_uint_eq(net->layers[0].out.h, rows[i].out);
        ck_assert_uint_eq(net->layers[0].out.w, rows[i].out);
        ck_assert_uint_eq(net->layers[0].in.h, rows[i].covered);
        ck_assert_uint_eq(net->layers[0].macs,
                          rows[i].out * rows[i].out * 2 * 3 * rows[i].kernel * rows[i].kernel);
        pare_net_free(net);
    }
}
END_TEST

START_TEST(a_topology_becomes_a_network_file_that_reads_back)
{
    pare_net *const net = parse("t.csv", "Conv1, 224, 224, 7, 7, 3, 64, 2,\n"
                                         "Conv2, 56, 40, 1, 3, 64, 32, 2,\n");
    pare_buf b = {0};
    pare_net *again;
    pare_err e = {0};
    pare_net_write(net, &b);
    ck_assert_msg(pare_net_parse("t.net.yaml", b.text, b.n, &again, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(again->n_layers, 2);
    for (int i = 0; i < 2; i++) {
        const pare_dims x = pare_layer_dims(&net->layers[i], 1);
        const pare_dims y = pare_layer_dims(&again->layers[i], 1);
        ck_assert_mem_eq(&x, &y, sizeof x);
        ck_assert_str_eq(net->layers[i].name, again->layers[i].name);
    }
    ck_assert_uint_eq(net->macs, again->macs);
    pare_net_free(again);
    pare_net_free(net);
    pare_buf_free(&b);
}
END_TEST

/* the output sizes that SCALE-Sim itself used, for the ResNet-18 that it ships */
START_TEST(output_sizes_equal_scale_sims)
{
    char path[512];
    const char *const shared = getenv("PARE_SHARED");
    snprintf(path, sizeof path, "%s/data/validation/scalesim_resnet18.csv",
             shared ? shared : "../shared");
    if (access(path, R_OK)) GTCK_SKIP("no SCALE-Sim oracle");
    pare_csv *c;
    ck_assert_int_eq(pare_csv_load(path, &c, NULL), PARE_OK);
    static const char *const columns[] = {"layer", "h", "w", "r", "s", "c", "k", "stride"};
    pare_buf rows = {0};
    for (size_t i = 0; i < c->n_rows; i++) {
        for (int j = 0; j < 8; j++)
            pare_buf_printf(&rows, "%s, ", pare_csv_cell(c, i, pare_csv_column(c, columns[j])));
        pare_buf_puts(&rows, "\n");
    }
    pare_net *const net = parse("Resnet18.csv", rows.text);
    ck_assert_uint_eq(net->n_layers, 21);
    for (size_t i = 0; i < c->n_rows; i++) {
        double p, q;
        ck_assert_int_eq(pare_csv_real(c, i, pare_csv_column(c, "p"), 1, 1000, &p, NULL), PARE_OK);
        ck_assert_int_eq(pare_csv_real(c, i, pare_csv_column(c, "q"), 1, 1000, &q, NULL), PARE_OK);
        ck_assert_uint_eq(net->layers[i].out.h, (uint32_t)p);
        ck_assert_uint_eq(net->layers[i].out.w, (uint32_t)q);
    }
    pare_net_free(net);
    pare_csv_free(c);
    pare_buf_free(&rows);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const scalesim[] = {stray_blanks_commas_and_our_columns_are_taken,
                                     a_partial_window_counts_and_its_input_is_whole,
                                     a_topology_becomes_a_network_file_that_reads_back,
                                     output_sizes_equal_scale_sims, NULL};
    const gtck_case cases[] = {{.suite = "ScaleSim", .tests = scalesim}};
    return gtck_main(argc, argv, "traces_scalesim", cases, sizeof cases / sizeof *cases);
}

/* Bad files of traces' readers: each is refused with its exact message. */
#include "bad_files.h"
#include "traces/cost.h"

/* ---- one function per reader: load, free, forward the status ---- */

static pare_status read_net(const char *path, pare_err *e)
{
    pare_net *net;
    const pare_status status = pare_net_load(path, &net, e);
    pare_net_free(net);
    return status;
}

static pare_status read_scalesim(const char *path, pare_err *e)
{
    pare_net *net;
    const pare_status status = pare_net_load_scalesim(path, &net, e);
    pare_net_free(net);
    return status;
}

/* against the small CNN, so that missing and unknown layers show */
static pare_status read_bits(const char *path, pare_err *e)
{
    char net_path[PATH_MAX + 64];
    pare_net *net;
    pare_bits *bits;
    snprintf(net_path, sizeof net_path, "%s/traces/networks/cnn_small.net.yaml", source_folder);
    PARE_TRY(pare_net_load(net_path, &net, e));
    const pare_status status = pare_bits_load(path, net, &bits, e);
    pare_bits_free(bits);
    pare_net_free(net);
    return status;
}

static pare_status read_csv(const char *path, pare_err *e)
{
    pare_csv *csv;
    double x;
    pare_status status = pare_csv_load(path, &csv, e);
    if (status == PARE_OK) /* what remains wrong is a number */
        status = pare_csv_real(csv, 0, pare_csv_column(csv, "x"), 0, 10, &x, e);
    pare_csv_free(csv);
    return status;
}

/* as training data, where NaN is refused */
static pare_status read_npy(const char *path, pare_err *e)
{
    pare_tensor t;
    pare_status status = pare_npy_load(path, &t, e);
    if (status == PARE_OK) status = pare_tensor_check_finite(path, &t, e);
    pare_tensor_free(&t);
    return status;
}

static pare_status read_idx(const char *path, pare_err *e)
{
    pare_tensor t;
    const pare_status status = pare_idx_load(path, &t, e);
    pare_tensor_free(&t);
    return status;
}

/* against the small CNN, too */
static pare_status read_cost(const char *path, pare_err *e)
{
    char net_path[PATH_MAX + 64];
    pare_net *net;
    pare_cost_table *table;
    snprintf(net_path, sizeof net_path, "%s/traces/networks/cnn_small.net.yaml", source_folder);
    PARE_TRY(pare_net_load(net_path, &net, e));
    const pare_status status = pare_cost_load(path, net, &table, e);
    pare_cost_free(table);
    pare_net_free(net);
    return status;
}

START_TEST(bad_networks_get_their_exact_message) { check_folder("net", read_net, 50); }
END_TEST

START_TEST(bad_bits_get_their_exact_message) { check_folder("bits", read_bits, 25); }
END_TEST

START_TEST(bad_npy_get_their_exact_message) { check_folder("npy", read_npy, 25); }
END_TEST

START_TEST(bad_idx_get_their_exact_message) { check_folder("idx", read_idx, 18); }
END_TEST

START_TEST(bad_csv_get_their_exact_message) { check_folder("csv", read_csv, 14); }
END_TEST

START_TEST(bad_topologies_get_their_exact_message) { check_folder("scalesim", read_scalesim, 14); }
END_TEST

START_TEST(bad_cost_tables_get_their_exact_message) { check_folder("cost", read_cost, 12); }
END_TEST

int main(int argc, char **argv)
{
    const TTest *const bad[] = {
        bad_networks_get_their_exact_message,    bad_bits_get_their_exact_message,
        bad_npy_get_their_exact_message,         bad_idx_get_their_exact_message,
        bad_csv_get_their_exact_message,         bad_topologies_get_their_exact_message,
        bad_cost_tables_get_their_exact_message, NULL};
    const gtck_case cases[] = {{.suite = "BadInput", .tests = bad}};
    return gtck_main(argc, argv, "traces_bad", cases, sizeof cases / sizeof *cases);
}

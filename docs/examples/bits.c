/* What the bits of a network cost on a machine: cycles and energy from 1 to 8 bits.
 *
 * cc -o bits bits.c $(pkg-config --cflags --libs pare)
 * ./bits cnn_small loom2
 */
#include <sim/sim.h>

#include <stdio.h>

/* A shipped name or a file, as the programs take it. */
static pare_status load(const char *network, const char *machine, pare_net **net, pare_machine **m,
                        pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("networks", network, &path);
    pare_status status = pare_net_load(path.text, net, e);
    pare_data_find("machines", machine, &path);
    if (status == PARE_OK) status = pare_machine_load(path.text, NULL, 0, m, e);
    pare_buf_free(&path);
    return status;
}

static pare_status print_row(const pare_net *net, const pare_machine *m, const char *width,
                             pare_err *e)
{
    pare_bits *bits = NULL;
    pare_sim_result r = {0};
    pare_status status = pare_bits_uniform(width, net, &bits, e);
    if (status == PARE_OK) status = pare_sim_run(net, m, bits, NULL, &r, e);
    if (status == PARE_OK)
        printf("%4s %12llu %12.3f\n", width, (unsigned long long)r.total.cycles,
               r.total.energy_pj / 1e6);
    pare_sim_result_free(&r);
    pare_bits_free(bits);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const widths[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    pare_net *net = NULL;
    pare_machine *m = NULL;
    pare_err e = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: bits NETWORK MACHINE\n");
        return PARE_EUSAGE;
    }
    pare_status status = load(argv[1], argv[2], &net, &m, &e);
    if (status == PARE_OK) printf("%4s %12s %12s\n", "bits", "cycles", "energy, uJ");
    for (size_t i = 0; i < sizeof widths / sizeof *widths && status == PARE_OK; i++)
        status = print_row(net, m, widths[i], &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_machine_free(m);
    pare_net_free(net);
    return (int)status;
}

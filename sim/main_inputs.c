/* What most subcommands of pare-sim begin with: a network, its bits, machines. */
#include "sim/main.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT_MACHINE[] = "stripes";
static const char DEFAULT_BITS[] = "8";

static bool has_suffix(const char *s, const char *suffix)
{
    const size_t n = strlen(s), m = strlen(suffix);
    return n >= m && !strcmp(s + n - m, suffix);
}

/* A trainer's run folder stands for its network and its learned bits. */
static bool is_run_folder(const char *path, const char *file, pare_buf *out)
{
    out->n = 0;
    pare_buf_printf(out, "%s/%s", path, file);
    return access(out->text, R_OK) == 0;
}

pare_status main_net_load(const char *network, pare_net **out, pare_err *e)
{
    pare_buf path = {0};
    if (!is_run_folder(network, "network.net.yaml", &path))
        pare_data_find("networks", network, &path);
    const pare_status status = has_suffix(path.text, ".csv")
                                   ? pare_net_load_scalesim(path.text, out, e)
                                   : pare_net_load(path.text, out, e);
    pare_buf_free(&path);
    return status;
}

pare_status main_bits_load(const char *network, const char *spec, const pare_net *net,
                           pare_bits **out, pare_err *e)
{
    pare_buf path = {0};
    if (spec || !is_run_folder(network, "network.bits.yaml", &path))
        pare_data_find("bits", spec ? spec : DEFAULT_BITS, &path);
    const pare_status status = pare_bits_get(path.text, net, out, e);
    pare_buf_free(&path);
    return status;
}

static pare_status load_machines(const main_choice *c, main_inputs *out, pare_err *e)
{
    pare_buf path = {0};
    pare_status status = PARE_OK;
    for (size_t i = 0; i < out->n; i++) {
        const char *const name = c->machines.n ? c->machines.v[i] : DEFAULT_MACHINE;
        pare_data_find("machines", name, &path);
        PARE_TRY_DONE(pare_machine_load(path.text, c->sets.v, c->sets.n, &out->machines[i], e));
        if (c->normalize && i > 0)
            PARE_TRY_DONE(pare_machine_normalize(out->machines[i], out->machines[0],
                                                 pare_normalize_of(c->normalize), e));
    }
done:
    pare_buf_free(&path);
    return status;
}

pare_status main_inputs_load(const main_choice *c, main_inputs *out, pare_err *e)
{
    *out = (main_inputs){.n = c->machines.n ? c->machines.n : 1};
    out->machines = pare_xalloc(out->n, sizeof(pare_machine *));
    PARE_TRY(main_net_load(c->network, &out->net, e));
    PARE_TRY(main_bits_load(c->network, c->bits, out->net, &out->bits, e));
    if (c->values) PARE_TRY(pare_values_open(c->values, &out->values, e));
    return load_machines(c, out, e);
}

void main_inputs_free(main_inputs *in)
{
    for (size_t i = 0; i < in->n; i++) pare_machine_free(in->machines[i]);
    free(in->machines);
    pare_values_free(in->values);
    pare_bits_free(in->bits);
    pare_net_free(in->net);
}

bool main_one_operand(main_choice *c, const char *command, int n_operands, char **argv,
                      bool is_one_machine)
{
    if (n_operands != 1) {
        fprintf(stderr, "one network or run folder expected; see %s --help\n", command);
        return false;
    }
    if (is_one_machine && c->machines.n > 1) {
        fprintf(stderr, "%zu machines given; one --machine expected; see %s --help\n",
                c->machines.n, command);
        return false;
    }
    c->network = argv[1];
    return true;
}

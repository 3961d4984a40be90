/* pare-sim cost: the cost table of a network on a machine, or what the next bit is worth. */
#include "sim/main.h"
#include "sim/questions.h"

#include <stdlib.h>
#include <string.h>

typedef struct cost_args {
    main_choice choice;
    const char *out;
    uint32_t batch, threads;
    bool is_next, is_json;
} cost_args;

static pare_status write_cost_table(const main_inputs *in, const pare_sim_options *options,
                                    pare_buf *out, pare_err *e)
{
    pare_cost_table *t = NULL;
    pare_buf hashes = {0};
    PARE_TRY(pare_sim_cost(in->net, in->machines[0], in->bits, options, &t, e));
    pare_buf_printf(&hashes, "network %016llx, machine %016llx, bits %016llx",
                    (unsigned long long)in->net->hash, (unsigned long long)in->machines[0]->hash,
                    (unsigned long long)in->bits->hash);
    const char *const pairs[] = {"inputs", hashes.text};
    pare_cost_write(t, "pare-sim", pairs, 1, out);
    pare_buf_free(&hashes);
    pare_cost_free(t);
    return PARE_OK;
}

static const char *const CHANGES[PARE_N_NEXT_BITS] = {
    [PARE_WEIGHT_LESS] = "weight_less",
    [PARE_WEIGHT_MORE] = "weight_more",
    [PARE_ACT_LESS] = "act_less",
    [PARE_ACT_MORE] = "act_more",
};

static void next_json(const pare_next_bit *l, pare_buf *b)
{
    pare_buf_puts(b, "{\"layer\":");
    pare_buf_json_string(b, l->layer);
    pare_buf_printf(b, ",\"weight_bits\":%u,\"act_bits\":%u", l->weight_bits, l->act_bits);
    for (int k = 0; k < PARE_N_NEXT_BITS; k++) {
        const pare_cost_change *const c = &l->change[k];
        if (!c->is_possible) continue;
        pare_buf_printf(b, ",\"%s\":{\"cycles\":%lld,\"energy_pj\":", CHANGES[k],
                        (long long)c->cycles);
        pare_buf_real(b, c->energy_pj);
        pare_buf_printf(b, ",\"dram_bits\":%lld}", (long long)c->dram_bits);
    }
    pare_buf_puts(b, "}\n");
}

static void next_cells(const pare_next_bit *l, const pare_cost *total, bool is_energy, pare_buf *b)
{
    for (int k = 0; k < PARE_N_NEXT_BITS; k++) {
        const pare_cost_change *const c = &l->change[k];
        if (!c->is_possible)
            pare_buf_printf(b, " %9s", "-");
        else if (is_energy)
            pare_buf_printf(b, " %+8.3f%%", 100 * c->energy_pj / total->energy_pj);
        else
            pare_buf_printf(b, " %+8.3f%%", 100 * (double)c->cycles / (double)total->cycles);
    }
}

static void next_table(const main_inputs *in, const pare_next_bit *next, const pare_cost *total,
                       pare_buf *b)
{
    int width = 5;
    const size_t n = in->bits->n_layers;
    for (size_t i = 0; i < n; i++)
        if ((int)strlen(next[i].layer) > width) width = (int)strlen(next[i].layer);
    pare_buf_printf(b, "%s on %s, bits '%s': %llu cycles, %.6g uJ, %.6g Mbit of DRAM traffic\n",
                    in->net->name, in->machines[0]->name, in->bits->method,
                    (unsigned long long)total->cycles, total->energy_pj / 1e6,
                    (double)total->dram_bits / 1e6);
    pare_buf_puts(b, "one bit less or more of one layer, as a share of the whole network's cost\n");
    pare_buf_printf(b, "%*s |%*s |%*s\n", width + 8, "", 40, "cycles", 40, "energy");
    pare_buf_printf(b, "%-*s %7s |", width, "layer", "w/a");
    for (int k = 0; k < 2; k++)
        pare_buf_printf(b, " %9s %9s %9s %9s%s", "w-1", "w+1", "a-1", "a+1", k ? "\n" : " |");
    for (size_t i = 0; i < n; i++) {
        char bits[24];
        snprintf(bits, sizeof bits, "%u/%u", next[i].weight_bits, next[i].act_bits);
        pare_buf_printf(b, "%-*s %7s |", width, next[i].layer, bits);
        next_cells(&next[i], total, false, b);
        pare_buf_puts(b, " |");
        next_cells(&next[i], total, true, b);
        pare_buf_puts(b, "\n");
    }
}

static pare_status write_next(const cost_args *a, const main_inputs *in,
                              const pare_sim_options *options, pare_buf *out, pare_err *e)
{
    pare_cost total;
    pare_next_bit *const next = pare_xalloc(in->bits->n_layers + 1, sizeof *next);
    const pare_status status =
        pare_sim_next_bits(in->net, in->machines[0], in->bits, options, next, &total, e);
    if (status == PARE_OK && a->is_json)
        for (size_t i = 0; i < in->bits->n_layers; i++) next_json(&next[i], out);
    else if (status == PARE_OK)
        next_table(in, next, &total, out);
    free(next);
    return status;
}

static pare_status cost(const cost_args *a)
{
    pare_err e = {0};
    pare_buf text = {0};
    main_inputs in;
    pare_status status = main_inputs_load(&a->choice, &in, &e);
    const pare_sim_options options = {
        .batch = a->batch, .threads = a->threads, .values = in.values};
    if (status == PARE_OK)
        status = a->is_next ? write_next(a, &in, &options, &text, &e)
                            : write_cost_table(&in, &options, &text, &e);
    if (status == PARE_OK) status = pare_file_write(a->out, text.text, text.n, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    main_inputs_free(&in);
    pare_buf_free(&text);
    return status;
}

int pare_main_cost(int argc, char **argv)
{
    cost_args a = {.out = "-", .batch = 1};
    const pare_opt opts[] = {
        MAIN_OPT_MACHINE(a.choice),
        {"bits", 'b', PARE_OPT_STRING, "BITS",
         "where the outputs' widths (and --next) are taken: a bits file, 8 or w4a6 (8; of a run "
         "folder, the learned ones)",
         &a.choice.bits, 0, 0},
        MAIN_OPT_SETS(a.choice),
        {"batch", 'n', PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"values", 'v', PARE_OPT_STRING, "VALUES", "codes for machines that skip, as of run",
         &a.choice.values, 0, 0},
        {"threads", 't', PARE_OPT_U32, "N", "threads; 0: all (0)", &a.threads, 0, 1024},
        {"next", 0, PARE_OPT_FLAG, NULL,
         "a table for people instead: what one bit less or more of each layer changes", &a.is_next,
         0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "with --next: one JSON object a line", &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim cost NETWORK|RUN [options]",
                        "Write cycles, energy and DRAM bits of each layer alone at each pair of "
                        "bitlengths, as CSV.",
                        argc, argv, &n_operands, &status))
        status = main_one_operand(&a.choice, "pare-sim cost", n_operands, argv, true)
                     ? (int)cost(&a)
                     : PARE_EUSAGE;
    free(a.choice.machines.v);
    free(a.choice.sets.v);
    return status;
}

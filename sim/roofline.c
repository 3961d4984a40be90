/* Rooflines (Williams, Waterman and Patterson 2009): a layer between the array's peak at its bits
 * and what DRAM can feed. */
#include "sim/questions.h"

#include <math.h>
#include <string.h>

static pare_roof roof_of(const pare_machine *m, const pare_sim_layer *l)
{
    const double macs = (double)l->stats.macs, bytes = (double)l->stats.dram_bits / 8;
    const double bytes_per_cycle =
        m->memory.model == PARE_MEMORY_IDEAL ? INFINITY : (double)m->dram.bits_per_cycle / 8;
    pare_roof r = {.layer = l->layer,
                   .weight_bits = l->weight_bits,
                   .act_bits = l->act_bits,
                   .cycles = l->stats.cycles,
                   .macs_per_byte = bytes > 0 ? macs / bytes : INFINITY,
                   .peak_macs_per_cycle = pare_machine_peak_macs(m, l->weight_bits, l->act_bits),
                   .macs_per_cycle = macs / (double)l->stats.cycles};
    r.ridge_macs_per_byte = r.peak_macs_per_cycle / bytes_per_cycle;
    r.is_memory_bound = r.macs_per_byte < r.ridge_macs_per_byte;
    r.roof_macs_per_cycle =
        r.is_memory_bound ? r.macs_per_byte * bytes_per_cycle : r.peak_macs_per_cycle;
    return r;
}

void pare_sim_roofline(const pare_machine *machine, const pare_sim_result *r, pare_roof *out)
{
    for (size_t i = 0; i < r->n_layers; i++) out[i] = roof_of(machine, &r->layers[i]);
}

static void write_result(const pare_machine *m, const pare_sim_result *r, pare_buf *b)
{
    int width = 5;
    size_t n_bound = 0;
    uint64_t bound_cycles = 0;
    for (size_t i = 0; i < r->n_layers; i++)
        if ((int)strlen(r->layers[i].layer) > width) width = (int)strlen(r->layers[i].layer);
    pare_buf_printf(b, "%s on %s, bits '%s'\n", r->network, r->machine, r->bits);
    pare_buf_printf(b, "%-*s %7s %10s %10s %11s %11s %11s %8s  %s\n", width, "layer", "w/a",
                    "MAC/byte", "ridge", "peak MAC/c", "roof MAC/c", "MAC/cycle", "of roof",
                    "bound by");
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_roof l = roof_of(m, &r->layers[i]);
        char bits[24];
        snprintf(bits, sizeof bits, "%u/%u", l.weight_bits, l.act_bits);
        pare_buf_printf(b, "%-*s %7s %10.4g %10.4g %11.5g %11.5g %11.5g %7.1f%%  %s\n", width,
                        l.layer, bits, l.macs_per_byte, l.ridge_macs_per_byte,
                        l.peak_macs_per_cycle, l.roof_macs_per_cycle, l.macs_per_cycle,
                        100 * l.macs_per_cycle / l.roof_macs_per_cycle,
                        l.is_memory_bound ? "memory" : "array");
        n_bound += l.is_memory_bound;
        if (l.is_memory_bound) bound_cycles += l.cycles;
    }
    pare_buf_printf(b, "memory-bound: %zu of %zu layers, %.1f%% of %llu cycles\n", n_bound,
                    r->n_layers,
                    r->total.cycles ? 100 * (double)bound_cycles / (double)r->total.cycles : 0,
                    (unsigned long long)r->total.cycles);
}

void pare_sim_write_roofline(const pare_machine *machine, const pare_sim_result *results, size_t n,
                             pare_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i) pare_buf_puts(out, "\n");
        write_result(machine, &results[i], out);
    }
}

static void json_real(pare_buf *b, const char *key, double x)
{
    pare_buf_printf(b, ",\"%s\":", key);
    pare_buf_real(b, x);
}

void pare_sim_write_roofline_json(const pare_machine *machine, const pare_sim_result *results,
                                  size_t n, pare_buf *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < results[i].n_layers; j++) {
            const pare_roof l = roof_of(machine, &results[i].layers[j]);
            pare_buf_puts(out, "{\"network\":");
            pare_buf_json_string(out, results[i].network);
            pare_buf_puts(out, ",\"machine\":");
            pare_buf_json_string(out, results[i].machine);
            pare_buf_puts(out, ",\"bits\":");
            pare_buf_json_string(out, results[i].bits);
            pare_buf_puts(out, ",\"layer\":");
            pare_buf_json_string(out, l.layer);
            pare_buf_printf(out, ",\"weight_bits\":%u,\"act_bits\":%u,\"cycles\":%llu",
                            l.weight_bits, l.act_bits, (unsigned long long)l.cycles);
            json_real(out, "macs_per_byte", l.macs_per_byte);
            json_real(out, "ridge_macs_per_byte", l.ridge_macs_per_byte);
            json_real(out, "peak_macs_per_cycle", l.peak_macs_per_cycle);
            json_real(out, "roof_macs_per_cycle", l.roof_macs_per_cycle);
            json_real(out, "macs_per_cycle", l.macs_per_cycle);
            pare_buf_printf(out, ",\"is_memory_bound\":%s}\n",
                            l.is_memory_bound ? "true" : "false");
        }
}

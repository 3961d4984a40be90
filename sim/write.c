/* Results as text: a table for people, CSV and NDJSON for programs. */
#include "sim/core.h"

#include <string.h>

/* ---- for programs ---- */

static void add_stat(pare_buf *b, const pare_sim_stats *s, const pare_stat_info *info)
{
    const char *const at = (const char *)s + info->offset;
    if (info->is_real)
        pare_buf_real(b, *(const double *)(const void *)at);
    else
        pare_buf_printf(b, "%llu", (unsigned long long)*(const uint64_t *)(const void *)at);
}

static void json_text(pare_buf *b, const char *key, const char *text)
{
    pare_buf_printf(b, "\"%s\":", key);
    pare_buf_json_string(b, text ? text : "");
    pare_buf_puts(b, ",");
}

static void json_real(pare_buf *b, const char *key, double x)
{
    pare_buf_printf(b, "\"%s\":", key);
    pare_buf_real(b, x);
    pare_buf_puts(b, ",");
}

static void json_stats(pare_buf *b, const pare_sim_stats *s)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) {
        pare_buf_printf(b, "%s\"%s\":", i ? "," : "", table[i].name);
        add_stat(b, s, &table[i]);
    }
}

static void json_layer(pare_buf *b, const pare_sim_result *r, const pare_sim_layer *l)
{
    const pare_sim_map *const m = &l->map;
    pare_buf_puts(b, "{");
    json_text(b, "network", r->network);
    json_text(b, "machine", r->machine);
    json_text(b, "layer", l->layer);
    json_text(b, "type", l->type);
    pare_buf_printf(b, "\"weight_bits\":%u,\"act_bits\":%u,\"out_bits\":%u,\"step_cycles\":%u,",
                    l->weight_bits, l->act_bits, l->out_bits, l->step_cycles);
    json_real(b, "utilization", l->utilization);
    pare_buf_printf(b, "\"map\":{\"tiles\":\"%s\",\"cols\":\"%s\",\"lanes\":\"%s\",",
                    m->tiles_hold_depth     ? "depth"
                    : m->tiles_hold_windows ? "windows"
                                            : "filters",
                    m->cols_hold_filters ? "filters" : "windows", m->is_flat ? "flat" : "channels");
    pare_buf_printf(b, "\"packed_groups\":%u,\"order\":\"%s\",\"n_tiles\":%llu,", m->packed_groups,
                    m->order, (unsigned long long)m->n_tiles);
    pare_buf_printf(b, "\"tile\":{\"groups\":%u,\"filters\":%u,\"channels\":%u,", m->tile_groups,
                    m->tile_filters, m->tile_channels);
    pare_buf_printf(b, "\"images\":%u,\"out_rows\":%u,\"out_cols\":%u}},", m->tile_images,
                    m->tile_out_rows, m->tile_out_cols);
    json_stats(b, &l->stats);
    pare_buf_puts(b, "}\n");
}

static void json_total(pare_buf *b, const pare_sim_result *r)
{
    pare_buf_puts(b, "{\"total\":true,");
    json_text(b, "network", r->network);
    json_text(b, "machine", r->machine);
    json_text(b, "bits", r->bits);
    if (r->values) json_text(b, "values", r->values);
    pare_buf_printf(b, "\"batch\":%u,", r->batch);
    json_real(b, "clock_mhz", r->clock_mhz);
    json_real(b, "mean_weight_bits", r->mean_weight_bits);
    json_real(b, "mean_act_bits", r->mean_act_bits);
    json_real(b, "utilization", r->utilization);
    json_real(b, "latency_ns", r->latency_ns);
    json_real(b, "edp", r->edp_pj_ns);
    json_real(b, "area_um2", r->area_um2);
    json_real(b, "energy_uncertainty_frac", r->energy_uncertainty_frac);
    if (r->normalized) json_text(b, "normalized", r->normalized);
    if (r->unpriced) json_text(b, "unpriced", r->unpriced);
    json_stats(b, &r->total);
    pare_buf_puts(b, "}\n");
}

void pare_sim_write_json(const pare_sim_result *results, size_t n, pare_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < results[i].n_layers; j++)
            json_layer(out, &results[i], &results[i].layers[j]);
        json_total(out, &results[i]);
    }
}

static void csv_header(pare_buf *b, const pare_sim_result *results, size_t n)
{
    pare_buf inputs = {0}, origin = {0};
    for (size_t i = 0; i < n; i++)
        pare_buf_printf(&inputs, "%s%s %016llx, %s %016llx, bits %016llx", i ? "; " : "",
                        results[i].network, (unsigned long long)results[i].network_hash,
                        results[i].machine, (unsigned long long)results[i].machine_hash,
                        (unsigned long long)results[i].bits_hash);
    const char *values = NULL; /* all results have the same, or what their machines declare */
    pare_buf normalized = {0}, unpriced = {0};
    for (size_t i = 0; i < n; i++) {
        if (results[i].normalized)
            pare_buf_printf(&normalized, "%s%s", normalized.n ? "; " : "", results[i].normalized);
        if (results[i].unpriced)
            pare_buf_printf(&unpriced, "%s%s, lower bounds of area and energy: %s",
                            unpriced.n ? "; " : "", results[i].machine, results[i].unpriced);
        if (!results[i].values) continue;
        if (values) pare_buf_printf(&origin, "%s", "; ");
        values = results[i].values;
        pare_buf_printf(&origin, "%s: %s", results[i].machine, values);
    }
    const char *pairs[8] = {"inputs", inputs.text ? inputs.text : ""};
    size_t n_pairs = 1;
    if (values) {
        pairs[2 * n_pairs] = "values";
        pairs[2 * n_pairs++ + 1] = origin.text;
    }
    if (normalized.n) {
        pairs[2 * n_pairs] = "normalized";
        pairs[2 * n_pairs++ + 1] = normalized.text;
    }
    if (unpriced.n) {
        pairs[2 * n_pairs] = "unpriced";
        pairs[2 * n_pairs++ + 1] = unpriced.text;
    }
    pare_provenance(b, "pare-sim", pairs, n_pairs);
    pare_buf_free(&unpriced);
    pare_buf_free(&origin);
    pare_buf_free(&inputs);
    pare_buf_free(&normalized);
    size_t n_stats;
    const pare_stat_info *const table = pare_sim_stat_table(&n_stats);
    pare_buf_puts(b, "network,machine,layer,type,weight_bits,act_bits,out_bits,utilization,"
                     "latency_ns,edp_pj_ns,area_um2,energy_uncertainty_frac");
    for (size_t i = 0; i < n_stats; i++) pare_buf_printf(b, ",%s", table[i].name);
    pare_buf_puts(b, "\n");
}

static void csv_stats(pare_buf *b, const pare_sim_stats *s)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) {
        pare_buf_puts(b, ",");
        add_stat(b, s, &table[i]);
    }
    pare_buf_puts(b, "\n");
}

static void csv_real(pare_buf *b, double x)
{
    pare_buf_puts(b, ",");
    pare_buf_real(b, x);
}

void pare_sim_write_csv(const pare_sim_result *results, size_t n, pare_buf *out)
{
    csv_header(out, results, n);
    for (size_t i = 0; i < n; i++) {
        const pare_sim_result *const r = &results[i];
        for (size_t j = 0; j < r->n_layers; j++) {
            const pare_sim_layer *const l = &r->layers[j];
            const double latency_ns = (double)l->stats.cycles * 1000 / r->clock_mhz;
            pare_buf_printf(out, "%s,%s,%s,%s,%u,%u,%u", r->network, r->machine, l->layer, l->type,
                            l->weight_bits, l->act_bits, l->out_bits);
            csv_real(out, l->utilization);
            csv_real(out, latency_ns);
            csv_real(out, latency_ns * l->stats.energy_pj);
            csv_real(out, r->area_um2);
            csv_real(out, l->energy_uncertainty_frac);
            csv_stats(out, &l->stats);
        }
        pare_buf_printf(out, "%s,%s,total,,,,", r->network, r->machine);
        csv_real(out, r->utilization);
        csv_real(out, r->latency_ns);
        csv_real(out, r->edp_pj_ns);
        csv_real(out, r->area_um2);
        csv_real(out, r->energy_uncertainty_frac);
        csv_stats(out, &r->total);
    }
}

/* ---- for people ---- */

/* A count with commas between thousands. */
static const char *grouped(uint64_t x, char out[32])
{
    char plain[24];
    const int n = snprintf(plain, sizeof plain, "%llu", (unsigned long long)x);
    int at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = plain[i];
    }
    out[at] = 0;
    return out;
}

/* The cycles' largest part besides the ideal ones. */
static const pare_stat_info *largest_loss(const pare_sim_stats *s)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    const pare_stat_info *largest = NULL;
    for (size_t i = 0; i < n; i++) {
        if (table[i].group != PARE_STAT_CYCLES || table[i].role != PARE_STAT_PART) continue;
        if (!strcmp(table[i].name, "ideal_cycles") || pare_sim_stat(s, &table[i]) == 0) continue;
        if (!largest || pare_sim_stat(s, &table[i]) > pare_sim_stat(s, largest))
            largest = &table[i];
    }
    return largest;
}

static double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

static void table_row(pare_buf *b, int width, const char *name, const char *type, const char *bits,
                      double utilization, const pare_sim_stats *s)
{
    char cycles[32];
    pare_buf_printf(b, "%-*s %-9s %5s %9.4g %13s %5.1f%% %5.1f%% %10.3f %10.3f", width, name, type,
                    bits, (double)s->macs / 1e6, grouped(s->cycles, cycles), 100 * utilization,
                    percent((double)(s->stall_cycles + s->startup_cycles), (double)s->cycles),
                    s->energy_pj / 1e6, (double)s->dram_bits / 1e6);
    const pare_stat_info *const loss = largest_loss(s);
    if (loss)
        pare_buf_printf(b, "  %s %.0f%%", loss->label,
                        percent(pare_sim_stat(s, loss), (double)s->cycles));
    pare_buf_puts(b, "\n");
}

static void write_result(const pare_sim_result *r, pare_buf *b)
{
    int width = (int)strlen("total");
    for (size_t i = 0; i < r->n_layers; i++)
        if ((int)strlen(r->layers[i].layer) > width) width = (int)strlen(r->layers[i].layer);
    pare_buf_printf(b, "%s on %s, %s, batch %u\n%s", r->network, r->machine,
                    r->bits && *r->bits ? r->bits : "bits of no stated origin", r->batch,
                    r->values ? "" : "\n");
    if (r->values) pare_buf_printf(b, "values: %s\n\n", r->values);
    pare_buf_printf(b, "%-*s %-9s %5s %9s %13s %6s %6s %10s %10s  %s\n", width, "layer", "type",
                    "w/a", "MMAC", "cycles", "busy", "DRAM", "uJ", "DRAM Mbit", "most lost to");
    char bits[32];
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_sim_layer *const l = &r->layers[i];
        snprintf(bits, sizeof bits, "%u/%u", l->weight_bits, l->act_bits);
        table_row(b, width, l->layer, l->type, bits, l->utilization, &l->stats);
    }
    snprintf(bits, sizeof bits, "%.1f/%.1f", r->mean_weight_bits, r->mean_act_bits);
    table_row(b, width, "total", "", bits, r->utilization, &r->total);
    pare_buf_printf(
        b,
        "\n%.4g ms at %.4g MHz, %.4g uJ +-%.0f%%, DRAM %.4g Mbit (%.4g unpacked), area %.4g mm2\n",
        r->latency_ns / 1e6, r->clock_mhz, r->total.energy_pj / 1e6,
        100 * r->energy_uncertainty_frac, (double)r->total.dram_bits / 1e6,
        (double)r->total.dram_unpacked_bits / 1e6, r->area_um2 / 1e6);
    if (r->unpriced)
        pare_buf_printf(b, "energy and area are lower bounds: %s have no price\n", r->unpriced);
}

static void write_comparison(const pare_sim_result *r, size_t n, pare_buf *b)
{
    int width = (int)strlen("machine");
    for (size_t i = 0; i < n; i++)
        if ((int)strlen(r[i].machine) > width) width = (int)strlen(r[i].machine);
    pare_buf_printf(b, "\n%-*s %13s %10s %8s %10s %8s %10s %8s\n", width, "machine", "cycles", "ms",
                    "speedup", "uJ", "less", "DRAM Mbit", "mm2");
    for (size_t i = 0; i < n; i++) {
        char cycles[32];
        pare_buf_printf(b, "%-*s %13s %10.4g %7.2fx %10.4g %7.2fx %10.4g %8.3f\n", width,
                        r[i].machine, grouped(r[i].total.cycles, cycles), r[i].latency_ns / 1e6,
                        r[0].latency_ns / r[i].latency_ns, r[i].total.energy_pj / 1e6,
                        r[0].total.energy_pj / r[i].total.energy_pj,
                        (double)r[i].total.dram_bits / 1e6, r[i].area_um2 / 1e6);
    }
    pare_buf_printf(b, "speedup and less: against %s\n", r[0].machine);
    for (size_t i = 0; i < n; i++)
        if (r[i].normalized) pare_buf_printf(b, "%s\n", r[i].normalized);
}

void pare_sim_write_table(const pare_sim_result *results, size_t n, pare_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i) pare_buf_puts(out, "\n");
        write_result(&results[i], out);
    }
    if (n > 1) write_comparison(results, n, out);
}

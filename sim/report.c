/* The HTML page of a run: a template with three holes (Chart.js, the data as JSON, the script).
 * All drawing is in report.js; here is only the data. */
#include "sim/report_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHART_JS_MAX_BYTES = 8 << 20 };

/* the template and the script become part of the program */
#define EMBED(symbol, path)                                                                        \
    __asm__(".pushsection .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" path             \
            "\"\n.byte 0\n.popsection\n");                                                         \
    extern const char symbol[]
EMBED(pare_report_html, "sim/report.html");
EMBED(pare_report_js, "sim/report.js");
EMBED(pare_report_points_js, "sim/report_points.js");

/* ---- JSON ---- */

void sim_json_key(pare_buf *b, const char *name)
{
    const char last = b->n ? b->text[b->n - 1] : '{';
    if (last != '{' && last != '[') pare_buf_puts(b, ",");
    pare_buf_json_string(b, name);
    pare_buf_puts(b, ":");
}

void sim_json_text(pare_buf *b, const char *name, const char *value)
{
    sim_json_key(b, name);
    pare_buf_json_string(b, value);
}

void sim_json_real(pare_buf *b, const char *name, double value)
{
    sim_json_key(b, name);
    pare_buf_real(b, value);
}

void sim_json_bytes(pare_buf *b, const char *name, const void *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *const in = bytes;
    sim_json_key(b, name);
    pare_buf_puts(b, "\"");
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t x = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                           (left > 2 ? in[i + 2] : 0);
        const char four[4] = {digits[x >> 18], digits[x >> 12 & 63],
                              left > 1 ? digits[x >> 6 & 63] : '=',
                              left > 2 ? digits[x & 63] : '='};
        pare_buf_add(b, four, 4);
    }
    pare_buf_puts(b, "\"");
}

static void comma(pare_buf *b, size_t i)
{
    if (i) pare_buf_puts(b, ",");
}

static void add_stats(pare_buf *b, const pare_sim_stats *s)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) sim_json_real(b, table[i].name, pare_sim_stat(s, &table[i]));
}

/* the layer under its roof; nothing if the machine is not known */
static void add_roof(pare_buf *b, const pare_roof *roof)
{
    if (!roof) return;
    if (isfinite(roof->macs_per_byte)) sim_json_real(b, "macs_per_byte", roof->macs_per_byte);
    sim_json_real(b, "macs_per_cycle", roof->macs_per_cycle);
    sim_json_real(b, "peak_macs_per_cycle", roof->peak_macs_per_cycle);
    sim_json_real(b, "ridge_macs_per_byte", roof->ridge_macs_per_byte);
    sim_json_key(b, "is_memory_bound");
    pare_buf_puts(b, roof->is_memory_bound ? "true" : "false");
}

static void add_result(pare_buf *b, const pare_sim_result *r, const pare_machine *machine)
{
    pare_roof *const roofs = machine ? pare_xalloc(r->n_layers + 1, sizeof *roofs) : NULL;
    if (machine) pare_sim_roofline(machine, r, roofs);
    pare_buf_puts(b, "{");
    sim_json_text(b, "machine", r->machine);
    sim_json_key(b, "layers");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_sim_layer *const l = &r->layers[i];
        comma(b, i);
        pare_buf_puts(b, "{");
        sim_json_text(b, "layer", l->layer);
        sim_json_text(b, "type", l->type);
        sim_json_real(b, "weight_bits", l->weight_bits);
        sim_json_real(b, "act_bits", l->act_bits);
        sim_json_real(b, "utilization", l->utilization);
        add_stats(b, &l->stats);
        add_roof(b, roofs ? &roofs[i] : NULL);
        pare_buf_puts(b, "}");
    }
    free(roofs);
    pare_buf_puts(b, "]");
    sim_json_key(b, "total");
    pare_buf_puts(b, "{");
    sim_json_real(b, "latency_ns", r->latency_ns);
    sim_json_real(b, "utilization", r->utilization);
    sim_json_real(b, "edp_pj_ns", r->edp_pj_ns);
    sim_json_real(b, "area_um2", r->area_um2);
    add_stats(b, &r->total);
    pare_buf_puts(b, "}}");
}

static void add_results(pare_buf *b, const pare_sim_report *r, const char *name,
                        const pare_sim_result *results)
{
    const size_t n = r->n_results;
    sim_json_key(b, name);
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < n; i++) {
        comma(b, i);
        add_result(b, &results[i], r->machines ? r->machines[i] : NULL);
    }
    pare_buf_puts(b, "]");
}

static void add_stat_table(pare_buf *b)
{
    static const char *const groups[] = {[PARE_STAT_WORK] = "work",
                                         [PARE_STAT_CYCLES] = "cycles",
                                         [PARE_STAT_ENERGY] = "energy",
                                         [PARE_STAT_DRAM] = "dram",
                                         [PARE_STAT_BUFFER] = "buffer"};
    static const char *const roles[] = {
        [PARE_STAT_TOTAL] = "total", [PARE_STAT_PART] = "part", [PARE_STAT_OTHER] = "other"};
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    sim_json_key(b, "stats");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < n; i++) {
        comma(b, i);
        pare_buf_puts(b, "{");
        sim_json_text(b, "name", table[i].name);
        sim_json_text(b, "label", table[i].label);
        sim_json_text(b, "doc", table[i].doc);
        sim_json_text(b, "group", groups[table[i].group]);
        sim_json_text(b, "role", roles[table[i].role]);
        pare_buf_puts(b, "}");
    }
    pare_buf_puts(b, "]");
}

static void add_bits(pare_buf *b, const pare_bits *bits)
{
    sim_json_key(b, "bits");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < bits->n_layers; i++) {
        const pare_layer_bits *const l = &bits->layers[i];
        comma(b, i);
        pare_buf_puts(b, "{");
        sim_json_text(b, "layer", l->layer);
        sim_json_real(b, "weight_bits", l->weight_bits);
        sim_json_real(b, "act_bits", l->act_bits);
        sim_json_real(b, "weight_n", l->weight_n);
        sim_json_real(b, "act_n", l->act_n);
        pare_buf_puts(b, "}");
    }
    pare_buf_puts(b, "]");
}

/* numbers as numbers, everything else as text */
static void add_cell(pare_buf *b, const char *text)
{
    char *end;
    const double x = strtod(text, &end);
    if (*text && !*end)
        pare_buf_real(b, x);
    else
        pare_buf_json_string(b, text);
}

static void add_metrics(pare_buf *b, const pare_csv *m)
{
    sim_json_key(b, "metrics");
    pare_buf_puts(b, "{");
    sim_json_key(b, "columns");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < m->columns.n; i++) {
        comma(b, i);
        pare_buf_json_string(b, m->columns.v[i]);
    }
    pare_buf_puts(b, "]");
    sim_json_key(b, "rows");
    pare_buf_puts(b, "[");
    for (size_t r = 0; r < m->n_rows; r++) {
        comma(b, r);
        pare_buf_puts(b, "[");
        for (size_t i = 0; i < m->columns.n; i++) {
            comma(b, i);
            add_cell(b, pare_csv_cell(m, r, (int)i));
        }
        pare_buf_puts(b, "]");
    }
    pare_buf_puts(b, "]}");
    const int accuracy = pare_csv_column(m, "test_accuracy_frac");
    if (accuracy < 0 || m->n_rows == 0) return;
    sim_json_key(b, "summary");
    pare_buf_puts(b, "{");
    sim_json_key(b, "final_accuracy_frac");
    add_cell(b, pare_csv_cell(m, m->n_rows - 1, accuracy));
    pare_buf_puts(b, "}");
}

static void add_provenance(pare_buf *b, const pare_sim_report *r)
{
    const pare_sim_result *const first = &r->results[0];
    pare_buf text = {0}, line = {0};
    pare_provenance(&line, "pare-sim", NULL, 0);
    pare_buf_printf(&text, "%.*s; network %s (%016llx), bits %s (%016llx), batch %u.",
                    (int)line.n - 3, line.text + 2, first->network,
                    (unsigned long long)first->network_hash, first->bits,
                    (unsigned long long)first->bits_hash, first->batch);
    sim_json_text(b, "provenance", text.text);
    pare_buf_free(&line);
    pare_buf_free(&text);
}

static void add_run(pare_buf *b, const pare_sim_report *r)
{
    pare_buf subtitle = {0};
    pare_buf_printf(&subtitle, "%s; bits: %s", r->results[0].network,
                    r->bits->method[0] ? r->bits->method : r->bits_label);
    sim_json_text(b, "subtitle", subtitle.text);
    sim_json_text(b, "bits_label", r->bits_label);
    sim_json_text(b, "normalization", r->normalization);
    if (r->timeline) sim_json_text(b, "timeline", r->timeline);
    add_provenance(b, r);
    add_bits(b, r->bits);
    add_results(b, r, "results", r->results);
    if (r->uniform) {
        sim_json_text(b, "uniform_label", r->uniform_label);
        add_results(b, r, "uniform", r->uniform);
    }
    if (r->metrics) add_metrics(b, r->metrics);
    pare_buf_free(&subtitle);
}

static pare_status add_store(pare_buf *b, const pare_sim_report *r, pare_err *e)
{
    const pare_store_info *const info = pare_store_about(r->store);
    pare_buf text = {0};
    if (r->n_results) return sim_report_points(r->store, b, e); /* the page is a run's */
    pare_buf_printf(&text, "%s '%s': %llu points, %llu with a row", info->kind, info->name,
                    (unsigned long long)info->n_points, (unsigned long long)info->n_rows);
    if (!info->is_complete) pare_buf_puts(&text, "; not complete yet");
    sim_json_text(b, "subtitle", text.text);
    text.n = 0;
    pare_buf_printf(&text, "%s, commit %s; plan %s.", info->program, info->commit, info->plan);
    sim_json_text(b, "provenance", text.text);
    pare_buf_free(&text);
    return sim_report_points(r->store, b, e);
}

static pare_status add_data(pare_buf *b, const pare_sim_report *r, pare_err *e)
{
    pare_status status = PARE_OK;
    pare_buf_puts(b, "{");
    sim_json_text(b, "title", r->title);
    add_stat_table(b);
    if (r->n_results) add_run(b, r);
    if (r->store) status = add_store(b, r, e);
    pare_buf_puts(b, "}");
    return status;
}

/* ---- the page ---- */

/* inside <script>, "</" would end it; JSON and JavaScript strings both read "<\/" as the same */
static void add_for_script(pare_buf *out, const char *text, size_t n)
{
    for (const char *end = text + n; text < end;) {
        const char *const stop = memchr(text, '<', (size_t)(end - text));
        if (!stop) {
            pare_buf_add(out, text, (size_t)(end - text));
            return;
        }
        pare_buf_add(out, text, (size_t)(stop - text) + 1);
        text = stop + 1;
        if (text < end && *text == '/') pare_buf_puts(out, "\\");
    }
}

static const char *fill_hole(pare_buf *out, const char *rest, const char *hole, const char *text,
                             size_t n)
{
    const char *const at = strstr(rest, hole);
    pare_buf_add(out, rest, (size_t)(at - rest));
    add_for_script(out, text, n);
    return at + strlen(hole);
}

pare_status pare_sim_report_write(const pare_sim_report *report, const char *chart_js,
                                  pare_buf *html, pare_err *e)
{
    char *library;
    size_t n_library;
    if (access(chart_js, R_OK) != 0)
        return pare_err_set(e, PARE_EINPUT, chart_js, (pare_pos){0, 0},
                            "Chart.js is missing; Debian's package libjs-chart.js expected");
    PARE_TRY(pare_file_read(chart_js, CHART_JS_MAX_BYTES, &library, &n_library, e));
    pare_buf data = {0};
    const pare_status status = add_data(&data, report, e);
    const char *rest = pare_report_html;
    rest = fill_hole(html, rest, "@CHART_JS@", library, n_library);
    rest = fill_hole(html, rest, "@DATA@", data.text, data.n);
    rest =
        fill_hole(html, rest, "@POINTS_JS@", pare_report_points_js, strlen(pare_report_points_js));
    rest = fill_hole(html, rest, "@REPORT_JS@", pare_report_js, strlen(pare_report_js));
    pare_buf_puts(html, rest);
    pare_buf_free(&data);
    free(library);
    return status;
}

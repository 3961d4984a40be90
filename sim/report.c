/* The HTML page of a run: a template with three holes (Chart.js, the data as JSON, the script).
 * All drawing is in report.js; here is only the data. */
#include "sim/sim.h"

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

/* ---- JSON ---- */

static void key(pare_buf *b, const char *name)
{
    const char last = b->n ? b->text[b->n - 1] : '{';
    if (last != '{' && last != '[') pare_buf_puts(b, ",");
    pare_buf_json_string(b, name);
    pare_buf_puts(b, ":");
}

static void text_member(pare_buf *b, const char *name, const char *value)
{
    key(b, name);
    pare_buf_json_string(b, value);
}

static void real_member(pare_buf *b, const char *name, double value)
{
    key(b, name);
    pare_buf_real(b, value);
}

static void comma(pare_buf *b, size_t i)
{
    if (i) pare_buf_puts(b, ",");
}

static void add_stats(pare_buf *b, const pare_sim_stats *s)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) real_member(b, table[i].name, pare_sim_stat(s, &table[i]));
}

static void add_result(pare_buf *b, const pare_sim_result *r)
{
    pare_buf_puts(b, "{");
    text_member(b, "machine", r->machine);
    key(b, "layers");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_sim_layer *const l = &r->layers[i];
        comma(b, i);
        pare_buf_puts(b, "{");
        text_member(b, "layer", l->layer);
        text_member(b, "type", l->type);
        real_member(b, "weight_bits", l->weight_bits);
        real_member(b, "act_bits", l->act_bits);
        real_member(b, "utilization", l->utilization);
        add_stats(b, &l->stats);
        pare_buf_puts(b, "}");
    }
    pare_buf_puts(b, "]");
    key(b, "total");
    pare_buf_puts(b, "{");
    real_member(b, "latency_ns", r->latency_ns);
    real_member(b, "utilization", r->utilization);
    real_member(b, "edp_pj_ns", r->edp_pj_ns);
    real_member(b, "area_um2", r->area_um2);
    add_stats(b, &r->total);
    pare_buf_puts(b, "}}");
}

static void add_results(pare_buf *b, const char *name, const pare_sim_result *results, size_t n)
{
    key(b, name);
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < n; i++) {
        comma(b, i);
        add_result(b, &results[i]);
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
    key(b, "stats");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < n; i++) {
        comma(b, i);
        pare_buf_puts(b, "{");
        text_member(b, "name", table[i].name);
        text_member(b, "label", table[i].label);
        text_member(b, "doc", table[i].doc);
        text_member(b, "group", groups[table[i].group]);
        text_member(b, "role", roles[table[i].role]);
        pare_buf_puts(b, "}");
    }
    pare_buf_puts(b, "]");
}

static void add_bits(pare_buf *b, const pare_bits *bits)
{
    key(b, "bits");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < bits->n_layers; i++) {
        const pare_layer_bits *const l = &bits->layers[i];
        comma(b, i);
        pare_buf_puts(b, "{");
        text_member(b, "layer", l->layer);
        real_member(b, "weight_bits", l->weight_bits);
        real_member(b, "act_bits", l->act_bits);
        real_member(b, "weight_n", l->weight_n);
        real_member(b, "act_n", l->act_n);
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
    key(b, "metrics");
    pare_buf_puts(b, "{");
    key(b, "columns");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < m->columns.n; i++) {
        comma(b, i);
        pare_buf_json_string(b, m->columns.v[i]);
    }
    pare_buf_puts(b, "]");
    key(b, "rows");
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
    key(b, "summary");
    pare_buf_puts(b, "{");
    key(b, "final_accuracy_frac");
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
    text_member(b, "provenance", text.text);
    pare_buf_free(&line);
    pare_buf_free(&text);
}

static void add_data(pare_buf *b, const pare_sim_report *r)
{
    pare_buf subtitle = {0};
    pare_buf_printf(&subtitle, "%s; bits: %s", r->results[0].network,
                    r->bits->method[0] ? r->bits->method : r->bits_label);
    pare_buf_puts(b, "{");
    text_member(b, "title", r->title);
    text_member(b, "subtitle", subtitle.text);
    text_member(b, "bits_label", r->bits_label);
    text_member(b, "normalization", r->normalization);
    add_provenance(b, r);
    add_stat_table(b);
    add_bits(b, r->bits);
    add_results(b, "results", r->results, r->n_results);
    if (r->uniform) {
        text_member(b, "uniform_label", r->uniform_label);
        add_results(b, "uniform", r->uniform, r->n_results);
    }
    if (r->metrics) add_metrics(b, r->metrics);
    pare_buf_puts(b, "}");
    pare_buf_free(&subtitle);
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
    add_data(&data, report);
    const char *rest = pare_report_html;
    rest = fill_hole(html, rest, "@CHART_JS@", library, n_library);
    rest = fill_hole(html, rest, "@DATA@", data.text, data.n);
    rest = fill_hole(html, rest, "@REPORT_JS@", pare_report_js, strlen(pare_report_js));
    pare_buf_puts(html, rest);
    pare_buf_free(&data);
    free(library);
    return PARE_OK;
}

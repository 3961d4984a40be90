/* The standard pictures of a paper: bits per layer, breakdown, roofline, Pareto front. */
#include "sim/svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- bars a layer ---- */

typedef struct bars {
    const pare_plot_size *size;
    svg_scale x, y;
    size_t n; /* groups of bars */
    bool is_turned;
} bars;

static bars bars_open(const pare_plot_size *size, size_t n, const char *const *names, double high,
                      double divide_by, const char *label, const char *title, pare_buf *b)
{
    bars r = {.size = size, .n = n};
    size_t letters = 0;
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) > letters) letters = strlen(names[i]);
    r.x = (svg_scale){0, (double)(n ? n : 1), SVG_LEFT, (double)size->width_px - SVG_RIGHT, false};
    r.y = svg_scale_y(size->height_px, 0, high > 0 ? high : 1, false);
    r.is_turned = (double)(6 * letters + 4) > (r.x.to_px - r.x.from_px) / r.x.high;
    svg_open(b, size->width_px, size->height_px, title);
    svg_axis_y(b, &r.x, &r.y, divide_by, label);
    for (size_t i = 0; i < n; i++)
        svg_names(b, &r.y, names[i], svg_px(&r.x, (double)i + 0.5), r.is_turned);
    return r;
}

static void bars_close(const bars *r, pare_buf *b)
{
    svg_line(b, r->x.from_px, r->y.from_px, r->x.to_px, r->y.from_px, "stroke=\"#333\"");
    svg_close(b);
}

/* bar `k` of `of` in group i, from value `low` to `high` */
static void bar(const bars *r, size_t i, size_t k, size_t of, double low, double high,
                const char *color, pare_buf *b)
{
    const double width = (r->x.to_px - r->x.from_px) / r->x.high * 0.8 / (double)of;
    const double left = svg_px(&r->x, (double)i + 0.1) + (double)k * width;
    const double top = svg_px(&r->y, high), bottom = svg_px(&r->y, low);
    if (bottom > top) svg_rect(b, left, top, width * 0.96, bottom - top, color);
}

void pare_plot_bits(const pare_bits *bits, const pare_plot_size *size, pare_buf *out)
{
    const char **const names = pare_xalloc(bits->n_layers + 1, sizeof *names);
    double high = 1;
    for (size_t i = 0; i < bits->n_layers; i++) {
        const pare_layer_bits *const l = &bits->layers[i];
        names[i] = l->layer;
        high = fmax(high, fmax(l->weight_bits, l->act_bits));
    }
    pare_buf title = {0};
    pare_buf_printf(&title, "%s: bits per layer (%s)", bits->network, bits->method);
    const bars r = bars_open(size, bits->n_layers, names, high, 1, "bits", title.text, out);
    for (size_t i = 0; i < bits->n_layers; i++) {
        const pare_layer_bits *const l = &bits->layers[i];
        const double learned[2] = {l->weight_n, l->act_n};
        const uint32_t whole[2] = {l->weight_bits, l->act_bits};
        for (size_t k = 0; k < 2; k++) {
            bar(&r, i, k, 2, 0, whole[k], svg_color(k), out);
            if (learned[k] <= 0) continue;
            const double width = (r.x.to_px - r.x.from_px) / r.x.high * 0.4;
            const double left = svg_px(&r.x, (double)i + 0.1) + (double)k * width;
            const double y = svg_px(&r.y, learned[k]);
            svg_line(out, left, y, left + width, y, "stroke=\"#000\" stroke-width=\"2\"");
        }
    }
    svg_key at = {.width_px = size->width_px};
    svg_legend(out, &at, 1, svg_color(0), "weights");
    svg_legend(out, &at, 1, svg_color(1), "activations");
    if (bits->n_layers && bits->layers[0].weight_n > 0)
        svg_legend(out, &at, 5, "#000", "learned, before rounding up");
    bars_close(&r, out);
    pare_buf_free(&title);
    free(names);
}

/* A unit that people read, for values up to `high`. */
typedef struct unit {
    double by;
    const char *name;
} unit;

static unit unit_of(pare_stat_group group, double high)
{
    static const unit cycles[] = {{1e9, "10^9 cycles"}, {1e6, "10^6 cycles"}, {1e3, "10^3 cycles"}},
                      energy[] = {{1e9, "mJ"}, {1e6, "uJ"}, {1e3, "nJ"}},
                      dram[] = {{8e9, "GB of DRAM traffic"},
                                {8e6, "MB of DRAM traffic"},
                                {8e3, "kB of DRAM traffic"}};
    const unit *const u = group == PARE_STAT_CYCLES   ? cycles
                          : group == PARE_STAT_ENERGY ? energy
                                                      : dram;
    return high >= u[0].by ? u[0] : high >= u[1].by ? u[1] : u[2];
}

/* Bars of one result are its layers, of several their totals. */
static const pare_sim_stats *stats_at(const pare_sim_result *r, size_t n, size_t i)
{
    return n == 1 ? &r->layers[i].stats : &r[i].total;
}

void pare_plot_breakdown(const pare_sim_result *results, size_t n, pare_stat_group group,
                         const pare_plot_size *size, pare_buf *out)
{
    size_t n_stats, shown = 0;
    const pare_stat_info *const table = pare_sim_stat_table(&n_stats);
    const size_t n_bars = n == 1 ? results->n_layers : n;
    const char **const names = pare_xalloc(n_bars + 1, sizeof *names);
    double *const base = pare_xalloc(n_bars + 1, sizeof *base);
    svg_key at = {.width_px = size->width_px};
    double high = 0;
    for (size_t i = 0; i < n_bars; i++) {
        names[i] = n == 1 ? results->layers[i].layer : results[i].machine;
        for (size_t s = 0; s < n_stats; s++)
            if (table[s].group == group && table[s].role == PARE_STAT_TOTAL)
                high = fmax(high, pare_sim_stat(stats_at(results, n, i), &table[s]));
    }
    const unit u = unit_of(group, high);
    pare_buf title = {0};
    pare_buf_printf(&title, "%s%s%s, bits: %s", results->network, n == 1 ? " on " : "",
                    n == 1 ? results->machine : "", results->bits);
    const bars r = bars_open(size, n_bars, names, high, u.by, u.name, title.text, out);
    for (size_t s = 0; s < n_stats; s++) {
        bool is_used = false;
        if (table[s].group != group || table[s].role != PARE_STAT_PART) continue;
        for (size_t i = 0; i < n_bars; i++) {
            const double x = pare_sim_stat(stats_at(results, n, i), &table[s]);
            bar(&r, i, 0, 1, base[i], base[i] + x, svg_color(shown), out);
            base[i] += x;
            is_used |= x > 0.002 * high;
        }
        if (is_used) svg_legend(out, &at, 1, svg_color(shown), table[s].label);
        shown++;
    }
    bars_close(&r, out);
    pare_buf_free(&title);
    free(base);
    free(names);
}

/* ---- roofline ---- */

static void roof_line(const svg_scale *x, const svg_scale *y, double ridge, double peak,
                      const char *color, const char *dash, pare_buf *b)
{
    /* the slope from where it enters the picture */
    double left = x->low;
    if (peak * left / ridge < y->low) left = ridge * y->low / peak;
    pare_buf_printf(b,
                    "<polyline points=\"%.2f,%.2f %.2f,%.2f %.2f,%.2f\" fill=\"none\" "
                    "stroke=\"%s\" stroke-width=\"1.3\" stroke-dasharray=\"%s\"/>\n",
                    svg_px(x, left), svg_px(y, peak * left / ridge), svg_px(x, ridge),
                    svg_px(y, peak), x->to_px, svg_px(y, peak), color, dash);
}

void pare_plot_roofline(const pare_machine *machine, const pare_sim_result *results, size_t n,
                        const pare_plot_size *size, pare_buf *out)
{
    double low_x = INFINITY, high_x = 0, low_y = INFINITY, high_y = 0;
    svg_key at = {.width_px = size->width_px};
    pare_roof **const roofs = pare_xalloc(n + 1, sizeof *roofs);
    for (size_t i = 0; i < n; i++) {
        roofs[i] = pare_xalloc(results[i].n_layers + 1, sizeof **roofs);
        pare_sim_roofline(machine, &results[i], roofs[i]);
        for (size_t j = 0; j < results[i].n_layers; j++) {
            const pare_roof *const l = &roofs[i][j];
            if (!isfinite(l->macs_per_byte)) continue;
            low_x = fmin(low_x, l->macs_per_byte);
            high_x = fmax(high_x, fmax(l->macs_per_byte, l->ridge_macs_per_byte));
            low_y = fmin(low_y, l->macs_per_cycle);
            high_y = fmax(high_y, l->peak_macs_per_cycle);
        }
    }
    if (!(high_x > 0)) low_x = low_y = 1, high_x = high_y = 10;
    const svg_scale x = svg_scale_x(size->width_px, low_x / 1.5, high_x * 1.5, true);
    const svg_scale y = svg_scale_y(size->height_px, low_y / 1.5, high_y * 1.2, true);
    pare_buf title = {0};
    pare_buf_printf(&title, "%s on %s", n ? results->network : "", machine->name);
    svg_open(out, size->width_px, size->height_px, title.text);
    svg_axis_x(out, &x, &y, 1, "MACs per byte of DRAM traffic");
    svg_axis_y(out, &x, &y, 1, "MACs per cycle");
    for (size_t i = 0; i < n; i++) {
        double last = -1;
        for (size_t j = 0; j < results[i].n_layers; j++) {
            const pare_roof *const l = &roofs[i][j];
            if (!isfinite(l->macs_per_byte) || !(l->ridge_macs_per_byte > 0)) continue;
            if (l->peak_macs_per_cycle < last || l->peak_macs_per_cycle > last)
                roof_line(&x, &y, l->ridge_macs_per_byte, l->peak_macs_per_cycle, svg_color(i),
                          i % 2 ? "5 3" : "none", out);
            last = l->peak_macs_per_cycle;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < results[i].n_layers; j++)
            if (isfinite(roofs[i][j].macs_per_byte))
                svg_marker(out, i, svg_px(&x, roofs[i][j].macs_per_byte),
                           svg_px(&y, roofs[i][j].macs_per_cycle), svg_color(i), roofs[i][j].layer);
        svg_legend(out, &at, i, svg_color(i), results[i].bits);
        free(roofs[i]);
    }
    svg_close(out);
    pare_buf_free(&title);
    free(roofs);
}

/* ---- Pareto front ---- */

typedef struct front_job {
    const pare_store_info *info;
    int x, y, color; /* columns; axis, or -1 */
    double *values;  /* [point][2], made small */
    uint32_t *colors;
    size_t n, capacity;
    double sign[2];
} front_job;

static pare_status take_row(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    front_job *const j = context;
    if (row->error || isnan(row->values[j->x]) || isnan(row->values[j->y])) return PARE_OK;
    if (j->n == j->capacity) {
        j->capacity = j->capacity ? 2 * j->capacity : 1024;
        double *const values = pare_xalloc(j->capacity * 2, sizeof *values);
        uint32_t *const colors = pare_xalloc(j->capacity, sizeof *colors);
        if (j->n) {
            memcpy(values, j->values, j->n * 2 * sizeof *values);
            memcpy(colors, j->colors, j->n * sizeof *colors);
        }
        free(j->values);
        free(j->colors);
        j->values = values;
        j->colors = colors;
    }
    j->values[2 * j->n] = j->sign[0] * row->values[j->x];
    j->values[2 * j->n + 1] = j->sign[1] * row->values[j->y];
    j->colors[j->n++] =
        j->color < 0 ? 0 : (uint32_t)pare_axis_digit(&j->info->axes[j->color], row->space);
    return PARE_OK;
}

/* "latency_ns" in ms, and so on */
static unit column_unit(const char *name, double high, pare_buf *label)
{
    static const struct {
        const char *suffix, *name;
        double by;
    } units[] = {{"_ns", "ms", 1e6},
                 {"_pj", "uJ", 1e6},
                 {"_um2", "mm2", 1e6},
                 {"_frac", "%", 0.01},
                 {"_bits", "Mbit", 1e6}};
    const size_t n = strlen(name);
    (void)high;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const size_t k = strlen(units[i].suffix);
        if (n <= k || strcmp(name + n - k, units[i].suffix) || !strncmp(name, "mean_", 5)) continue;
        pare_buf_printf(label, "%.*s, %s", (int)(n - k), name, units[i].name);
        return (unit){units[i].by, units[i].name};
    }
    pare_buf_printf(label, "%s", name);
    return (unit){1, ""};
}

typedef struct marked {
    double x, y;
} marked;

static int by_x(const void *a, const void *b)
{
    const marked *const p = a, *const q = b;
    return p->x < q->x ? -1 : p->x > q->x;
}

static void draw_front(const front_job *j, const bool *is_on, const svg_scale *x,
                       const svg_scale *y, pare_buf *out)
{
    marked *const front = pare_xalloc(j->n + 1, sizeof *front);
    size_t n = 0;
    for (size_t i = 0; i < j->n; i++)
        if (is_on[i]) front[n++] = (marked){j->values[2 * i], j->values[2 * i + 1]};
    qsort(front, n, sizeof *front, by_x);
    pare_buf_puts(out, "<polyline fill=\"none\" stroke=\"#000\" stroke-width=\"1.3\" points=\"");
    for (size_t i = 0; i < n; i++) {
        const double px = svg_px(x, j->sign[0] * front[i].x),
                     py = svg_px(y, j->sign[1] * front[i].y);
        if (i) pare_buf_printf(out, "%.2f,%.2f ", px, svg_px(y, j->sign[1] * front[i - 1].y));
        pare_buf_printf(out, "%.2f,%.2f ", px, py);
    }
    pare_buf_puts(out, "\"/>\n");
    free(front);
}

/* Beyond so many, points that share a pixel and a colour are drawn once. */
enum { MARKERS_MAX = 2000 };

static void draw_points(const front_job *j, const bool *is_on, const svg_scale *x,
                        const svg_scale *y, pare_buf *out)
{
    const size_t width = (size_t)x->to_px + 1, height = (size_t)y->from_px + 1;
    unsigned char *const seen = pare_xalloc(width * height, 1);
    const bool is_many = j->n > MARKERS_MAX;
    for (size_t i = 0; i < j->n; i++) {
        const double px = svg_px(x, j->sign[0] * j->values[2 * i]);
        const double py = svg_px(y, j->sign[1] * j->values[2 * i + 1]);
        const uint32_t color = j->colors[i];
        if (is_many && !is_on[i]) {
            unsigned char *const at = &seen[(size_t)py * width + (size_t)px];
            if (*at & 1u << color % 8) continue;
            *at |= (unsigned char)(1u << color % 8);
            svg_rect(out, floor(px), floor(py), 1.5, 1.5, svg_color(color));
        } else {
            svg_marker(out, color, px, py, svg_color(color), NULL);
        }
    }
    free(seen);
}

static void draw_pareto(const front_job *j, const pare_plot_size *size, pare_buf *out)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    svg_key at = {.width_px = size->width_px};
    bool *const is_on = pare_xalloc(j->n + 1, sizeof *is_on);
    for (size_t i = 0; i < 2 * j->n; i++) {
        const double v = j->sign[i % 2] * j->values[i];
        low[i % 2] = fmin(low[i % 2], v);
        high[i % 2] = fmax(high[i % 2], v);
    }
    if (j->n == 0) low[0] = low[1] = 1, high[0] = high[1] = 10;
    pare_pareto(j->values, j->n, 2, is_on);
    pare_buf labels[2] = {{0}}, title = {0};
    const unit ux = column_unit(j->info->columns[j->x].name, high[0], &labels[0]);
    const unit uy = column_unit(j->info->columns[j->y].name, high[1], &labels[1]);
    const svg_scale x = svg_scale_x(size->width_px, low[0], high[0], high[0] > 8 * low[0]);
    const svg_scale y = svg_scale_y(size->height_px, low[1], high[1], high[1] > 8 * low[1]);
    pare_buf_printf(&title, "%s: %zu points", j->info->name, j->n);
    svg_open(out, size->width_px, size->height_px, title.text);
    svg_axis_x(out, &x, &y, ux.by, labels[0].text);
    svg_axis_y(out, &x, &y, uy.by, labels[1].text);
    draw_points(j, is_on, &x, &y, out);
    draw_front(j, is_on, &x, &y, out);
    for (uint64_t i = 0; j->color >= 0 && i < j->info->axes[j->color].n && i < 8; i++)
        svg_legend(out, &at, i, svg_color(i), j->info->axes[j->color].values[i]);
    svg_close(out);
    for (int i = 0; i < 2; i++) pare_buf_free(&labels[i]);
    pare_buf_free(&title);
    free(is_on);
}

static pare_status find_column(pare_store *s, const char *name, double *sign, int *out, pare_err *e)
{
    *sign = *name == '-' ? -1 : 1;
    *out = pare_store_column(s, name + (*name == '-'));
    if (*out >= 0) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, pare_store_about(s)->path, (pare_pos){0, 0},
                        "no column '%s'; one of the store's expected", name + (*name == '-'));
}

pare_status pare_plot_pareto(pare_store *store, const char *x, const char *y, const char *color,
                             const pare_plot_size *size, pare_buf *out, pare_err *e)
{
    front_job j = {.info = pare_store_about(store), .color = -1};
    PARE_TRY(find_column(store, x, &j.sign[0], &j.x, e));
    PARE_TRY(find_column(store, y, &j.sign[1], &j.y, e));
    if (color) {
        j.color = pare_store_axis(store, color);
        if (j.color < 0)
            return pare_err_set(e, PARE_EINPUT, j.info->path, (pare_pos){0, 0},
                                "no axis '%s'; one of the store's expected", color);
    } else {
        j.color = pare_store_axis(store, "machine");
    }
    const pare_status status = pare_store_each(store, take_row, &j, e);
    if (status == PARE_OK) draw_pareto(&j, size, out);
    free(j.values);
    free(j.colors);
    return status;
}

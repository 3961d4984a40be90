/* What changes between two points, by layer, and which parts of the breakdown make the change. */
#include "sim/questions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_SHOWN = 3 };

pare_diff_point pare_diff_point_of(const char *name, const pare_sim_result *r)
{
    pare_diff_point p = {.name = name, .n_layers = r->n_layers};
    p.layers = pare_xalloc(r->n_layers + 1, sizeof *p.layers);
    for (size_t i = 0; i < r->n_layers; i++)
        p.layers[i] = (pare_diff_layer){.layer = r->layers[i].layer,
                                        .weight_bits = r->layers[i].weight_bits,
                                        .act_bits = r->layers[i].act_bits,
                                        .stats = r->layers[i].stats};
    p.total = (pare_diff_layer){.layer = "total", .stats = r->total};
    return p;
}

static pare_status check_layers(const pare_diff_point *from, const pare_diff_point *to, pare_err *e)
{
    for (size_t i = 0; i < from->n_layers && i < to->n_layers; i++)
        if (strcmp(from->layers[i].layer, to->layers[i].layer))
            return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                                "layer %zu is '%s' in one point, '%s' in the other; two points of "
                                "one network expected",
                                i + 1, from->layers[i].layer, to->layers[i].layer);
    if (from->n_layers != to->n_layers)
        return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                            "the points have %zu and %zu layers; two points of one network "
                            "expected",
                            from->n_layers, to->n_layers);
    return PARE_OK;
}

/* ---- for people ---- */

/* how people read a group: divided by `unit` */
typedef struct group_view {
    pare_stat_group group;
    const char *name;
    double unit;
} group_view;

static const group_view VIEWS[] = {
    {PARE_STAT_CYCLES, "cycles", 1},
    {PARE_STAT_ENERGY, "energy, nJ", 1e3},
    {PARE_STAT_DRAM, "DRAM traffic, kbit", 1e3},
};

static double change_of(const pare_diff_layer *from, const pare_diff_layer *to,
                        const pare_stat_info *s)
{
    return pare_sim_stat(&to->stats, s) - pare_sim_stat(&from->stats, s);
}

/* The parts of a group that change most, largest first; returns how many matter. */
static size_t largest_parts(const pare_diff_layer *from, const pare_diff_layer *to,
                            pare_stat_group group, const pare_stat_info *best[PARTS_SHOWN])
{
    size_t n_stats, n = 0;
    const pare_stat_info *const table = pare_sim_stat_table(&n_stats);
    double largest = 0;
    for (size_t i = 0; i < n_stats; i++) {
        const pare_stat_info *s = &table[i];
        if (s->group != group || s->role != PARE_STAT_PART) continue;
        if (fabs(change_of(from, to, s)) <= 0) continue;
        for (size_t k = 0; k < PARTS_SHOWN; k++) {
            if (k == n) {
                best[n++] = s;
                break;
            }
            if (fabs(change_of(from, to, s)) > fabs(change_of(from, to, best[k]))) {
                const pare_stat_info *const swap = best[k];
                best[k] = s;
                s = swap;
            }
        }
    }
    if (n) largest = fabs(change_of(from, to, best[0]));
    while (n && fabs(change_of(from, to, best[n - 1])) < largest / 20) n--;
    return n;
}

static void write_line(const group_view *v, const pare_stat_info *total, int width,
                       const pare_diff_layer *from, const pare_diff_layer *to,
                       const pare_diff_layer *whole_from, const pare_diff_layer *whole_to,
                       pare_buf *b)
{
    char bits[32] = "";
    const pare_stat_info *parts[PARTS_SHOWN];
    const double x = pare_sim_stat(&from->stats, total), y = pare_sim_stat(&to->stats, total);
    const double whole = change_of(whole_from, whole_to, total);
    if (from->weight_bits &&
        (from->weight_bits != to->weight_bits || from->act_bits != to->act_bits))
        snprintf(bits, sizeof bits, "%u/%u>%u/%u", from->weight_bits, from->act_bits,
                 to->weight_bits, to->act_bits);
    else if (from->weight_bits)
        snprintf(bits, sizeof bits, "%u/%u", from->weight_bits, from->act_bits);
    pare_buf_printf(b, "  %-*s %-11s %12.10g %12.10g", width, from->layer, bits,
                    rint(x / v->unit * 10) / 10, rint(y / v->unit * 10) / 10);
    if (x > 0)
        pare_buf_printf(b, " %+7.1f%%", 100 * (y - x) / x);
    else
        pare_buf_printf(b, " %8s", y > 0 ? "new" : "");
    if (fabs(whole) > 0)
        pare_buf_printf(b, " %6.1f%%  ", 100 * (y - x) / whole);
    else
        pare_buf_printf(b, " %7s  ", "");
    const size_t n = largest_parts(from, to, v->group, parts);
    for (size_t i = 0; i < n; i++)
        pare_buf_printf(b, "%s%s %+.6g", i ? ", " : "", parts[i]->label,
                        rint(change_of(from, to, parts[i]) / v->unit * 10) / 10);
    while (b->text[b->n - 1] == ' ') b->text[--b->n] = 0;
    pare_buf_puts(b, "\n");
}

static const pare_stat_info *total_of(pare_stat_group group)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++)
        if (table[i].group == group && table[i].role == PARE_STAT_TOTAL) return &table[i];
    return NULL;
}

pare_status pare_sim_write_diff(const pare_diff_point *from, const pare_diff_point *to,
                                pare_buf *out, pare_err *e)
{
    PARE_TRY(check_layers(from, to, e));
    int width = 5;
    for (size_t i = 0; i < from->n_layers; i++)
        if ((int)strlen(from->layers[i].layer) > width) width = (int)strlen(from->layers[i].layer);
    pare_buf_printf(out, "from %s\nto   %s\n", from->name, to->name);
    for (size_t g = 0; g < sizeof VIEWS / sizeof *VIEWS; g++) {
        const group_view *const v = &VIEWS[g];
        const pare_stat_info *const total = total_of(v->group);
        /* a store may lack a column */
        if (pare_sim_stat(&from->total.stats, total) <= 0 &&
            pare_sim_stat(&to->total.stats, total) <= 0)
            continue;
        pare_buf_printf(out, "\n%s\n  %-*s %-11s %12s %12s %8s %7s  %s\n", v->name, width, "layer",
                        "w/a", "from", "to", "change", "share", "made of");
        for (size_t i = 0; i < from->n_layers; i++)
            write_line(v, total, width, &from->layers[i], &to->layers[i], &from->total, &to->total,
                       out);
        write_line(v, total, width, &from->total, &to->total, &from->total, &to->total, out);
    }
    return PARE_OK;
}

/* ---- for programs ---- */

static void json_layer(const pare_diff_layer *from, const pare_diff_layer *to, bool is_total,
                       pare_buf *b)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    pare_buf_puts(b, is_total ? "{\"total\":true" : "{\"layer\":");
    if (!is_total) {
        pare_buf_json_string(b, from->layer);
        pare_buf_printf(b, ",\"weight_bits\":[%u,%u],\"act_bits\":[%u,%u]", from->weight_bits,
                        to->weight_bits, from->act_bits, to->act_bits);
    }
    for (size_t i = 0; i < n; i++) {
        pare_buf_printf(b, ",\"%s\":[", table[i].name);
        pare_buf_real(b, pare_sim_stat(&from->stats, &table[i]));
        pare_buf_puts(b, ",");
        pare_buf_real(b, pare_sim_stat(&to->stats, &table[i]));
        pare_buf_puts(b, "]");
    }
    pare_buf_puts(b, "}\n");
}

pare_status pare_sim_write_diff_json(const pare_diff_point *from, const pare_diff_point *to,
                                     pare_buf *out, pare_err *e)
{
    PARE_TRY(check_layers(from, to, e));
    for (size_t i = 0; i < from->n_layers; i++)
        json_layer(&from->layers[i], &to->layers[i], false, out);
    json_layer(&from->total, &to->total, true, out);
    return PARE_OK;
}

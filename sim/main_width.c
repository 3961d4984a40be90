/* --width: the bitlengths of a network that was trained for several, all in one run folder. */
#include "sim/main.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};
enum { WIDTHS_MAX = 16 };

static pare_status no_width(const char *path, const char *spec, const main_widths *all, pare_err *e)
{
    pare_buf b = {0};
    for (size_t i = 0; i < all->n; i++) pare_buf_printf(&b, "%s%u", i ? ", " : "", all->v[i].bits);
    const pare_status status = pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                                            "has no width %s; %s or all expected", spec, b.text);
    pare_buf_free(&b);
    return status;
}

static pare_status read_rows(const pare_csv *c, const char *run, main_widths *out, pare_err *e)
{
    const int width = pare_csv_column(c, "width"), frac = pare_csv_column(c, "test_accuracy_frac");
    if (width < 0 || frac < 0 || !c->n_rows || c->n_rows > WIDTHS_MAX)
        return pare_err_set(e, PARE_EINPUT, c->name, (pare_pos){c->header_line, 1},
                            "has not the columns width and test_accuracy_frac with 1 to %d rows; "
                            "pare-train's table expected",
                            (int)WIDTHS_MAX);
    out->v = pare_xalloc(c->n_rows, sizeof *out->v);
    for (size_t i = 0; i < c->n_rows; i++) {
        double bits;
        pare_buf folder = {0};
        PARE_TRY(pare_csv_real(c, i, width, 1, PARE_BITS_MAX, &bits, e));
        PARE_TRY(pare_csv_real(c, i, frac, 0, 1, &out->v[i].accuracy_frac, e));
        pare_buf_printf(&folder, "%s/width%u", run, (uint32_t)bits);
        out->v[i].bits = (uint32_t)bits;
        out->v[i].folder = folder.text;
        out->n++;
    }
    return PARE_OK;
}

pare_status main_widths_load(const char *run, const char *spec, main_widths *out, pare_err *e)
{
    pare_csv *c = NULL;
    pare_buf path = {0};
    *out = (main_widths){0};
    pare_buf_printf(&path, "%s/widths.csv", run);
    if (access(path.text, F_OK)) {
        pare_buf_free(&path);
        return pare_err_set(e, PARE_EINPUT, run, NOWHERE,
                            "has no widths.csv; a run folder of pare-train --method adaptive "
                            "expected with --width");
    }
    pare_status status = pare_csv_load(path.text, &c, e);
    if (status == PARE_OK) status = read_rows(c, run, out, e);
    pare_csv_free(c);
    if (status == PARE_OK && strcmp(spec, "all")) {
        size_t at = 0;
        char *end;
        const unsigned long bits = strtoul(spec, &end, 10);
        while (at < out->n && out->v[at].bits != bits) at++;
        if (at == out->n || end == spec || *end)
            status = no_width(path.text, spec, out, e);
        else
            out->chosen = &out->v[at];
    }
    pare_buf_free(&path);
    return status;
}

void main_widths_free(main_widths *w)
{
    for (size_t i = 0; i < w->n; i++) free(w->v[i].folder);
    free(w->v);
    *w = (main_widths){0};
}

/* ---- all of them ---- */

static void add_row(pare_buf *out, const main_width *w, const pare_sim_result *r, bool is_json)
{
    const double images_per_s = 1e9 * r->batch / r->latency_ns;
    if (!is_json) {
        pare_buf_printf(out, "%-14s %5u %10.2f %14llu %12.1f %12.3f %12.3f\n", r->machine, w->bits,
                        100 * w->accuracy_frac, (unsigned long long)r->total.cycles, images_per_s,
                        r->total.energy_pj * 1e-6, (double)r->total.dram_bits / 8e6);
        return;
    }
    pare_buf_puts(out, "{\"machine\":");
    pare_buf_json_string(out, r->machine);
    pare_buf_printf(out, ",\"width\":%u,\"test_accuracy_frac\":", w->bits);
    pare_buf_real(out, w->accuracy_frac);
    pare_buf_printf(out, ",\"batch\":%u,\"cycles\":%llu,\"latency_ns\":", r->batch,
                    (unsigned long long)r->total.cycles);
    pare_buf_real(out, r->latency_ns);
    pare_buf_puts(out, ",\"energy_pj\":");
    pare_buf_real(out, r->total.energy_pj);
    pare_buf_printf(out, ",\"dram_bits\":%llu}\n", (unsigned long long)r->total.dram_bits);
}

static pare_status run_width(const main_width *w, const main_choice *choice,
                             const pare_sim_options *options, bool is_json, pare_buf *out,
                             pare_err *e)
{
    main_choice c = *choice;
    main_inputs in;
    c.network = w->folder;
    pare_status status = main_inputs_load(&c, &in, e);
    pare_sim_options o = *options;
    o.values = in.values;
    for (size_t i = 0; i < in.n && status == PARE_OK; i++) {
        pare_sim_result r;
        status = pare_sim_run(in.net, in.machines[i], in.bits, &o, &r, e);
        if (status != PARE_OK) break;
        add_row(out, w, &r, is_json);
        pare_sim_result_free(&r);
    }
    main_inputs_free(&in);
    return status;
}

pare_status main_widths_run(const main_widths *w, const main_choice *choice,
                            const pare_sim_options *options, bool is_json, pare_buf *out,
                            pare_err *e)
{
    if (!is_json)
        pare_buf_printf(out, "%-14s %5s %10s %14s %12s %12s %12s\n", "machine", "width",
                        "accuracy %", "cycles", "images/s", "energy uJ", "DRAM MB");
    for (size_t i = 0; i < w->n; i++)
        PARE_TRY(run_width(&w->v[i], choice, options, is_json, out, e));
    return PARE_OK;
}

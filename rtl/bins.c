/* Sets of bins: their indices, tallies and tables. */
#include "rtl/bins.h"

#include <stdlib.h>
#include <string.h>

static void values_at(const pare_bins *b, size_t index, uint32_t *values)
{
    for (size_t a = b->n_axes; a-- > 0; index /= b->axes[a].n)
        values[a] = (uint32_t)(index % b->axes[a].n);
}

void pare_bins_new(pare_bins *b, const char *name, const pare_bins_axis *axes, pare_bins_why *why,
                   const void *context)
{
    *b = (pare_bins){.name = name, .n = 1};
    while (b->n_axes < PARE_BINS_AXES_MAX && axes[b->n_axes].name) {
        b->axes[b->n_axes] = axes[b->n_axes];
        b->n *= axes[b->n_axes++].n;
    }
    b->hits = pare_xalloc(b->n, sizeof *b->hits);
    b->why = pare_xalloc(b->n, sizeof *b->why);
    for (size_t i = 0; i < b->n; i++) {
        uint32_t values[PARE_BINS_AXES_MAX] = {0};
        values_at(b, i, values);
        b->why[i] = why ? why(context, values) : NULL;
    }
}

void pare_bins_free(pare_bins *b)
{
    free(b->hits);
    free(b->why);
    *b = (pare_bins){0};
}

void pare_bins_hit(pare_bins *b, const uint32_t *values)
{
    size_t index = 0;
    for (size_t a = 0; a < b->n_axes; a++) index = index * b->axes[a].n + values[a];
    b->hits[index]++;
}

void pare_bins_count(const pare_bins *b, pare_bins_tally *t)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->why[i]) {
            t->n_unreachable++;
            t->n_wrong += b->hits[i] > 0;
            continue;
        }
        t->n_reachable++;
        t->n_hit += b->hits[i] > 0;
        if (b->hits[i] < t->fewest) t->fewest = b->hits[i];
    }
}

static void write_bin(const pare_bins *b, size_t index, const char *what, pare_buf *out)
{
    uint32_t values[PARE_BINS_AXES_MAX];
    values_at(b, index, values);
    pare_buf_printf(out, "    %-11s", what);
    for (size_t a = 0; a < b->n_axes; a++)
        pare_buf_printf(out, "%s %s %s", a ? "," : "", b->axes[a].name,
                        b->axes[a].labels[values[a]]);
    pare_buf_puts(out, "\n");
}

/* Each reason once, with the bins that it explains. */
static void write_reasons(const pare_bins *b, pare_buf *out)
{
    for (size_t i = 0; i < b->n; i++) {
        size_t n_before = 0, n = 0;
        for (size_t k = 0; k < b->n && b->why[i]; k++) {
            const bool is_same = b->why[k] && !strcmp(b->why[k], b->why[i]);
            n_before += is_same && k < i;
            n += is_same;
        }
        if (n && !n_before) pare_buf_printf(out, "    %zu cannot be: %s\n", n, b->why[i]);
    }
}

void pare_bins_write(const pare_bins *b, size_t n_holes, pare_buf *out)
{
    pare_bins_tally t = {.fewest = UINT64_MAX};
    pare_bins_count(b, &t);
    pare_buf_printf(out, "  %-14s", b->name);
    for (size_t a = 0; a < b->n_axes; a++)
        pare_buf_printf(out, "%s%s", a ? " x " : " ", b->axes[a].name);
    pare_buf_printf(out, ": %zu of %zu covered", t.n_hit, t.n_reachable);
    if (t.n_reachable) pare_buf_printf(out, ", fewest hits %llu", (unsigned long long)t.fewest);
    pare_buf_puts(out, "\n");
    size_t shown = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->why[i] && b->hits[i]) write_bin(b, i, "impossible", out);
        if (!b->why[i] && !b->hits[i] && shown++ < n_holes) write_bin(b, i, "hole", out);
    }
    if (shown > n_holes) pare_buf_printf(out, "    ... and %zu holes more\n", shown - n_holes);
    write_reasons(b, out);
}

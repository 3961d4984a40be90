/* Functional coverage: which combinations the dot products of a run have met. */
#include "rtl/cosim.h"

#include <stdlib.h>

const char *const pare_cosim_stall_names[PARE_N_STALLS] = {"none", "sparse", "burst"};
const char *const pare_cosim_data_names[PARE_N_DATA] = {"uniform", "extreme", "corner", "zero",
                                                        "laplace"};
const char *const pare_cosim_depth_names[PARE_N_DEPTHS] = {"1", "2", "3+"};
const char *const pare_cosim_sign_names[PARE_N_SIGNS] = {"uu", "su", "us", "ss"};

static uint32_t n_values(const uint32_t range[2]) { return range[1] - range[0] + 1; }

size_t pare_cosim_bin_index(const pare_cosim_coverage *c, const pare_cosim_bin *bin)
{
    size_t i = bin->act_bits - c->act_bits[0];
    i = i * n_values(c->weight_bits) + bin->weight_bits - c->weight_bits[0];
    i = i * PARE_N_SIGNS + bin->signs;
    i = i * PARE_N_DEPTHS + bin->depth;
    i = i * PARE_N_STALLS + bin->source;
    return i * PARE_N_STALLS + bin->sink;
}

/* the lowest part of a mixed-radix number */
static uint32_t take_part(size_t *i, uint32_t radix)
{
    const uint32_t part = (uint32_t)(*i % radix);
    *i /= radix;
    return part;
}

pare_cosim_bin pare_cosim_bin_at(const pare_cosim_coverage *c, size_t index)
{
    pare_cosim_bin bin;
    bin.sink = take_part(&index, PARE_N_STALLS);
    bin.source = take_part(&index, PARE_N_STALLS);
    bin.depth = take_part(&index, PARE_N_DEPTHS);
    bin.signs = take_part(&index, PARE_N_SIGNS);
    bin.weight_bits = c->weight_bits[0] + take_part(&index, n_values(c->weight_bits));
    bin.act_bits = c->act_bits[0] + (uint32_t)index;
    return bin;
}

size_t pare_cosim_bins_hit(const pare_cosim_coverage *c, uint32_t *fewest)
{
    size_t n = 0;
    *fewest = UINT32_MAX;
    for (size_t i = 0; i < c->n_bins; i++) {
        n += c->hits[i] > 0;
        if (c->hits[i] < *fewest) *fewest = c->hits[i];
    }
    return n;
}

void pare_cosim_coverage_new(pare_cosim_coverage *c)
{
    c->n_bins = (size_t)n_values(c->act_bits) * n_values(c->weight_bits) * PARE_COSIM_INNER_BINS;
    c->hits = pare_xalloc(c->n_bins, sizeof *c->hits);
    c->min_sum = INT64_MAX;
    c->max_sum = INT64_MIN;
    pare_cosim_sets_new(c);
}

void pare_cosim_coverage_free(pare_cosim_coverage *c)
{
    free(c->hits);
    c->hits = NULL;
    pare_cosim_sets_free(c);
}

void pare_cosim_cover(pare_cosim_coverage *c, const pare_cosim_dot *d)
{
    c->hits[pare_cosim_bin_index(c, &d->bin)]++;
    c->data[d->data]++;
    c->overflows += d->sum.overflowed;
    if (d->sum.value < c->min_sum) c->min_sum = d->sum.value;
    if (d->sum.value > c->max_sum) c->max_sum = d->sum.value;
}

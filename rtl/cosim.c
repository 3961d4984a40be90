/* Coverage bins and the loop over the cases. */
#include "rtl/cosim.h"

#include <stdlib.h>
#include <string.h>

const char *const pare_cosim_stall_names[PARE_N_STALLS] = {"none", "sparse", "burst"};
const char *const pare_cosim_data_names[PARE_N_DATA] = {"uniform", "extreme", "corner", "zero"};
const char *const pare_cosim_depth_names[PARE_N_DEPTHS] = {"1", "2", "3+"};
const char *const pare_cosim_sign_names[PARE_N_SIGNS] = {"uu", "su", "us", "ss"};

pare_pe pare_cosim_pe(const pare_dut_kind *kind)
{
    return (pare_pe){.style = PARE_PE_TEMPORAL,
                     .lanes = kind->lanes,
                     .act_digit = kind->act_digit,
                     .weight_digit = kind->weight_digit,
                     .max_act_bits = kind->max_act_bits,
                     .max_weight_bits = kind->max_weight_bits,
                     .acc_bits = kind->acc_bits};
}

/* ---- coverage ---- */

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

static void cover(pare_cosim_coverage *c, const pare_cosim_dot *d)
{
    c->hits[pare_cosim_bin_index(c, &d->bin)]++;
    c->data[d->data]++;
    c->overflows += d->sum.overflowed;
    if (d->sum.value < c->min_sum) c->min_sum = d->sum.value;
    if (d->sum.value > c->max_sum) c->max_sum = d->sum.value;
}

static pare_status take_range(const char *what, const uint32_t asked[2], uint32_t max,
                              const pare_dut_kind *kind, uint32_t out[2], pare_err *e)
{
    out[0] = asked[0] ? asked[0] : 1;
    out[1] = asked[1] ? asked[1] : max;
    if (out[0] <= out[1] && out[1] <= max) return PARE_OK;
    return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                        "--%s-bits is %u..%u; 1..%u or a part of it expected for %s", what, out[0],
                        out[1], max, kind->name);
}

/* ---- the run ---- */

/* Bits ranges that are not given are left out of the command. */
static void describe_replay(pare_buf *out, const pare_cosim_options *o, uint64_t index)
{
    pare_buf_printf(out, "  replay: pare-cosim pe --kind %s --seed %llu", o->kind->name,
                    (unsigned long long)o->seed);
    const uint32_t *const ranges[] = {o->act_bits, o->weight_bits};
    const char *const names[] = {"act", "weight"};
    for (int i = 0; i < 2; i++)
        if (ranges[i][0])
            pare_buf_printf(out, " --%s-bits %u..%u", names[i], ranges[i][0], ranges[i][1]);
    pare_buf_printf(out, " --case %llu --trace %s_%llu.fst\n", (unsigned long long)index,
                    o->kind->name, (unsigned long long)index);
}

static pare_status run_case(const pare_cosim_options *o, pare_cosim_case *c, uint64_t index,
                            pare_cosim_result *out, pare_err *e)
{
    pare_cosim_case_fill(c, o->kind, &out->coverage, o->seed, index);
    pare_dut *const dut = pare_dut_new(o->kind);
    if (o->trace && !pare_dut_trace(dut, o->trace)) {
        pare_dut_free(dut);
        return pare_err_set(e, PARE_EFAIL, o->trace, (pare_pos){0, 0},
                            "cannot be written; a place for the waves expected");
    }
    out->agrees = pare_cosim_case_run(c, o->kind, dut, &out->n_cycles, &out->difference);
    pare_dut_free(dut);
    if (!out->agrees) describe_replay(&out->difference, o, index);
    for (uint32_t i = 0; i < c->n_dots; i++) {
        cover(&out->coverage, &c->dots[i]);
        out->n_beats += c->dots[i].sum.cycles;
    }
    out->n_dots += c->n_dots;
    out->n_cases++;
    return PARE_OK;
}

pare_status pare_cosim_run(const pare_cosim_options *o, pare_cosim_result *out, pare_err *e)
{
    *out = (pare_cosim_result){.agrees = true};
    pare_cosim_coverage *const bins = &out->coverage;
    PARE_TRY(take_range("act", o->act_bits, o->kind->max_act_bits, o->kind, bins->act_bits, e));
    PARE_TRY(take_range("weight", o->weight_bits, o->kind->max_weight_bits, o->kind,
                        bins->weight_bits, e));
    bins->n_bins =
        (size_t)n_values(bins->act_bits) * n_values(bins->weight_bits) * PARE_COSIM_INNER_BINS;
    bins->hits = pare_xalloc(bins->n_bins, sizeof *bins->hits);
    bins->min_sum = INT64_MAX;
    bins->max_sum = INT64_MIN;

    const uint64_t n_cases =
        o->is_one_case ? 1 : (o->n_dots + PARE_COSIM_CASE_DOTS - 1) / PARE_COSIM_CASE_DOTS;
    pare_cosim_case *const c = pare_cosim_case_new(o->kind);
    pare_status status = PARE_OK;
    for (uint64_t i = 0; i < n_cases && out->agrees && status == PARE_OK; i++) {
        status = run_case(o, c, o->is_one_case ? o->case_index : i, out, e);
        if (o->progress) o->progress(o->context, out->n_dots, n_cases * PARE_COSIM_CASE_DOTS);
    }
    pare_cosim_case_free(c);
    if (status != PARE_OK) pare_cosim_result_free(out);
    return status;
}

void pare_cosim_result_free(pare_cosim_result *r)
{
    pare_buf_free(&r->difference);
    free(r->coverage.hits);
    memset(r, 0, sizeof *r);
}

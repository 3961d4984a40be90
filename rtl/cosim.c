/* The loop over the cases. */
#include "rtl/cosim.h"

#include <string.h>

/* A range that goes beyond the kind's operands ends with them. */
static pare_status take_range(const char *what, const uint32_t asked[2], uint32_t max,
                              const pare_dut_kind *kind, uint32_t out[2], pare_err *e)
{
    out[0] = asked[0] ? asked[0] : 1;
    out[1] = asked[1] && asked[1] < max ? asked[1] : max;
    if (out[0] <= out[1]) return PARE_OK;
    return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                        "--%s-bits begins at %u; 1 to %u expected for %s", what, out[0], max,
                        kind->name);
}

pare_status pare_cosim_check(const pare_cosim_options *o, pare_err *e)
{
    uint32_t range[2];
    PARE_TRY(take_range("act", o->act_bits, o->kind->max_act_bits, o->kind, range, e));
    return take_range("weight", o->weight_bits, o->kind->max_weight_bits, o->kind, range, e);
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
    pare_dut *const dut = pare_dut_new(o->kind, (uint32_t)(o->seed * 7919 + index));
    if (o->trace && !pare_dut_trace(dut, o->trace)) {
        pare_dut_free(dut);
        return pare_err_set(e, PARE_EFAIL, o->trace, (pare_pos){0, 0},
                            "cannot be written; a place for the waves expected");
    }
    out->agrees = pare_cosim_case_run(c, o->kind, dut, &out->n_cycles, &out->difference);
    pare_dut_free(dut);
    if (!out->agrees) describe_replay(&out->difference, o, index);
    for (uint32_t i = 0; i < c->n_dots; i++) {
        pare_cosim_cover(&out->coverage, &c->dots[i]);
        out->n_beats += c->dots[i].sum.cycles;
    }
    pare_cosim_sets_cover(&out->coverage, c);
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
    bins->kind = o->kind;
    pare_cosim_coverage_new(bins);

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
    pare_cosim_coverage_free(&r->coverage);
    memset(r, 0, sizeof *r);
}

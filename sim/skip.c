/* The styles of skipping: what of a value matters, and what a group of values takes. A style is a
 * table row of pure functions. */
#include "sim/dynamic.h"

#include <stdlib.h>

static uint32_t width_feature(const pare_machine *m, uint16_t code, bool is_signed)
{
    (void)m;
    return sim_width_pattern(code, is_signed);
}

static uint32_t width_work(const pare_machine *m, bool is_signed, uint32_t feature)
{
    return sim_width(feature, is_signed, m->skip.trim_low_bits);
}

static uint32_t width_cycles(const pare_machine *m, bool is_signed, uint32_t *v, size_t n)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) all |= v[i];
    return (width_work(m, is_signed, all) + m->pe.act_digit - 1) / m->pe.act_digit;
}

static uint32_t term_feature(const pare_machine *m, uint16_t code, bool is_signed)
{
    return sim_terms((pare_recoding)m->skip.recoding, sim_magnitude(code, is_signed));
}

static uint32_t term_cycles(const pare_machine *m, bool is_signed, uint32_t *v, size_t n)
{
    (void)is_signed;
    return sim_two_stage_cycles(v, n, m->skip.first_stage_bits);
}

static uint32_t bits_set(const pare_machine *m, bool is_signed, uint32_t feature)
{
    (void)m;
    (void)is_signed;
    return (uint32_t)__builtin_popcount(feature);
}

static uint32_t term_count(const pare_machine *m, uint16_t code, bool is_signed)
{
    return (uint32_t)__builtin_popcount(term_feature(m, code, is_signed));
}

static uint32_t magnitude_feature(const pare_machine *m, uint16_t code, bool is_signed)
{
    (void)m;
    return sim_magnitude(code, is_signed);
}

static uint32_t column_cycles(const pare_machine *m, bool is_signed, uint32_t *v, size_t n)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) all |= v[i];
    return all ? bits_set(m, is_signed, all) : 1;
}

const skip_row sim_skip_rows[] = {
    [PARE_SKIPS_NOTHING] = {0},
    [PARE_SKIPS_PRECISION] = {BY_WINDOWS, VALUES_ACTS, false, width_feature, width_cycles,
                              width_work},
    [PARE_SKIPS_ACT_TERMS] = {BY_WINDOWS, VALUES_ACTS, true, term_feature, term_cycles, bits_set},
    [PARE_SKIPS_TERMS] = {BY_BOTH, VALUES_ACTS | VALUES_WEIGHTS, true, term_count, NULL, NULL},
    [PARE_SKIPS_COLUMNS] = {BY_FILTERS, VALUES_WEIGHTS, true, magnitude_feature, column_cycles,
                            bits_set},
};

unsigned sim_skip_operands(const pare_machine *m) { return sim_skip_rows[m->pe.skips].operands; }

/* ---- groups that run ahead of each other ---- */

run_ahead sim_run_ahead(size_t n_groups, size_t n_registers)
{
    run_ahead r = {.n_groups = n_groups, .n_registers = n_registers};
    r.done = pare_xalloc(n_groups, sizeof *r.done);
    r.frontier = pare_xalloc(n_registers + 1, sizeof *r.frontier);
    return r;
}

void sim_run_ahead_free(run_ahead *r)
{
    free(r->done);
    free(r->frontier);
}

uint64_t sim_advance(run_ahead *r, const uint32_t *times, uint64_t scale)
{
    const size_t ring = r->n_registers + 1;
    const uint64_t before = r->n_steps ? r->frontier[(r->n_steps - 1) % ring] : 0;
    const uint64_t all_done = r->n_steps >= ring ? r->frontier[r->n_steps % ring] : 0;
    uint64_t last = before;
    for (size_t g = 0; g < r->n_groups; g++) {
        r->done[g] = sim_max(r->done[g], all_done) + times[g] * scale;
        last = sim_max(last, r->done[g]);
    }
    r->frontier[r->n_steps++ % ring] = last;
    return last - before;
}

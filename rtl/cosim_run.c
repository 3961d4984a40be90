/* Drives one case through a PE and holds every cycle against the reference's times. */
#include "rtl/cosim.h"

enum { HISTORY = 8, IDLE_CYCLES = 2 };

/* What both sides showed in a cycle. */
typedef struct record {
    uint64_t cycle;
    uint32_t dot, beat; /* offered */
    bool offered, sink_ready;
    bool ready, valid; /* expected */
    bool moves;        /* the beat goes, to which a term-serial PE is ready in a step's last one */
    pare_dut_out rtl;
} record;

typedef struct runner {
    const pare_cosim_case *c;
    const pare_dut_kind *kind;
    pare_dut *dut;
    uint32_t sending, receiving; /* dot products */
    uint32_t beat;               /* the next one of the dot product that is sent */
    uint32_t step, in_step;      /* where it stands: beat in_step of a step */
    uint64_t offer_at;           /* first cycle in which it is offered */
    uint64_t sink_base;          /* cycle of the first entry of the sink's pattern */
    record history[HISTORY];
} runner;

/* ---- the pins ---- */

static void set_noise(const runner *r, uint64_t cycle, pare_dut_in *in)
{
    /* any 32 words in a row serve as digits of any width */
    const uint32_t *const noise = r->c->noise + cycle % 32;
    in->act_bits = noise[0] & 31;
    in->weight_bits = noise[1] & 31;
    in->act_signed = noise[2] & 1;
    in->weight_signed = noise[2] >> 1 & 1;
    in->dot_first = noise[2] >> 2 & 1;
    in->dot_last = noise[2] >> 3 & 1;
    in->act = in->weight = noise;
}

static void set_beat(const runner *r, pare_dut_in *in)
{
    const pare_cosim_dot *const d = &r->c->dots[r->sending];
    in->act_bits = d->work.act_bits;
    in->weight_bits = d->work.weight_bits;
    in->act_signed = d->work.act_signed;
    in->weight_signed = d->work.weight_signed;
    in->dot_first = r->step == 0;
    in->dot_last = r->step + 1 == d->work.n_steps;
    in->act = pare_cosim_act_pins(d, r->kind, r->step, r->in_step);
    in->weight = pare_cosim_weight_pins(d, r->kind, r->step, r->in_step);
}

static bool sink_is_ready(const runner *r, uint64_t cycle)
{
    if (r->receiving == r->c->n_dots) return true;
    const pare_pe_pace *const p = &r->c->dots[r->receiving].pace;
    return p->ready[(cycle - r->sink_base) % p->n_ready];
}

/* ---- what a difference looks like ---- */

static void describe_codes(pare_buf *out, const char *name, const int32_t *codes, uint32_t n)
{
    pare_buf_printf(out, "    %-7s", name);
    for (uint32_t i = 0; i < n; i++) pare_buf_printf(out, " %d", codes[i]);
    pare_buf_puts(out, "\n");
}

static void describe_dot(pare_buf *out, const runner *r, uint32_t index)
{
    const pare_cosim_dot *const d = &r->c->dots[index];
    pare_buf_printf(out,
                    "  dot product %u: act %u bits %s, weight %u bits %s, %u step%s, data %s, "
                    "source stalls %s, sink stalls %s\n",
                    index, d->work.act_bits, d->work.act_signed ? "signed" : "unsigned",
                    d->work.weight_bits, d->work.weight_signed ? "signed" : "unsigned",
                    d->work.n_steps, d->work.n_steps == 1 ? "" : "s",
                    pare_cosim_data_names[d->data], pare_cosim_stall_names[d->bin.source],
                    pare_cosim_stall_names[d->bin.sink]);
    pare_buf_printf(out,
                    "  C reference: %llu beats in cycles %llu to %llu, result from %llu, taken in "
                    "%llu, sum %lld%s\n",
                    (unsigned long long)d->pace.n_beats, (unsigned long long)d->times.first_beat,
                    (unsigned long long)d->times.last_beat, (unsigned long long)d->times.valid,
                    (unsigned long long)d->times.taken, (long long)d->sum.value,
                    d->sum.overflowed ? " with overflow" : "");
    for (uint32_t s = 0; s < d->work.n_steps; s++) {
        pare_buf_printf(out, "  step %u\n", s);
        describe_codes(out, "act", d->act + s * d->n_products, d->n_products);
        describe_codes(out, "weight", d->weight + s * d->n_products, d->n_products);
    }
}

static void describe_history(pare_buf *out, const runner *r, uint64_t cycle)
{
    pare_buf_puts(out, "  cycle  dot.beat offered | in_ready RTL C | out_valid RTL C | sink ready |"
                       " RTL sum\n");
    for (uint64_t c = cycle < HISTORY ? 0 : cycle - HISTORY + 1; c <= cycle; c++) {
        const record *const h = &r->history[c % HISTORY];
        char what[32] = "-";
        if (h->offered) snprintf(what, sizeof what, "%u.%u", h->dot, h->beat);
        pare_buf_printf(out, "  %5llu  %16s | %12d %d | %13d %d | %10d | %lld%s\n",
                        (unsigned long long)h->cycle, what, h->rtl.ready, h->ready, h->rtl.valid,
                        h->valid, h->sink_ready, (long long)h->rtl.sum,
                        h->rtl.overflow ? " overflow" : "");
    }
}

static bool differ(const runner *r, const record *h, uint32_t dot, pare_buf *out, const char *what,
                   int64_t rtl, int64_t reference)
{
    pare_buf_printf(out, "%s, case %llu, cycle %llu: %s is %lld in the RTL; %lld expected\n",
                    r->kind->name, (unsigned long long)r->c->index, (unsigned long long)h->cycle,
                    what, (long long)rtl, (long long)reference);
    describe_dot(out, r, dot < r->c->n_dots ? dot : r->c->n_dots - 1);
    describe_history(out, r, h->cycle);
    return false;
}

/* ---- a cycle ---- */

static bool compare(const runner *r, const record *h, pare_buf *out)
{
    const pare_dut_out *const rtl = &h->rtl;
    if (rtl->valid != h->valid)
        return differ(r, h, r->receiving, out, "out_valid", rtl->valid, h->valid);
    /* a term-serial PE's ready is of the step that is offered; without one it means nothing */
    if (rtl->ready != h->ready && (h->offered || r->kind->pe != PARE_DUT_term))
        return differ(r, h, r->sending, out, "in_ready", rtl->ready, h->ready);
    if (h->valid) {
        const pare_pe_sum *const sum = &r->c->dots[r->receiving].sum;
        if (rtl->sum != sum->value)
            return differ(r, h, r->receiving, out, "the sum", rtl->sum, sum->value);
        if (rtl->overflow != sum->overflowed)
            return differ(r, h, r->receiving, out, "overflow", rtl->overflow, sum->overflowed);
    }
    if (pare_dut_failed(r->dut))
        return differ(r, h, r->sending, out, "the number of failed assertions", 1, 0);
    return true;
}

static void advance(runner *r, const record *h)
{
    if (h->moves) {
        r->beat++;
        r->in_step++;
        if (r->in_step == r->c->dots[r->sending].step_beats[r->step]) {
            r->in_step = 0;
            r->step++;
        }
        if (r->beat == r->c->dots[r->sending].pace.n_beats) {
            r->beat = r->step = 0;
            r->sending++;
        }
        if (r->sending < r->c->n_dots)
            r->offer_at = h->cycle + 1 + r->c->dots[r->sending].gaps[r->beat];
    }
    if (h->rtl.valid && h->sink_ready) {
        r->receiving++;
        r->sink_base = h->cycle + 1;
    }
}

/* The plain dot product, which knows nothing of digits: the reference must not share a mistake
 * with what packs the pins. */
static bool reference_is_plain(const runner *r, uint32_t dot, pare_buf *out)
{
    const pare_cosim_dot *const d = &r->c->dots[dot];
    int64_t sum = 0;
    for (size_t i = 0; i < (size_t)d->work.n_steps * d->n_products; i++)
        sum += (int64_t)d->act[i] * d->weight[i];
    const uint32_t above = 64 - r->kind->acc_bits;
    const int64_t wrapped = (int64_t)((uint64_t)sum << above) >> above;
    if (wrapped == d->sum.value) return true;
    pare_buf_printf(out,
                    "%s, case %llu: the C reference's sum is %lld; %lld, the plain dot product, "
                    "expected\n",
                    r->kind->name, (unsigned long long)r->c->index, (long long)d->sum.value,
                    (long long)wrapped);
    describe_dot(out, r, dot);
    return false;
}

bool pare_cosim_case_run(const pare_cosim_case *c, const pare_dut_kind *kind, pare_dut *dut,
                         uint64_t *n_cycles, pare_buf *difference)
{
    runner r = {.c = c, .kind = kind, .dut = dut, .offer_at = c->dots[0].gaps[0]};
    for (uint32_t i = 0; i < c->n_dots; i++)
        if (!reference_is_plain(&r, i, difference)) return false;
    /* the reference knows the end; a PE that hangs differs long before */
    const uint64_t end = c->dots[c->n_dots - 1].times.taken + 1 + IDLE_CYCLES;
    for (uint64_t cycle = 0; cycle < end; cycle++, ++*n_cycles) {
        record *const h = &r.history[cycle % HISTORY];
        *h = (record){.cycle = cycle, .dot = r.sending, .beat = r.beat};
        h->offered = r.sending < c->n_dots && cycle >= r.offer_at;
        h->sink_ready = sink_is_ready(&r, cycle);
        h->valid = r.receiving < c->n_dots && cycle >= c->dots[r.receiving].times.valid;
        h->ready = !h->valid || h->sink_ready;
        h->moves = h->offered && h->ready;
        if (h->offered && kind->pe == PARE_DUT_term)
            h->ready &= r.in_step + 1 == c->dots[r.sending].step_beats[r.step];
        pare_dut_in in;
        if (h->offered)
            set_beat(&r, &in);
        else
            set_noise(&r, cycle, &in);
        in.valid = h->offered;
        in.ready = h->sink_ready;
        pare_dut_cycle(dut, &in, &h->rtl);
        if (!compare(&r, h, difference)) return false;
        advance(&r, h);
    }
    return true;
}

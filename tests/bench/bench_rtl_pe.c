/* PE-cycles per second: the Verilated PE alone, inside pare-cosim (made, driven, checked), and the
 * C reference, each for at least MIN_SECONDS on one thread. The peer is a hand-written PE of eight
 * weight bits and sixteen lanes, Verilated with its defaults: 5.1 million cycles a second, stimulus
 * and check included, on a 2-core AVX-512 machine. */
#include "rtl/cosim.h"

#include <stdlib.h>
#include <time.h>

static const double MIN_SECONDS = 0.4, PEER_CYCLES_PER_S = 5.1e6;
enum { BATCH = 20000, BATCH_DOTS = 4000 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* a beat every cycle at the widest operands, other digits every cycle */
static double rtl_cycles_per_s(const pare_dut_kind *kind)
{
    const pare_pe pe = pare_cosim_pe(kind);
    const uint32_t step = pare_pe_step_cycles(&pe, pe.max_act_bits, pe.max_weight_bits);
    pare_rng r = pare_rng_new(1, 0);
    uint32_t digits[64];
    for (size_t i = 0; i < 64; i++) digits[i] = (uint32_t)pare_rng_u64(&r);
    pare_dut *const dut = pare_dut_new(kind, 1);
    pare_dut_in in = {.act_bits = pe.max_act_bits,
                      .weight_bits = pe.max_weight_bits,
                      .weight_signed = true,
                      .valid = true,
                      .ready = true};
    uint64_t n = 0;
    int64_t sum = 0;
    const double start = now_s();
    double t;
    do {
        for (uint32_t i = 0; i < BATCH; i++, n++) {
            in.act = digits + n % 32;
            in.weight = digits + n % 31;
            in.dot_first = n / step % 4 == 0;
            in.dot_last = n / step % 4 == 3;
            pare_dut_out out;
            pare_dut_cycle(dut, &in, &out);
            sum += out.valid ? out.sum : 0;
        }
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    if (sum == 0 || pare_dut_failed(dut)) abort(); /* it did compute */
    pare_dut_free(dut);
    return (double)n / t;
}

static double cosim_cycles_per_s(const pare_dut_kind *kind)
{
    uint64_t n = 0;
    const double start = now_s();
    double t;
    do {
        const pare_cosim_options o = {.kind = kind, .seed = 1, .n_dots = BATCH_DOTS};
        pare_cosim_result r;
        if (pare_cosim_run(&o, &r, NULL) != PARE_OK || !r.agrees) abort();
        n += r.n_cycles;
        pare_cosim_result_free(&r);
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    return (double)n / t;
}

static double reference_cycles_per_s(const pare_dut_kind *kind)
{
    enum { STEPS = 4, CODES_MAX = STEPS * 64 };
    const pare_pe pe = pare_cosim_pe(kind);
    pare_rng r = pare_rng_new(1, 1);
    int32_t act[CODES_MAX], weight[CODES_MAX];
    for (size_t i = 0; i < CODES_MAX; i++) {
        act[i] = (int32_t)pare_rng_below(&r, 1u << pe.max_act_bits);
        weight[i] = (int32_t)pare_rng_below(&r, 1u << (pe.max_weight_bits - 1));
    }
    const pare_pe_work work = {.act_bits = pe.max_act_bits,
                               .weight_bits = pe.max_weight_bits,
                               .weight_signed = true,
                               .n_steps = STEPS,
                               .act = act,
                               .weight = weight};
    uint64_t n = 0;
    int64_t sum = 0;
    const double start = now_s();
    double t;
    do {
        for (int i = 0; i < 100; i++) {
            const pare_pe_sum s = pare_pe_dot(&pe, &work);
            n += s.cycles;
            sum += s.value;
        }
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    if (sum == 0) abort();
    return (double)n / t;
}

int main(void)
{
    size_t n_kinds;
    const pare_dut_kind *const kinds = pare_dut_kinds(&n_kinds);
    printf("million PE-cycles per second, one thread\n");
    printf("%-12s %9s %11s %11s %14s %14s\n", "kind", "RTL alone", "in cosim", "C reference",
           "cosim : peer", "C : RTL alone");
    for (size_t i = 0; i < n_kinds; i++) {
        if (kinds[i].pe != PARE_DUT_temporal) continue;
        const double rtl = rtl_cycles_per_s(&kinds[i]), cosim = cosim_cycles_per_s(&kinds[i]),
                     reference = reference_cycles_per_s(&kinds[i]);
        printf("%-12s %9.2f %11.2f %11.2f %14.2f %14.2f\n", kinds[i].name, 1e-6 * rtl, 1e-6 * cosim,
               1e-6 * reference, cosim / PEER_CYCLES_PER_S, reference / rtl);
    }
    printf("peer: %.1f million, a hand-written Verilated PE with stimulus and check\n",
           1e-6 * PEER_CYCLES_PER_S);
    return 0;
}

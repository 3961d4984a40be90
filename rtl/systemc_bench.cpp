// The PE inside SystemC: a source, a sink and the Verilated model (verilator --sc, the kind
// stripes) tied together by sc_signals. The cases and the times at which everything must happen are
// those of pare-cosim. Ends in "N passed, N failed", counted in dot products.
#include "rtl/cosim.h"

#include "Vsc_pe.h"

#include <cstdio>
#include <cstdlib>
#include <systemc>

using sc_core::sc_in;
using sc_core::sc_out;
using sc_core::sc_signal;

namespace
{

const uint64_t SEED = 1;
const uint64_t N_CASES = 250;
const double PERIOD_NS = 10;

using WeightPort = sc_dt::sc_bv<128>; // 16 lanes of 8 bits

WeightPort as_port(const uint32_t *words)
{
    WeightPort port;
    for (int i = 0; i < 4; i++) port.set_word(i, words[i]);
    return port;
}

// What source and sink share: the case that runs. A cycle ends with a rising edge; at an edge a
// thread sees the signals of the cycle that ends and writes those of the next one.
struct Bench {
    const pare_dut_kind *kind;
    const pare_cosim_case *c;
    uint32_t n_right;
};

// Sends the beats, each after its gap.
class Source : public sc_core::sc_module
{
  public:
    sc_in<bool> clk, rst_n, ready;
    sc_out<uint32_t> act_bits, weight_bits, act;
    sc_out<WeightPort> weight;
    sc_out<bool> act_signed, weight_signed, dot_first, dot_last, valid;

    SC_HAS_PROCESS(Source);
    Source(const sc_core::sc_module_name &name, const Bench &bench)
        : sc_core::sc_module(name), bench_(bench)
    {
        SC_THREAD(run);
        sensitive << clk.pos();
    }

  private:
    void run()
    {
        for (;;) {
            wait();
            if (!rst_n.read()) {
                cycle_ = dot_ = beat_ = 0;
                wait_until_ = bench_.c->dots[0].gaps[0];
            } else {
                if (valid.read() && ready.read()) next_beat();
                cycle_++;
            }
            drive();
        }
    }

    void next_beat()
    {
        if (++beat_ == bench_.c->dots[dot_].pace.n_beats) {
            beat_ = 0;
            dot_++;
        }
        if (dot_ < bench_.c->n_dots) wait_until_ = cycle_ + 1 + bench_.c->dots[dot_].gaps[beat_];
    }

    void drive()
    {
        const bool offers = dot_ < bench_.c->n_dots && cycle_ >= wait_until_;
        valid.write(offers);
        if (!offers) return;
        const pare_cosim_dot &d = bench_.c->dots[dot_];
        const uint32_t n_act = pare_pe_digits(d.work.act_bits, bench_.kind->act_digit);
        const uint32_t n_weight = pare_pe_digits(d.work.weight_bits, bench_.kind->weight_digit);
        const uint32_t step = beat_ / (n_act * n_weight), in_step = beat_ % (n_act * n_weight);
        act_bits.write(d.work.act_bits);
        weight_bits.write(d.work.weight_bits);
        act_signed.write(d.work.act_signed);
        weight_signed.write(d.work.weight_signed);
        dot_first.write(step == 0);
        dot_last.write(step + 1 == d.work.n_steps);
        act.write(d.act_pins[step * n_act + in_step % n_act]);
        weight.write(as_port(d.weight_pins + (step * n_weight + in_step / n_act) * 4));
    }

    const Bench &bench_;
    uint64_t cycle_ = 0, wait_until_ = 0;
    uint32_t dot_ = 0, beat_ = 0;
};

// Takes the results at its own pace and compares value, overflow and cycle.
class Sink : public sc_core::sc_module
{
  public:
    sc_in<bool> clk, rst_n, valid, overflow;
    sc_in<uint32_t> sum;
    sc_out<bool> ready;

    SC_HAS_PROCESS(Sink);
    Sink(const sc_core::sc_module_name &name, Bench &bench)
        : sc_core::sc_module(name), bench_(bench)
    {
        SC_THREAD(run);
        sensitive << clk.pos();
    }

  private:
    void run()
    {
        for (;;) {
            wait();
            if (!rst_n.read()) {
                cycle_ = base_ = dot_ = 0;
                is_valid_since_ = 0;
                was_valid_ = false;
            } else {
                look();
                cycle_++;
            }
            ready.write(
                dot_ == bench_.c->n_dots ||
                bench_.c->dots[dot_].ready[(cycle_ - base_) % bench_.c->dots[dot_].pace.n_ready]);
        }
    }

    void look()
    {
        if (valid.read() && !was_valid_) is_valid_since_ = cycle_;
        was_valid_ = valid.read() && !ready.read();
        if (!valid.read() || !ready.read()) return;
        if (dot_ == bench_.c->n_dots) {
            std::printf("case %llu, cycle %llu: a result that nothing asked for\n",
                        static_cast<unsigned long long>(bench_.c->index),
                        static_cast<unsigned long long>(cycle_));
            return;
        }
        compare(bench_.c->dots[dot_]);
        dot_++;
        base_ = cycle_ + 1;
    }

    void compare(const pare_cosim_dot &d)
    {
        const int64_t value = static_cast<int32_t>(sum.read());
        const bool is_right = value == d.sum.value && overflow.read() == d.sum.overflowed &&
                              is_valid_since_ == d.times.valid && cycle_ == d.times.taken;
        bench_.n_right += is_right;
        if (!is_right)
            std::printf(
                "case %llu, dot product %u: sum %lld, valid in cycle %llu, taken in %llu; "
                "%lld, %llu, %llu expected\n",
                static_cast<unsigned long long>(bench_.c->index), dot_,
                static_cast<long long>(value), static_cast<unsigned long long>(is_valid_since_),
                static_cast<unsigned long long>(cycle_), static_cast<long long>(d.sum.value),
                static_cast<unsigned long long>(d.times.valid),
                static_cast<unsigned long long>(d.times.taken));
    }

    Bench &bench_;
    uint64_t cycle_ = 0, base_ = 0, is_valid_since_ = 0;
    uint32_t dot_ = 0;
    bool was_valid_ = false;
};

// The wires between the three.
struct Wires {
    sc_core::sc_clock clk{"clk", PERIOD_NS, sc_core::SC_NS, 0.5, PERIOD_NS / 2, sc_core::SC_NS};
    sc_signal<bool> rst_n{"rst_n"}, act_signed{"act_signed"}, weight_signed{"weight_signed"},
        dot_first{"dot_first"}, dot_last{"dot_last"}, in_valid{"in_valid"}, in_ready{"in_ready"},
        out_valid{"out_valid"}, out_ready{"out_ready"}, overflow{"overflow"};
    sc_signal<uint32_t> act_bits{"act_bits"}, weight_bits{"weight_bits"}, act{"act"}, sum{"sum"};
    sc_signal<WeightPort> weight{"weight"};
};

void bind(Wires &w, Vsc_pe &pe, Source &source, Sink &sink)
{
    source.clk(w.clk), sink.clk(w.clk), pe.clk_i(w.clk);
    source.rst_n(w.rst_n), sink.rst_n(w.rst_n), pe.rst_ni(w.rst_n);
    source.act_bits(w.act_bits), pe.act_bits_i(w.act_bits);
    source.weight_bits(w.weight_bits), pe.weight_bits_i(w.weight_bits);
    source.act_signed(w.act_signed), pe.act_signed_i(w.act_signed);
    source.weight_signed(w.weight_signed), pe.weight_signed_i(w.weight_signed);
    source.dot_first(w.dot_first), pe.dot_first_i(w.dot_first);
    source.dot_last(w.dot_last), pe.dot_last_i(w.dot_last);
    source.act(w.act), pe.act_i(w.act);
    source.weight(w.weight), pe.weight_i(w.weight);
    source.valid(w.in_valid), pe.in_valid_i(w.in_valid);
    source.ready(w.in_ready), pe.in_ready_o(w.in_ready);
    sink.valid(w.out_valid), pe.out_valid_o(w.out_valid);
    sink.ready(w.out_ready), pe.out_ready_i(w.out_ready);
    sink.sum(w.sum), pe.sum_o(w.sum);
    sink.overflow(w.overflow), pe.overflow_o(w.overflow);
}

} // namespace

int sc_main(int, char **)
{
    const pare_dut_kind *const kind = pare_dut_kind_find("stripes");
    pare_cosim_coverage bins = {};
    bins.kind = kind;
    bins.act_bits[0] = bins.weight_bits[0] = 1;
    bins.act_bits[1] = kind->max_act_bits;
    bins.weight_bits[1] = kind->max_weight_bits;
    pare_cosim_coverage_new(&bins);
    pare_cosim_case *const c = pare_cosim_case_new(kind);

    Bench bench = {kind, c, 0};
    Wires wires;
    Vsc_pe pe("pe");
    Source source("source", bench);
    Sink sink("sink", bench);
    bind(wires, pe, source, sink);

    uint32_t n_dots = 0;
    for (uint64_t i = 0; i < N_CASES; i++) {
        pare_cosim_case_fill(c, kind, &bins, SEED, i);
        n_dots += c->n_dots;
        wires.rst_n.write(false);
        sc_core::sc_start(PERIOD_NS, sc_core::SC_NS);
        wires.rst_n.write(true);
        // the reference knows when the last result goes; a few cycles more show that no other comes
        const uint64_t n_cycles = c->dots[c->n_dots - 1].times.taken + 4;
        sc_core::sc_start(static_cast<double>(n_cycles) * PERIOD_NS, sc_core::SC_NS);
    }
    pe.final();
    pare_cosim_case_free(c);
    pare_cosim_coverage_free(&bins);
    std::printf("SystemC %s, seed %llu, %llu cases\n", sc_core::sc_version_string.c_str(),
                static_cast<unsigned long long>(SEED), static_cast<unsigned long long>(N_CASES));
    std::printf("%u passed, %u failed\n", bench.n_right, n_dots - bench.n_right);
    return bench.n_right == n_dots ? EXIT_SUCCESS : EXIT_FAILURE;
}

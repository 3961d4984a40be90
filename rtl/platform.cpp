// The SystemC TLM-2.0 platform (platform.h).
//
//   Host --(MMIO, b_transport)--> Machine: commands in, status out, an interrupt
//   Host --(b_transport)--------> Dram: loads the layer, reads its outputs
//   Machine --(nb_transport)----> Dram: the DMA's bursts
//
// Time is a nanosecond a cycle of the machine's clock. The DRAM is one channel: a transfer begins
// latency after its request, or when the channel is free, and takes cycles_per_word a word.
#include "rtl/platform.h"
#include "rtl/dut_accel.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <systemc>
#include <tlm>
#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <vector>

using sc_core::sc_time;
using tlm::tlm_generic_payload;
using tlm::tlm_phase;

// A write's words flow between these two, as a read's between BEGIN_RESP and END_RESP.
DECLARE_EXTENDED_PHASE(BEGIN_WORDS);
DECLARE_EXTENDED_PHASE(END_WORDS);

namespace
{

const sc_time CYCLE(1, sc_core::SC_NS);

enum : uint64_t { REG_COMMAND = 0, REG_STATUS = 4, REG_CYCLES = 8 }; // the last one has 8 bytes

// What a burst of the DMA tells the DRAM beside its address, and what it answers: idle cycles
// before each word.
struct Pacing : tlm::tlm_extension<Pacing> {
    uint32_t stage = 0;
    std::vector<uint32_t> gaps;

    tlm::tlm_extension_base *clone() const override { return new Pacing(*this); }
    void copy_from(const tlm::tlm_extension_base &other) override
    {
        *this = static_cast<const Pacing &>(other);
    }
};

// ---- memory ----

// Approximately timed for the DMA, loosely timed for the host: both share the channel.
class Dram : public sc_core::sc_module
{
  public:
    tlm_utils::multi_passthrough_target_socket<Dram> socket;

    Dram(const sc_core::sc_module_name &name, const pare_platform_job &job)
        : sc_core::sc_module(name), socket("socket"), job_(job),
          bytes_per_word_(job.machine->mem_bits / 8)
    {
        socket.register_b_transport(this, &Dram::b_transport);
        socket.register_nb_transport_fw(this, &Dram::nb_transport_fw);
        socket.register_transport_dbg(this, &Dram::transport_dbg);
    }

  private:
    bool is_inside(const tlm_generic_payload &p) const
    {
        return p.get_address() <= job_.memory_bytes &&
               p.get_data_length() <= job_.memory_bytes - p.get_address();
    }

    // The same at a given pace: the latency is paid by the first burst of a stage, whose words and
    // those of the next ones follow each other with the pace's gaps.
    sc_time begin_paced(Pacing &x, uint64_t words, const sc_time &now)
    {
        const bool is_first = !has_stage_ || x.stage != stage_;
        has_stage_ = true;
        stage_ = x.stage;
        const sc_time at =
            is_first ? now + pare_sim_pace_latency(job_.pace, x.stage) * CYCLE : free_at_;
        uint64_t cycles = words;
        x.gaps.assign(words, 0);
        for (uint64_t i = is_first; i < words; i++)
            cycles += x.gaps[i] = pare_sim_pace_gap(job_.pace, n_words_ + i);
        n_words_ += words;
        free_at_ = at + static_cast<double>(cycles) * CYCLE;
        return at + x.gaps[0] * CYCLE;
    }

    // When a transfer begins that is asked for now; the channel is then taken for it.
    sc_time begin(const tlm_generic_payload &p, const sc_time &now)
    {
        const uint64_t words = (p.get_data_length() + bytes_per_word_ - 1) / bytes_per_word_;
        Pacing *const pacing = p.get_extension<Pacing>();
        if (job_.pace && pacing) return begin_paced(*pacing, words, now);
        const sc_time at = std::max(now + job_.latency_cycles * CYCLE, free_at_);
        free_at_ = at + static_cast<double>(words * job_.cycles_per_word) * CYCLE;
        return at;
    }

    void move(tlm_generic_payload &p)
    {
        if (!is_inside(p)) {
            p.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
            return;
        }
        uint8_t *const at = job_.memory + p.get_address();
        if (p.is_read())
            std::memcpy(p.get_data_ptr(), at, p.get_data_length());
        else if (p.is_write())
            std::memcpy(at, p.get_data_ptr(), p.get_data_length());
        p.set_response_status(tlm::TLM_OK_RESPONSE);
    }

    void b_transport(int, tlm_generic_payload &p, sc_time &delay)
    {
        begin(p, sc_core::sc_time_stamp() + delay);
        delay = free_at_ - sc_core::sc_time_stamp();
        move(p);
    }

    // The channel is a queue, so the time of the first word is known at once and annotated.
    tlm::tlm_sync_enum nb_transport_fw(int, tlm_generic_payload &p, tlm_phase &phase,
                                       sc_time &delay)
    {
        const sc_time now = sc_core::sc_time_stamp() + delay;
        if (phase == tlm::BEGIN_REQ) {
            if (p.is_read()) move(p);
            phase = p.is_read() ? tlm_phase(tlm::BEGIN_RESP) : tlm_phase(BEGIN_WORDS);
            delay = begin(p, now) - sc_core::sc_time_stamp();
            return tlm::TLM_UPDATED;
        }
        if (p.is_write()) move(p);                  // END_WORDS
        free_at_ = std::max(free_at_, now + CYCLE); // the initiator may have been slower
        return tlm::TLM_COMPLETED;
    }

    unsigned int transport_dbg(int, tlm_generic_payload &p)
    {
        move(p);
        return p.is_response_ok() ? p.get_data_length() : 0;
    }

    const pare_platform_job &job_;
    const uint32_t bytes_per_word_;
    sc_time free_at_;
    bool has_stage_ = false;
    uint32_t stage_ = 0;
    uint64_t n_words_ = 0;
};

// ---- the machine and its DMA ----

// A burst from its request to its last word.
struct Burst {
    tlm_generic_payload payload; // owns its pacing
    Pacing *pacing;
    std::vector<uint8_t> data;
    size_t at = 0;     // bytes that have moved
    sc_time next_word; // not before this time
};

class Machine : public sc_core::sc_module
{
  public:
    tlm_utils::simple_target_socket<Machine> registers;
    tlm_utils::simple_initiator_socket<Machine> memory;
    sc_core::sc_in<bool> clk;
    sc_core::sc_out<bool> interrupt; // a status waits, or the machine has failed

    SC_HAS_PROCESS(Machine);
    Machine(const sc_core::sc_module_name &name, const pare_platform_job &job,
            pare_platform_result &result)
        : sc_core::sc_module(name), registers("registers"), memory("memory"), job_(job),
          result_(result), bytes_per_word_(job.machine->mem_bits / 8),
          dut_(pare_dut_accel_new(job.machine), pare_dut_accel_free)
    {
        registers.register_b_transport(this, &Machine::b_transport);
        memory.register_nb_transport_bw(this, &Machine::nb_transport_bw);
        if (job.trace && !pare_dut_accel_trace(dut_.get(), job.trace))
            fail("the waves cannot be written");
        SC_METHOD(cycle);
        sensitive << clk.pos();
        dont_initialize();
    }

    bool has_failed() const { return has_failed_; }

  private:
    // ---- registers ----

    void b_transport(tlm_generic_payload &p, sc_time &delay)
    {
        delay += CYCLE;
        uint64_t value = 0;
        std::memcpy(&value, p.get_data_ptr(), p.is_write() ? p.get_data_length() : 0);
        p.set_response_status(tlm::TLM_OK_RESPONSE);
        if (p.is_write() && p.get_address() == REG_COMMAND) {
            commands_.push_back(static_cast<uint32_t>(value));
        } else if (p.is_read() && p.get_address() == REG_STATUS && !statuses_.empty()) {
            value = statuses_.front();
            statuses_.pop_front();
        } else if (p.is_read() && p.get_address() == REG_CYCLES) {
            value = run_cycles_;
        } else {
            p.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        }
        if (p.is_read()) std::memcpy(p.get_data_ptr(), &value, p.get_data_length());
    }

    tlm::tlm_sync_enum nb_transport_bw(tlm_generic_payload &, tlm_phase &, sc_time &)
    {
        return tlm::TLM_COMPLETED; // this DRAM says all on the way back of a call
    }

    // ---- a cycle ----

    void cycle()
    {
        if (has_failed_) return;
        Burst *const burst = bursts_.empty() ? nullptr : bursts_.front().get();
        const bool moves = burst && sc_core::sc_time_stamp() >= burst->next_word;
        pare_accel_in in = {};
        pare_accel_out out;
        in.desc_valid = !commands_.empty();
        if (in.desc_valid) in.desc = commands_.front();
        in.status_ready = in.req_ready = true;
        in.load_valid = moves && burst->payload.is_read();
        in.store_ready = moves && burst->payload.is_write();
        if (in.load_valid) std::memcpy(in.load_data, &burst->data[burst->at], bytes_per_word_);
        pare_dut_accel_cycle(dut_.get(), &in, &out);

        run_cycles_ += out.run;
        if (in.desc_valid && out.desc_ready) commands_.pop_front();
        if (out.status_valid) statuses_.push_back(out.status);
        if (in.load_valid && out.load_ready) next_word(*burst);
        if (in.store_ready && out.store_valid) {
            std::memcpy(&burst->data[burst->at], out.store_data, bytes_per_word_);
            next_word(*burst);
        }
        if (out.req_valid) request(out);
        if (job_.observe) job_.observe(job_.context, &in, &out);
        if (pare_dut_accel_failed(dut_.get()))
            fail("an assertion of the RTL failed (its name is above)");
        // setup takes a few cycles a command
        begun_cycles_ += begun_cycles_ > 0 || in.desc_valid;
        if (run_cycles_ > job_.limit_cycles ||
            (statuses_.empty() && begun_cycles_ > job_.limit_cycles + 4 * job_.n_commands + 1000))
            fail("no answer within the limit of cycles");
        interrupt.write(!statuses_.empty() || has_failed_);
    }

    void request(const pare_accel_out &out)
    {
        result_.n_requests++;
        bursts_.push_back(std::make_unique<Burst>());
        Burst &b = *bursts_.back();
        b.data.resize(static_cast<size_t>(out.req_words) * bytes_per_word_);
        b.pacing = new Pacing;
        b.pacing->stage = out.stage;
        b.payload.set_extension(b.pacing);
        b.payload.set_command(out.req_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
        b.payload.set_address(static_cast<uint64_t>(out.req_addr) * bytes_per_word_);
        b.payload.set_data_ptr(b.data.data());
        b.payload.set_data_length(static_cast<unsigned>(b.data.size()));
        b.payload.set_streaming_width(static_cast<unsigned>(b.data.size()));
        b.payload.set_byte_enable_ptr(nullptr);
        send(b, tlm::BEGIN_REQ);
    }

    void send(Burst &b, tlm_phase phase)
    {
        sc_time delay = sc_core::SC_ZERO_TIME;
        memory->nb_transport_fw(b.payload, phase, delay);
        b.next_word = sc_core::sc_time_stamp() + delay;
        if (b.payload.get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE) {
            std::printf("%s: %" PRIu64 " bytes at address %" PRIu64 " are not in the DRAM\n",
                        name(), static_cast<uint64_t>(b.data.size()),
                        static_cast<uint64_t>(b.payload.get_address()));
            fail("an address is not in the DRAM");
        }
    }

    void fail(const char *why)
    {
        has_failed_ = true;
        if (!result_.failure) result_.failure = why;
    }

    void next_word(Burst &b)
    {
        b.at += bytes_per_word_;
        const size_t word = b.at / bytes_per_word_;
        b.next_word += job_.pace ? CYCLE : job_.cycles_per_word * CYCLE;
        if (word < b.pacing->gaps.size()) b.next_word += b.pacing->gaps[word] * CYCLE;
        if (b.at < b.data.size()) return;
        send(b, b.payload.is_read() ? tlm_phase(tlm::END_RESP) : tlm_phase(END_WORDS));
        bursts_.pop_front();
    }

    const pare_platform_job &job_;
    pare_platform_result &result_;
    const uint32_t bytes_per_word_;
    std::unique_ptr<pare_dut_accel, void (*)(pare_dut_accel *)> dut_;
    std::deque<uint32_t> commands_, statuses_;
    std::deque<std::unique_ptr<Burst>> bursts_; // the first one moves
    uint64_t begun_cycles_ = 0, run_cycles_ = 0;
    bool has_failed_ = false;
};

// ---- the host ----

class Host : public sc_core::sc_module
{
  public:
    tlm_utils::simple_initiator_socket<Host> memory, registers;
    sc_core::sc_in<bool> interrupt;

    SC_HAS_PROCESS(Host);
    Host(const sc_core::sc_module_name &name, const pare_platform_job &job, const Machine &machine,
         pare_platform_result &result)
        : sc_core::sc_module(name), memory("memory"), registers("registers"), job_(job),
          machine_(machine), result_(result), image_(job.memory, job.memory + job.memory_bytes)
    {
        SC_THREAD(run);
    }

  private:
    enum : size_t { PIECE_BYTES = 4096 };

    template <class Socket>
    void transport(Socket &socket, tlm::tlm_command command, uint64_t address, uint8_t *data,
                   size_t n)
    {
        tlm_generic_payload p;
        sc_time delay = sc_core::SC_ZERO_TIME;
        p.set_command(command);
        p.set_address(address);
        p.set_data_ptr(data);
        p.set_data_length(static_cast<unsigned>(n));
        p.set_streaming_width(static_cast<unsigned>(n));
        socket->b_transport(p, delay);
        wait(delay); // loosely timed: all of a transfer's time at once
        sc_assert(p.is_response_ok());
    }

    void copy(tlm::tlm_command command)
    {
        for (size_t at = 0; at < image_.size(); at += PIECE_BYTES)
            transport(memory, command, at, &image_[at],
                      std::min<size_t>(PIECE_BYTES, image_.size() - at));
    }

    void run()
    {
        copy(tlm::TLM_WRITE_COMMAND);
        for (size_t i = 0; i < job_.n_commands; i++) {
            uint32_t word = job_.commands[i];
            transport(registers, tlm::TLM_WRITE_COMMAND, REG_COMMAND,
                      reinterpret_cast<uint8_t *>(&word), sizeof word);
        }
        if (!interrupt.read()) wait(interrupt.posedge_event());
        result_.has_ended = !machine_.has_failed();
        if (result_.has_ended) {
            transport(registers, tlm::TLM_READ_COMMAND, REG_STATUS,
                      reinterpret_cast<uint8_t *>(&result_.status), sizeof result_.status);
            copy(tlm::TLM_READ_COMMAND);
        }
        transport(registers, tlm::TLM_READ_COMMAND, REG_CYCLES,
                  reinterpret_cast<uint8_t *>(&result_.cycles), sizeof result_.cycles);
        result_.total_ns = static_cast<uint64_t>(sc_core::sc_time_stamp() / CYCLE);
        sc_core::sc_stop();
    }

    const pare_platform_job &job_;
    const Machine &machine_;
    pare_platform_result &result_;
    std::vector<uint8_t> image_;
};

struct Call {
    const pare_platform_job *job;
    pare_platform_result *result;
};

} // namespace

// SystemC hands its arguments over as text.
int sc_main(int argc, char **argv)
{
    void *address = nullptr;
    if (argc != 2 || std::sscanf(argv[1], "%p", &address) != 1) return 1;
    const Call &call = *static_cast<const Call *>(address);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO,
                                            sc_core::SC_DO_NOTHING);
    sc_core::sc_clock clk("clk", CYCLE, 0.5, CYCLE / 2);
    sc_core::sc_signal<bool> interrupt("interrupt");
    Dram dram("dram", *call.job);
    Machine machine("machine", *call.job, *call.result);
    Host host("host", *call.job, machine, *call.result);
    host.memory.bind(dram.socket);
    machine.memory.bind(dram.socket);
    host.registers.bind(machine.registers);
    machine.clk(clk);
    machine.interrupt(interrupt);
    host.interrupt(interrupt);
    sc_core::sc_start();
    return 0;
}

void pare_platform_run(const pare_platform_job *job, pare_platform_result *result)
{
    *result = pare_platform_result{};
    setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1); // no banner among a program's own words
    Call call = {job, result};
    char name[] = "pare", address[32];
    std::snprintf(address, sizeof address, "%p", static_cast<void *>(&call));
    char *argv[] = {name, address, nullptr};
    sc_core::sc_elab_and_sim(2, argv);
}

/* One layer through the Verilated machine, cycle by cycle: host, memory, lockstep with the C model,
 * and the records of what happened. */
#include "rtl/layer_run.h"

#include "sim/accel_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

/* ---- the host: one descriptor, one answer ---- */

static void new_host(layer_bench *b)
{
    const pare_layer_image *const m = b->run->image;
    const size_t n = PARE_ACCEL_WORDS + (size_t)m->n_filters * PARE_ACCEL_FILTER_WORDS;
    b->words = pare_xalloc(n, sizeof *b->words);
    b->n_words = PARE_ACCEL_WORDS;
    pare_accel_pack(&m->desc, b->words);
    if (m->desc.raw) return;
    for (uint32_t k = 0; k < m->n_filters; k++, b->n_words += PARE_ACCEL_FILTER_WORDS)
        if (k < m->desc.filters) pare_accel_pack_filter(&b->run->filters[k], b->words + b->n_words);
}

/* Ports pause at random, so that their handshakes are worked too. */
static bool pauses(const layer_bench *b, uint32_t port)
{
    if (!b->run->desc_seed) return false;
    const uint64_t x[2] = {b->run->desc_seed, b->cycle};
    return pare_hash_bytes(PARE_HASH_SEED, x, sizeof x) >> (20 + port) & 1;
}

/* Memory serves the words of a stage in time if it takes the requests before the least latency, 10
 * cycles at least, is over: the first of three by the fifth cycle, each other one by the second. */
static bool takes_request(const layer_bench *b)
{
    const bool is_late = b->is_asked && b->cycle >= b->offer_cycle + 5;
    return is_late || !pauses(b, 1);
}

/* ---- memory: one request after the other, a word a cycle at most ---- */

static uint32_t latency_of(const layer_bench *b, uint32_t stage)
{
    return b->run->pace ? pare_sim_pace_latency(b->run->pace, stage) : b->run->latency_cycles;
}

static uint32_t gap_of(const layer_bench *b)
{
    return b->run->pace ? pare_sim_pace_gap(b->run->pace, b->n_moved) : 0;
}

static uint8_t *word_at(const layer_bench *b, uint64_t word)
{
    return b->run->image->memory + word * (b->run->image->params->mem_bits / 8);
}

static bool is_flipped(const layer_bench *b)
{
    return b->run->fault.kind == PARE_LAYER_FLIP && b->n_moved == b->run->fault.word;
}

static void drive(layer_bench *b)
{
    pare_accel_in *const in = &b->in;
    *in = (pare_accel_in){.req_ready = takes_request(b), .status_ready = !pauses(b, 2)};
    in->desc_valid = b->next_word < b->n_words && !pauses(b, 0);
    if (in->desc_valid) in->desc = b->words[b->next_word];
    if (!b->n_queue || b->cycle < b->next_at) return;
    if (b->run->fault.kind == PARE_LAYER_STOP && b->n_moved >= b->run->fault.word) return;
    const layer_request *const r = &b->queue[0];
    in->load_valid = !r->is_write;
    in->store_ready = r->is_write;
    if (in->load_valid)
        memcpy(in->load_data, word_at(b, (uint64_t)r->addr + r->done),
               b->run->image->params->mem_bits / 8);
    if (is_flipped(b)) in->load_data[0] ^= 1;
}

/* The first request of a stage pays the latency. */
static bool take_request(layer_bench *b, const pare_accel_out *out)
{
    const uint64_t end = (uint64_t)out->req_addr + out->req_words;
    if (b->n_queue == LAYER_QUEUE || end > b->run->image->words) {
        pare_buf_printf(&b->out->difference,
                        "memory is asked for words %" PRIu32 " to %" PRIu64 " of %" PRIu64
                        ", with %zu requests before it\n",
                        out->req_addr, end, b->run->image->words, b->n_queue);
        return false;
    }
    if (!b->has_stage || out->stage != b->stage) {
        b->stage = out->stage;
        b->has_stage = true;
        b->next_at = b->offer_cycle + latency_of(b, out->stage);
    }
    b->queue[b->n_queue++] =
        (layer_request){out->req_write, out->req_kind, out->req_addr, out->req_words, 0};
    return true;
}

static void move_word(layer_bench *b, const pare_accel_out *out)
{
    layer_request *const r = &b->queue[0];
    if (r->is_write) {
        uint8_t *const word = word_at(b, (uint64_t)r->addr + r->done);
        memcpy(word, out->store_data, b->run->image->params->mem_bits / 8);
        if (is_flipped(b)) word[0] ^= 1;
    }
    b->n_moved++;
    b->next_at = b->cycle + 1 + gap_of(b);
    if (++r->done < r->words) return;
    b->n_queue--;
    memmove(b->queue, b->queue + 1, b->n_queue * sizeof *b->queue);
}

static bool react(layer_bench *b, const pare_accel_out *out)
{
    if (b->in.desc_valid && out->desc_ready) b->next_word++;
    if ((b->in.load_valid && out->load_ready) || (b->in.store_ready && out->store_valid))
        move_word(b, out);
    if (out->req_valid && (!b->has_offer || out->stage != b->offer_stage)) {
        b->has_offer = true;
        b->offer_stage = out->stage;
        b->offer_cycle = b->cycle;
    }
    b->is_asked = out->req_valid && !b->in.req_ready;
    if (out->req_valid && b->in.req_ready) return take_request(b, out);
    return true;
}

/* ---- a cycle ---- */

static void add_pins(pare_buf *d, const char *side, const pare_accel_out *o)
{
    pare_buf_printf(d,
                    "    %-4s desc_ready %d status %d:%" PRIu32 " req %d:%d:%" PRIu32 ":%" PRIu32
                    "+%" PRIu32 " load_ready %d store %d:%08" PRIx32 " run %d stage %" PRIu32
                    " dram %" PRIu32 " array %" PRIu32 "\n",
                    side, o->desc_ready, o->status_valid, o->status, o->req_valid, o->req_write,
                    o->req_kind, o->req_addr, o->req_words, o->load_ready, o->store_valid,
                    o->store_data[0], o->run, o->stage, o->dram_unit, o->array_unit);
}

static bool compare_pins(layer_bench *b, const pare_accel_out *rtl, const pare_accel_out *model)
{
    b->out->n_compared++;
    const char *const pin = pare_accel_model_difference(b->model, rtl, model);
    if (!pin) return true;
    pare_buf *const d = &b->out->difference;
    pare_buf_printf(d, "cycle %" PRIu64 ": %s differs between the RTL and the C model\n", b->cycle,
                    pin);
    for (uint64_t i = b->cycle < LAYER_CONTEXT ? 0 : b->cycle - LAYER_CONTEXT; i < b->cycle; i++) {
        pare_buf_printf(d, "  %" PRIu64 "\n", i);
        add_pins(d, "both", &b->history[i % LAYER_CONTEXT]);
    }
    pare_buf_printf(d, "  %" PRIu64 "\n", b->cycle);
    add_pins(d, "RTL", rtl);
    add_pins(d, "C", model);
    return false;
}

/* One cycle; false when the run is over. */
static bool step(layer_bench *b)
{
    pare_accel_out out, model;
    drive(b);
    pare_dut_accel_cycle(b->dut, &b->in, &out);
    if (b->model) {
        pare_accel_model_cycle(b->model, &b->in, &model);
        if (b->vcd) layer_vcd_cycle(b->vcd, b->cycle, &b->in, &model);
        if (!compare_pins(b, &out, &model)) return false;
        b->history[b->cycle % LAYER_CONTEXT] = out;
    }
    if (pare_dut_accel_failed(b->dut)) {
        pare_buf_printf(&b->out->difference,
                        "cycle %" PRIu64 ": an assertion of the RTL failed (its name is above)\n",
                        b->cycle);
        return false;
    }
    const bool is_fine = react(b, &out);
    layer_watch_cycle(&b->watch, &b->in, &out);
    b->cycle++;
    if (!is_fine) return false;
    if (out.status_valid && b->in.status_ready) {
        b->out->status = out.status;
        b->out->cycles = b->watch.cycles;
        b->out->setup_cycles = b->watch.run_cycle;
        b->out->is_ok = true;
        return false;
    }
    if (b->cycle - b->begin_cycle < b->run->limit_cycles) return true;
    pare_buf_printf(&b->out->difference,
                    "no answer after %" PRIu64 " cycles, twice what level 1 allows: run %d, stage "
                    "%" PRIu32 ", DRAM unit %" PRIu32 ", array unit %" PRIu32 "\n",
                    b->cycle - b->begin_cycle, out.run, out.stage, out.dram_unit, out.array_unit);
    return false;
}

/* ---- descriptors ---- */

static void start(layer_bench *b)
{
    b->has_stage = b->has_offer = b->is_asked = false;
    b->next_word = b->n_moved = b->n_queue = 0;
    b->begin_cycle = b->cycle;
    b->watch = (layer_watcher){.records = b->out->records};
    b->out->is_ok = false;
    for (int i = 0; i < PARE_N_UNITS; i++) b->out->records[i].n = 0;
}

/* Up to its answer, a difference, or `n_cycles`. */
static pare_status run_descriptor(layer_bench *b, uint64_t n_cycles, pare_err *e)
{
    const pare_layer_run *const run = b->run;
    start(b);
    for (uint64_t i = 0; i < n_cycles; i++) {
        if (run->trace && b->cycle == run->trace_from && !pare_dut_accel_trace(b->dut, run->trace))
            return pare_err_set(e, PARE_EFAIL, run->trace, NOWHERE, "cannot be written");
        if (!step(b)) break;
    }
    return PARE_OK;
}

/* A reset in the midst of the layer: what it was at must be forgotten. */
static pare_status abort_layer(layer_bench *b, pare_err *e)
{
    const uint64_t x[2] = {b->run->desc_seed, b->run->limit_cycles};
    const uint64_t h = pare_hash_bytes(PARE_HASH_SEED, x, sizeof x);
    const uint64_t n = 1 + (h >> 16) % (b->run->limit_cycles / 2);
    PARE_TRY(run_descriptor(b, n, e));
    if (b->out->difference.n) return PARE_OK;
    b->out->is_ok = true;
    b->out->status = PARE_ACCEL_STATUS_OK;
    pare_dut_accel_reset(b->dut);
    if (!b->model) return PARE_OK;
    pare_accel_model_free(b->model);
    b->model = pare_accel_model_new(b->run->image->params);
    return PARE_OK;
}

/* What comes before the layer that counts must leave no trace: not in the machine, nor in memory.
 */
static pare_status run_before(layer_bench *b, pare_err *e)
{
    const pare_layer_image *const m = b->run->image;
    const uint32_t bits = b->words[1];
    const size_t n_words = b->n_words, word_bytes = m->params->mem_bits / 8;
    if (b->run->before == PARE_BEFORE_RESET) return PARE_OK;
    const bool is_refused = b->run->before == PARE_BEFORE_REFUSED;
    if (is_refused) {
        b->words[1] = 0; /* bitlengths */
        b->n_words = PARE_ACCEL_WORDS;
    }
    PARE_TRY(b->run->before == PARE_BEFORE_ABORTED ? abort_layer(b, e)
                                                   : run_descriptor(b, UINT64_MAX, e));
    b->words[1] = bits;
    b->n_words = n_words;
    if (b->out->is_ok && is_refused != (b->out->status != PARE_ACCEL_STATUS_OK)) {
        pare_buf_printf(&b->out->difference, "status %" PRIu32 " of the descriptor before\n",
                        b->out->status);
        b->out->is_ok = false;
    }
    memset(m->memory + m->desc.out_base * word_bytes, 0,
           (m->words - m->desc.out_base) * word_bytes);
    return PARE_OK;
}

pare_status pare_layer_run_rtl(const pare_layer_run *run, pare_layer_outcome *out, pare_err *e)
{
    *out = (pare_layer_outcome){0};
    layer_bench b = {.run = run, .out = out};
    b.dut = pare_dut_accel_new(run->image->params);
    pare_status status;
    if (run->has_model || run->model_vcd) b.model = pare_accel_model_new(run->image->params);
    if (run->model_vcd) b.vcd = layer_vcd_new(run->image->params);
    new_host(&b);
    status = run_before(&b, e);
    if (status == PARE_OK && (out->is_ok || run->before == PARE_BEFORE_RESET))
        status = run_descriptor(&b, UINT64_MAX, e);
    out->run_cycles = b.cycle;
    if (b.vcd && status == PARE_OK) status = layer_vcd_save(b.vcd, run->model_vcd, e);
    layer_vcd_free(b.vcd);
    pare_accel_model_free(b.model);
    pare_dut_accel_free(b.dut);
    free(b.words);
    if (status != PARE_OK) pare_layer_outcome_free(out);
    return status;
}

void pare_layer_outcome_free(pare_layer_outcome *o)
{
    for (int i = 0; i < PARE_N_UNITS; i++) free(o->records[i].v);
    pare_buf_free(&o->difference);
    *o = (pare_layer_outcome){0};
}

/* A layer on the RTL against everything that says what it must do: integer reference, level 2. */
#include "rtl/layer_bins.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT_RECORDS = 3 };

/* ---- does the machine's file describe the RTL? ---- */

typedef struct machine_key {
    const char *key;
    uint64_t file, rtl;
} machine_key;

pare_status pare_layer_machine_check(const pare_machine *m, const pare_accel_params *p, pare_err *e)
{
    const uint64_t weight_bytes = 2 * (uint64_t)p->weight_planes * p->rows * p->lanes / 8;
    const machine_key keys[] = {
        {"array.tiles", m->array.tiles, 1},
        {"array.rows", m->array.rows, p->rows},
        {"array.cols", m->array.cols, p->cols},
        {"array.dataflow", (uint64_t)m->array.dataflow, PARE_OUTPUT_STATIONARY},
        {"array.delivery", (uint64_t)m->array.delivery,
         p->is_skewed ? PARE_SYSTOLIC : PARE_BROADCAST},
        {"array.fold_cycles_min", m->array.fold_cycles_min, pare_accel_interval(p)},
        {"pe.style", (uint64_t)m->pe.style,
         p->pe == PARE_ACCEL_FUSION ? PARE_PE_SPATIAL : PARE_PE_TEMPORAL},
        {"pe.skips", (uint64_t)m->pe.skips, PARE_SKIPS_NOTHING},
        {"pe.lanes", m->pe.lanes, p->lanes},
        {"pe.act_digit", m->pe.act_digit, p->act_digit},
        {"pe.weight_digit", m->pe.weight_digit, p->weight_digit},
        {"pe.max_act_bits", m->pe.max_act_bits, p->max_act_bits},
        {"pe.max_weight_bits", m->pe.max_weight_bits, p->max_weight_bits},
        {"pe.acc_bits", m->pe.acc_bits, p->acc_bits},
        {"mapping.lane_order", (uint64_t)m->mapping.lane_order, PARE_LANES_CHANNELS},
        {"mapping.first_layer", (uint64_t)m->mapping.first_layer, PARE_FIRST_AS_OTHERS},
        {"mapping.cols", (uint64_t)m->mapping.cols, PARE_HOLDS_WINDOWS},
        {"mapping.row_inputs", (uint64_t)m->mapping.row_inputs, PARE_ROWS_SHARE},
        {"mapping.split_depth", m->mapping.split_depth, false},
        {"mapping.pad_layers", m->mapping.pad_layers, true},
        {"buffers.weight_bytes", m->buffers.weight_bytes, weight_bytes},
        {"buffers.act_bytes", m->buffers.act_bytes, 2 * (uint64_t)p->act_planes * p->lanes / 8},
        {"buffers.out_bytes", m->buffers.out_bytes, 2 * (uint64_t)p->out_bytes},
        {"buffers.double_buffering", m->buffers.double_buffering, true},
        {"memory.model", (uint64_t)m->memory.model, PARE_MEMORY_LIMITED},
        {"memory.packing", (uint64_t)m->memory.packing, PARE_PACK_LAYER},
        {"dram.bits_per_cycle", m->dram.bits_per_cycle, p->mem_bits},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].file != keys[i].rtl)
            return pare_yaml_error(m->yaml, keys[i].key, e, PARE_EINPUT,
                                   "%s is %" PRIu64 "; %" PRIu64
                                   ", as the RTL of %s has it, expected",
                                   keys[i].key, keys[i].file, keys[i].rtl, p->name);
    if (m->dram.latency_cycles < pare_accel_latency_min(p))
        return pare_yaml_error(m->yaml, "dram.latency_cycles", e, PARE_EINPUT,
                               "dram.latency_cycles is %" PRIu32 "; at least %" PRIu32
                               ", behind which the RTL of %s hides its drain, expected",
                               m->dram.latency_cycles, pare_accel_latency_min(p), p->name);
    return PARE_OK;
}

/* ---- level 2's records ---- */

typedef struct wanted_records {
    pare_layer_records units[PARE_N_UNITS];
    uint32_t mem_bits;
} wanted_records;

static void want(void *context, const pare_event *event)
{
    wanted_records *const w = context;
    pare_layer_records_add(
        &w->units[pare_event_unit(event->kind)],
        &(pare_layer_record){.kind = event->kind,
                             .tile = event->tile,
                             .start_cycle = event->start_cycle,
                             .end_cycle = event->end_cycle,
                             .words = (event->bits + w->mem_bits - 1) / w->mem_bits});
}

static bool is_same(const pare_layer_record *a, const pare_layer_record *b)
{
    return a->kind == b->kind && a->tile == b->tile && a->start_cycle == b->start_cycle &&
           a->end_cycle == b->end_cycle && a->words == b->words;
}

static void print_record(pare_buf *d, const char *side, const pare_layer_records *r, size_t i)
{
    if (i >= r->n) {
        pare_buf_printf(d, "  %-8s nothing more\n", side);
        return;
    }
    const pare_layer_record *const x = &r->v[i];
    pare_buf_printf(d, "  %-8s %-16s tile %" PRIu64 ", cycles %" PRIu64 " to %" PRIu64, side,
                    pare_event_name(x->kind), x->tile, x->start_cycle, x->end_cycle);
    if (x->words) pare_buf_printf(d, ", %" PRIu64 " words", x->words);
    pare_buf_puts(d, "\n");
}

static bool compare_records(const pare_layer_records *rtl, const pare_layer_records *level2,
                            const char *unit, pare_buf *d)
{
    const size_t n = rtl->n > level2->n ? rtl->n : level2->n;
    for (size_t i = 0; i < n; i++) {
        if (i < rtl->n && i < level2->n && is_same(&rtl->v[i], &level2->v[i])) continue;
        pare_buf_printf(d, "record %zu of the %s differs\n", i, unit);
        for (size_t j = i < CONTEXT_RECORDS ? 0 : i - CONTEXT_RECORDS; j < i; j++)
            print_record(d, "both", rtl, j);
        for (size_t j = i; j < i + CONTEXT_RECORDS && j < n; j++) {
            print_record(d, "RTL", rtl, j);
            print_record(d, "level 2", level2, j);
        }
        return false;
    }
    return true;
}

/* ---- values ---- */

static bool compare_outputs(const pare_layer_job *job, const int32_t *rtl, const int32_t *wanted,
                            size_t n, pare_buf *d)
{
    const uint32_t windows = job->dims.p * job->dims.q;
    for (size_t i = 0; i < n; i++) {
        if (rtl[i] == wanted[i]) continue;
        const uint32_t window = (uint32_t)(i % windows);
        pare_buf_printf(d,
                        "output of filter %zu, row %" PRIu32 ", column %" PRIu32 " is %" PRId32
                        " in the RTL; %" PRId32 " expected\n",
                        i / windows, window / job->dims.q, window % job->dims.q, rtl[i], wanted[i]);
        return false;
    }
    return true;
}

/* ---- all of it ---- */

static pare_status refused(const pare_layer_job *job, uint32_t status, pare_err *e)
{
    return pare_err_set(e, PARE_EINPUT, job->name, (pare_pos){0, 0},
                        "the machine refuses the descriptor with status %" PRIu32 " %s (%s): %s",
                        status, pare_accel_status_name(status), pare_accel_status_field(status),
                        pare_accel_status_doc(status));
}

static void compare(const pare_layer_image *image, const pare_layer_job *job,
                    const pare_layer_outcome *o, const wanted_records *w, pare_layer_result *r)
{
    int32_t *const wanted = pare_xalloc(r->n_outputs, sizeof *wanted);
    pare_layer_image_outputs(image, job, r->outputs);
    pare_layer_reference(image->params, job, wanted);
    pare_buf *const d = &r->difference;
    r->is_ok =
        compare_outputs(job, r->outputs, wanted, r->n_outputs, d) &&
        compare_records(&o->records[PARE_UNIT_DRAM], &w->units[PARE_UNIT_DRAM], "DRAM unit", d) &&
        compare_records(&o->records[PARE_UNIT_ARRAY], &w->units[PARE_UNIT_ARRAY], "array", d);
    if (r->is_ok && o->cycles != r->level2_cycles) {
        pare_buf_printf(d, "the RTL takes %" PRIu64 " cycles, level 2 %" PRIu64 "\n", o->cycles,
                        r->level2_cycles);
        r->is_ok = false;
    }
    free(wanted);
}

static pare_layer_engine *engine_of(const pare_layer_check *c)
{
    return c->engine ? c->engine : pare_layer_run_rtl;
}

/* The run once more, with the waves of its end. Every pin follows from the inputs, so it fails in
 * the same way. What was stored is stored again: the inputs of the run are where they were. */
static void keep_waves(const pare_layer_check *c, const pare_layer_job *job,
                       const pare_layer_run *failed, uint64_t run_cycles, pare_buf *d)
{
    pare_layer_run again = *failed;
    pare_layer_outcome o;
    pare_err e = {0};
    pare_buf path = {0};
    if (c->trace) {
        pare_buf_printf(d, "waves: %s\n", c->trace);
        return;
    }
    if (!c->failure_dir) return;
    pare_buf_printf(&path, "%s/", c->failure_dir);
    if (!strcmp(c->failure_dir, ".")) path.n = 0;
    for (const char *s = job->name; *s; s++)
        pare_buf_printf(&path, "%c", strchr("/ ", *s) ? '_' : *s);
    pare_buf_puts(&path, "_failed.fst");
    again.trace = path.text;
    again.model_vcd = NULL;
    if (run_cycles > PARE_LAYER_FAILURE_CYCLES)
        again.trace_from = run_cycles - PARE_LAYER_FAILURE_CYCLES;
    if (engine_of(c)(&again, &o, &e) == PARE_OK) {
        pare_buf_printf(d, "waves: %s, cycles %" PRIu64 " to %" PRIu64 "\n", path.text,
                        again.trace_from, run_cycles);
        pare_layer_outcome_free(&o);
    } else {
        pare_buf_printf(d, "no waves: %s %s\n", path.text, e.text);
    }
    pare_buf_free(&path);
}

static pare_status run(const pare_layer_check *c, const pare_layer_job *job,
                       const pare_sim_map *map, const wanted_records *w, pare_layer_result *r,
                       pare_err *e)
{
    pare_layer_image image;
    PARE_TRY(pare_layer_image_new(c->params, job, map, &image, e));
    const uint32_t refusal = pare_layer_model_status(c->params, &image.desc);
    if (refusal) {
        pare_layer_image_free(&image);
        return refused(job, refusal, e);
    }
    /* a word of a descriptor every other cycle or so, its products, and as much again */
    const uint64_t setup = 100 + 2 * (uint64_t)image.n_filters * (PARE_ACCEL_FILTER_WORDS + 1);
    const pare_layer_run how = {.image = &image,
                                .filters = job->filters,
                                .pace = c->pace,
                                .latency_cycles = c->machine->dram.latency_cycles,
                                .limit_cycles = 2 * (setup + r->level2_cycles) + 1000,
                                .trace = c->trace,
                                .model_vcd = c->model_vcd,
                                .has_model = c->has_model,
                                .desc_seed = c->desc_seed,
                                .before = c->before,
                                .fault = c->fault};
    pare_layer_outcome o;
    pare_status status = engine_of(c)(&how, &o, e);
    uint64_t run_cycles = 0;
    if (status == PARE_OK) {
        run_cycles = o.run_cycles;
        r->rtl_cycles = o.cycles;
        r->setup_cycles = o.setup_cycles;
        r->n_compared = o.n_compared;
        r->n_requests = o.n_requests;
        r->n_records = o.records[PARE_UNIT_DRAM].n + o.records[PARE_UNIT_ARRAY].n;
        if (!o.is_ok)
            pare_buf_puts(&r->difference, o.difference.text);
        else if (o.status)
            pare_buf_printf(&r->difference,
                            "the RTL refuses the descriptor with status %" PRIu32
                            " %s; the C model takes it\n",
                            o.status, pare_accel_status_name(o.status));
        else
            compare(&image, job, &o, w, r);
        if (r->is_ok && c->coverage)
            pare_layer_cover(c->coverage, &(pare_layer_seen){.job = job,
                                                             .image = &image,
                                                             .pace = c->pace,
                                                             .records = o.records,
                                                             .before = c->before,
                                                             .pauses = c->desc_seed > 0});
        pare_layer_outcome_free(&o);
    }
    if (status == PARE_OK && !r->is_ok) keep_waves(c, job, &how, run_cycles, &r->difference);
    pare_layer_image_free(&image);
    return status;
}

pare_sim_job pare_layer_sim_job(const pare_layer_job *job)
{
    return (pare_sim_job){.layer = job->name,
                          .type = "conv2d",
                          .dims = job->dims,
                          .weight_bits = job->weight_bits,
                          .act_bits = job->act_bits,
                          .out_bits = job->out_bits};
}

pare_machine pare_layer_machine(const pare_layer_check *c, const pare_layer_job *job)
{
    pare_machine m = *c->machine;
    m.memory.out_bits = pare_layer_out_bits(job);
    if (c->cut.filters) m.mapping.tile.filters = c->cut.filters;
    if (c->cut.rows) m.mapping.tile.out_rows = c->cut.rows;
    if (c->cut.order) m.mapping.order = c->cut.order;
    return m;
}

uint32_t pare_layer_out_bits(const pare_layer_job *job)
{
    return job->raw ? 32 : job->out_bits > 8 ? 16 : 8;
}

/* Level 2's records. What the tiles of a term-serial array take follows from the activations. */
static pare_status walk(const pare_layer_check *c, const pare_machine *machine,
                        const pare_sim_job *sim_job, const pare_layer_job *job,
                        pare_layer_result *out, wanted_records *w, pare_err *e)
{
    pare_sim_layer level2;
    if (c->params->pe != PARE_ACCEL_TERM) {
        PARE_TRY(pare_sim_events_at(machine, sim_job, c->pace, want, w, &level2, e));
        out->level2_cycles = level2.stats.cycles;
        return PARE_OK;
    }
    size_t n;
    uint64_t *const cycles = pare_layer_tile_cycles(c->params, job, &out->level1.map, &n);
    const pare_status status = pare_sim_events_given(machine, sim_job, c->pace, cycles, n, want, w,
                                                     &out->level2_cycles, e);
    free(cycles);
    return status;
}

pare_status pare_layer_verify(const pare_layer_check *c, const pare_layer_job *job,
                              pare_layer_result *out, pare_err *e)
{
    *out = (pare_layer_result){.n_descriptors = 1};
    const pare_sim_job sim_job = pare_layer_sim_job(job);
    wanted_records w = {.mem_bits = c->params->mem_bits};
    const pare_machine machine = pare_layer_machine(c, job);
    pare_status status = pare_sim_run_layer(&machine, &sim_job, &out->level1, e);
    if (status == PARE_OK) status = walk(c, &machine, &sim_job, job, out, &w, e);
    if (status == PARE_OK) {
        out->n_outputs = (uint64_t)job->dims.k * job->dims.p * job->dims.q;
        out->outputs = pare_xalloc(out->n_outputs, sizeof *out->outputs);
        status = run(c, job, &out->level1.map, &w, out, e);
    }
    for (int i = 0; i < PARE_N_UNITS; i++) free(w.units[i].v);
    if (status != PARE_OK) pare_layer_result_free(out);
    return status;
}

void pare_layer_result_free(pare_layer_result *r)
{
    free(r->outputs);
    pare_buf_free(&r->difference);
    *r = (pare_layer_result){0};
}

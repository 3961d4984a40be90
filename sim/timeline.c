/* The events of a whole network as a Chrome trace. Each unit has a track of its own and its events
 * do not overlap, as the format demands; counters would hide what a track shows. */
#include "sim/core.h"

#include <stdlib.h>

enum { TRACK_LAYERS = 1, TRACK_FIRST_UNIT };

typedef struct timeline {
    pare_buf *out;
    uint64_t offset_cycles; /* start of the layer */
    size_t n, max, n_left_out;
    bool has_any;
} timeline;

static void separate(timeline *t)
{
    pare_buf_puts(t->out, t->has_any ? ",\n" : "\n");
    t->has_any = true;
}

static void name_track(timeline *t, int track, const char *name)
{
    separate(t);
    pare_buf_printf(t->out,
                    "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{"
                    "\"name\":\"%s\"}}",
                    track, name);
}

static void add_span(timeline *t, int track, const char *name, uint64_t start, uint64_t cycles)
{
    separate(t);
    pare_buf_puts(t->out, "{\"name\":");
    pare_buf_json_string(t->out, name);
    pare_buf_printf(t->out, ",\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%llu,\"dur\":%llu", track,
                    (unsigned long long)(t->offset_cycles + start), (unsigned long long)cycles);
}

static void add_event(void *context, const pare_event *e)
{
    timeline *const t = context;
    if (e->start_cycle == e->end_cycle) return;
    if (t->n == t->max) {
        t->n_left_out++;
        return;
    }
    t->n++;
    add_span(t, TRACK_FIRST_UNIT + (int)pare_event_unit(e->kind), pare_event_name(e->kind),
             e->start_cycle, e->end_cycle - e->start_cycle);
    pare_buf_printf(t->out, ",\"args\":{\"tile\":%llu,\"bits\":%llu}}", (unsigned long long)e->tile,
                    (unsigned long long)e->bits);
}

static void add_layer(timeline *t, const pare_sim_layer *l, uint64_t end_cycle)
{
    add_span(t, TRACK_LAYERS, l->layer, 0, l->stats.cycles);
    pare_buf_printf(t->out, ",\"args\":{\"type\":\"%s\",\"weight_bits\":%u,\"act_bits\":%u,",
                    l->type, l->weight_bits, l->act_bits);
    pare_buf_printf(t->out, "\"tiles\":%llu}}", (unsigned long long)l->map.n_tiles);
    t->offset_cycles = end_cycle;
}

pare_status pare_sim_timeline(const pare_net *net, const pare_machine *machine,
                              const pare_bits *bits, const pare_sim_options *options,
                              size_t max_events, pare_buf *out, pare_err *e)
{
    const uint32_t batch = options && options->batch ? options->batch : 1;
    timeline t = {.out = out, .max = max_events};
    size_t n;
    pare_sim_job *const jobs = sim_jobs(net, bits, machine, batch, &n);
    pare_buf_puts(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    name_track(&t, TRACK_LAYERS, "layers");
    name_track(&t, TRACK_FIRST_UNIT + PARE_UNIT_DRAM, "DRAM");
    name_track(&t, TRACK_FIRST_UNIT + PARE_UNIT_ARRAY, "array");
    pare_status status = PARE_OK;
    for (size_t i = 0; i < n && status == PARE_OK; i++) {
        pare_sim_layer l;
        status = sim_job_events(machine, &jobs[i], options, add_event, &t, &l, e);
        uint64_t end_cycle = 0;
        if (status == PARE_OK) status = sim_end_cycle(machine, &l, t.offset_cycles, &end_cycle, e);
        if (status == PARE_OK) add_layer(&t, &l, end_cycle);
    }
    pare_buf_printf(out, "\n],\"otherData\":{\"events_left_out\":%zu}}\n", t.n_left_out);
    free(jobs);
    return status;
}

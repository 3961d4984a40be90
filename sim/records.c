/* What happens in a network, record by record, in the order of time: what a controller would log.
 */
#include "sim/core.h"

#include <stdlib.h>

enum { RECORDS_MAX = 5000000 };

/* name; of those of one cycle, an earlier row comes first */
#define RECORDS(X)                                                                                 \
    X(DESCRIPTOR, "descriptor")                                                                    \
    X(MEMORY_RESPONSE, "memory_response")                                                          \
    X(ACCUMULATE_DONE, "accumulate_done")                                                          \
    X(TILE_START, "tile_start")                                                                    \
    X(MEMORY_REQUEST, "memory_request")                                                            \
    X(STEP, "step")                                                                                \
    X(STALL, "stall")                                                                              \
    X(LAYER_DONE, "layer_done")

typedef enum record_kind {
#define X(id, name) RECORD_##id,
    RECORDS(X)
#undef X
} record_kind;

static const char *const record_names[] = {
#define X(id, name) name,
    RECORDS(X)
#undef X
};

typedef struct record {
    uint64_t cycle, tile, n, number; /* number: in the order of their making */
    record_kind kind;
    int what; /* pare_event_kind; -1: nothing */
} record;

/* The records of one layer. */
typedef struct layer_records {
    record *v;
    size_t n, capacity, max;
    bool with_steps, is_full;
    int last_transfer;
} layer_records;

static void add(layer_records *l, record_kind kind, uint64_t cycle, uint64_t tile_number, int what,
                uint64_t n)
{
    if (l->n == l->max) {
        l->is_full = true;
        return;
    }
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 1024;
        record *const more = pare_xalloc(l->capacity, sizeof *more);
        for (size_t i = 0; i < l->n; i++) more[i] = l->v[i];
        free(l->v);
        l->v = more;
    }
    l->v[l->n] = (record){.cycle = cycle, .tile = tile_number, .n = n, .kind = kind, .what = what};
    l->v[l->n].number = l->n;
    l->n++;
}

static void add_steps(layer_records *l, const pare_event *e)
{
    const pare_event_work *const w = &e->work;
    const uint64_t run_cycles = w->load_cycles + w->run_steps * w->step_cycles + w->drain_cycles;
    for (uint64_t i = 0; i < w->steps && !l->is_full; i++) {
        const uint64_t before = i / w->run_steps * run_cycles + w->load_cycles;
        add(l, RECORD_STEP, e->start_cycle + before + i % w->run_steps * w->step_cycles, e->tile,
            -1, i);
    }
}

static void look(void *context, const pare_event *e)
{
    layer_records *const l = context;
    switch (e->kind) {
    case PARE_EVENT_LATENCY: break;
    case PARE_EVENT_COMPUTE:
        add(l, RECORD_TILE_START, e->start_cycle, e->tile, -1, e->work.steps);
        if (l->with_steps && e->work.step_cycles) add_steps(l, e);
        if (e->work.is_done) add(l, RECORD_ACCUMULATE_DONE, e->end_cycle, e->tile, -1, 0);
        break;
    case PARE_EVENT_WAIT:
        add(l, RECORD_STALL, e->start_cycle, e->tile, l->last_transfer,
            e->end_cycle - e->start_cycle);
        break;
    default:
        add(l, RECORD_MEMORY_REQUEST, e->request_cycle, e->tile, (int)e->kind, e->bits);
        add(l, RECORD_MEMORY_RESPONSE, e->end_cycle, e->tile, (int)e->kind, e->bits);
        l->last_transfer = (int)e->kind;
    }
}

static int compare_records(const void *a, const void *b)
{
    const record *const x = a, *const y = b;
    if (x->cycle != y->cycle) return x->cycle < y->cycle ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void write_layer(layer_records *l, const char *layer, uint64_t start_cycle, pare_buf *out)
{
    qsort(l->v, l->n, sizeof *l->v, compare_records);
    for (size_t i = 0; i < l->n; i++) {
        const record *const r = &l->v[i];
        const char *const what = r->what < 0 ? "" : pare_event_name((pare_event_kind)r->what);
        pare_buf_printf(out, "%s,%llu,%s,%llu,%s,%llu\n", layer,
                        (unsigned long long)(start_cycle + r->cycle), record_names[r->kind],
                        (unsigned long long)r->tile, what, (unsigned long long)r->n);
    }
}

pare_status pare_sim_records(const pare_net *net, const pare_machine *machine,
                             const pare_bits *bits, const pare_sim_options *options,
                             bool with_steps, pare_buf *out, pare_err *e)
{
    layer_records l = {.with_steps = with_steps};
    uint64_t start_cycle = 0;
    size_t n, n_left = RECORDS_MAX;
    pare_sim_job *const jobs =
        sim_jobs(net, bits, machine, options && options->batch ? options->batch : 1, &n);
    pare_buf_puts(out, "layer,cycle,event,tile,what,n\n");
    pare_status status = PARE_OK;
    for (size_t i = 0; i < n && status == PARE_OK; i++) {
        pare_sim_layer layer;
        l.n = 0;
        l.max = n_left;
        add(&l, RECORD_DESCRIPTOR, 0, 0, -1, 0);
        status = sim_job_events(machine, &jobs[i], options, look, &l, &layer, e);
        if (status != PARE_OK) break;
        add(&l, RECORD_LAYER_DONE, layer.stats.cycles, layer.map.n_tiles - 1, -1,
            layer.stats.cycles);
        if (l.is_full) {
            status = pare_err_set(e, PARE_EINPUT, machine->file, (pare_pos){0, 0},
                                  "there are more than %d records up to layer '%s'; a smaller "
                                  "network or batch%s expected",
                                  RECORDS_MAX, jobs[i].layer, with_steps ? ", or no steps," : "");
            break;
        }
        uint64_t end_cycle;
        status = sim_end_cycle(machine, &layer, start_cycle, &end_cycle, e);
        if (status != PARE_OK) break;
        l.v[0].n = layer.map.n_tiles;
        write_layer(&l, jobs[i].layer, start_cycle, out);
        start_cycle = end_cycle;
        n_left -= l.n;
    }
    free(jobs);
    free(l.v);
    return status;
}

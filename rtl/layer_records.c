/* The records of a run, from the machine's pins. */
#include "rtl/layer_run.h"

#include <stdlib.h>
#include <string.h>

void pare_layer_records_add(pare_layer_records *r, const pare_layer_record *record)
{
    if (r->n == r->capacity) {
        const size_t capacity = r->capacity ? 2 * r->capacity : 256;
        pare_layer_record *const v = pare_xalloc(capacity, sizeof *v);
        if (r->n) memcpy(v, r->v, r->n * sizeof *v);
        free(r->v);
        r->v = v;
        r->capacity = capacity;
    }
    r->v[r->n++] = *record;
}

/* A unit does something else, or the same in another stage: the record ends. */
static void watch_unit(layer_watcher *w, pare_unit unit, uint32_t code, const pare_accel_out *out)
{
    static const pare_event_kind dram[] = {0, PARE_EVENT_LATENCY, PARE_EVENT_LOAD_WEIGHTS,
                                           PARE_EVENT_LOAD_ACTS, PARE_EVENT_STORE_OUTPUTS};
    static const pare_event_kind array[] = {0, PARE_EVENT_COMPUTE, PARE_EVENT_WAIT};
    layer_watch *const u = &w->units[unit];
    if (code == u->code && out->stage == u->stage) return;
    const uint64_t now = w->cycle - w->run_cycle;
    if (u->code) {
        u->record.end_cycle = now;
        pare_layer_records_add(&w->records[unit], &u->record);
    }
    u->code = code;
    u->stage = out->stage;
    if (!code) return;
    u->record = (pare_layer_record){.kind = unit == PARE_UNIT_DRAM ? dram[code] : array[code],
                                    .tile = (uint64_t)out->stage - 1,
                                    .start_cycle = now};
    if (unit == PARE_UNIT_ARRAY) return;
    /* the latency is that of the first request, which is offered in its first cycle */
    const bool stores = code == PARE_ACCEL_DRAM_OUTPUTS ||
                        (code == PARE_ACCEL_DRAM_LATENCY && out->req_valid && out->req_write);
    u->record.tile = stores ? (uint64_t)out->stage - 2 : out->stage;
}

void layer_watch_cycle(layer_watcher *w, const pare_accel_in *in, const pare_accel_out *out)
{
    if (out->run && !w->has_run) {
        w->has_run = true;
        w->run_cycle = w->cycle;
    }
    if (w->has_run) {
        watch_unit(w, PARE_UNIT_DRAM, out->run ? out->dram_unit : 0, out);
        watch_unit(w, PARE_UNIT_ARRAY, out->run ? out->array_unit : 0, out);
        if (!out->run && !w->has_ended) {
            w->has_ended = true;
            w->cycles = w->cycle - w->run_cycle;
        }
        const bool moves =
            (in->load_valid && out->load_ready) || (in->store_ready && out->store_valid);
        if (moves) w->units[PARE_UNIT_DRAM].record.words++;
    }
    w->cycle++;
}

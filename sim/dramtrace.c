/* The DRAM traffic of a network, burst by burst, for simulators of memories. */
#include "sim/core.h"

#include <stdlib.h>

enum { LINES_MAX = 50000000 };

enum { REGION_WEIGHTS, REGION_ACTS, REGION_OUTPUTS, REGION_PSUMS, N_REGIONS };

static const char *const region_names[N_REGIONS] = {"weights", "activations", "outputs",
                                                    "partial sums"};

static const struct {
    int region; /* -1: moves nothing */
    bool is_store;
} traffic[PARE_N_EVENTS] = {
    [PARE_EVENT_LOAD_WEIGHTS] = {REGION_WEIGHTS, false},
    [PARE_EVENT_LOAD_ACTS] = {REGION_ACTS, false},
    [PARE_EVENT_LOAD_PSUMS] = {REGION_PSUMS, false},
    [PARE_EVENT_STORE_OUTPUTS] = {REGION_OUTPUTS, true},
    [PARE_EVENT_STORE_PSUMS] = {REGION_PSUMS, true},
    [PARE_EVENT_LATENCY] = {-1, false},
    [PARE_EVENT_COMPUTE] = {-1, false},
    [PARE_EVENT_WAIT] = {-1, false},
};

typedef struct region {
    uint64_t first_burst, n_bursts, loaded_bursts, stored_bursts;
} region;

/* The transfers of one layer, kept until its regions are known. */
typedef struct layer_traffic {
    uint64_t burst_bits;
    pare_event *v;
    size_t n, capacity;
    uint64_t n_bursts;
} layer_traffic;

static void keep(void *context, const pare_event *event)
{
    layer_traffic *const t = context;
    if (traffic[event->kind].region < 0 || event->bits == 0) return;
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 1024;
        pare_event *const more = pare_xalloc(t->capacity, sizeof *more);
        for (size_t i = 0; i < t->n; i++) more[i] = t->v[i];
        free(t->v);
        t->v = more;
    }
    t->v[t->n++] = *event;
    t->n_bursts += sim_ceil_div(event->bits, t->burst_bits);
}

/* Regions as large as the furthest burst in them, one after the other. */
static void lay_out(const layer_traffic *t, region regions[N_REGIONS], uint64_t *next_burst)
{
    for (int r = 0; r < N_REGIONS; r++) regions[r] = (region){0};
    for (size_t i = 0; i < t->n; i++) {
        const pare_event *const e = &t->v[i];
        region *const r = &regions[traffic[e->kind].region];
        const uint64_t n = sim_ceil_div(e->bits, t->burst_bits);
        r->n_bursts = sim_max(r->n_bursts, e->first_bit / t->burst_bits + n);
        *(traffic[e->kind].is_store ? &r->stored_bursts : &r->loaded_bursts) += n;
    }
    for (int r = 0; r < N_REGIONS; r++) {
        regions[r].first_burst = *next_burst;
        *next_burst += regions[r].n_bursts;
    }
}

static void write_lines(const layer_traffic *t, const region regions[N_REGIONS], pare_buf *out)
{
    const uint64_t burst_bytes = t->burst_bits / 8;
    for (size_t i = 0; i < t->n; i++) {
        const pare_event *const e = &t->v[i];
        const char *const what = traffic[e->kind].is_store ? "ST" : "LD";
        const uint64_t n = sim_ceil_div(e->bits, t->burst_bits);
        const uint64_t first =
            regions[traffic[e->kind].region].first_burst + e->first_bit / t->burst_bits;
        for (uint64_t b = first; b < first + n; b++)
            pare_buf_printf(out, "%s 0x%llx\n", what, (unsigned long long)(b * burst_bytes));
    }
}

static void write_regions(const layer_traffic *t, const char *layer,
                          const region regions[N_REGIONS], pare_buf *out)
{
    const unsigned long long bytes = t->burst_bits / 8;
    for (int i = 0; i < N_REGIONS; i++) {
        const region *const r = &regions[i];
        if (r->n_bursts)
            pare_buf_printf(out, "%s,%s,0x%llx,%llu,%llu,%llu\n", layer, region_names[i],
                            r->first_burst * bytes, r->n_bursts * bytes, r->loaded_bursts * bytes,
                            r->stored_bursts * bytes);
    }
}

static pare_status trace_layer(const pare_machine *m, const pare_sim_job *job,
                               const pare_sim_options *options, layer_traffic *t,
                               uint64_t *next_burst, pare_buf *trace, pare_buf *regions_csv,
                               pare_err *e)
{
    pare_sim_layer l;
    region regions[N_REGIONS];
    t->n = 0;
    PARE_TRY(sim_job_events(m, job, options, keep, t, &l, e));
    if (t->n_bursts > LINES_MAX)
        return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                            "the trace has more than %d bursts up to layer '%s'; a smaller network "
                            "or batch expected",
                            LINES_MAX, job->layer);
    lay_out(t, regions, next_burst);
    write_lines(t, regions, trace);
    write_regions(t, job->layer, regions, regions_csv);
    return PARE_OK;
}

pare_status pare_sim_dram_trace(const pare_net *net, const pare_machine *machine,
                                const pare_bits *bits, const pare_sim_options *options,
                                uint32_t burst_bytes, pare_buf *trace, pare_buf *regions,
                                pare_err *e)
{
    layer_traffic t = {.burst_bits = (uint64_t)burst_bytes * 8};
    uint64_t next_burst = 0;
    size_t n;
    pare_sim_job *const jobs =
        sim_jobs(net, bits, machine, options && options->batch ? options->batch : 1, &n);
    pare_buf_puts(regions, "layer,region,first_address,bytes,loaded_bytes,stored_bytes\n");
    pare_status status = PARE_OK;
    for (size_t i = 0; i < n && status == PARE_OK; i++)
        status = trace_layer(machine, &jobs[i], options, &t, &next_burst, trace, regions, e);
    free(jobs);
    free(t.v);
    return status;
}

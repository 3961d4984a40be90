/* A layer in the SystemC platform, as an engine of the layer check. SystemC allows one simulation a
 * process, so it runs in a child, which hands over what happened through a pipe. */
#include "rtl/layer_run.h"
#include "rtl/platform.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};

/* ---- the child ---- */

typedef struct report {
    pare_platform_result result;
    uint64_t setup_cycles, cycles, run_cycles, n_records[PARE_N_UNITS];
} report;

static bool write_all(int fd, const void *data, size_t n)
{
    const char *at = data;
    while (n) {
        const ssize_t written = write(fd, at, n);
        if (written <= 0) return false;
        at += written;
        n -= (size_t)written;
    }
    return true;
}

static void observe(void *context, const pare_accel_in *in, const pare_accel_out *out)
{
    layer_watcher *const w = context;
    if (w->cycle || in->desc_valid) layer_watch_cycle(w, in, out);
}

static size_t memory_bytes(const pare_layer_image *m)
{
    return (size_t)m->words * (m->params->mem_bits / 8);
}

static uint32_t *commands_of(const pare_layer_run *run, size_t *n)
{
    const pare_layer_image *const m = run->image;
    uint32_t *const words = pare_xalloc(
        PARE_ACCEL_WORDS + (size_t)m->n_filters * PARE_ACCEL_FILTER_WORDS, sizeof *words);
    pare_accel_pack(&m->desc, words);
    *n = PARE_ACCEL_WORDS;
    for (uint32_t k = 0; !m->desc.raw && k < m->n_filters; k++, *n += PARE_ACCEL_FILTER_WORDS)
        if (k < m->desc.filters) pare_accel_pack_filter(&run->filters[k], words + *n);
    return words;
}

static int run_child(const pare_layer_run *run, int fd)
{
    pare_layer_records records[PARE_N_UNITS] = {0};
    layer_watcher watcher = {.records = records};
    size_t n_commands;
    uint32_t *const commands = commands_of(run, &n_commands);
    const pare_platform_job job = {.machine = run->image->params,
                                   .commands = commands,
                                   .n_commands = n_commands,
                                   .memory = run->image->memory,
                                   .memory_bytes = memory_bytes(run->image),
                                   .latency_cycles = run->latency_cycles,
                                   .cycles_per_word = 1,
                                   .pace = run->pace,
                                   .limit_cycles = run->limit_cycles,
                                   .trace = run->trace,
                                   .observe = observe,
                                   .context = &watcher};
    report r = {0};
    pare_platform_run(&job, &r.result);
    r.setup_cycles = watcher.run_cycle;
    r.cycles = watcher.cycles;
    r.run_cycles = watcher.cycle;
    bool is_written = true;
    for (int i = 0; i < PARE_N_UNITS; i++) r.n_records[i] = records[i].n;
    is_written = write_all(fd, &r, sizeof r);
    for (int i = 0; i < PARE_N_UNITS; i++)
        is_written = is_written && write_all(fd, records[i].v, records[i].n * sizeof *records[i].v);
    is_written = is_written && write_all(fd, job.memory, job.memory_bytes);
    for (int i = 0; i < PARE_N_UNITS; i++) free(records[i].v);
    free(commands);
    return is_written ? 0 : 1;
}

/* ---- the parent ---- */

static bool read_all(int fd, void *data, size_t n)
{
    char *at = data;
    while (n) {
        const ssize_t got = read(fd, at, n);
        if (got <= 0) return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool take_report(const pare_layer_run *run, int fd, report *r, pare_layer_outcome *out)
{
    if (!read_all(fd, r, sizeof *r)) return false;
    for (int i = 0; i < PARE_N_UNITS; i++) {
        pare_layer_records *const x = &out->records[i];
        x->n = x->capacity = (size_t)r->n_records[i];
        if (x->n) x->v = pare_xalloc(x->n, sizeof *x->v);
        if (!read_all(fd, x->v, x->n * sizeof *x->v)) return false;
    }
    return read_all(fd, run->image->memory, memory_bytes(run->image));
}

static void fill(const report *r, pare_layer_outcome *out)
{
    out->is_ok = r->result.has_ended;
    out->status = r->result.status;
    out->setup_cycles = r->setup_cycles;
    out->cycles = r->cycles;
    out->run_cycles = r->run_cycles;
    out->n_requests = r->result.n_requests;
    if (!out->is_ok)
        pare_buf_printf(&out->difference, "the platform ends after %" PRIu64 " cycles: %s\n",
                        r->run_cycles, r->result.failure);
}

pare_status pare_layer_run_platform(const pare_layer_run *run, pare_layer_outcome *out, pare_err *e)
{
    int ends[2], status = 0;
    report r;
    *out = (pare_layer_outcome){0};
    fflush(stdout);
    fflush(stderr);
    if (pipe(ends)) return pare_err_set(e, PARE_EFAIL, "pipe", NOWHERE, "cannot be made");
    const pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return pare_err_set(e, PARE_EFAIL, "fork", NOWHERE, "no process for the simulation");
    }
    if (pid == 0) {
        close(ends[0]);
        const int failed = run_child(run, ends[1]);
        fflush(stdout);
        _exit(failed);
    }
    close(ends[1]);
    const bool has_report = take_report(run, ends[0], &r, out);
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (!has_report || status) {
        pare_layer_outcome_free(out);
        return pare_err_set(e, PARE_EFAIL, "SystemC", NOWHERE,
                            "the simulation ended early (status %d)", status);
    }
    fill(&r, out);
    return PARE_OK;
}

/* sweep.h: many points of a space of machines, bits and networks. Part of the public header of
 * sim/.
 *
 * A sweep file (docs/sweeps.md) spans a space; a point is computed from its number alone, so that
 * no list of points exists. Results go to a store (store.h). Points depend on nothing but their
 * inputs: threads, shards, interruptions and the order of work never change a row.
 */
#ifndef PARE_SWEEP_H
#define PARE_SWEEP_H
#include "sim/sim.h"
#include "sim/store.h"

#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A sweep file with everything that it names, read and checked. Const for ever. */
typedef struct pare_sweep pare_sweep;

typedef struct pare_sweep_info {
    const char *name, *file;
    const pare_axis *axes; /* the first one is the slowest */
    size_t n_axes;
    const pare_column *columns;
    size_t n_columns;
    uint64_t n_space;  /* places of the space */
    uint64_t n_points; /* of them those to be computed, excluded ones included */
    bool has_layers;
    bool is_search;        /* points are chosen while it runs */
    uint64_t block_points; /* of one piece of work and of sharding */
} pare_sweep_info;

/* PARE_EINPUT for every mistake, an empty space and constraints that nothing satisfies included.
 * The caller frees. */
pare_status pare_sweep_load(const char *path, pare_sweep **out, pare_err *e) PARE_MUST_CHECK;
/* The same from a text, such as a store's; `name` stands for the file. */
pare_status pare_sweep_parse(const char *name, const char *text, size_t n, pare_sweep **out,
                             pare_err *e) PARE_MUST_CHECK;
void pare_sweep_free(pare_sweep *s); /* NULL allowed */
const pare_sweep_info *pare_sweep_about(const pare_sweep *s);
extern const pare_schema pare_sweep_schema;

/* The inputs of one place of the space, for pare_sim_run and pare_sim_explain. The network lives as
 * long as the sweep. */
typedef struct pare_sweep_point {
    const pare_net *net;
    const pare_machine *machine;
    const pare_bits *bits;
    uint32_t batch;
    void *hold;
} pare_sweep_point;
/* PARE_EINPUT if the machine cannot be. Close it. */
pare_status pare_sweep_point_open(const pare_sweep *s, uint64_t space, pare_sweep_point *out,
                                  pare_err *e) PARE_MUST_CHECK;
void pare_sweep_point_close(pare_sweep_point *p); /* zeroed allowed */

typedef struct pare_sweep_progress {
    uint64_t done, total; /* points of this shard, excluded ones included */
    double seconds;       /* since the start, over those done now */
    uint64_t done_before; /* of done, those that were there before */
} pare_sweep_progress;

typedef struct pare_sweep_options {
    const char *store;        /* file; made if it is not there, continued if it is */
    uint32_t shard, n_shards; /* shard < n_shards; 0 of 0: everything */
    unsigned threads;         /* 0: as many as the machine has */
    uint64_t block_limit;     /* stop after so many blocks; 0: never */
    /* called from time to time by the calling thread; NULL allowed */
    void (*progress)(void *context, const pare_sweep_progress *p);
    void *context;
    const volatile sig_atomic_t *stop; /* set from outside: commit and end; NULL allowed */
} pare_sweep_options;

typedef struct pare_sweep_summary {
    uint64_t n_computed, n_reused, n_excluded, n_failed;
    uint64_t n_layers, n_layers_found; /* layers asked for; found in memory */
    double seconds, write_seconds;     /* of wall time; of it in SQLite */
    bool is_complete;                  /* the store has all points of its shard */
} pare_sweep_summary;

/* Compute what the store lacks. A point that cannot be computed is a row with its message. With the
 * same inputs a finished store is left alone; with others only what changed is computed. PARE_EFAIL
 * if the store cannot be written, another process holds it, or the disk is full; what was
 * committed stays. */
pare_status pare_sweep_run(const pare_sweep *s, const pare_sweep_options *options,
                           pare_sweep_summary *out, pare_err *e) PARE_MUST_CHECK;

/* Which part is this process's: "3/64", or NULL for what Slurm (array and step), Open MPI, PMI or,
 * with `n_shards` given, GNU parallel say in the environment; 0 of 1 if nothing does. *origin names
 * the variables. PARE_EUSAGE if a text is no shard. */
pare_status pare_shard_find(const char *text, uint32_t n_shards, uint32_t *shard, uint32_t *n,
                            const char **origin, pare_err *e) PARE_MUST_CHECK;

/* What a sweep would take, measured on a few hundred of its points. */
typedef struct pare_sweep_estimate {
    uint64_t n_measured, n_excluded, n_failed;
    double seconds_per_point; /* one thread, storing included */
    double bytes_per_point;
    double included_frac;
} pare_sweep_estimate;
pare_status pare_sweep_measure(const pare_sweep *s, pare_sweep_estimate *out,
                               pare_err *e) PARE_MUST_CHECK;

/* Join the stores of all shards of one sweep into a new one. PARE_EINPUT if a shard is missing,
 * there twice or incomplete, if a number is missing or there twice, or if they are not of one
 * sweep. The result is the same file whatever the shards were. */
pare_status pare_store_merge(const char *const *paths, size_t n, const char *out,
                             pare_err *e) PARE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

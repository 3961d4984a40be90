/* store_write.h: writing a store; not for anyone else. */
#ifndef PARE_SIM_STORE_WRITE_H
#define PARE_SIM_STORE_WRITE_H
#include "sim/store_core.h"
#include "sim/sweep_core.h"

/* What a store is made for. */
typedef struct store_plan {
    const char *kind, *name, *text; /* text: of the sweep file */
    char hash[33];                  /* of all inputs, hexadecimal */
    uint64_t n_points, block_points;
    uint32_t shard, n_shards;
    const pare_axis *axes;
    size_t n_axes;
    const pare_column *columns;
    size_t n_columns;
    bool has_layers;
    pare_net *const *nets; /* for the names of layers; may be NULL without layers */
    size_t n_nets;
} store_plan;

store_plan store_plan_of(const pare_sweep *s);

typedef struct store_writer {
    sqlite3 *db;
    int lock; /* a file descriptor; -1: none */
    char *path;
    const store_plan *plan;
    sqlite3_stmt *put, *put_layer, *put_excluded, *set_next;
    uint64_t next_block;       /* of the shard's: those before are stored */
    bool is_complete, is_open; /* is_open: within a transaction */
    bool has_old;              /* rows of other inputs wait to be taken over */
    double seconds;
} store_writer;

/* Hold the file for as long as it is open (store_lock.c); false: another one does. */
bool store_lock(int file);

/* Make the store, or continue it. If its inputs were others, its rows become `old`. ":memory:" is a
 * store without a file. PARE_EFAIL if another process writes it. */
pare_status store_writer_open(const char *path, const store_plan *plan, store_writer **out,
                              pare_err *e) PARE_MUST_CHECK;
/* What was not committed is lost. */
void store_writer_close(store_writer *w); /* NULL allowed */
/* Rows in the order of their numbers; an excluded one is not stored. */
pare_status store_put(store_writer *w, const sweep_row *row, pare_err *e) PARE_MUST_CHECK;
/* How many points of a block of the whole sweep are excluded. */
pare_status store_put_excluded(store_writer *w, uint64_t block, uint64_t n,
                               pare_err *e) PARE_MUST_CHECK;
pare_status store_commit(store_writer *w, uint64_t next_block, pare_err *e) PARE_MUST_CHECK;
/* All is there: commit, drop what is old, and leave a plain file. */
pare_status store_finish(store_writer *w, pare_err *e) PARE_MUST_CHECK;

/* Rows of other inputs, by the hash of their own; one a thread. */
typedef struct store_reader store_reader;
pare_status store_reader_open(const store_writer *w, store_reader **out,
                              pare_err *e) PARE_MUST_CHECK;
void store_reader_close(store_reader *r); /* NULL allowed */
/* Fill the row if one with its hash is there. */
bool store_reader_find(store_reader *r, sweep_row *row);

/* ---- an adaptive search (sweep_search.c) ---- */

/* Every evaluation is a row, in the order of the search; what is stored is not computed again. */
pare_status sweep_search(const pare_sweep *s, store_writer *store,
                         const pare_sweep_options *options, pare_sweep_summary *out,
                         pare_err *e) PARE_MUST_CHECK;

#endif

/* store_core.h: what reads and what writes a store share; not for anyone else. */
#ifndef PARE_SIM_STORE_CORE_H
#define PARE_SIM_STORE_CORE_H
#include "sim/sim.h"
#include "sim/store.h"

#include <sqlite3.h>

enum { STORE_APPLICATION_ID = 0x50415245, STORE_HASH_BYTES = 16, STORE_BUSY_MS = 10000 };

struct pare_store {
    sqlite3 *db;
    sqlite3_stmt *rows, *layers;
    pare_arena *arena;
    double *values;
    pare_store_info info;
};

/* What went wrong, as a message about the file; returns the status. */
pare_status store_error(sqlite3 *db, const char *path, pare_err *e);
/* One statement or several that give no rows. */
pare_status store_exec(sqlite3 *db, const char *path, const char *sql, pare_err *e) PARE_MUST_CHECK;
pare_status store_prepare(sqlite3 *db, const char *path, const char *sql, sqlite3_stmt **out,
                          pare_err *e) PARE_MUST_CHECK;
/* Is it a store, and one of this version? `is_empty` is set if it is an empty file, where that is
 * allowed (not NULL). */
pare_status store_check(sqlite3 *db, const char *path, bool *is_empty, pare_err *e) PARE_MUST_CHECK;
/* Fill everything but the counts. */
pare_status store_read_info(sqlite3 *db, const char *path, pare_arena *a, pare_store_info *out,
                            pare_err *e) PARE_MUST_CHECK;

#endif

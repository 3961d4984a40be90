/* codesign.h: learn bits for machines, run them bit by bit, and put both on one front. Part of the
 * public header of sim/. The trainer is met through its program and its files only.
 */
#ifndef PARE_CODESIGN_H
#define PARE_CODESIGN_H
#include "sim/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pare_codesign_options {
    const char *folder;  /* of everything that is made: runs, cost tables, the store */
    const char *trainer; /* program; NULL: pare-train beside the running program, or in PATH */
    unsigned threads;    /* 0: all */
    bool is_dry;         /* only say what would be done */
    void (*say)(void *context, const char *line); /* one line of progress; NULL allowed */
    void *context;
} pare_codesign_options;

/* Train what a codesign file (docs/sweeps.md) asks for, infer and simulate it, and write
 * FOLDER/NAME.sqlite: a store of kind "codesign" with the axes machine and recipe. Every stage is
 * kept under the hash of its inputs, so that the same command after an interruption or a change
 * does only what is missing. `table` becomes a table for people. A pair that cannot be is a row
 * with its message; PARE_EFAIL if the trainer fails. */
pare_status pare_codesign_run(const char *file, const pare_codesign_options *options,
                              pare_buf *table, pare_err *e) PARE_MUST_CHECK;
extern const pare_schema pare_codesign_schema;

#ifdef __cplusplus
}
#endif
#endif

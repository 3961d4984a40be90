/* Which shard a process is, by option or by what its launcher says in the environment. */
#include "sim/sweep_core.h"

#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 1000000 };
static const pare_pos NOWHERE = {0, 0};

/* A plain decimal number; false if there is none. */
static bool number(const char *text, uint64_t *out)
{
    if (!text || !*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
        return false;
    *out = strtoull(text, NULL, 10);
    return true;
}

static bool variable(const char *name, uint64_t *out) { return number(getenv(name), out); }

/* A launcher: its variables of rank and count. */
typedef struct launcher {
    const char *rank, *count;
} launcher;

static const launcher launchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                     {"PMI_RANK", "PMI_SIZE"}};

/* srun sets SLURM_STEP_ID and SLURM_STEP_NUM_TASKS for a step; a batch script has SLURM_PROCID 0
 * although it is alone, so SLURM_NTASKS alone says nothing. */
static bool slurm_step(uint64_t *rank, uint64_t *count)
{
    return getenv("SLURM_STEP_ID") && variable("SLURM_PROCID", rank) &&
           variable("SLURM_STEP_NUM_TASKS", count);
}

/* Array indices may begin anywhere and have a step. */
static bool slurm_array(uint64_t *rank, uint64_t *count)
{
    uint64_t least = 0, step = 1;
    if (!variable("SLURM_ARRAY_TASK_ID", rank) || !variable("SLURM_ARRAY_TASK_COUNT", count))
        return false;
    (void)variable("SLURM_ARRAY_TASK_MIN", &least);
    if (!variable("SLURM_ARRAY_TASK_STEP", &step) || step == 0) step = 1;
    if (*rank < least) return false;
    *rank = (*rank - least) / step;
    return true;
}

static pare_status set(uint64_t rank, uint64_t count, const char *origin, uint32_t *shard,
                       uint32_t *n, const char **out, pare_err *e)
{
    if (count == 0 || count > SHARDS_MAX || rank >= count)
        return pare_err_set(e, PARE_EUSAGE, NULL, NOWHERE,
                            "%s: shard %llu of %llu; shards count from 0, at most %d expected",
                            origin, (unsigned long long)rank, (unsigned long long)count,
                            SHARDS_MAX);
    *shard = (uint32_t)rank;
    *n = (uint32_t)count;
    *out = origin;
    return PARE_OK;
}

static pare_status from_text(const char *text, uint32_t *shard, uint32_t *n, const char **origin,
                             pare_err *e)
{
    const char *const slash = strchr(text, '/');
    uint64_t rank, count;
    char first[16];
    const size_t length = slash ? (size_t)(slash - text) : sizeof first;
    if (length < sizeof first) {
        memcpy(first, text, length);
        first[length] = 0;
        if (number(first, &rank) && number(slash + 1, &count))
            return set(rank, count, "--shard", shard, n, origin, e);
    }
    return pare_err_set(e, PARE_EUSAGE, NULL, NOWHERE,
                        "--shard is '%s'; a shard and their number such as 0/4 expected", text);
}

pare_status pare_shard_find(const char *text, uint32_t n_shards, uint32_t *shard, uint32_t *n,
                            const char **origin, pare_err *e)
{
    uint64_t rank, count, outer, n_outer;
    *shard = 0;
    *n = 1;
    *origin = "";
    if (text) return from_text(text, shard, n, origin, e);
    if (n_shards && variable("PARALLEL_SEQ", &rank) && rank > 0)
        return set(rank - 1, n_shards, "PARALLEL_SEQ", shard, n, origin, e);
    if (n_shards)
        return pare_err_set(e, PARE_EUSAGE, NULL, NOWHERE,
                            "--shards is given without PARALLEL_SEQ of GNU parallel; --shard i/%u "
                            "expected",
                            n_shards);
    const bool is_array = slurm_array(&outer, &n_outer);
    if (slurm_step(&rank, &count)) {
        if (is_array)
            return set(outer * count + rank, n_outer * count,
                       "SLURM_ARRAY_TASK_ID and SLURM_PROCID", shard, n, origin, e);
        return set(rank, count, "SLURM_PROCID", shard, n, origin, e);
    }
    if (is_array) return set(outer, n_outer, "SLURM_ARRAY_TASK_ID", shard, n, origin, e);
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        if (variable(launchers[i].rank, &rank) && variable(launchers[i].count, &count))
            return set(rank, count, launchers[i].rank, shard, n, origin, e);
    return PARE_OK;
}

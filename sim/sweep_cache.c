/* Layers that were computed before: points of a sweep differ in few knobs, so most of their layers
 * are those of a neighbour. The key is everything that level 1 reads. */
#include "sim/sweep_core.h"

#include <stdlib.h>
#include <string.h>

/* 8 MiB or so a thread, whatever the sweep's size */
enum { CACHE_LOG2 = 14, CACHE_ENTRIES = 1 << CACHE_LOG2 };

/* without padding, so that its bytes can be hashed and compared */
typedef struct cache_key {
    uint64_t machine[2];
    pare_dims dims;
    uint32_t weight_bits, weight_stored_bits, act_bits, out_bits, scale_sums, reads_input, none;
} cache_key;
_Static_assert(sizeof(cache_key) == 16 + sizeof(pare_dims) + 28, "cache_key has padding");
/* three names, a place, dimensions, four bitlengths, sums, a flag: a member more belongs into the key as well */
_Static_assert(sizeof(pare_sim_job) == 3 * sizeof(char *) + sizeof(pare_pos) + sizeof(pare_dims) + 28,
               "pare_sim_job has changed, cache_key has not");

typedef struct cache_entry {
    bool is_used;
    cache_key key;
    pare_sim_layer layer;
} cache_entry;

struct layer_cache {
    cache_entry *entries;
};

layer_cache *layer_cache_new(void)
{
    layer_cache *const c = pare_xalloc(1, sizeof *c);
    c->entries = pare_xalloc(CACHE_ENTRIES, sizeof *c->entries);
    return c;
}

void layer_cache_free(layer_cache *c)
{
    if (!c) return;
    free(c->entries);
    free(c);
}

pare_status layer_cache_run(layer_cache *c, XXH128_hash_t machine_hash, const pare_machine *m,
                            const pare_sim_job *job, pare_sim_layer *out, bool *is_found,
                            pare_err *e)
{
    const cache_key key = {.machine = {machine_hash.low64, machine_hash.high64},
                           .dims = job->dims,
                           .weight_bits = job->weight_bits,
                           .weight_stored_bits = job->weight_stored_bits,
                           .act_bits = job->act_bits,
                           .out_bits = job->out_bits,
                           .scale_sums = job->scale_sums,
                           .reads_input = job->reads_input};
    const uint64_t at = XXH3_64bits(&key, sizeof key) >> (64 - CACHE_LOG2);
    cache_entry *const entry = &c->entries[at];
    *is_found = entry->is_used && !memcmp(&entry->key, &key, sizeof key);
    if (!*is_found) {
        entry->is_used = false; /* the run may fail half-way */
        PARE_TRY(pare_sim_run_layer(m, job, &entry->layer, e));
        entry->key = key;
        entry->is_used = true;
    }
    *out = entry->layer;
    out->layer = job->layer;
    out->type = job->type;
    return PARE_OK;
}

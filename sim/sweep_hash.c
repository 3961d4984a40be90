/* Content hashes: XXH3 of 128 bits over the inputs themselves, not over their files' bytes, so that
 * a comment changes nothing and a changed default does. */
#include "sim/sweep_core.h"

#include <string.h>

XXH128_hash_t sweep_hash(XXH128_hash_t seed, const void *bytes, size_t n)
{
    const XXH128_hash_t h = XXH3_128bits_withSeed(bytes, n, seed.low64);
    const uint64_t both[4] = {seed.high64, seed.low64, h.high64, h.low64};
    return XXH3_128bits(both, sizeof both);
}

/* Bytes on their way into a hash. */
typedef struct hasher {
    XXH128_hash_t h;
    size_t n;
    char bytes[1024];
} hasher;

static void flush(hasher *x)
{
    x->h = sweep_hash(x->h, x->bytes, x->n);
    x->n = 0;
}

static void add_bytes(hasher *x, const void *bytes, size_t n)
{
    if (n > sizeof x->bytes - x->n) flush(x);
    if (n > sizeof x->bytes) {
        x->h = sweep_hash(x->h, bytes, n);
        return;
    }
    memcpy(x->bytes + x->n, bytes, n);
    x->n += n;
}

static void add_leaf(hasher *x, const pare_key *k, const char *at)
{
    if (k->type != PARE_KEY_STR && k->type != PARE_KEY_NAME) {
        add_bytes(x, at, sweep_leaf_bytes(k));
        return;
    }
    const char *const text = *(const char *const *)(const void *)at;
    add_bytes(x, text, strlen(text) + 1);
}

static void add_fields(hasher *x, const pare_schema *schema, const char *at, bool is_top)
{
    for (size_t i = 0; i < schema->n_keys; i++) {
        const pare_key *const k = &schema->keys[i];
        const bool is_label = is_top && (!strcmp(k->name, "name") || !strcmp(k->name, "title"));
        if (k->type == PARE_KEY_MAP)
            add_fields(x, k->sub, at + k->offset, false);
        else if (sweep_leaf_bytes(k) && !is_label)
            add_leaf(x, k, at + k->offset);
    }
}

XXH128_hash_t sweep_hash_machine(const pare_machine *m)
{
    hasher x = {.n = 0};
    add_fields(&x, &pare_machine_schema, (const char *)m, true);
    add_bytes(&x, &m->costs, sizeof m->costs); /* doubles only: no padding */
    flush(&x);
    return x.h;
}

static void add_text(XXH128_hash_t *h, const char *text)
{
    *h = sweep_hash(*h, text, strlen(text) + 1);
}

/* Bits files and run folders are read, so that a changed one is seen. */
static void add_bits(const pare_sweep *s, XXH128_hash_t *h)
{
    const uint64_t n = s->axes[s->at[AXIS_BITS]].n * s->axes[s->at[AXIS_NETWORK]].n;
    for (uint64_t i = 0; i < n; i++) {
        const sweep_bits *const b = &s->bits[i];
        if (b->error) add_text(h, b->error);
        for (size_t l = 0; b->bits && l < b->bits->n_layers; l++) {
            const pare_layer_bits *const one = &b->bits->layers[l];
            const double numbers[6] = {one->weight_bits, one->act_bits,      one->weight_n,
                                       one->act_n,       one->weight_signed, one->act_signed};
            *h = sweep_hash(*h, numbers, sizeof numbers);
        }
    }
    *h = sweep_hash(*h, s->accuracy_frac, s->axes[s->at[AXIS_BITS]].n * sizeof *s->accuracy_frac);
}

XXH128_hash_t sweep_hash_plan(const pare_sweep *s)
{
    XXH128_hash_t h = s->seed;
    for (size_t i = 0; i < s->info.n_axes; i++) {
        add_text(&h, s->axes[i].key);
        for (size_t t = 1; t < s->kinds[i].n_targets; t++)
            add_text(&h, s->kinds[i].targets[t].field.path);
        for (uint64_t d = 0; d < s->axes[i].n; d++) add_text(&h, s->axes[i].values[d]);
        add_text(&h, "");
    }
    for (size_t i = 0; i < s->n_constraints; i++) add_text(&h, expr_text(s->constraints[i].x));
    for (uint64_t i = 0; i < s->axes[s->at[AXIS_NETWORK]].n; i++)
        h = sweep_hash(h, &s->net_hash[i], sizeof s->net_hash[i]);
    for (uint64_t i = 0; i < s->axes[s->at[AXIS_MACHINE]].n; i++) {
        const XXH128_hash_t m = sweep_hash_machine(s->machines[i]);
        h = sweep_hash(h, &m, sizeof m);
    }
    add_bits(s, &h);
    const uint64_t how[4] = {(uint64_t)s->conf.sample.method, s->info.n_points, s->conf.sample.seed,
                             s->conf.has_layers};
    h = sweep_hash(h, how, sizeof how);
    if (!s->info.is_search) return h;
    const search_conf *const c = &s->conf.search;
    const uint64_t search[4] = {(uint64_t)c->method, c->population, c->generations, c->seed};
    for (size_t i = 0; i < c->objectives.n; i++) add_text(&h, c->objectives.v[i]);
    return sweep_hash(h, search, sizeof search);
}

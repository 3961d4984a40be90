/* Pareto fronts: the points that no other one beats in everything. */
#include "sim/questions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* qsort hands over no context, so the values travel with their index */
typedef struct entry {
    double value[PARE_PARETO_MAX];
    size_t index, k;
} entry;

static int by_values(const void *a, const void *b)
{
    const entry *const x = a, *const y = b;
    for (size_t i = 0; i < x->k; i++)
        if (x->value[i] < y->value[i] || x->value[i] > y->value[i])
            return x->value[i] < y->value[i] ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool beats(const entry *a, const entry *b)
{
    bool is_less = false;
    for (size_t i = 0; i < a->k; i++) {
        if (a->value[i] > b->value[i]) return false;
        is_less |= a->value[i] < b->value[i];
    }
    return is_less;
}

static bool has_nan(const double *v, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (isnan(v[i])) return true;
    return false;
}

/* In sorted order only an earlier point can beat a later one, and if any does one of the front
 * does. */
static void mark(const entry *entries, size_t n, size_t k, bool *is_on)
{
    const entry **const front = pare_xalloc(n + 1, sizeof *front);
    size_t n_front = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_beaten = false;
        /* of two values the last of the front has the least second one */
        size_t j = k <= 2 && n_front ? n_front - 1 : 0;
        for (; j < n_front && !is_beaten; j++) is_beaten = beats(front[j], &entries[i]);
        if (is_beaten) continue;
        is_on[entries[i].index] = true;
        front[n_front++] = &entries[i];
    }
    free(front);
}

void pare_pareto(const double *values, size_t n, size_t k, bool *is_on)
{
    entry *const entries = pare_xalloc(n + 1, sizeof *entries);
    size_t n_entries = 0;
    memset(is_on, 0, n * sizeof *is_on);
    for (size_t i = 0; i < n; i++) {
        if (has_nan(&values[i * k], k)) continue;
        entry *const at = &entries[n_entries++];
        memcpy(at->value, &values[i * k], k * sizeof *values);
        at->index = i;
        at->k = k;
    }
    if (n_entries) qsort(entries, n_entries, sizeof *entries, by_values);
    mark(entries, n_entries, k, is_on);
    free(entries);
}

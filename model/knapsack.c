/* knapsack.c: dynamic programming over the sums that no other sum beats: lighter ones of less
 * value. Exact whatever the weights are; the lists stay as short as there are different weights. */
#include "model/knapsack.h"
#include "traces/trace.h"
#include <stdlib.h>

typedef struct sum {
    uint64_t weight;
    double value;
    uint32_t before; /* in the list of one item less */
    uint32_t k;
} sum;

typedef struct list {
    sum *v;
    size_t n;
} list;

static int lighter_first(const void *a, const void *b)
{
    const sum *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? -1 : 1;
    if (x->value != y->value) return x->value > y->value ? -1 : 1;
    return (x->k > y->k) - (x->k < y->k);
}

/* Keep what is worth more than all that is lighter. */
static void drop_beaten(list *l)
{
    qsort(l->v, l->n, sizeof *l->v, lighter_first);
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (!kept || l->v[i].value > l->v[kept - 1].value) l->v[kept++] = l->v[i];
    l->n = kept;
}

static list extend(const list *old, const pare_knapsack_item *item, const uint32_t *k,
                   size_t n_choices, uint64_t room)
{
    list l = {pare_xalloc(old->n * n_choices + 1, sizeof *l.v), 0};
    for (size_t i = 0; i < old->n; i++)
        for (size_t c = 0; c < n_choices; c++) {
            const uint64_t weight = old->v[i].weight + item->weight * k[c];
            if (weight <= room)
                l.v[l.n++] = (sum){weight, old->v[i].value + item->value * k[c], (uint32_t)i, k[c]};
        }
    drop_beaten(&l);
    return l;
}

bool pare_knapsack(const pare_knapsack_item *items, size_t n, const uint32_t *k, size_t n_choices,
                   uint64_t budget, uint32_t *chosen)
{
    uint64_t least = 0; /* of the items to come */
    for (size_t i = 0; i < n; i++) least += items[i].weight * k[0];
    if (least > budget) return false;
    list *lists = pare_xalloc(n + 1, sizeof *lists);
    lists[0] = (list){pare_xalloc(1, sizeof(sum)), 1};
    for (size_t i = 0; i < n; i++) {
        least -= items[i].weight * k[0];
        lists[i + 1] = extend(&lists[i], &items[i], k, n_choices, budget - least);
    }
    size_t at = lists[n].n - 1;
    for (size_t i = n; i-- > 0;) {
        chosen[i] = lists[i + 1].v[at].k;
        at = lists[i + 1].v[at].before;
    }
    for (size_t i = 0; i <= n; i++) free(lists[i].v);
    free(lists);
    return true;
}

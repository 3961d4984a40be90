/* Energy tables that stay in memory while many machines are priced. */
#include "sim/core.h"

#include <stdlib.h>
#include <string.h>

typedef struct kept {
    char *name;
    void *thing;
    bool is_csv;
    struct kept *next;
} kept;

struct sim_tables {
    kept *first;
};

struct sim_tables *sim_tables_new(void) { return pare_xalloc(1, sizeof(struct sim_tables)); }

void sim_tables_free(struct sim_tables *t)
{
    if (!t) return;
    while (t->first) {
        kept *const k = t->first;
        t->first = k->next;
        if (k->is_csv)
            pare_csv_free(k->thing);
        else
            free(k->thing);
        free(k->name);
        free(k);
    }
    free(t);
}

void *sim_tables_find(struct sim_tables *t, const char *name)
{
    for (const kept *k = t->first; k; k = k->next)
        if (!strcmp(k->name, name)) return k->thing;
    return NULL;
}

void sim_tables_keep(struct sim_tables *t, const char *name, void *thing, bool is_csv)
{
    kept *const k = pare_xalloc(1, sizeof *k);
    *k = (kept){.name = pare_xstrdup(name), .thing = thing, .is_csv = is_csv, .next = t->first};
    t->first = k;
}

/* The graph of a network: names to layers, an order in which each layer follows what it reads, and
 * one output. */
#include "traces/net_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct named {
    const char *name;
    uint32_t index; /* in the file */
} named;

/* equal names in the order of the file, so that the second one is the duplicate */
static int compare_named(const void *a, const void *b)
{
    const named *const x = a, *const y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static pare_status index_names(const pare_net_draft *d, named *names)
{
    for (uint32_t i = 0; i < d->n_layers; i++) {
        names[i] = (named){d->layers[i].name, i};
        if (!d->is_list && !strcmp(names[i].name, "input"))
            return pare_draft_fail(d, i, "name",
                                   "is 'input', the network's input; another expected");
    }
    qsort(names, d->n_layers, sizeof *names, compare_named);
    for (uint32_t i = 1; i < d->n_layers; i++) {
        if (strcmp(names[i - 1].name, names[i].name)) continue;
        return pare_draft_fail(d, names[i].index, "name",
                               "'%s' is also on line %u; a name of its own expected", names[i].name,
                               d->layers[names[i - 1].index].pos.line);
    }
    return PARE_OK;
}

static pare_status unknown_input(const pare_net_draft *d, uint32_t i, size_t j, const char *name)
{
    const char *near = "input";
    size_t near_distance = pare_text_distance(name, near);
    for (uint32_t k = 0; k < d->n_layers; k++) {
        const size_t distance = pare_text_distance(name, d->layers[k].name);
        if (k == i || distance >= near_distance) continue;
        near_distance = distance;
        near = d->layers[k].name;
    }
    char key[32];
    snprintf(key, sizeof key, "inputs[%zu]", j);
    return pare_draft_fail(d, i, key, "is '%s', which no layer is called; '%s' expected", name,
                           near);
}

static pare_status find_input(const pare_net_draft *d, const named *names, uint32_t i, size_t j,
                              uint32_t *out)
{
    const named key = {.name = d->layers[i].inputs.v[j]};
    size_t low = 0, high = d->n_layers;
    *out = PARE_READS_INPUT;
    if (!strcmp(key.name, "input")) return PARE_OK;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(names[middle].name, key.name);
        *out = names[middle].index;
        if (order == 0) return PARE_OK;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return unknown_input(d, i, j, key.name);
}

/* fills reads and first_read */
static pare_status link_inputs(pare_net_draft *d, pare_arena *scratch)
{
    named *const names = pare_arena_alloc(scratch, d->n_layers, sizeof *names);
    PARE_TRY(index_names(d, names));
    size_t n_reads = 0;
    for (uint32_t i = 0; i < d->n_layers; i++)
        n_reads += d->layers[i].inputs.n > 0 ? d->layers[i].inputs.n : 1;
    d->reads = pare_arena_alloc(scratch, n_reads, sizeof *d->reads);
    d->first_read = pare_arena_alloc(scratch, (size_t)d->n_layers + 1, sizeof *d->first_read);
    uint32_t at = 0;
    for (uint32_t i = 0; i < d->n_layers && !d->is_list; i++) {
        const pare_layer_spec *const s = &d->layers[i];
        d->first_read[i] = at;
        if (!(s->given & PARE_BIT(PARE_LK_INPUTS)))
            d->reads[at++] = i ? i - 1 : PARE_READS_INPUT;
        else if (s->inputs.n == 0)
            return pare_draft_fail(d, i, "inputs", "is an empty list; one or more names expected");
        for (size_t j = 0; j < s->inputs.n; j++)
            PARE_TRY(find_input(d, names, i, j, &d->reads[at++]));
    }
    if (!d->is_list) d->first_read[d->n_layers] = at;
    return PARE_OK;
}

/* ---- order ---- */

/* Depth first from each layer in the order of the file: what a layer reads comes before it, and an
 * order that already holds is kept. The stack is explicit, as a chain may be very long. */
typedef struct walk {
    uint32_t *stack, *next_read;
    uint32_t depth;
    uint8_t *state; /* 0 not seen, 1 on the stack, 2 done */
} walk;

static void push(const pare_net_draft *d, walk *w, uint32_t i)
{
    w->state[i] = 1;
    w->next_read[i] = d->first_read[i];
    w->stack[w->depth++] = i;
}

static pare_status report_cycle(const pare_net_draft *d, const walk *w, uint32_t i, uint32_t read)
{
    char key[32];
    uint32_t length = 1;
    while (w->stack[w->depth - length] != read) length++;
    if (d->layers[i].inputs.n > 0)
        snprintf(key, sizeof key, "inputs[%u]", w->next_read[i] - 1 - d->first_read[i]);
    else
        snprintf(key, sizeof key, "inputs");
    return pare_draft_fail(d, i, key,
                           "closes a cycle of %u layer%s: '%s' needs '%s'; a graph without cycles "
                           "expected",
                           length, length == 1 ? "" : "s", d->layers[i].name, d->layers[read].name);
}

static pare_status order_layers(pare_net_draft *d, pare_arena *scratch)
{
    walk w = {.stack = pare_arena_alloc(scratch, d->n_layers, sizeof *w.stack),
              .next_read = pare_arena_alloc(scratch, d->n_layers, sizeof *w.next_read),
              .state = pare_arena_alloc(scratch, d->n_layers, 1)};
    uint32_t n_done = 0;
    d->order = pare_arena_alloc(scratch, d->n_layers, sizeof *d->order);
    for (uint32_t root = 0; root < d->n_layers; root++) {
        if (w.state[root] == 0) push(d, &w, root);
        while (w.depth > 0) {
            const uint32_t i = w.stack[w.depth - 1];
            if (w.next_read[i] == d->first_read[i + 1]) {
                w.state[i] = 2;
                d->order[n_done++] = i;
                w.depth--;
                continue;
            }
            const uint32_t read = d->reads[w.next_read[i]++];
            if (read == PARE_READS_INPUT || w.state[read] == 2) continue;
            if (w.state[read] == 1) return report_cycle(d, &w, i, read);
            push(d, &w, read);
        }
    }
    return PARE_OK;
}

/* In a graph without cycles whose layers all lead to one output, that output comes last. */
static pare_status check_output(const pare_net_draft *d, pare_arena *scratch)
{
    bool *const is_read = pare_arena_alloc(scratch, d->n_layers, sizeof *is_read);
    int64_t output = -1;
    for (uint32_t i = 0; i < d->first_read[d->n_layers]; i++)
        if (d->reads[i] != PARE_READS_INPUT) is_read[d->reads[i]] = true;
    for (uint32_t i = 0; i < d->n_layers; i++) {
        if (is_read[i]) continue;
        if (output >= 0)
            return pare_draft_fail(d, i, "name",
                                   "'%s' is read by no layer, nor is '%s'; one output expected",
                                   d->layers[i].name, d->layers[output].name);
        output = i;
    }
    return PARE_OK;
}

/* ---- lists of independent layers ---- */

static pare_status check_list(const pare_net_draft *d)
{
    for (uint32_t i = 0; i < d->n_layers; i++) {
        const pare_layer_spec *const s = &d->layers[i];
        const pare_op op = pare_layer_spec_op(s);
        if (op != PARE_OP_CONV2D && op != PARE_OP_FC)
            return pare_draft_fail(d, i, "type",
                                   "is %s in a list of independent layers; conv2d or fc expected",
                                   pare_op_name(op));
        if (s->given & PARE_BIT(PARE_LK_INPUTS))
            return pare_draft_fail(d, i, "inputs",
                                   "stands in a list of independent layers; none expected");
        if (!(s->given & PARE_BIT(PARE_LK_INPUT)))
            return pare_draft_fail(d, i, NULL,
                                   "lacks 'input', as does the network; the shape of the network's "
                                   "input expected at the top");
    }
    return PARE_OK;
}

pare_status pare_draft_link(pare_net_draft *d, pare_arena *scratch)
{
    d->is_list = !(d->spec.given & PARE_BIT(PARE_NK_INPUT));
    if (d->n_layers == 0)
        return pare_yaml_error(d->yaml, "layers", d->e, PARE_EINPUT,
                               "layers is empty; at least one layer expected");
    if (d->is_list) PARE_TRY(check_list(d));
    PARE_TRY(link_inputs(d, scratch));
    PARE_TRY(order_layers(d, scratch));
    return d->is_list ? PARE_OK : check_output(d, scratch);
}

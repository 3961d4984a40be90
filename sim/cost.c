/* What bits cost: every pair of bitlengths of every layer, and what one more bit costs. */
#include "sim/core.h"
#include "sim/questions.h"

#include <stdlib.h>
#include <string.h>

/* ---- every pair ---- */

typedef struct cost_work {
    const pare_machine *m;
    const pare_sim_options *options;
    const pare_sim_job *jobs;
    size_t *same; /* of each job, the first one that costs the same at the same bits */
    pare_cost_table *table;
    pare_status *statuses; /* of each item */
    pare_err *errors;
} cost_work;

/* item: a layer and its weight bits; all activation bits */
static void cost_item(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const cost_work *const k = context;
    pare_cost_table *const t = k->table;
    const size_t layer = item / t->weight_bits_max;
    pare_sim_job job = k->jobs[layer];
    if (k->same[layer] != layer) return;
    job.weight_bits = (uint32_t)(item % t->weight_bits_max) + 1;
    for (job.act_bits = 1; job.act_bits <= t->act_bits_max; job.act_bits++) {
        pare_sim_layer out;
        k->statuses[item] =
            sim_depends_on_values(k->m)
                ? sim_dynamic_layers(k->m, &job, 1, k->options, NULL, NULL, &out, &k->errors[item])
                : pare_sim_run_layer(k->m, &job, &out, &k->errors[item]);
        if (k->statuses[item] != PARE_OK) return;
        *pare_cost_at(t, layer, job.weight_bits, job.act_bits) =
            (pare_cost){.cycles = out.stats.cycles,
                        .energy_pj = out.stats.energy_pj,
                        .dram_bits = out.stats.dram_bits};
    }
}

static size_t *find_same(const pare_machine *m, const pare_sim_job *jobs, size_t n)
{
    size_t *const same = pare_xalloc(n + 1, sizeof *same);
    for (size_t i = 0; i < n; i++) {
        /* values differ from layer to layer */
        for (size_t j = sim_depends_on_values(m) ? i : 0; j <= i; j++) {
            pare_sim_job at_my_bits = jobs[j];
            at_my_bits.weight_bits = jobs[i].weight_bits;
            at_my_bits.act_bits = jobs[i].act_bits;
            same[i] = j;
            if (sim_is_same_job(&jobs[i], &at_my_bits)) break;
        }
    }
    return same;
}

static pare_status first_error(const cost_work *k, size_t n_items, pare_err *e)
{
    for (size_t i = 0; i < n_items; i++)
        if (k->statuses[i] != PARE_OK) {
            if (e) *e = k->errors[i];
            return k->statuses[i];
        }
    return PARE_OK;
}

pare_status pare_sim_cost(const pare_net *net, const pare_machine *machine, const pare_bits *around,
                          const pare_sim_options *options, pare_cost_table **out, pare_err *e)
{
    size_t n;
    const uint32_t batch = options && options->batch ? options->batch : 1;
    pare_sim_job *const jobs = sim_jobs(net, around, machine, batch, &n);
    pare_cost_table *const t =
        pare_cost_new(net, (uint32_t)sim_min(machine->pe.max_weight_bits, PARE_BITS_MAX),
                      (uint32_t)sim_min(machine->pe.max_act_bits, PARE_BITS_MAX));
    const size_t n_items = n * t->weight_bits_max;
    t->machine = pare_arena_strdup(t->arena, machine->name);
    t->batch = batch;
    t->clock_mhz = machine->clock_mhz;
    t->outputs = pare_arena_printf(t->arena, "stored at the bits at which they are read in '%s'",
                                   around->method);
    cost_work k = {.m = machine,
                   .options = options,
                   .jobs = jobs,
                   .same = find_same(machine, jobs, n),
                   .table = t,
                   .statuses = pare_xalloc(n_items + 1, sizeof(pare_status)),
                   .errors = pare_xalloc(n_items + 1, sizeof(pare_err))};
    /* machines that depend on values have threads of their own */
    pare_pool *const pool = pare_pool_new(sim_depends_on_values(machine) ? 1
                                          : options                      ? options->threads
                                                                         : 0);
    pare_pool_run(pool, n_items, cost_item, &k);
    pare_pool_free(pool);
    const size_t size = (size_t)t->weight_bits_max * t->act_bits_max;
    for (size_t i = 0; i < n; i++)
        if (k.same[i] != i)
            memcpy(&t->costs[i * size], &t->costs[k.same[i] * size], size * sizeof *t->costs);
    const pare_status status = first_error(&k, n_items, e);
    free(k.same);
    free(k.statuses);
    free(k.errors);
    free(jobs);
    *out = status == PARE_OK ? t : NULL;
    if (status != PARE_OK) pare_cost_free(t);
    return status;
}

/* ---- the next bit ---- */

static pare_status run_total(const pare_net *net, const pare_machine *machine,
                             const pare_bits *bits, const pare_sim_options *options, pare_cost *out,
                             pare_err *e)
{
    pare_sim_result r;
    PARE_TRY(pare_sim_run(net, machine, bits, options, &r, e));
    *out = (pare_cost){
        .cycles = r.total.cycles, .dram_bits = r.total.dram_bits, .energy_pj = r.total.energy_pj};
    pare_sim_result_free(&r);
    return PARE_OK;
}

static pare_cost_change change(const pare_cost *from, const pare_cost *to)
{
    return (pare_cost_change){.is_possible = true,
                              .cycles = (int64_t)(to->cycles - from->cycles),
                              .dram_bits = (int64_t)(to->dram_bits - from->dram_bits),
                              .energy_pj = to->energy_pj - from->energy_pj};
}

pare_status pare_sim_next_bits(const pare_net *net, const pare_machine *machine,
                               const pare_bits *bits, const pare_sim_options *options,
                               pare_next_bit *out, pare_cost *total, pare_err *e)
{
    pare_status status = PARE_OK;
    pare_bits varied = *bits;
    varied.layers = pare_xalloc(bits->n_layers, sizeof *varied.layers);
    memcpy(varied.layers, bits->layers, bits->n_layers * sizeof *varied.layers);
    const uint32_t max[2] = {machine->pe.max_weight_bits, machine->pe.max_act_bits};
    PARE_TRY_DONE(run_total(net, machine, bits, options, total, e));
    for (size_t i = 0; i < bits->n_layers; i++) {
        const pare_layer_bits own = bits->layers[i];
        pare_layer_bits *const l = &varied.layers[i];
        out[i] = (pare_next_bit){
            .layer = own.layer, .weight_bits = own.weight_bits, .act_bits = own.act_bits};
        for (int k = 0; k < 4; k++) {
            const bool is_act = k >= 2, is_more = k % 2;
            uint32_t *const b = is_act ? &l->act_bits : &l->weight_bits;
            const uint32_t now = *b;
            if (is_more ? now >= sim_min(max[is_act], PARE_BITS_MAX) : now <= 1) continue;
            *b = is_more ? now + 1 : now - 1;
            pare_cost at;
            PARE_TRY_DONE(run_total(net, machine, &varied, options, &at, e));
            out[i].change[k] = change(total, &at);
            *b = now;
        }
    }
done:
    free(varied.layers);
    return status;
}

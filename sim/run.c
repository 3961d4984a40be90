/* From a network, its bits and a machine to statistics per layer and in total. */
#include "sim/dynamic.h"
#include "sim/searcher.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- jobs ---- */

static const char *layer_type(const pare_layer *l, const pare_dims *d)
{
    if (l->op != PARE_OP_CONV2D) return pare_op_name(l->op);
    if (d->groups > 1) return d->groups == d->c ? "depthwise" : "grouped";
    return d->r == 1 && d->s == 1 ? "pointwise" : "conv2d";
}

/* The bits at which each node's output is read again: the widest among the MAC layers that see it,
 * through layers without weights; 0 if none does. */
static uint32_t *reading_bits(const pare_net *net, const pare_bits *bits)
{
    uint32_t *const read = pare_xalloc(net->n_layers, sizeof *read);
    size_t next = bits->n_layers;
    for (uint32_t i = net->n_layers; i-- > 0;) {
        const pare_layer *const l = &net->layers[i];
        const pare_layer_bits *const b = pare_layer_is_mac(l) ? &bits->layers[--next] : NULL;
        for (uint32_t j = 0; j < l->n_inputs; j++) {
            uint32_t *const r = &read[l->inputs[j]];
            const uint32_t here = !b ? read[i] : j == 0 ? b->act_bits : b->weight_bits;
            if (here > *r) *r = here;
        }
    }
    return read;
}

/* The second operand of a matmul differs from image to image, so images become groups. Too many
 * are left for sim_job_check to refuse: n is 0 then. */
static void fold_batch(pare_dims *d)
{
    const uint64_t most = sim_max(d->c, d->k) * (uint64_t)d->n;
    if (most > UINT32_MAX) {
        d->n = 0;
        return;
    }
    d->groups *= d->n;
    d->c *= d->n;
    d->k *= d->n;
    d->n = 1;
}

pare_sim_job *sim_jobs(const pare_net *net, const pare_bits *bits, const pare_machine *m,
                       uint32_t batch, size_t *n)
{
    pare_sim_job *const jobs = pare_xalloc(net->n_mac_layers, sizeof *jobs);
    uint32_t *const read = reading_bits(net, bits);
    *n = 0;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_layer *const l = &net->layers[i];
        if (!pare_layer_is_mac(l)) continue;
        const pare_layer_bits *const b = &bits->layers[*n];
        pare_sim_job *const job = &jobs[(*n)++];
        job->layer = l->name;
        job->dims = pare_layer_dims(l, batch);
        job->type = layer_type(l, &job->dims);
        if (l->op == PARE_OP_MATMUL) fold_batch(&job->dims);
        job->weight_bits = b->weight_bits;
        job->weight_stored_bits = b->weight_stored_bits;
        /* tensors that are added lengthen the sums: nothing is read or written twice but weights */
        job->dims.tensors = b->weight_tensors > 1 ? b->weight_tensors : 0;
        job->scale_sums = b->weight_scales;
        if (job->dims.tensors)
            job->scale_sums = job->dims.tensors * (b->weight_scales ? b->weight_scales : 1);
        job->bits_file = bits->file;
        job->bits_pos = b->pos;
        job->act_bits = b->act_bits;
        job->out_bits = read[i] ? read[i] : m->memory.native_bits;
        job->reads_input = l->n_inputs > 0 && net->layers[l->inputs[0]].op == PARE_OP_INPUT;
    }
    free(read);
    return jobs;
}

/* ---- one layer ---- */

static pare_status check_bits(const pare_machine *m, const pare_sim_job *job, const char *key,
                              const char *operand, uint32_t bits, uint32_t max, pare_err *e)
{
    if (bits <= max) return PARE_OK;
    return pare_yaml_error(m->yaml, key, e, PARE_EINPUT,
                           "%s is %u, but layer '%s' has %u-bit %s; at least %u expected", key, max,
                           job->layer, bits, operand, bits);
}

/* The products below stay far from 2^64 if these do. */
static bool is_countable(const pare_sim_job *job)
{
    const pare_dims *const d = &job->dims;
    const double windows = (double)d->n * d->p * d->q, positions = (double)pare_dims_positions(d);
    const double macs = windows * d->k * (d->c / d->groups) * positions;
    const double pixels = (double)d->n * d->h * d->w * d->c;
    return d->n > 0 && macs < ldexp(1, 52) && pixels < ldexp(1, 52);
}

/* What a machine does not know about weights in several tensors or with several scales. */
static pare_status check_sums(const pare_machine *m, const pare_sim_job *job, pare_err *e)
{
    const char *const of = job->dims.tensors ? "weight tensors that are added"
                                             : "partial sums with scales of their own";
    const bool is_by_values =
        sim_skip_operands(m) || (job->dims.tensors && sim_pack_operands(m) & VALUES_WEIGHTS);
    const bool is_foreign = m->memory.model == PARE_MEMORY_BITFUSION;
    if (!job->scale_sums || (!is_by_values && !is_foreign)) return PARE_OK;
    return pare_err_set(
        e, PARE_EINPUT, job->bits_file, job->bits_pos,
        "layer '%s' has %u %s, which machine '%s' does not know, as %s; a machine "
        "with %s expected",
        job->layer, job->dims.tensors ? job->dims.tensors : job->scale_sums, of, m->name,
        is_foreign ? "memory.model is bitfusion" : "its cost depends on values",
        is_foreign ? "memory.model limited" : "pe.skips nothing and packing that needs no weights");
}

pare_status sim_job_check(const pare_machine *m, const pare_sim_job *job, pare_err *e)
{
    PARE_TRY(check_bits(m, job, "pe.max_weight_bits", "weights", job->weight_bits,
                        m->pe.max_weight_bits, e));
    PARE_TRY(
        check_bits(m, job, "pe.max_act_bits", "activations", job->act_bits, m->pe.max_act_bits, e));
    if (m->dram.bits_per_cycle == 0 && m->memory.model != PARE_MEMORY_IDEAL)
        return pare_yaml_error(m->yaml, "dram.bits_per_cycle", e, PARE_EINPUT,
                               "dram.bits_per_cycle is 0, but layer '%s' has to be moved; at least "
                               "1 expected",
                               job->layer);
    PARE_TRY(check_sums(m, job, e));
    if (!is_countable(job))
        return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                            "layer '%s' has 2^52 or more products or values; a smaller layer or "
                            "batch expected",
                            job->layer);
    return PARE_OK;
}

static void fill_cycles(const pare_machine *m, const pare_sim_job *job, pe_rate rate,
                        const mapping_choice *c, pare_sim_stats *s)
{
    const uint64_t lanes = sim_array_lanes(m);
    s->cycles = c->time.cycles;
    s->startup_cycles = c->time.startup_cycles;
    s->stall_cycles = c->time.stall_cycles;
    if (c->array.scale_cycles)
        s->scale_cycles = c->totals.fold_cycles / c->array.fold_cycles * c->array.scale_cycles;
    s->fill_drain_cycles = c->totals.fold_cycles - s->scale_cycles;
    s->weight_load_cycles = c->totals.load_cycles + c->totals.multiplex_cycles;
    const uint64_t products = s->macs * job->weight_bits * job->act_bits;
    s->ideal_cycles = sim_ceil_div(products, lanes * sim_pe_lane_bit_products(&m->pe));
    /* what the layer takes if every lane always has work */
    uint64_t dense =
        sim_ceil_div(s->macs * rate.act_steps * rate.weight_steps, lanes * rate.lane_factor);
    if (c->totals.work.is_known) {
        s->ideal_cycles =
            sim_ceil_div(c->totals.work.products, lanes * sim_pe_lane_bit_products(&m->pe));
        dense = sim_ceil_div(c->totals.work.occupied, lanes);
    }
    s->rounding_cycles = dense - s->ideal_cycles;
    s->padding_cycles =
        c->totals.compute_cycles - c->totals.fold_cycles - s->weight_load_cycles - dense;
    if (m->compat.count_from_zero && s->fill_drain_cycles > 0) {
        s->fill_drain_cycles--;
        s->cycles--;
    }
}

static void fill_traffic(const pare_machine *m, const pare_sim_job *job, const mapping_choice *c,
                         pare_sim_stats *s)
{
    const tile_totals *const t = &c->totals;
    s->dram_weight_bits = t->dram_weight_bits;
    s->dram_act_bits = t->dram_act_bits;
    s->dram_out_bits = t->dram_out_bits;
    s->dram_psum_bits = t->dram_psum_write_bits + t->dram_psum_read_bits;
    s->dram_bits = c->dram_bits;
    const value_bits v = c->tiles.bits, native = sim_value_bits(m, job, false);
    s->dram_unpacked_bits = sim_unpacked_bits(t, &v, &native);
    if (t->work.dram_unpacked_bits) s->dram_unpacked_bits = t->work.dram_unpacked_bits;
    s->weight_buffer_read_bits = t->buffer_bits[0][0];
    s->weight_buffer_write_bits = t->buffer_bits[0][1];
    s->act_buffer_read_bits = t->buffer_bits[1][0];
    s->act_buffer_write_bits = t->buffer_bits[1][1];
    s->out_buffer_read_bits = t->buffer_bits[2][0];
    s->out_buffer_write_bits = t->buffer_bits[2][1];
}

static pare_sim_map describe_map(const mapping_choice *c)
{
    static const char names[N_LOOPS] = {
        [LOOP_G] = 'g', [LOOP_K] = 'k', [LOOP_W] = 'w', [LOOP_C] = 'c'};
    pare_sim_map map = {.tiles_hold_windows = c->array.tiles_hold_windows,
                        .tiles_hold_depth = c->array.depth_tiles > 1,
                        .cols_hold_filters = c->array.cols_hold_filters,
                        .is_flat = c->array.is_flat,
                        .packed_groups = (uint32_t)c->array.packed_groups,
                        .tile_groups = (uint32_t)c->tiles.size[LOOP_G],
                        .tile_filters = (uint32_t)c->tiles.size[LOOP_K],
                        .tile_channels = (uint32_t)c->tiles.size[LOOP_C],
                        .tile_images = (uint32_t)c->tn,
                        .tile_out_rows = (uint32_t)c->tp,
                        .tile_out_cols = (uint32_t)c->tq,
                        .n_tiles = c->totals.n_tiles};
    size_t n = 0;
    for (int i = 0; i < N_LOOPS; i++)
        if (c->tiles.n[c->tiles.order[i]] > 1) map.order[n++] = names[c->tiles.order[i]];
    return map;
}

/* The parts of a group sum to its total, in uint64_t exactly, in double to rounding. */
static bool parts_sum_to_totals(const pare_sim_stats *s)
{
    double parts[PARE_STAT_BUFFER + 1] = {0}, total[PARE_STAT_BUFFER + 1] = {0};
    bool is_real[PARE_STAT_BUFFER + 1] = {0}, has_total[PARE_STAT_BUFFER + 1] = {0};
#define X(name, type, group, role, label, doc)                                                     \
    if (PARE_STAT_##role == PARE_STAT_PART) parts[PARE_STAT_##group] += (double)s->name;           \
    if (PARE_STAT_##role == PARE_STAT_TOTAL) total[PARE_STAT_##group] = (double)s->name;           \
    has_total[PARE_STAT_##group] |= PARE_STAT_##role == PARE_STAT_TOTAL;                           \
    is_real[PARE_STAT_##group] |= _Generic((type)0, double : true, default : false);
    PARE_SIM_STATS(X)
#undef X
    for (int i = 0; i <= PARE_STAT_BUFFER; i++)
        if (has_total[i] &&
            fabs(parts[i] - total[i]) > 1e-9 * (is_real[i] || total[i] > 1e15 ? total[i] : 0))
            return false;
    return true;
}

pare_status sim_job_stats(const pare_machine *m, const pare_sim_job *job, const mapping_choice *c,
                          pare_sim_layer *out, pare_err *e)
{
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    *out = (pare_sim_layer){.layer = job->layer,
                            .type = job->type,
                            .weight_bits = job->weight_bits,
                            .act_bits = job->act_bits,
                            .out_bits = (uint32_t)c->tiles.bits.out,
                            .step_cycles = (uint32_t)c->array.step_cycles,
                            .mean_step_cycles = (double)c->array.step_cycles,
                            .dims = job->dims,
                            .map = describe_map(c)};
    pare_sim_stats *const s = &out->stats;
    s->macs = pare_dims_macs(&job->dims);
    s->scale_products = c->totals.scale_products;
    fill_cycles(m, job, rate, c, s);
    fill_traffic(m, job, c, s);
    sim_energy_pj(m, job, &c->totals, s->cycles, s);
    out->energy_uncertainty_frac = sim_energy_uncertainty(&m->costs, s);
    double lane_cycles =
        (double)s->macs * (double)(rate.act_steps * rate.weight_steps) / (double)rate.lane_factor;
    if (c->totals.work.is_known) {
        lane_cycles = (double)c->totals.work.occupied;
        out->mean_step_cycles = c->totals.work.mean_step_cycles;
    }
    out->utilization = lane_cycles / ((double)s->cycles * (double)sim_array_lanes(m));
    /* alone of all counters it can exceed the traffic, by the widths' ratio of up to 16 */
    if (s->dram_unpacked_bits == UINT64_MAX)
        return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                            "layer '%s' moves more than 2^64 bits, unpacked; a smaller layer or "
                            "batch expected",
                            job->layer);
    if (!parts_sum_to_totals(s))
        return pare_err_set(e, PARE_EFAIL, m->file, (pare_pos){0, 0},
                            "layer '%s': the parts of a breakdown do not sum to their total; "
                            "please report this machine and layer",
                            job->layer);
    return PARE_OK;
}

/* ---- the network ---- */

bool sim_is_same_job(const pare_sim_job *a, const pare_sim_job *b)
{
    return !memcmp(&a->dims, &b->dims, sizeof a->dims) && a->weight_bits == b->weight_bits &&
           a->weight_stored_bits == b->weight_stored_bits && a->act_bits == b->act_bits &&
           a->out_bits == b->out_bits && a->scale_sums == b->scale_sums &&
           a->reads_input == b->reads_input;
}

static pare_status run_layer(searcher *s, const pare_sim_job *job, pare_sim_layer *out, pare_err *e)
{
    mapping_choice c;
    PARE_TRY(sim_job_check(s->m, job, e));
    if (s->m->memory.model == PARE_MEMORY_BITFUSION) return sim_bitfusion_layer(s->m, job, out, e);
    const pare_sim_job padded = sim_padded_job(s->m, job);
    PARE_TRY(sim_searcher_find(s, &padded, &c, e));
    return sim_job_stats(s->m, job, &c, out, e);
}

/* Layers of equal shape and bits cost the same; each distinct one is searched once. */
static pare_status run_layers(const pare_machine *m, const pare_sim_job *jobs, size_t n,
                              const pare_sim_options *options, pare_sim_layer *out, pare_err *e)
{
    searcher s;
    if (sim_depends_on_values(m))
        return sim_dynamic_layers(m, jobs, n, options, NULL, NULL, out, e);
    sim_searcher_start(&s, m);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < i && !sim_is_same_job(&jobs[i], &jobs[j])) j++;
        if (j == i) {
            PARE_TRY(run_layer(&s, &jobs[i], &out[i], e));
        } else {
            out[i] = out[j];
            out[i].layer = jobs[i].layer;
            out[i].type = jobs[i].type;
        }
    }
    return PARE_OK;
}

pare_status pare_sim_run_layer(const pare_machine *machine, const pare_sim_job *job,
                               pare_sim_layer *out, pare_err *e)
{
    return run_layers(machine, job, 1, NULL, out, e);
}

static bool add_whole(uint64_t *sum, uint64_t x) { return pare_add_u64(*sum, x, sum); }
static bool add_real(double *sum, double x)
{
    *sum += x;
    return true;
}

static bool add_stats(pare_sim_stats *sum, const pare_sim_stats *s)
{
    bool is_small = true;
#define X(name, type, group, role, label, doc)                                                     \
    is_small &= _Generic((type)0, double : add_real, default : add_whole)(&sum->name, s->name);
    PARE_SIM_STATS(X)
#undef X
    return is_small;
}

pare_status sim_add_up(const pare_machine *m, pare_sim_result *r, pare_err *e)
{
    double lane_cycles = 0, macs = 0, weight_bits = 0, act_bits = 0;
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_sim_layer *const l = &r->layers[i];
        if (!add_stats(&r->total, &l->stats))
            return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                                "the network takes more than 2^64 cycles or bits; a smaller "
                                "network or batch expected");
        lane_cycles += l->utilization * (double)l->stats.cycles;
        macs += (double)l->stats.macs;
        weight_bits += (double)l->stats.macs * l->weight_bits;
        act_bits += (double)l->stats.macs * l->act_bits;
    }
    r->utilization = r->total.cycles ? lane_cycles / (double)r->total.cycles : 0;
    r->mean_weight_bits = macs > 0 ? weight_bits / macs : 0;
    r->mean_act_bits = macs > 0 ? act_bits / macs : 0;
    r->latency_ns = (double)r->total.cycles * 1000 / m->clock_mhz;
    r->edp_pj_ns = r->total.energy_pj * r->latency_ns;
    r->area_um2 = pare_machine_area_um2(m);
    r->energy_uncertainty_frac = sim_energy_uncertainty(&m->costs, &r->total);
    r->normalized = m->normalized;
    r->unpriced = pare_machine_unpriced(m);
    return PARE_OK;
}

pare_status pare_sim_run(const pare_net *net, const pare_machine *machine, const pare_bits *bits,
                         const pare_sim_options *options, pare_sim_result *out, pare_err *e)
{
    assert(bits->n_layers == net->n_mac_layers);
    *out = (pare_sim_result){.network = net->name,
                             .machine = machine->name,
                             .bits = bits->method,
                             .network_hash = net->hash,
                             .machine_hash = machine->hash,
                             .bits_hash = bits->hash,
                             .batch = options && options->batch ? options->batch : 1,
                             .clock_mhz = machine->clock_mhz};
    pare_sim_job *const jobs = sim_jobs(net, bits, machine, out->batch, &out->n_layers);
    out->layers = pare_xalloc(out->n_layers + 1, sizeof *out->layers);
    if (sim_depends_on_values(machine)) out->values = sim_values_name(machine, options);
    pare_status status = run_layers(machine, jobs, out->n_layers, options, out->layers, e);
    if (status == PARE_OK) status = sim_add_up(machine, out, e);
    free(jobs);
    if (status != PARE_OK) pare_sim_result_free(out);
    return status;
}

void pare_sim_result_free(pare_sim_result *r)
{
    if (!r) return;
    free(r->layers);
    r->layers = NULL;
    r->n_layers = 0;
}

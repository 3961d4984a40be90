/* A trained network's integer codes through a machine's arithmetic. */
#include "sim/infer_core.h"

#include <stdlib.h>
#include <string.h>

static const double AGREEMENT_MIN_FRAC = 0.999;
enum { EXAMINED_MAX = 100 }; /* of the predictions that differ, and the share allowed */
static const pare_pos NOWHERE = {0, 0};

/* ---- all images ---- */

typedef struct pass {
    const pare_infer *f;
    const pare_infer_images *images;
    infer_worker **workers;
    uint8_t *predictions;
} pass;

static void run_image(void *context, size_t item, unsigned worker)
{
    const pass *const p = context;
    const size_t count = (size_t)pare_shape_count(p->images->shape);
    infer_image(p->f, p->images->pixels + item * count, p->workers[worker], NULL, NULL);
    p->predictions[item] = (uint8_t)infer_class(p->f, p->workers[worker]);
}

/* The largest sum of a layer is the largest of any worker, whoever had which image. */
static void run_images(const pare_infer *f, const pare_infer_images *images, unsigned threads,
                       pare_infer_result *out)
{
    pare_pool *const pool = pare_pool_new(threads);
    const unsigned n = pare_pool_threads(pool);
    pass p = {f, images, pare_xalloc(n, sizeof(infer_worker *)), out->predictions};
    for (unsigned i = 0; i < n; i++) p.workers[i] = infer_worker_new(f, false);
    pare_pool_run(pool, images->n, run_image, &p);
    for (unsigned i = 0; i < n; i++) {
        for (uint32_t j = 0; j < f->net->n_layers; j++) {
            if (!f->layers[j].is_mac) continue;
            uint64_t *const most = &out->layers[f->layers[j].mac].acc_max;
            if (p.workers[i]->acc_max[j] > *most) *most = p.workers[i]->acc_max[j];
        }
        infer_worker_free(p.workers[i]);
    }
    free(p.workers);
    pare_pool_free(pool);
}

/* ---- what came out ---- */

static void compare_predictions(const pare_infer *f, const pare_infer_images *images,
                                pare_infer_result *out)
{
    const uint8_t *const theirs = f->predictions.data;
    const size_t count = (size_t)pare_shape_count(images->shape);
    out->n_images = images->n;
    out->n_compared = f->predictions.count < images->n ? f->predictions.count : images->n;
    for (size_t i = 0; i < images->n; i++)
        out->n_correct += out->predictions[i] == images->labels[i];
    /* more of them fail the run anyway */
    if (out->is_integer) {
        for (size_t i = 0; i < out->n_compared; i++) {
            out->n_trainer_correct += theirs[i] == images->labels[i];
            out->n_agree += theirs[i] == out->predictions[i];
        }
        return;
    }
    const size_t most = EXAMINED_MAX + (size_t)((1 - AGREEMENT_MIN_FRAC) * (double)out->n_compared);
    size_t n_examined = 0;
    for (size_t i = 0; i < out->n_compared; i++) {
        out->n_trainer_correct += theirs[i] == images->labels[i];
        out->n_agree += theirs[i] == out->predictions[i];
        if (theirs[i] == out->predictions[i] || n_examined++ >= most) continue;
        const infer_reason why = infer_why(f, images->pixels + i * count, theirs[i]);
        out->n_disagree_logit_tie += why == INFER_LOGIT_TIE;
        out->n_disagree_code_tie += why == INFER_CODE_TIE;
    }
}

static bool is_ok(const pare_infer_result *r)
{
    bool ok = r->n_logits_rounding == r->n_logits_differ;
    /* integers round otherwise than the trainer's floats: what they must be is in the samples */
    if (!r->is_integer)
        ok &= (double)r->n_agree >= AGREEMENT_MIN_FRAC * (double)r->n_compared &&
              r->n_disagree_logit_tie + r->n_disagree_code_tie == r->n_compared - r->n_agree;
    for (size_t i = 0; i < r->n_layers; i++)
        ok &= r->layers[i].n_codes_rounding == r->layers[i].n_codes_differ;
    return ok;
}

/* Bits of a two's complement number that holds 0..most. */
static uint32_t width_of(uint64_t most)
{
    uint32_t bits = 1;
    for (; most; most >>= 1) bits++;
    return bits;
}

static pare_status check_width(const pare_machine *m, const pare_infer_result *r, pare_err *e)
{
    const pare_infer_layer *widest = &r->layers[0];
    for (size_t i = 1; i < r->n_layers; i++)
        if (r->layers[i].acc_bits > widest->acc_bits) widest = &r->layers[i];
    if (widest->acc_bits <= m->pe.acc_bits) return PARE_OK;
    return pare_yaml_error(m->yaml, "pe.acc_bits", e, PARE_EINPUT,
                           "pe.acc_bits is %u, but layer '%s' reaches a sum of %llu; at least %u "
                           "expected",
                           m->pe.acc_bits, widest->layer, (unsigned long long)widest->acc_max,
                           widest->acc_bits);
}

static pare_status check_images(const pare_infer *f, const pare_infer_images *images, pare_err *e)
{
    const pare_shape want = f->net->layers[0].out, is = images->shape;
    if (!images->n)
        return pare_err_set(e, PARE_EINPUT, f->net->file, NOWHERE,
                            "is given no test image; at least one expected");
    if (is.c == want.c && is.h == want.h && is.w == want.w) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, f->net->file, NOWHERE,
                        "takes images of %ux%ux%u (channels, height, width), the data has "
                        "%ux%ux%u; the test set that it was trained with expected (--data)",
                        want.c, want.h, want.w, is.c, is.h, is.w);
}

/* Machine cycles of one image; refuses what the machine cannot run. */
static pare_status simulate(const pare_infer *f, const pare_machine *m, pare_infer_result *out,
                            pare_err *e)
{
    pare_sim_result sim;
    PARE_TRY(pare_sim_run(f->net, m, f->bits, NULL, &sim, e));
    for (size_t i = 0; i < sim.n_layers; i++) out->layers[i].cycles = sim.layers[i].stats.cycles;
    out->cycles = sim.total.cycles;
    pare_sim_result_free(&sim);
    return PARE_OK;
}

static void name_layers(const pare_infer *f, pare_infer_result *out)
{
    for (uint32_t i = 0; i < f->net->n_layers; i++) {
        const infer_layer *const l = &f->layers[i];
        if (!l->is_mac) continue;
        pare_infer_layer *const o = &out->layers[l->mac];
        o->layer = l->l->name;
        o->kernel = l->kernel->name;
        o->weight_bits = l->weight.bits;
        o->act_bits = l->act.bits;
        o->acc_bound = l->acc_bound;
        o->acc_bound_bits = width_of(l->acc_bound);
        o->next = f->is_integer && l->requant ? f->net->layers[l->next].name : NULL;
    }
}

pare_status pare_infer_run(const pare_infer *f, const pare_machine *machine,
                           const pare_infer_images *images, const pare_infer_options *options,
                           pare_infer_result *out, pare_err *e)
{
    *out = (pare_infer_result){.run = f->folder,
                               .network = f->net->name,
                               .machine = machine->name,
                               .machine_acc_bits = machine->pe.acc_bits,
                               .is_integer = f->is_integer,
                               .n_layers = f->bits->n_layers,
                               .clock_mhz = machine->clock_mhz};
    pare_status status = PARE_OK;
    out->layers = pare_xalloc(out->n_layers, sizeof *out->layers);
    out->predictions = pare_xalloc(images->n, 1);
    name_layers(f, out);
    PARE_TRY_DONE(check_images(f, images, e));
    PARE_TRY_DONE(simulate(f, machine, out, e));
    PARE_TRY_DONE(infer_check_samples(f, images, out, e));
    PARE_TRY_DONE(infer_check_pe(f, machine, images->pixels, out, e));
    run_images(f, images, options ? options->threads : 0, out);
    for (size_t i = 0; i < out->n_layers; i++)
        out->layers[i].acc_bits = width_of(out->layers[i].acc_max);
    PARE_TRY_DONE(check_width(machine, out, e));
    compare_predictions(f, images, out);
    out->is_ok = is_ok(out);
done:
    if (status != PARE_OK) pare_infer_result_free(out);
    return status;
}

void pare_infer_result_free(pare_infer_result *r)
{
    if (!r) return;
    free(r->layers);
    free(r->predictions);
    r->layers = NULL;
    r->predictions = NULL;
    r->n_layers = 0;
}

void pare_infer_logits(const pare_infer *f, const uint8_t *pixels, float *logits)
{
    const uint32_t last = f->net->n_layers - 1;
    infer_worker *const w = infer_worker_new(f, false);
    infer_image(f, pixels, w, NULL, NULL);
    memcpy(logits, infer_values(w, INFER_VALUE, last),
           (size_t)pare_shape_count(f->net->layers[last].out) * sizeof *logits);
    infer_worker_free(w);
}

/* ---- for other machines ---- */

pare_infer_params pare_infer_layer_params(const pare_infer *f, uint32_t layer)
{
    const infer_layer *const l = &f->layers[layer];
    return (pare_infer_params){.is_mac = l->is_mac,
                               .dims = l->dims,
                               .weight = l->weight,
                               .act = l->act,
                               .filters = l->filters,
                               .codes = l->codes,
                               .base = l->base,
                               .requant = f->is_integer ? l->requant : NULL,
                               .zero_code = l->zero_code,
                               .scale = l->scale,
                               .offset = l->offset};
}

bool pare_infer_use_requant(pare_infer *f)
{
    f->is_integer = f->n_requant > 0;
    return f->is_integer;
}

uint32_t pare_infer_code(const pare_infer_grid *g, float x) { return infer_code(g, x); }

typedef struct wanted_codes {
    const pare_infer *f;
    uint32_t layer;
    uint16_t *codes;
} wanted_codes;

static void keep_codes(void *context, uint32_t layer, infer_worker *w)
{
    const wanted_codes *const c = context;
    if (layer != c->layer) return;
    const size_t n = (size_t)pare_shape_count(c->f->layers[layer].l->in);
    memcpy(c->codes, w->image_codes, n * sizeof *c->codes);
}

void pare_infer_layer_codes(const pare_infer *f, const uint8_t *pixels, uint32_t layer,
                            uint16_t *codes)
{
    wanted_codes c = {f, layer, codes};
    infer_worker *const w = infer_worker_new(f, false);
    infer_image(f, pixels, w, keep_codes, &c);
    infer_worker_free(w);
}

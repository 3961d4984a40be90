/* What holds the fast path: the PE's own digit order, and the trainer's evaluation. */
#include "sim/infer_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

/* ---- against the PE ---- */

enum { PE_SUMS = 256 }; /* of a layer */

typedef struct pe_check {
    const pare_infer *f;
    pare_pe pe;
    pare_infer_result *out;
    pare_err *e;
    pare_status status;
} pe_check;

/* A fusion unit adds the products of its bricks: the same sum over pairs of digits as a temporal PE
 * of brick-wide digits takes one after the other. A PE too narrow for one step cannot be asked;
 * its accumulator is held against the sums that are met. */
static pare_pe reference_of(const pare_pe *pe)
{
    pare_pe r = *pe;
    r.style = PARE_PE_TEMPORAL;
    const uint32_t least = pare_pe_min_acc_bits(&r);
    if (r.acc_bits < least) r.acc_bits = least;
    return r;
}

/* One sum as the PE takes it: whole steps, lanes beyond the depth hold zeros. */
static pare_pe_sum pe_sum(const pe_check *c, const infer_layer *l, uint32_t filter,
                          const int32_t *window)
{
    const uint32_t lanes = c->pe.lanes, n_steps = (l->depth + lanes - 1) / lanes;
    int32_t *const act = pare_xalloc((size_t)n_steps * lanes, 2 * sizeof *act);
    int32_t *const weight = act + (size_t)n_steps * lanes;
    memcpy(act, window, l->depth * sizeof *act);
    for (size_t i = 0; i < l->depth; i++)
        weight[i] = l->codes[(size_t)filter * l->depth + i] - (int32_t)l->weight.zero;
    const pare_pe_work work = {.act_bits = l->act.bits,
                               .weight_bits = l->weight.bits,
                               .weight_signed = l->weight.zero > 0,
                               .n_steps = n_steps,
                               .act = act,
                               .weight = weight};
    const pare_pe_sum sum = pare_pe_dot(&c->pe, &work);
    free(act);
    return sum;
}

static void check_pe_part(pe_check *c, const infer_layer *l, pare_infer_layer *out, infer_worker *w)
{
    const uint32_t k = l->dims.k / l->dims.groups;
    const uint64_t total = (uint64_t)l->dims.p * l->dims.q * l->dims.k;
    const uint64_t n = total < PE_SUMS ? total : PE_SUMS;
    int32_t *const window = pare_xalloc(l->depth, sizeof *window);
    for (uint64_t i = 0; i < n && c->status == PARE_OK; i++) {
        /* spread over windows and filters */
        const uint64_t at = i * total / n;
        const uint32_t filter = (uint32_t)(at % l->dims.k), group = filter / k;
        const size_t row = at / l->dims.k;
        infer_window(l, w->image_codes, group, row, window);
        infer_sums(l, group, row, 1, w);
        const pare_pe_sum sum = pe_sum(c, l, filter, window);
        /* of two's complement codes: they are kept with zero added */
        const int64_t ours =
            (int64_t)w->acc[filter % k] - (int64_t)((uint64_t)l->weight.zero * w->row_sums[0][0]);
        out->n_pe_sums++;
        out->pe_cycles += sum.cycles;
        if (sum.overflowed || sum.value == ours) continue;
        c->status = pare_err_set(c->e, PARE_EFAIL, c->f->folder, NOWHERE,
                                 "layer '%s': kernel %s gives %lld where the PE gives %lld (window "
                                 "%zu, filter %u); this is a bug in pare-sim",
                                 l->l->name, l->kernel->name, (long long)ours, (long long)sum.value,
                                 row, filter);
    }
    free(window);
}

static void check_pe_layer(void *context, uint32_t layer, infer_worker *w)
{
    pe_check *const c = context;
    const infer_layer *const l = &c->f->layers[layer];
    infer_split(l, w);
    for (const infer_layer *part = l; part; part = part->more)
        check_pe_part(c, part, &c->out->layers[l->mac], w);
}

pare_status infer_check_pe(const pare_infer *f, const pare_machine *m, const uint8_t *pixels,
                           pare_infer_result *out, pare_err *e)
{
    pe_check c = {.f = f, .pe = reference_of(&m->pe), .out = out, .e = e};
    infer_worker *const w = infer_worker_new(f, false);
    infer_image(f, pixels, w, check_pe_layer, &c);
    infer_worker_free(w);
    return c.status;
}

/* ---- against the trainer ---- */

typedef struct sample_check {
    const pare_infer *f;
    size_t image;
    pare_infer_result *out;
} sample_check;

static uint32_t sample_code(const pare_tensor *t, size_t i)
{
    return t->dtype == PARE_U8 ? ((const uint8_t *)t->data)[i] : ((const uint16_t *)t->data)[i];
}

/* Files hold c, h, w. An fc layer's file is flat: its map is the one that was flattened. */
static pare_shape map_of(const pare_net *net, const pare_layer *l)
{
    uint32_t i = l->inputs[0];
    while (net->layers[i].op == PARE_OP_FLATTEN) i = net->layers[i].inputs[0];
    return net->layers[i].out;
}

/* Count a code that is not the trainer's, and why. */
static void note_difference(const infer_layer *l, const infer_worker *w, size_t i, uint32_t theirs,
                            pare_infer_layer *out)
{
    const uint32_t in = l->l->inputs[0], ours = w->image_codes[i];
    const uint32_t low = infer_code(&l->act, infer_values(w, INFER_LOW, in)[i]);
    const uint32_t high = infer_code(&l->act, infer_values(w, INFER_HIGH, in)[i]);
    out->n_codes_differ++;
    if (theirs < low || theirs > high) return;
    out->n_codes_rounding++;
    const double x = (double)infer_values(w, INFER_VALUE, in)[i];
    const double place = (x - (double)l->act.lo) * (double)l->act.inv;
    const double tie = theirs > ours ? theirs - 0.5 : theirs + 0.5;
    out->largest_tie_frac = fmax(out->largest_tie_frac, fabs(place - tie));
}

/* Every layer goes on from the trainer's codes, so that each difference is one of this layer. */
static void take_trainer_codes(void *context, uint32_t layer, infer_worker *w)
{
    sample_check *const c = context;
    const infer_layer *const l = &c->f->layers[layer];
    const pare_shape s = map_of(c->f->net, l->l);
    const size_t n = (size_t)pare_shape_count(s), positions = (size_t)s.h * s.w;
    pare_infer_layer *const out = &c->out->layers[l->mac];
    for (size_t i = 0; i < n; i++) {
        const size_t file_index = i % s.c * positions + i / s.c;
        const uint32_t theirs = sample_code(&l->sample, c->image * n + file_index);
        out->n_codes++;
        if (c->f->is_integer && l->reads_codes)
            out->n_codes_differ +=
                sample_code(&l->requant_sample, c->image * n + file_index) != w->image_codes[i];
        else if (theirs != w->image_codes[i])
            note_difference(l, w, i, theirs, out);
        w->image_codes[i] = (uint16_t)theirs;
    }
}

static void compare_logits(const sample_check *c, const infer_worker *w)
{
    const uint32_t last = c->f->net->n_layers - 1;
    const size_t n = (size_t)pare_shape_count(c->f->net->layers[last].out);
    const float *const theirs = (const float *)c->f->logits.data + c->image * n;
    pare_infer_result *const out = c->out;
    for (size_t j = 0; j < n; j++) {
        const float ours = infer_values(w, INFER_VALUE, last)[j];
        out->n_logits++;
        if (ours == theirs[j]) continue;
        out->n_logits_differ++;
        out->largest_logit_difference =
            fmax(out->largest_logit_difference, fabs((double)ours - (double)theirs[j]));
        out->n_logits_rounding += theirs[j] >= infer_values(w, INFER_LOW, last)[j] &&
                                  theirs[j] <= infer_values(w, INFER_HIGH, last)[j];
    }
}

pare_status infer_check_samples(const pare_infer *f, const pare_infer_images *images,
                                pare_infer_result *out, pare_err *e)
{
    const size_t n = f->n_samples < images->n ? f->n_samples : images->n;
    for (size_t i = 0; i < n; i++) {
        const uint32_t label = sample_code(&f->labels, i);
        if (label != images->labels[i])
            return pare_err_set(e, PARE_EINPUT, f->folder, NOWHERE,
                                "acts/labels.npy has %u for image %zu, the data %u; the test set "
                                "that the network was trained with expected (--data)",
                                label, i, images->labels[i]);
    }
    infer_worker *const w = infer_worker_new(f, true);
    const size_t count = (size_t)pare_shape_count(images->shape);
    for (size_t i = 0; i < n; i++) {
        sample_check c = {f, i, out};
        infer_image(f, images->pixels + i * count, w, take_trainer_codes, &c);
        compare_logits(&c, w);
    }
    infer_worker_free(w);
    return PARE_OK;
}

typedef struct doubt {
    const pare_infer *f;
    uint64_t n_codes;
} doubt;

static void count_doubtful(void *context, uint32_t layer, infer_worker *w)
{
    doubt *const d = context;
    const infer_layer *const l = &d->f->layers[layer];
    const uint32_t in = l->l->inputs[0];
    const float *const low = infer_values(w, INFER_LOW, in);
    const float *const high = infer_values(w, INFER_HIGH, in);
    for (size_t i = 0; i < (size_t)pare_shape_count(l->l->in); i++)
        d->n_codes += infer_code(&l->act, low[i]) != infer_code(&l->act, high[i]);
}

infer_reason infer_why(const pare_infer *f, const uint8_t *pixels, uint32_t trainer_class)
{
    const uint32_t last = f->net->n_layers - 1;
    doubt d = {f, 0};
    infer_worker *const w = infer_worker_new(f, true);
    infer_image(f, pixels, w, count_doubtful, &d);
    const uint32_t ours = infer_class(f, w);
    const bool is_tie =
        trainer_class < pare_shape_count(f->net->layers[last].out) &&
        infer_values(w, INFER_HIGH, last)[trainer_class] >= infer_values(w, INFER_LOW, last)[ours];
    infer_worker_free(w);
    if (is_tie) return INFER_LOGIT_TIE;
    return d.n_codes ? INFER_CODE_TIE : INFER_UNEXPLAINED;
}

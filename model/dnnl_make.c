/* dnnl_make.c: oneDNN: descriptors, primitives and memories of a layer. */
#include "model/blocked.h"
#include "model/dnnl_prim.h"
#include "model/stem.h"
#include <stdlib.h>
#include <string.h>

/* ---- descriptors ------------------------------------------------------------------------------
 */

typedef struct pass_mds {
    dnnl_memory_desc_t x, w, y;
} pass_mds;

/* In bfloat16 training what a pass reads is bfloat16 and what it writes is float. */
static dnnl_status_t make_mds(pare_mac *m, pare_pass pass, bool is_blocked, pass_mds *out)
{
    const pare_dims *d = &m->spec.dims;
    const dnnl_data_type_t in = m->spec.is_bf16 ? dnnl_bf16 : dnnl_f32;
    const dnnl_data_type_t tx = pass == PARE_PASS_BACKWARD_DATA ? dnnl_f32 : in;
    const dnnl_data_type_t tw = pass == PARE_PASS_BACKWARD_WEIGHTS ? dnnl_f32 : in;
    const dnnl_data_type_t ty = pass == PARE_PASS_FORWARD ? dnnl_f32 : in;
    const bool is_fc = m->spec.is_fc, is_grouped = !is_fc && d->groups > 1;
    const dnnl_dims_t bias_dims = {d->k};
    const dnnl_dims_t xd = {d->n, d->c, d->h, d->w}, yd = {d->n, d->k, d->p, d->q};
    const dnnl_dims_t wd = {d->k, d->c, d->r, d->s};
    const dnnl_dims_t gd = {d->groups, d->k / d->groups, d->c / d->groups, d->r, d->s};
    const dnnl_dim_t *w_dims = is_grouped ? gd : wd;
    const int n = is_fc ? 2 : 4, nw = is_grouped ? 5 : n;
    const dnnl_format_tag_t map = is_fc ? dnnl_ab : is_blocked ? dnnl_nChw16c : dnnl_nhwc;
    const dnnl_format_tag_t plain = is_fc ? dnnl_ab : is_grouped ? dnnl_goihw : dnnl_oihw;
    dnnl_status_t s = dnnl_memory_desc_init_by_tag(&m->bias_md, 1, bias_dims, dnnl_f32, dnnl_a);
    if (s == dnnl_success) s = dnnl_memory_desc_init_by_tag(&out->x, n, xd, tx, map);
    if (s == dnnl_success) s = dnnl_memory_desc_init_by_tag(&out->y, n, yd, ty, map);
    if (s == dnnl_success)
        s = dnnl_memory_desc_init_by_tag(&m->plain_md, nw, w_dims, dnnl_f32, plain);
    if (s == dnnl_success)
        s = dnnl_memory_desc_init_by_tag(&out->w, nw, w_dims, tw, dnnl_format_tag_any);
    return s;
}

typedef union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t fc;
} op_desc;

static dnnl_status_t init_fc(op_desc *o, pare_pass pass, const pass_mds *mds,
                             const dnnl_memory_desc_t *b, bool training)
{
    const dnnl_memory_desc_t *x = &mds->x, *w = &mds->w, *y = &mds->y;
    switch (pass) {
    case PARE_PASS_FORWARD:
        return dnnl_inner_product_forward_desc_init(
            &o->fc, training ? dnnl_forward_training : dnnl_forward_inference, x, w, b, y);
    case PARE_PASS_BACKWARD_DATA:
        return dnnl_inner_product_backward_data_desc_init(&o->fc, x, w, y);
    default: return dnnl_inner_product_backward_weights_desc_init(&o->fc, x, w, b, y);
    }
}

static dnnl_status_t init_conv(op_desc *o, pare_pass pass, const pare_dims *d, dnnl_alg_kind_t alg,
                               const pass_mds *mds, const dnnl_memory_desc_t *b, bool training)
{
    const dnnl_memory_desc_t *x = &mds->x, *w = &mds->w, *y = &mds->y;
    dnnl_dims_t stride, dilate, left, right;
    const uint32_t in[2] = {d->h, d->w}, out[2] = {d->p, d->q}, kernel[2] = {d->r, d->s};
    for (int i = 0; i < 2; i++) {
        stride[i] = d->stride[i];
        dilate[i] = (dnnl_dim_t)d->dilation[i] - 1;
        left[i] = d->pad[i];
        /* oneDNN wants the padding that the output size implies: rows never read may be cut */
        right[i] = (dnnl_dim_t)(out[i] - 1) * d->stride[i] +
                   (dnnl_dim_t)(kernel[i] - 1) * d->dilation[i] + 1 - (dnnl_dim_t)in[i] -
                   (dnnl_dim_t)d->pad[i];
    }
    switch (pass) {
    case PARE_PASS_FORWARD:
        return dnnl_dilated_convolution_forward_desc_init(
            &o->conv, training ? dnnl_forward_training : dnnl_forward_inference, alg, x, w, b, y,
            stride, dilate, left, right);
    case PARE_PASS_BACKWARD_DATA:
        return dnnl_dilated_convolution_backward_data_desc_init(&o->conv, alg, x, w, y, stride,
                                                                dilate, left, right);
    default:
        return dnnl_dilated_convolution_backward_weights_desc_init(&o->conv, alg, x, w, b, y,
                                                                   stride, dilate, left, right);
    }
}

static const char *impl_of(const_dnnl_primitive_desc_t pd)
{
    const char *impl = NULL;
    const dnnl_status_t s =
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&impl);
    return s == dnnl_success && impl ? impl : "?";
}

/* uxlfoundation/oneDNN#6035: without AVX-512, backward-weights of a strided 1x1 convolution in nhwc
 * writes past its buffers where the channels do not fill a block. */
static bool is_unsafe(const pare_mac *m, pare_pass pass, const char *impl)
{
    const pare_dims *d = &m->spec.dims;
    return pass == PARE_PASS_BACKWARD_WEIGHTS && !m->spec.is_fc && d->r == 1 && d->s == 1 &&
           (d->stride[0] > 1 || d->stride[1] > 1) && strstr(impl, "1x1") && !strstr(impl, "avx512");
}

/* The best primitive descriptor that may be used, with the scratchpad given by the caller: the
 * library's own is shared by threads. */
static dnnl_status_t make_pd(pare_mac *m, pare_pass pass, const op_desc *o,
                             const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_iterator_t it = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s != dnnl_success) return s;
    s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_iterator_create(&it, o, attr, m->d->engine, hint);
    dnnl_primitive_attr_destroy(attr);
    while (s == dnnl_success) {
        *pd = dnnl_primitive_desc_iterator_fetch(it);
        if (*pd && !is_unsafe(m, pass, impl_of(*pd))) break;
        if (*pd) dnnl_primitive_desc_destroy(*pd);
        *pd = NULL;
        s = dnnl_primitive_desc_iterator_next(it);
    }
    if (it) dnnl_primitive_desc_iterator_destroy(it);
    return s == dnnl_iterator_ends ? dnnl_unimplemented : s;
}

static pare_status make_prim(pare_mac *m, pare_pass pass, dnnl_primitive_desc_t pd, pare_err *e)
{
    pare_prim *p = &m->prims[pass];
    snprintf(p->impl, sizeof p->impl, "%s", impl_of(pd));
    p->weights_md = *dnnl_primitive_desc_query_md(
        pd, pass == PARE_PASS_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
        0);
    p->scratch_md = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const size_t bytes = dnnl_memory_desc_get_size(&p->scratch_md);
    if (bytes > m->d->scratch_bytes) m->d->scratch_bytes = bytes;
    DNNL_TRY(dnnl_primitive_create(&p->prim, pd), m->name, pare_pass_name(pass));
    m->is_made[pass] = true;
    return PARE_OK;
}

/* Winograd's minimal filtering, F(4x4, 3x3) (Lavin and Gray 2016): a quarter of the products. With
 * fewer channels the transforms cost what the products save (measured, docs/model.md). */
static bool wants_winograd(const pare_mac *m, pare_pass pass)
{
    enum { FEWEST_CHANNELS = 32, KERNEL = 3 };
    const pare_dims *d = &m->spec.dims;
    const uint32_t fewest = pass == PARE_PASS_BACKWARD_WEIGHTS ? PARE_BLOCK : FEWEST_CHANNELS;
    return m->spec.is_winograd && !m->spec.is_fc && !m->spec.is_bf16 && d->groups == 1 &&
           d->r == KERNEL && d->s == KERNEL && d->stride[0] == 1 && d->stride[1] == 1 &&
           d->dilation[0] == 1 && d->dilation[1] == 1 && d->c % PARE_BLOCK == 0 &&
           d->k % PARE_BLOCK == 0 && d->c >= fewest && d->k >= fewest;
}

/* *pd is NULL if there is none of that kind. */
static dnnl_status_t try_pass(pare_mac *m, pare_pass pass, bool is_winograd,
                              const_dnnl_primitive_desc_t hint, pass_mds *mds,
                              dnnl_primitive_desc_t *pd)
{
    const bool training = m->spec.wants_backward || m->spec.wants_backward_data;
    const bool takes_bias = m->spec.has_bias && pass != PARE_PASS_BACKWARD_DATA;
    const dnnl_memory_desc_t *b = takes_bias ? &m->bias_md : NULL;
    const dnnl_alg_kind_t alg = is_winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    op_desc o;
    *pd = NULL;
    dnnl_status_t s = make_mds(m, pass, is_winograd, mds);
    if (s != dnnl_success) return s;
    s = m->spec.is_fc ? init_fc(&o, pass, mds, b, training)
                      : init_conv(&o, pass, &m->spec.dims, alg, mds, b, training);
    if (s == dnnl_success) s = make_pd(m, pass, &o, hint, pd);
    if (s != dnnl_success || !is_winograd || strstr(impl_of(*pd), "wino")) return s;
    dnnl_primitive_desc_destroy(*pd);
    *pd = NULL;
    return dnnl_unimplemented;
}

/* hints: the forward pass's, direct and Winograd's, for those that follow. */
static pare_status make_pass(pare_mac *m, pare_pass pass, dnnl_primitive_desc_t *hints, pare_err *e)
{
    pass_mds mds = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t s = dnnl_unimplemented;
    int kind = wants_winograd(m, pass);
    for (;; kind--) {
        const bool is_forward = pass == PARE_PASS_FORWARD;
        if (!hints[kind]) s = try_pass(m, PARE_PASS_FORWARD, kind, NULL, &mds, &hints[kind]);
        if (hints[kind] && !is_forward) s = try_pass(m, pass, kind, hints[kind], &mds, &pd);
        if (is_forward) pd = hints[kind];
        if (pd || !kind) break;
    }
    pare_prim *p = &m->prims[pass];
    p->x_md = mds.x;
    p->y_md = mds.y;
    p->is_blocked = kind;
    if (!pd) return pare_dnnl_fail(e, m->name, pare_pass_name(pass), s);
    const pare_status status = make_prim(m, pass, pd, e);
    if (pass != PARE_PASS_FORWARD) dnnl_primitive_desc_destroy(pd);
    if (!p->is_blocked) return status;
    const size_t bytes[] = {dnnl_memory_desc_get_size(&mds.x), dnnl_memory_desc_get_size(&mds.y)};
    for (int i = 0; i < 2; i++)
        if (bytes[i] > m->d->blocked_bytes) m->d->blocked_bytes = bytes[i];
    return status;
}

static pare_status make_prims(pare_mac *m, pare_err *e)
{
    dnnl_primitive_desc_t hints[2] = {NULL, NULL};
    pare_status status = PARE_OK;
    const pare_mac_spec *spec = &m->spec;
    const bool is_stem = !spec->is_fc && !spec->is_bf16 && pare_stem_fits(&spec->dims);
    if (is_stem) {
        const size_t bytes = pare_stem_memory(&spec->dims) * sizeof(float);
        m->stem = pare_xalloc(pare_stem_packed(&spec->dims), sizeof *m->stem);
        if (bytes > m->d->scratch_bytes) m->d->scratch_bytes = bytes;
        pass_mds mds; /* of plain weights and bias */
        const dnnl_status_t s = make_mds(m, PARE_PASS_FORWARD, false, &mds);
        if (s != dnnl_success) return pare_dnnl_fail(e, m->name, "descriptor", s);
    }
    for (int i = 0; i < PARE_N_PASSES && status == PARE_OK; i++) {
        if (i == PARE_PASS_BACKWARD_DATA && !m->spec.wants_backward_data) continue;
        if (i == PARE_PASS_BACKWARD_WEIGHTS && !m->spec.wants_backward) continue;
        if (is_stem && i != PARE_PASS_BACKWARD_DATA) {
            snprintf(m->prims[i].impl, sizeof m->prims[i].impl, "stem:avx512");
            continue;
        }
        status = make_pass(m, (pare_pass)i, hints, e);
    }
    for (int i = 0; i < 2; i++)
        if (hints[i]) dnnl_primitive_desc_destroy(hints[i]);
    return status;
}

/* ---- memories ---------------------------------------------------------------------------------
 */

/* A memory with a buffer of its own, zeroed, freed with the layer. */
static pare_status own(pare_mac *m, const dnnl_memory_desc_t *md, dnnl_memory_t *out, pare_err *e)
{
    size_t bytes = dnnl_memory_desc_get_size(md);
    bytes = (bytes + PARE_DNNL_ALIGN) / PARE_DNNL_ALIGN * PARE_DNNL_ALIGN;
    void *p = aligned_alloc(PARE_DNNL_ALIGN, bytes);
    if (!p) return pare_dnnl_fail(e, m->name, "allocation", dnnl_out_of_memory);
    memset(p, 0, bytes);
    m->owned[m->n_owned++] = p;
    DNNL_TRY(dnnl_memory_create(out, md, m->d->engine, p), m->name, "memory creation");
    return PARE_OK;
}

static pare_status make_reorder(pare_mac *m, const dnnl_memory_desc_t *from,
                                const dnnl_memory_desc_t *to, dnnl_primitive_t *out, pare_err *e)
{
    dnnl_primitive_desc_t pd;
    dnnl_primitive_attr_t attr;
    DNNL_TRY(dnnl_primitive_attr_create(&attr), m->name, "attribute");
    dnnl_status_t s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, from, m->d->engine, to, m->d->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (s != dnnl_success) return pare_dnnl_fail(e, m->name, "reorder", s);
    s = dnnl_primitive_create(out, pd);
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const size_t bytes = md ? dnnl_memory_desc_get_size(md) : 0;
    if (bytes > m->d->scratch_bytes) m->d->scratch_bytes = bytes;
    dnnl_primitive_desc_destroy(pd);
    return s == dnnl_success ? PARE_OK : pare_dnnl_fail(e, m->name, "reorder", s);
}

static pare_status make_weights(pare_mac *m, pare_err *e)
{
    const size_t slots = m->spec.n_slots;
    m->owned = pare_xalloc(8 + 2 * slots, sizeof *m->owned);
    m->slot_weights = pare_xalloc(slots + 1, sizeof *m->slot_weights);
    m->slot_bias = pare_xalloc(slots + 1, sizeof *m->slot_bias);
    DNNL_TRY(dnnl_memory_create(&m->plain, &m->plain_md, m->d->engine, DNNL_MEMORY_NONE), m->name,
             "memory creation");
    PARE_TRY(own(m, &m->bias_md, &m->bias, e));
    for (int i = 0; i < 2; i++)
        if (m->is_made[i]) {
            const dnnl_memory_desc_t *md = &m->prims[i].weights_md;
            PARE_TRY(own(m, md, &m->weights[i], e));
            PARE_TRY(make_reorder(m, &m->plain_md, md, &m->pack[i], e));
        }
    if (!m->spec.wants_backward) return PARE_OK;
    m->slot_md = m->stem ? m->plain_md : m->prims[PARE_PASS_BACKWARD_WEIGHTS].weights_md;
    const dnnl_memory_desc_t *md = &m->slot_md;
    PARE_TRY(own(m, md, &m->sum, e));
    PARE_TRY(make_reorder(m, md, &m->plain_md, &m->unpack, e));
    for (size_t i = 0; i < slots; i++) {
        PARE_TRY(own(m, md, &m->slot_weights[i], e));
        PARE_TRY(own(m, &m->bias_md, &m->slot_bias[i], e));
    }
    return PARE_OK;
}

static pare_status make_workers(pare_mac *m, pare_err *e)
{
    m->workers = pare_xalloc(m->d->n_workers, sizeof *m->workers);
    for (unsigned i = 0; i < m->d->n_workers; i++) {
        pare_worker_mem *w = &m->workers[i];
        for (int p = 0; p < PARE_N_PASSES; p++) {
            if (!m->is_made[p]) continue;
            const pare_prim *q = &m->prims[p];
            DNNL_TRY(dnnl_memory_create(&w->x[p], &q->x_md, m->d->engine, DNNL_MEMORY_NONE),
                     m->name, "memory creation");
            DNNL_TRY(dnnl_memory_create(&w->y[p], &q->y_md, m->d->engine, DNNL_MEMORY_NONE),
                     m->name, "memory creation");
            DNNL_TRY(
                dnnl_memory_create(&w->scratch[p], &q->scratch_md, m->d->engine, DNNL_MEMORY_NONE),
                m->name, "memory creation");
        }
    }
    return PARE_OK;
}

pare_status pare_mac_new(pare_dnnl *d, const pare_mac_spec *spec, pare_mac **out, pare_err *e)
{
    pare_mac *m = pare_xalloc(1, sizeof *m);
    *out = m;
    m->d = d;
    m->spec = *spec;
    m->name = pare_xstrdup(spec->name);
    PARE_TRY(make_prims(m, e));
    PARE_TRY(make_weights(m, e));
    return make_workers(m, e);
}

static void drop(dnnl_memory_t memory)
{
    if (memory) dnnl_memory_destroy(memory);
}

static void drop_prim(dnnl_primitive_t p)
{
    if (p) dnnl_primitive_destroy(p);
}

void pare_mac_free(pare_mac *m)
{
    if (!m) return;
    for (unsigned i = 0; m->workers && i < m->d->n_workers; i++) {
        for (int p = 0; p < PARE_N_PASSES; p++) {
            drop(m->workers[i].x[p]);
            drop(m->workers[i].y[p]);
            drop(m->workers[i].scratch[p]);
        }
    }
    for (size_t i = 0; m->slot_weights && i < m->spec.n_slots; i++) {
        drop(m->slot_weights[i]);
        drop(m->slot_bias[i]);
    }
    for (int p = 0; p < PARE_N_PASSES; p++) drop_prim(m->prims[p].prim);
    for (int i = 0; i < 2; i++) {
        drop_prim(m->pack[i]);
        drop(m->weights[i]);
    }
    drop_prim(m->unpack);
    drop(m->plain);
    drop(m->bias);
    drop(m->sum);
    for (size_t i = 0; i < m->n_owned; i++) free(m->owned[i]);
    free(m->owned);
    free(m->stem);
    free(m->slot_weights);
    free(m->slot_bias);
    free(m->workers);
    free(m->name);
    free(m);
}

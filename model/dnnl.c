/* dnnl.c: the one file that knows oneDNN. */
#include "model/dnnl.h"
#include <assert.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN_BYTES = 64 };

struct pare_dnnl {
    dnnl_engine_t engine;
    unsigned n_workers;
    dnnl_stream_t *streams; /* one a worker */
    void **scratch;         /* one a worker, scratch_bytes each */
    size_t scratch_bytes;
};

/* One primitive; memories[worker][i] belong to args[i]. */
typedef struct prim {
    dnnl_primitive_t prim;
    dnnl_memory_desc_t weights_md;
    dnnl_memory_desc_t x_md, y_md;
    dnnl_memory_desc_t scratch_md;
    char impl[64];
} prim;

typedef struct worker_mem {
    dnnl_memory_t x[PARE_N_PASSES], y[PARE_N_PASSES], scratch[PARE_N_PASSES];
} worker_mem;

struct pare_mac {
    pare_dnnl *d;
    pare_mac_spec spec;
    char *name;
    prim prims[PARE_N_PASSES];
    bool is_made[PARE_N_PASSES];
    dnnl_memory_desc_t plain_md, bias_md;
    dnnl_memory_t plain;      /* moves over the caller's arrays */
    dnnl_memory_t weights[2]; /* forward, backward data */
    dnnl_memory_t bias;
    dnnl_memory_t sum;           /* gradient of the batch in backward-weights' layout */
    dnnl_memory_t *slot_weights; /* n_slots gradients */
    dnnl_memory_t *slot_bias;
    void **owned; /* buffers behind the memories above */
    size_t n_owned;
    worker_mem *workers;
    dnnl_primitive_t pack[2], unpack; /* reorders; NULL where the layout is plain already */
};

static pare_status fail(pare_err *e, const char *name, const char *what, dnnl_status_t s)
{
    const pare_pos nowhere = {0, 0};
    if (s == dnnl_unimplemented)
        return pare_err_set(e, PARE_EFAIL, NULL, nowhere,
                            "layer %s: oneDNN has no %s of this kind for this machine; compute "
                            "bf16 needs AVX-512, f32 expected elsewhere",
                            name, what);
    return pare_err_set(e, PARE_EFAIL, NULL, nowhere, "layer %s: oneDNN %s failed with status %d",
                        name, what, (int)s);
}

#define DNNL_TRY(call, name, what)                                                                 \
    do {                                                                                           \
        const dnnl_status_t dnnl_status_ = (call);                                                 \
        if (dnnl_status_ != dnnl_success) return fail(e, name, what, dnnl_status_);                \
    } while (0)

void pare_dnnl_use_one_thread(void)
{
    if (omp_get_max_threads() != 1) omp_set_num_threads(1);
}

const char *pare_pass_name(pare_pass p)
{
    static const char *const names[] = {"forward", "backward data", "backward weights"};
    return names[p];
}

pare_status pare_dnnl_new(unsigned n_workers, pare_dnnl **out, pare_err *e)
{
    pare_dnnl *d = pare_xalloc(1, sizeof *d);
    *out = d;
    d->n_workers = n_workers;
    d->streams = pare_xalloc(n_workers, sizeof *d->streams);
    d->scratch = pare_xalloc(n_workers, sizeof *d->scratch);
    pare_dnnl_use_one_thread();
    DNNL_TRY(dnnl_engine_create(&d->engine, dnnl_cpu, 0), "-", "engine creation");
    for (unsigned i = 0; i < n_workers; i++)
        DNNL_TRY(dnnl_stream_create(&d->streams[i], d->engine, dnnl_stream_default_flags), "-",
                 "stream creation");
    return PARE_OK;
}

void pare_dnnl_free(pare_dnnl *d)
{
    if (!d) return;
    for (unsigned i = 0; i < d->n_workers; i++) {
        if (d->streams[i]) dnnl_stream_destroy(d->streams[i]);
        free(d->scratch[i]);
    }
    if (d->engine) dnnl_engine_destroy(d->engine);
    free(d->streams);
    free(d->scratch);
    free(d);
}

pare_status pare_dnnl_ready(pare_dnnl *d, pare_err *e)
{
    const size_t bytes = (d->scratch_bytes + ALIGN_BYTES) / ALIGN_BYTES * ALIGN_BYTES;
    for (unsigned i = 0; i < d->n_workers; i++) {
        free(d->scratch[i]);
        d->scratch[i] = aligned_alloc(ALIGN_BYTES, bytes);
        if (!d->scratch[i]) return fail(e, "-", "scratchpad allocation", dnnl_out_of_memory);
    }
    return PARE_OK;
}

/* ---- descriptors ------------------------------------------------------------------------------
 */

/* In bfloat16 training what a pass reads is bfloat16 and what it writes is float. */
static pare_status make_mds(pare_mac *m, pare_pass pass, dnnl_memory_desc_t *x,
                            dnnl_memory_desc_t *w, dnnl_memory_desc_t *y, pare_err *e)
{
    const pare_dims *d = &m->spec.dims;
    const char *name = m->name;
    const dnnl_data_type_t in = m->spec.is_bf16 ? dnnl_bf16 : dnnl_f32;
    const dnnl_data_type_t tx = pass == PARE_PASS_BACKWARD_DATA ? dnnl_f32 : in;
    const dnnl_data_type_t tw = pass == PARE_PASS_BACKWARD_WEIGHTS ? dnnl_f32 : in;
    const dnnl_data_type_t ty = pass == PARE_PASS_FORWARD ? dnnl_f32 : in;
    const dnnl_dims_t bias_dims = {d->k};
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&m->bias_md, 1, bias_dims, dnnl_f32, dnnl_a), name,
             "bias descriptor");
    if (m->spec.is_fc) {
        const dnnl_dims_t xd = {d->n, d->c}, wd = {d->k, d->c}, yd = {d->n, d->k};
        DNNL_TRY(dnnl_memory_desc_init_by_tag(x, 2, xd, tx, dnnl_ab), name, "descriptor");
        DNNL_TRY(dnnl_memory_desc_init_by_tag(y, 2, yd, ty, dnnl_ab), name, "descriptor");
        DNNL_TRY(dnnl_memory_desc_init_by_tag(&m->plain_md, 2, wd, dnnl_f32, dnnl_ab), name,
                 "descriptor");
        DNNL_TRY(dnnl_memory_desc_init_by_tag(w, 2, wd, tw, dnnl_format_tag_any), name,
                 "descriptor");
        return PARE_OK;
    }
    const dnnl_dims_t xd = {d->n, d->c, d->h, d->w}, yd = {d->n, d->k, d->p, d->q};
    const dnnl_dims_t wd = {d->k, d->c, d->r, d->s};
    const dnnl_dims_t gd = {d->groups, d->k / d->groups, d->c / d->groups, d->r, d->s};
    const bool grouped = d->groups > 1;
    const dnnl_dim_t *dims = grouped ? gd : wd;
    const int n = grouped ? 5 : 4;
    DNNL_TRY(dnnl_memory_desc_init_by_tag(x, 4, xd, tx, dnnl_nhwc), name, "descriptor");
    DNNL_TRY(dnnl_memory_desc_init_by_tag(y, 4, yd, ty, dnnl_nhwc), name, "descriptor");
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&m->plain_md, n, dims, dnnl_f32,
                                          grouped ? dnnl_goihw : dnnl_oihw),
             name, "descriptor");
    DNNL_TRY(dnnl_memory_desc_init_by_tag(w, n, dims, tw, dnnl_format_tag_any), name, "descriptor");
    return PARE_OK;
}

typedef union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t fc;
} op_desc;

static dnnl_status_t init_fc(op_desc *o, pare_pass pass, const dnnl_memory_desc_t *x,
                             const dnnl_memory_desc_t *w, const dnnl_memory_desc_t *b,
                             const dnnl_memory_desc_t *y, bool training)
{
    switch (pass) {
    case PARE_PASS_FORWARD:
        return dnnl_inner_product_forward_desc_init(
            &o->fc, training ? dnnl_forward_training : dnnl_forward_inference, x, w, b, y);
    case PARE_PASS_BACKWARD_DATA:
        return dnnl_inner_product_backward_data_desc_init(&o->fc, x, w, y);
    default: return dnnl_inner_product_backward_weights_desc_init(&o->fc, x, w, b, y);
    }
}

static dnnl_status_t init_conv(op_desc *o, pare_pass pass, const pare_dims *d,
                               const dnnl_memory_desc_t *x, const dnnl_memory_desc_t *w,
                               const dnnl_memory_desc_t *b, const dnnl_memory_desc_t *y,
                               bool training)
{
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
            &o->conv, training ? dnnl_forward_training : dnnl_forward_inference,
            dnnl_convolution_direct, x, w, b, y, stride, dilate, left, right);
    case PARE_PASS_BACKWARD_DATA:
        return dnnl_dilated_convolution_backward_data_desc_init(
            &o->conv, dnnl_convolution_direct, x, w, y, stride, dilate, left, right);
    default:
        return dnnl_dilated_convolution_backward_weights_desc_init(
            &o->conv, dnnl_convolution_direct, x, w, b, y, stride, dilate, left, right);
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
    prim *p = &m->prims[pass];
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

static pare_status make_prims(pare_mac *m, pare_err *e)
{
    const bool training = m->spec.wants_backward || m->spec.wants_backward_data;
    dnnl_primitive_desc_t forward = NULL;
    pare_status status = PARE_OK;
    for (int i = 0; i < PARE_N_PASSES && status == PARE_OK; i++) {
        const pare_pass pass = (pare_pass)i;
        if (pass == PARE_PASS_BACKWARD_DATA && !m->spec.wants_backward_data) continue;
        if (pass == PARE_PASS_BACKWARD_WEIGHTS && !m->spec.wants_backward) continue;
        const bool takes_bias = m->spec.has_bias && pass != PARE_PASS_BACKWARD_DATA;
        const dnnl_memory_desc_t *b = takes_bias ? &m->bias_md : NULL;
        dnnl_memory_desc_t x, w, y;
        status = make_mds(m, pass, &x, &w, &y, e);
        if (status != PARE_OK) break;
        op_desc o;
        dnnl_primitive_desc_t pd = NULL;
        dnnl_status_t s = m->spec.is_fc
                              ? init_fc(&o, pass, &x, &w, b, &y, training)
                              : init_conv(&o, pass, &m->spec.dims, &x, &w, b, &y, training);
        if (s == dnnl_success) s = make_pd(m, pass, &o, forward, &pd);
        status = s == dnnl_success ? make_prim(m, pass, pd, e)
                                   : fail(e, m->name, pare_pass_name(pass), s);
        m->prims[pass].x_md = x;
        m->prims[pass].y_md = y;
        if (pass == PARE_PASS_FORWARD)
            forward = pd;
        else if (pd)
            dnnl_primitive_desc_destroy(pd);
    }
    if (forward) dnnl_primitive_desc_destroy(forward);
    return status;
}

/* ---- memories ---------------------------------------------------------------------------------
 */

/* A memory with a buffer of its own, zeroed, freed with the layer. */
static pare_status own(pare_mac *m, const dnnl_memory_desc_t *md, dnnl_memory_t *out, pare_err *e)
{
    size_t bytes = dnnl_memory_desc_get_size(md);
    bytes = (bytes + ALIGN_BYTES) / ALIGN_BYTES * ALIGN_BYTES;
    void *p = aligned_alloc(ALIGN_BYTES, bytes);
    if (!p) return fail(e, m->name, "allocation", dnnl_out_of_memory);
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
    if (s != dnnl_success) return fail(e, m->name, "reorder", s);
    s = dnnl_primitive_create(out, pd);
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const size_t bytes = md ? dnnl_memory_desc_get_size(md) : 0;
    if (bytes > m->d->scratch_bytes) m->d->scratch_bytes = bytes;
    dnnl_primitive_desc_destroy(pd);
    return s == dnnl_success ? PARE_OK : fail(e, m->name, "reorder", s);
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
    if (!m->is_made[PARE_PASS_BACKWARD_WEIGHTS]) return PARE_OK;
    const dnnl_memory_desc_t *md = &m->prims[PARE_PASS_BACKWARD_WEIGHTS].weights_md;
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
        worker_mem *w = &m->workers[i];
        for (int p = 0; p < PARE_N_PASSES; p++) {
            if (!m->is_made[p]) continue;
            const prim *q = &m->prims[p];
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
    free(m->slot_weights);
    free(m->slot_bias);
    free(m->workers);
    free(m->name);
    free(m);
}

/* ---- running ----------------------------------------------------------------------------------
 */

static void *data_of(dnnl_memory_t memory)
{
    void *p = NULL;
    const dnnl_status_t s = dnnl_memory_get_data_handle(memory, &p);
    assert(s == dnnl_success);
    (void)s;
    return p;
}

static pare_status run_prim(pare_mac *m, unsigned worker, pare_pass pass, dnnl_memory_t weights,
                            dnnl_memory_t bias, const void *x, const void *y, pare_err *e)
{
    worker_mem *w = &m->workers[worker];
    static const int x_args[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_SRC, DNNL_ARG_SRC};
    static const int w_args[] = {DNNL_ARG_WEIGHTS, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_WEIGHTS};
    static const int b_args[] = {DNNL_ARG_BIAS, DNNL_ARG_BIAS, DNNL_ARG_DIFF_BIAS};
    static const int y_args[] = {DNNL_ARG_DST, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_DST};
    /* oneDNN takes void * for what it only reads, too */
    DNNL_TRY(dnnl_memory_set_data_handle(w->x[pass], (void *)(uintptr_t)x), m->name, "handle");
    DNNL_TRY(dnnl_memory_set_data_handle(w->y[pass], (void *)(uintptr_t)y), m->name, "handle");
    DNNL_TRY(dnnl_memory_set_data_handle(w->scratch[pass], m->d->scratch[worker]), m->name,
             "handle");
    dnnl_exec_arg_t args[5] = {
        {x_args[pass], w->x[pass]},
        {w_args[pass], weights},
        {y_args[pass], w->y[pass]},
        {DNNL_ARG_SCRATCHPAD, w->scratch[pass]},
    };
    int n = 4;
    if (bias) args[n++] = (dnnl_exec_arg_t){b_args[pass], bias};
    pare_dnnl_use_one_thread();
    DNNL_TRY(dnnl_primitive_execute(m->prims[pass].prim, m->d->streams[worker], n, args), m->name,
             pare_pass_name(pass));
    return PARE_OK;
}

static pare_status reorder(pare_mac *m, unsigned worker, dnnl_primitive_t p, dnnl_memory_t from,
                           dnnl_memory_t to, pare_err *e)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    pare_dnnl_use_one_thread();
    DNNL_TRY(dnnl_primitive_execute(p, m->d->streams[worker], 2, args), m->name, "reorder");
    return PARE_OK;
}

pare_status pare_mac_set_weights(pare_mac *m, unsigned worker, const float *weights,
                                 const float *bias, pare_err *e)
{
    DNNL_TRY(dnnl_memory_set_data_handle(m->plain, (void *)(uintptr_t)weights), m->name, "handle");
    for (int i = 0; i < 2; i++)
        if (m->pack[i]) PARE_TRY(reorder(m, worker, m->pack[i], m->plain, m->weights[i], e));
    if (bias) memcpy(data_of(m->bias), bias, m->spec.dims.k * sizeof *bias);
    return PARE_OK;
}

pare_status pare_mac_forward(pare_mac *m, unsigned worker, const void *x, float *y, pare_err *e)
{
    return run_prim(m, worker, PARE_PASS_FORWARD, m->weights[0], m->spec.has_bias ? m->bias : NULL,
                    x, y, e);
}

pare_status pare_mac_backward_data(pare_mac *m, unsigned worker, const void *gy, float *gx,
                                   pare_err *e)
{
    return run_prim(m, worker, PARE_PASS_BACKWARD_DATA, m->weights[1], NULL, gx, gy, e);
}

pare_status pare_mac_backward_weights(pare_mac *m, unsigned worker, size_t slot, const void *x,
                                      const void *gy, pare_err *e)
{
    return run_prim(m, worker, PARE_PASS_BACKWARD_WEIGHTS, m->slot_weights[slot],
                    m->spec.has_bias ? m->slot_bias[slot] : NULL, x, gy, e);
}

static void add_slots(const dnnl_memory_t *slots, size_t n_slots, float *sum, size_t n)
{
    memcpy(sum, data_of(slots[0]), n * sizeof *sum);
    for (size_t i = 1; i < n_slots; i++) {
        const float *restrict g = data_of(slots[i]);
        for (size_t j = 0; j < n; j++) sum[j] += g[j];
    }
}

pare_status pare_mac_reduce(pare_mac *m, unsigned worker, size_t first, size_t n, float *gw,
                            float *gbias, pare_err *e)
{
    const dnnl_memory_desc_t *md = &m->prims[PARE_PASS_BACKWARD_WEIGHTS].weights_md;
    const size_t count = dnnl_memory_desc_get_size(md) / sizeof *gw;
    add_slots(m->slot_weights + first, n, data_of(m->sum), count);
    DNNL_TRY(dnnl_memory_set_data_handle(m->plain, gw), m->name, "handle");
    PARE_TRY(reorder(m, worker, m->unpack, m->sum, m->plain, e));
    if (m->spec.has_bias && gbias) add_slots(m->slot_bias + first, n, gbias, m->spec.dims.k);
    return PARE_OK;
}

const char *pare_mac_impl(const pare_mac *m, pare_pass p)
{
    return m->is_made[p] ? m->prims[p].impl : NULL;
}

bool pare_mac_impl_is_slow(const pare_mac *m, pare_pass p)
{
    if (!m->is_made[p]) return false;
    /* oneDNN's inner product over its own jit gemm is as fast as anything: only loops count */
    if (strncmp(m->prims[p].impl, "ref", 3) == 0) return true;
    return !m->spec.is_fc && strstr(m->prims[p].impl, "gemm") != NULL;
}

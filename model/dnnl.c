/* dnnl.c: oneDNN: engine, streams, and running what dnnl_make.c has made. */
#include "model/blocked.h"
#include "model/dnnl_prim.h"
#include "model/stem.h"
#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

pare_status pare_dnnl_fail(pare_err *e, const char *name, const char *what, dnnl_status_t s)
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
        for (int k = 0; d->blocked && k < 2; k++) free(d->blocked[i][k]);
    }
    if (d->engine) dnnl_engine_destroy(d->engine);
    free(d->streams);
    free(d->scratch);
    free(d->blocked);
    free(d);
}

static pare_status allot(void **p, size_t bytes, pare_err *e)
{
    free(*p);
    *p = aligned_alloc(PARE_DNNL_ALIGN,
                       (bytes + PARE_DNNL_ALIGN) / PARE_DNNL_ALIGN * PARE_DNNL_ALIGN);
    return *p ? PARE_OK : pare_dnnl_fail(e, "-", "scratchpad allocation", dnnl_out_of_memory);
}

pare_status pare_dnnl_ready(pare_dnnl *d, pare_err *e)
{
    if (d->blocked_bytes && !d->blocked) d->blocked = pare_xalloc(d->n_workers, sizeof *d->blocked);
    for (unsigned i = 0; i < d->n_workers; i++) {
        PARE_TRY(allot(&d->scratch[i], d->scratch_bytes, e));
        for (int k = 0; d->blocked && k < 2; k++)
            PARE_TRY(allot(&d->blocked[i][k], d->blocked_bytes, e));
    }
    return PARE_OK;
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

/* What a pass reads, in the layout that its primitive wants; what it writes comes back later. */
static void block(const pare_mac *m, unsigned worker, pare_pass pass, const void **x,
                  const void **y)
{
    const pare_dims *d = &m->spec.dims;
    void **const to = m->d->blocked[worker];
    if (pass != PARE_PASS_BACKWARD_DATA)
        pare_to_blocked(*x, d->n, (size_t)d->h * d->w, d->c, to[0]);
    if (pass != PARE_PASS_FORWARD) pare_to_blocked(*y, d->n, (size_t)d->p * d->q, d->k, to[1]);
    *x = to[0];
    *y = to[1];
}

static void unblock(const pare_mac *m, unsigned worker, pare_pass pass, void *x, void *y)
{
    const pare_dims *d = &m->spec.dims;
    void **const from = m->d->blocked[worker];
    if (pass == PARE_PASS_FORWARD) pare_from_blocked(from[1], d->n, (size_t)d->p * d->q, d->k, y);
    if (pass == PARE_PASS_BACKWARD_DATA)
        pare_from_blocked(from[0], d->n, (size_t)d->h * d->w, d->c, x);
}

static pare_status run_prim(pare_mac *m, unsigned worker, pare_pass pass, dnnl_memory_t weights,
                            dnnl_memory_t bias, const void *x, const void *y, pare_err *e)
{
    pare_worker_mem *w = &m->workers[worker];
    static const int x_args[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_SRC, DNNL_ARG_SRC};
    static const int w_args[] = {DNNL_ARG_WEIGHTS, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_WEIGHTS};
    static const int b_args[] = {DNNL_ARG_BIAS, DNNL_ARG_BIAS, DNNL_ARG_DIFF_BIAS};
    static const int y_args[] = {DNNL_ARG_DST, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_DST};
    /* oneDNN takes void * for what it only reads, too */
    void *const plain_x = (void *)(uintptr_t)x, *const plain_y = (void *)(uintptr_t)y;
    if (m->prims[pass].is_blocked) block(m, worker, pass, &x, &y);
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
    if (m->prims[pass].is_blocked) unblock(m, worker, pass, plain_x, plain_y);
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
    if (m->stem) pare_stem_pack(&m->spec.dims, weights, bias, m->stem);
    return PARE_OK;
}

pare_status pare_mac_forward(pare_mac *m, unsigned worker, const void *x, float *y, pare_err *e)
{
    if (m->stem) {
        pare_stem_forward(&m->spec.dims, m->stem, x, y, m->d->scratch[worker]);
        return PARE_OK;
    }
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
    if (m->stem) {
        pare_stem_backward_weights(&m->spec.dims, x, gy, data_of(m->slot_weights[slot]),
                                   m->spec.has_bias ? data_of(m->slot_bias[slot]) : NULL,
                                   m->d->scratch[worker]);
        return PARE_OK;
    }
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
    const size_t count = dnnl_memory_desc_get_size(&m->slot_md) / sizeof *gw;
    add_slots(m->slot_weights + first, n, data_of(m->sum), count);
    DNNL_TRY(dnnl_memory_set_data_handle(m->plain, gw), m->name, "handle");
    PARE_TRY(reorder(m, worker, m->unpack, m->sum, m->plain, e));
    if (m->spec.has_bias && gbias) add_slots(m->slot_bias + first, n, gbias, m->spec.dims.k);
    return PARE_OK;
}

const char *pare_mac_impl(const pare_mac *m, pare_pass p)
{
    return *m->prims[p].impl ? m->prims[p].impl : NULL;
}

bool pare_mac_impl_is_slow(const pare_mac *m, pare_pass p)
{
    /* oneDNN's inner product over its own jit gemm is as fast as anything: only loops count */
    if (strncmp(m->prims[p].impl, "ref", 3) == 0) return true;
    return !m->spec.is_fc && strstr(m->prims[p].impl, "gemm") != NULL;
}

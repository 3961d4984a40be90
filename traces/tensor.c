/* Dense arrays. */
#include "traces/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

/* no machine has it, and allocators differ in how they refuse more */
static const size_t TENSOR_MAX_BYTES = (size_t)1 << 39;

size_t pare_dtype_bytes(pare_dtype t)
{
    static const size_t bytes[] = {[PARE_F32] = 4, [PARE_I8] = 1,  [PARE_U8] = 1,
                                   [PARE_I16] = 2, [PARE_U16] = 2, [PARE_I32] = 4};
    return bytes[t];
}

pare_status pare_tensor_new(pare_dtype t, uint32_t n_dims, const size_t *dims, pare_tensor *out,
                            pare_err *e)
{
    size_t n_bytes = 0;
    *out = (pare_tensor){.dtype = t, .n_dims = n_dims, .count = 1};
    bool fits = n_dims <= PARE_TENSOR_DIMS_MAX;
    for (uint32_t i = 0; i < n_dims && fits; i++) {
        out->dims[i] = dims[i];
        fits = pare_mul_size(out->count, dims[i], &out->count);
    }
    fits = fits && pare_mul_size(out->count, pare_dtype_bytes(t), &n_bytes) &&
           n_bytes <= TENSOR_MAX_BYTES;
    if (fits) out->data = calloc(n_bytes > 0 ? n_bytes : 1, 1);
    if (out->data) return PARE_OK;
    *out = (pare_tensor){0};
    return pare_err_set(e, PARE_EFAIL, NULL, NOWHERE, "no memory for a tensor of %u dimensions%s",
                        n_dims, fits ? "" : "; at most 8 of them and 512 GiB expected");
}

void pare_tensor_free(pare_tensor *t)
{
    if (!t) return;
    free(t->data);
    *t = (pare_tensor){0};
}

pare_status pare_tensor_check_finite(const char *name, const pare_tensor *t, pare_err *e)
{
    const float *const x = t->data;
    if (t->dtype != PARE_F32) return PARE_OK;
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(x[i]))
            return pare_err_set(e, PARE_EINPUT, name, NOWHERE,
                                "element %zu is %s; finite numbers "
                                "expected",
                                i,
                                isnan(x[i]) ? "NaN"
                                : x[i] > 0  ? "inf"
                                            : "-inf");
    return PARE_OK;
}

/* finite.c: where a number first stopped being finite. */
#include "model/graph.h"
#include <math.h>

static bool is_finite(const float *x, size_t n)
{
    float sum = 0; /* NaN and infinities survive a sum of zeros times themselves */
    for (size_t i = 0; i < n; i++) sum += x[i] * 0.0f;
    return isfinite(sum);
}

uint32_t pare_graph_find_not_finite(const pare_graph *g, size_t n_images)
{
    for (uint32_t i = 0; i < g->n_values; i++) {
        const pare_value *v = &g->values[i];
        if (v->data && !is_finite(v->data, n_images * v->count)) return v->layer;
    }
    return PARE_NONE;
}

size_t pare_graph_find_bad_image(const pare_graph *g, size_t n_images)
{
    const pare_value *v = &g->values[0];
    for (size_t i = 0; i < n_images; i++)
        if (!is_finite(v->data + i * v->count, v->count)) return i;
    return n_images;
}

bool pare_param_is_finite(const pare_param *p, const float *x) { return is_finite(x, p->n); }

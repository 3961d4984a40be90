/* A layer of several groups or images: one descriptor each, one after the other. */
#include "rtl/layer.h"

#include <inttypes.h>
#include <stdlib.h>

/* [H][W][C] of one image to [H][W][C / groups] of one of its groups */
static void take_group(const pare_dims *d, uint32_t group, const int32_t *acts, int32_t *out)
{
    const uint32_t channels = d->c / d->groups;
    const size_t pixels = (size_t)d->h * d->w;
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (uint32_t c = 0; c < channels; c++)
            *out++ = acts[pixel * d->c + (size_t)group * channels + c];
}

static void add_up(pare_layer_result *sum, const pare_layer_result *part)
{
    sum->n_descriptors++;
    sum->level2_cycles += part->level2_cycles;
    sum->rtl_cycles += part->rtl_cycles;
    sum->setup_cycles += part->setup_cycles;
    sum->n_records += part->n_records;
    sum->n_compared += part->n_compared;
    sum->n_requests += part->n_requests;
}

static pare_status verify_part(const pare_layer_check *c, const pare_layer_job *job, uint32_t image,
                               uint32_t group, int32_t *acts, pare_layer_result *out, pare_err *e)
{
    const pare_dims *const d = &job->dims;
    const uint32_t filters = d->k / d->groups, channels = d->c / d->groups;
    const size_t windows = (size_t)d->p * d->q;
    pare_layer_job part = *job;
    pare_layer_result r;
    part.dims.n = part.dims.groups = 1;
    part.dims.k = filters;
    part.dims.c = channels;
    part.weights += (size_t)group * filters * d->r * d->s * channels;
    if (part.filters) part.filters += (size_t)group * filters;
    take_group(d, group, job->acts + (size_t)image * d->h * d->w * d->c, acts);
    part.acts = acts;
    PARE_TRY(pare_layer_verify(c, &part, &r, e));
    int32_t *const to = out->outputs + ((size_t)image * d->k + (size_t)group * filters) * windows;
    for (size_t i = 0; i < filters * windows; i++) to[i] = r.outputs[i];
    add_up(out, &r);
    out->is_ok = r.is_ok;
    if (!r.is_ok)
        pare_buf_printf(&out->difference, "image %" PRIu32 ", group %" PRIu32 ": %s", image, group,
                        r.difference.text);
    pare_layer_result_free(&r);
    return PARE_OK;
}

pare_status pare_layer_verify_split(const pare_layer_check *c, const pare_layer_job *job,
                                    pare_layer_result *out, pare_err *e)
{
    const pare_dims *const d = &job->dims;
    *out = (pare_layer_result){.is_ok = true};
    const pare_sim_job whole = pare_layer_sim_job(job);
    const pare_machine machine = pare_layer_machine(c, job);
    PARE_TRY(pare_sim_run_layer(&machine, &whole, &out->level1, e));
    out->n_outputs = (uint64_t)d->n * d->k * d->p * d->q;
    out->outputs = pare_xalloc(out->n_outputs, sizeof *out->outputs);
    int32_t *const acts = pare_xalloc((size_t)d->h * d->w * (d->c / d->groups), sizeof *acts);
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < d->n; i++)
        for (uint32_t g = 0; g < d->groups && status == PARE_OK && out->is_ok; g++)
            status = verify_part(c, job, i, g, acts, out, e);
    free(acts);
    if (status != PARE_OK) pare_layer_result_free(out);
    return status;
}

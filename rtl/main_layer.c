/* pare-cosim layer and net: whole layers on the Verilated machine. */
#include "rtl/main_layer.h"
#include "rtl/main.h"
#include "rtl/net.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the options say ---- */

/* "A..B" or "A"; "P,MAX" */
static pare_status read_pace(const layer_args *a, const pare_machine *m, pare_sim_pace *pace,
                             bool *has_pace, pare_err *e)
{
    const pare_pos nowhere = {0, 0};
    unsigned low, high, percent = 0, most = 0;
    char end;
    *has_pace = a->latency || a->gaps;
    low = high = m->dram.latency_cycles;
    if (a->latency && sscanf(a->latency, "%u..%u%c", &low, &high, &end) != 2) {
        if (sscanf(a->latency, "%u%c", &low, &end) != 1)
            return pare_err_set(e, PARE_EUSAGE, NULL, nowhere,
                                "--latency is '%s'; cycles, such as 50 or 20..80, expected",
                                a->latency);
        high = low;
    }
    if (low > high || high > 1000000)
        return pare_err_set(e, PARE_EUSAGE, NULL, nowhere,
                            "--latency is '%s'; a range within 1000000 expected", a->latency);
    if (a->gaps && (sscanf(a->gaps, "%u,%u%c", &percent, &most, &end) != 2 || percent > 100 ||
                    most < 1 || most > 100000))
        return pare_err_set(e, PARE_EUSAGE, NULL, nowhere,
                            "--gaps is '%s'; percent of the words and most cycles, such as 20,8, "
                            "expected",
                            a->gaps);
    *pace = (pare_sim_pace){a->seed, {low, high}, percent, most};
    return PARE_OK;
}

static bool read_fault(const char *text, pare_layer_fault *fault)
{
    char end;
    const bool is_stop = !strncmp(text, "stop,", 5);
    fault->kind = is_stop ? PARE_LAYER_STOP : PARE_LAYER_FLIP;
    return (is_stop || !strncmp(text, "flip,", 5)) &&
           sscanf(text + 5, "%" SCNu64 "%c", &fault->word, &end) == 1;
}

pare_status layer_open_machine(const layer_args *a, pare_machine **m,
                               const pare_accel_params **params, pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("machines", a->machine, &path);
    const pare_status status = pare_machine_load(path.text, a->sets.v, a->sets.n, m, e);
    pare_buf_free(&path);
    PARE_TRY(status);
    *params = pare_accel_find((*m)->name);
    if (*params) return pare_layer_machine_check(*m, *params, e);
    size_t n;
    const pare_accel_params *const all = pare_accels(&n);
    pare_buf names = {0};
    for (size_t i = 0; i < n; i++) pare_buf_printf(&names, "%s%s", i ? ", " : "", all[i].name);
    const pare_status unknown =
        pare_err_set(e, PARE_EINPUT, (*m)->file, (pare_pos){0, 0},
                     "machine '%s' is not in RTL; a machine of rtl/accels.h (%s) expected",
                     (*m)->name, names.text);
    pare_buf_free(&names);
    return unknown;
}

static pare_status check_latency(const pare_sim_pace *pace, const pare_accel_params *p, pare_err *e)
{
    const uint32_t least = pare_accel_latency_min(p);
    if (pace->latency_cycles[0] >= least) return PARE_OK;
    return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                        "--latency begins at %" PRIu32 "; at least %" PRIu32
                        ", behind which the RTL of %s hides its drain, expected",
                        pace->latency_cycles[0], least, p->name);
}

/* ---- one layer ---- */

typedef struct layer_codes {
    int32_t *weights, *acts;
    pare_accel_filter *filters;
} layer_codes;

static int32_t *random_codes(pare_rng *r, size_t n, uint32_t bits)
{
    int32_t *const v = pare_xalloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = (int32_t)pare_rng_below(r, 1u << bits);
    return v;
}

static size_t input_count(const pare_dims *d) { return (size_t)d->n * d->h * d->w * d->c; }

/* Random codes, and records that bring their sums into the range of 8 bits. */
static void make_random(const layer_args *a, pare_layer_job *j, layer_codes *c)
{
    pare_rng r = pare_rng_new(a->seed, 0);
    const size_t depth = (size_t)j->dims.r * j->dims.s * (j->dims.c / j->dims.groups);
    c->weights = random_codes(&r, j->dims.k * depth, j->weight_bits);
    c->acts = random_codes(&r, input_count(&j->dims), j->act_bits);
    j->weights = c->weights;
    j->acts = c->acts;
    if (j->raw) return;
    /* shift the largest sum into the code's bits */
    uint32_t bits = j->act_bits + j->weight_bits;
    while ((size_t)1 << (bits - j->act_bits - j->weight_bits) < depth) bits++;
    c->filters = pare_xalloc(j->dims.k, sizeof *c->filters);
    for (uint32_t k = 0; k < j->dims.k; k++)
        c->filters[k] = (pare_accel_filter){(int64_t)pare_rng_below(&r, 1u << 16),
                                            1 << 20 | (int32_t)pare_rng_below(&r, 1u << 20),
                                            bits + 8 + 20 - j->out_bits};
    j->filters = c->filters;
}

static pare_status find_layer(const pare_net *net, const char *name, uint32_t *index, pare_err *e)
{
    pare_buf names = {0};
    for (*index = 0; *index < net->n_layers; ++*index) {
        const pare_layer *const l = &net->layers[*index];
        if (!pare_layer_is_mac(l)) continue;
        if (!strcmp(l->name, name)) {
            pare_buf_free(&names);
            return PARE_OK;
        }
        pare_buf_printf(&names, "%s%s", names.n ? ", " : "", l->name);
    }
    const pare_status status =
        pare_err_set(e, PARE_EINPUT, net->file, (pare_pos){0, 0},
                     "has no layer '%s' with weights; one of %s expected", name, names.text);
    pare_buf_free(&names);
    return status;
}

static pare_status check_shape(const pare_net *net, uint32_t layer, pare_err *e)
{
    const pare_layer *const l = &net->layers[layer];
    if (l->op == PARE_OP_MATMUL)
        return pare_err_set(e, PARE_EINPUT, net->file, l->pos,
                            "layer '%s' has two inputs; a conv2d or an fc layer expected", l->name);
    return PARE_OK;
}

static void print_layer(const layer_args *a, const pare_layer_job *j, const pare_layer_result *r,
                        const pare_accel_params *p)
{
    if (a->is_json) {
        printf("{\"layer\": \"%s\", \"machine\": \"%s\", \"weight_bits\": %" PRIu32
               ", \"act_bits\": %" PRIu32 ", \"agrees\": %s, \"outputs\": %" PRIu64
               ", \"records\": %" PRIu64 ", \"rtl_cycles\": %" PRIu64
               ", \"level2_cycles\": %" PRIu64 ", \"level1_cycles\": %" PRIu64
               ", \"setup_cycles\": %" PRIu64 ", \"cycles_compared\": %" PRIu64
               ", \"descriptors\": %" PRIu64 "}\n",
               j->name, p->name, j->weight_bits, j->act_bits, r->is_ok ? "true" : "false",
               r->n_outputs, r->n_records, r->rtl_cycles, r->level2_cycles, r->level1.stats.cycles,
               r->setup_cycles, r->n_compared, r->n_descriptors);
        return;
    }
    if (!r->is_ok) return;
    printf("%s on %s, weights %" PRIu32 " bits, activations %" PRIu32 " bits, outputs %s\n",
           j->name, p->name, j->weight_bits, j->act_bits, j->raw ? "sums" : "codes");
    if (r->n_descriptors > 1)
        printf("  split     into %" PRIu64 " descriptors, a group of an image each\n",
               r->n_descriptors);
    printf("  values    %" PRIu64 " outputs equal the integer reference\n", r->n_outputs);
    printf("  records   %" PRIu64 " equal those of level 2\n", r->n_records);
    if (r->n_compared)
        printf("  pins      of %" PRIu64 " cycles equal those of the C model\n", r->n_compared);
    if (a->systemc)
        printf("  platform  %" PRIu64 " bursts of the DMA through the SystemC memory\n",
               r->n_requests);
    printf("  cycles    RTL %" PRIu64 ", level 2 %" PRIu64
           "; level 1 without the memory's pace%s %" PRIu64 "; setup before %" PRIu64 "\n",
           r->rtl_cycles, r->level2_cycles, r->n_descriptors > 1 ? ", as one layer," : "",
           r->level1.stats.cycles, r->setup_cycles);
}

pare_layer_check layer_check_of(const layer_args *a, const pare_machine *m,
                                const pare_accel_params *p, const pare_sim_pace *pace)
{
    return (pare_layer_check){.machine = m,
                              .params = p,
                              .pace = pace,
                              .trace = a->trace,
                              .model_vcd = a->vcd,
                              .failure_dir = ".",
                              .fault = a->spoils,
                              .engine = a->systemc ? pare_layer_run_platform : NULL,
                              .has_model = !a->no_model && !a->systemc};
}

static pare_status verify(const layer_args *a, const pare_machine *m, const pare_accel_params *p,
                          const pare_layer_job *job, const char *replay, bool *is_ok, pare_err *e)
{
    pare_sim_pace pace;
    bool has_pace;
    pare_layer_result r;
    PARE_TRY(read_pace(a, m, &pace, &has_pace, e));
    if (has_pace) PARE_TRY(check_latency(&pace, p, e));
    const pare_layer_check check = layer_check_of(a, m, p, has_pace ? &pace : NULL);
    const bool is_split = (uint64_t)job->dims.n * job->dims.groups > 1;
    PARE_TRY((is_split ? pare_layer_verify_split : pare_layer_verify)(&check, job, &r, e));
    *is_ok = r.is_ok;
    print_layer(a, job, &r, p);
    if (!r.is_ok) {
        fflush(stdout);
        fprintf(stderr, "%s on %s: %sreplay: %s", job->name, p->name, r.difference.text, replay);
        for (size_t i = 0; i < a->sets.n; i++) fprintf(stderr, " --set %s", a->sets.v[i]);
        if (a->latency) fprintf(stderr, " --latency %s", a->latency);
        if (a->batch > 1) fprintf(stderr, " --batch %" PRIu64, a->batch);
        if (a->gaps) fprintf(stderr, " --gaps %s", a->gaps);
        if (a->fault) fprintf(stderr, " --fault %s", a->fault);
        fprintf(stderr, "%s --seed %" PRIu64 "%s\n", a->raw ? " --sums" : "", a->seed,
                a->systemc ? " --systemc --trace layer.fst" : " --trace layer.fst --vcd layer.vcd");
    }
    pare_layer_result_free(&r);
    return PARE_OK;
}

/* A layer of a network, with random codes. */
static pare_status run_random_codes(const layer_args *a, const char *network, const char *layer,
                                    bool *is_ok, pare_err *e)
{
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_machine *m = NULL;
    const pare_accel_params *p;
    pare_buf path = {0};
    layer_codes c = {0};
    pare_layer_job job = {.name = layer, .raw = a->raw, .out_bits = 8};
    uint32_t index, mac = 0;
    pare_status status;
    pare_data_find("networks", network, &path);
    PARE_TRY_DONE(pare_net_load(path.text, &net, e));
    pare_data_find("bits", a->bits ? a->bits : "8", &path);
    PARE_TRY_DONE(pare_bits_get(path.text, net, &bits, e));
    PARE_TRY_DONE(find_layer(net, layer, &index, e));
    for (uint32_t i = 0; i < index; i++) mac += pare_layer_is_mac(&net->layers[i]);
    job.dims = pare_layer_dims(&net->layers[index], (uint32_t)a->batch);
    job.weight_bits = bits->layers[mac].weight_bits;
    job.act_bits = bits->layers[mac].act_bits;
    PARE_TRY_DONE(check_shape(net, index, e));
    PARE_TRY_DONE(layer_open_machine(a, &m, &p, e));
    make_random(a, &job, &c);
    path.n = 0;
    pare_buf_printf(&path, "pare-cosim layer %s %s --machine %s --bits %s", network, layer,
                    a->machine, a->bits ? a->bits : "8");
    PARE_TRY_DONE(verify(a, m, p, &job, path.text, is_ok, e));
done:
    free(c.weights);
    free(c.acts);
    free(c.filters);
    pare_buf_free(&path);
    pare_machine_free(m);
    pare_bits_free(bits);
    pare_net_free(net);
    return status;
}

/* A layer of a run folder, with its trained weights and an image's activations. */
static pare_status run_trained(const layer_args *a, const char *layer, bool *is_ok, pare_err *e)
{
    pare_infer *f = NULL;
    pare_infer_images images = {0};
    pare_machine *m = NULL;
    pare_net_run net = {0};
    const pare_accel_params *p;
    pare_buf replay = {0};
    int32_t *acts = NULL;
    uint16_t *codes = NULL;
    uint32_t index;
    pare_status status;
    PARE_TRY_DONE(pare_infer_load(a->run, &f, e));
    pare_infer_use_requant(f); /* where the run says how, the machine's codes are the same */
    PARE_TRY_DONE(find_layer(pare_infer_net(f), layer, &index, e));
    PARE_TRY_DONE(pare_net_run_new(f, &net, e));
    PARE_TRY_DONE(layer_open_machine(a, &m, &p, e));
    PARE_TRY_DONE(pare_infer_images_load(a->data, a->image + 1, &images, e));
    if (images.n <= a->image)
        PARE_TRY_DONE(pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                                   "--image is %" PRIu64 "; below %zu, the images there are, "
                                   "expected",
                                   a->image, images.n));
    size_t i = 0;
    while (net.stages[i].layer != index) i++;
    const size_t n = input_count(&net.stages[i].job.dims);
    const size_t pixels = (size_t)pare_shape_count(images.shape);
    codes = pare_xalloc(n, sizeof *codes);
    acts = pare_xalloc(n, sizeof *acts);
    pare_infer_layer_codes(f, images.pixels + a->image * pixels, index, codes);
    for (size_t j = 0; j < n; j++) acts[j] = codes[j];
    pare_layer_job job = pare_net_stage_job(&net.stages[i], acts);
    job.raw |= a->raw;
    pare_buf_printf(&replay, "pare-cosim layer %s %s --machine %s --run %s --image %" PRIu64,
                    a->run, layer, a->machine, a->run, a->image);
    PARE_TRY_DONE(verify(a, m, p, &job, replay.text, is_ok, e));
done:
    free(acts);
    free(codes);
    pare_buf_free(&replay);
    pare_net_run_free(&net);
    pare_machine_free(m);
    pare_infer_images_free(&images);
    pare_infer_free(f);
    return status;
}

/* ---- a network ---- */

static void print_stages(const pare_net_run *r, uint64_t n_images)
{
    printf("%-10s %5s %12s %12s %10s %10s %8s %14s\n", "layer", "w/a", "RTL cycles", "level 2",
           "setup", "outputs", "records", "codes != float");
    for (size_t i = 0; i < r->n_stages; i++) {
        const pare_net_stage *const s = &r->stages[i];
        printf("%-10s %2" PRIu32 "/%-2" PRIu32 " %12" PRIu64 " %12" PRIu64 " %10" PRIu64
               " %10" PRIu64 " %8" PRIu64 " %6" PRIu64 " of %" PRIu64 "\n",
               s->name, s->job.weight_bits, s->job.act_bits, s->rtl_cycles / n_images,
               s->level2_cycles / n_images, s->setup_cycles / n_images, s->n_outputs / n_images,
               s->n_records / n_images, s->n_codes_differ, s->n_codes);
    }
    printf("cycles, outputs and records of one image; every output equals the integer reference, "
           "every record level 2's\n");
}

static pare_status run_images(const layer_args *a, pare_net_run *net, const pare_layer_check *check,
                              const pare_infer_images *images, bool *is_ok, pare_err *e)
{
    const pare_net *const n = pare_infer_net(net->f);
    const size_t classes = (size_t)pare_shape_count(n->layers[n->n_layers - 1].out);
    const size_t pixels = (size_t)pare_shape_count(images->shape);
    float *const logits = pare_xalloc(2 * classes, sizeof *logits), *const wanted =
                                                                        logits + classes;
    uint64_t n_equal = 0, n_right = 0;
    pare_status status = PARE_OK;
    for (size_t i = 0; i < images->n && status == PARE_OK && *is_ok; i++) {
        pare_net_image image;
        uint32_t best = 0;
        const uint8_t *const x = images->pixels + i * pixels;
        status = pare_net_run_image(net, check, x, logits, &image, e);
        pare_infer_logits(net->f, x, wanted);
        for (uint32_t k = 1; k < classes; k++)
            if (wanted[k] > wanted[best]) best = k;
        if (status == PARE_OK && image.is_ok) {
            n_equal += image.predicted == best;
            n_right += image.predicted == images->labels[i];
            if (!a->is_json)
                printf("image %zu: class %" PRIu32 ", pare-sim infer %" PRIu32 ", label %u\n", i,
                       image.predicted, best, images->labels[i]);
        } else if (status == PARE_OK) {
            fprintf(stderr,
                    "image %zu, %sreplay: pare-cosim layer %s LAYER --machine %s --run %s "
                    "--image %zu --trace layer.fst\n",
                    i, image.difference.text, a->run, a->machine, a->run, i);
            *is_ok = false;
        }
        pare_buf_free(&image.difference);
    }
    free(logits);
    if (status != PARE_OK || !*is_ok) return status;
    if (a->is_json)
        printf("{\"total\": true, \"images\": %zu, \"equal\": %" PRIu64 ", \"correct\": %" PRIu64
               "}\n",
               images->n, n_equal, n_right);
    else {
        print_stages(net, images->n);
        printf("predictions: %" PRIu64 " of %zu are those of pare-sim infer; %" PRIu64 " correct\n",
               n_equal, images->n, n_right);
    }
    *is_ok = n_equal == images->n;
    return PARE_OK;
}

static pare_status run_net(const layer_args *a, bool *is_ok, pare_err *e)
{
    pare_infer *f = NULL;
    pare_infer_images images = {0};
    pare_machine *m = NULL;
    pare_net_run net = {0};
    const pare_accel_params *p;
    pare_sim_pace pace;
    bool has_pace;
    pare_status status;
    PARE_TRY_DONE(pare_infer_load(a->run, &f, e));
    pare_infer_use_requant(f); /* where the run says how, the machine's codes are the same */
    PARE_TRY_DONE(pare_net_run_new(f, &net, e));
    PARE_TRY_DONE(layer_open_machine(a, &m, &p, e));
    PARE_TRY_DONE(pare_infer_images_load(a->data, a->count, &images, e));
    PARE_TRY_DONE(read_pace(a, m, &pace, &has_pace, e));
    if (has_pace) PARE_TRY_DONE(check_latency(&pace, p, e));
    const pare_layer_check check = layer_check_of(a, m, p, has_pace ? &pace : NULL);
    PARE_TRY_DONE(run_images(a, &net, &check, &images, is_ok, e));
done:
    pare_net_run_free(&net);
    pare_machine_free(m);
    pare_infer_images_free(&images);
    pare_infer_free(f);
    return status;
}

/* ---- the commands ---- */

static int finish(pare_status status, bool is_ok, const pare_err *e)
{
    if (status == PARE_OK) return is_ok ? PARE_OK : PARE_EFAIL;
    pare_err_print(e, stderr);
    return (int)status;
}

#define COMMON_OPTS                                                                                \
    {"machine", 'm', PARE_OPT_STRING, "MACHINE", "a machine that is in RTL (pare4)", &a.machine,   \
     0,         0},                                                                                \
        {"set", 0, PARE_OPT_LIST, "KEY=VALUE", "change a value of its file", &a.sets, 0, 0},       \
        {"data",                                                                                   \
         'd',                                                                                      \
         PARE_OPT_STRING,                                                                          \
         "DATA",                                                                                   \
         "the images: as pare-sim infer (fashion-mnist)",                                          \
         &a.data,                                                                                  \
         0,                                                                                        \
         0},                                                                                       \
        {"latency",                                                                                \
         0,                                                                                        \
         PARE_OPT_STRING,                                                                          \
         "A..B",                                                                                   \
         "of memory, per stage at random (the machine's)",                                         \
         &a.latency,                                                                               \
         0,                                                                                        \
         0},                                                                                       \
        {"gaps",                                                                                   \
         0,                                                                                        \
         PARE_OPT_STRING,                                                                          \
         "P,MAX",                                                                                  \
         "P % of the words come up to MAX cycles late (none)",                                     \
         &a.gaps,                                                                                  \
         0,                                                                                        \
         0},                                                                                       \
        {"seed", 's', PARE_OPT_U64, "S", "seed of everything random (1)", &a.seed, 0, 0},          \
        {"no-model", 0, PARE_OPT_FLAG, NULL, "do not compare pins with the C model", &a.no_model,  \
         0,          0},                                                                           \
    {                                                                                              \
        "json", 0, PARE_OPT_FLAG, NULL, "JSON objects, one a line", &a.is_json, 0, 0               \
    }

int pare_cosim_main_layer(int argc, char **argv)
{
    layer_args a = {.machine = "pare4", .data = "fashion-mnist", .seed = 1, .batch = 1};
    const pare_opt opts[] = {
        {"bits", 'b', PARE_OPT_STRING, "BITS", "as pare-sim run (8)", &a.bits, 0, 0},
        {"run", 'r', PARE_OPT_STRING, "FOLDER", "trained weights and real activations", &a.run, 0,
         0},
        {"image", 'i', PARE_OPT_U64, "I", "whose activations, with --run (0)", &a.image, 0, 1e9},
        {"batch", 'n', PARE_OPT_U64, "N", "images with random codes, a descriptor each (1)",
         &a.batch, 1, 65536},
        {"sums", 0, PARE_OPT_FLAG, NULL, "store sums instead of codes", &a.raw, 0, 0},
        {"random", 0, PARE_OPT_U64, "N", "N random small layers instead", &a.count, 1, 1e12},
        {"first", 0, PARE_OPT_U64, "I", "number of the first of them (0)", &a.first, 0, 1e12},
        {"coverage", 0, PARE_OPT_FLAG, NULL, "print what they have met, set by set",
         &a.has_coverage, 0, 0},
        {"full", 0, PARE_OPT_FLAG, NULL, "fail unless they met every bin that can be met",
         &a.is_full, 0, 0},
        {"systemc", 0, PARE_OPT_FLAG, NULL,
         "in the SystemC platform, with its host, DRAM and DMA, instead of alone", &a.systemc, 0,
         0},
        {"trace", 't', PARE_OPT_STRING, "FILE.fst", "write the RTL's waves", &a.trace, 0, 0},
        {"vcd", 0, PARE_OPT_STRING, "FILE.vcd", "write the C model's pins", &a.vcd, 0, 0},
        {"fault", 0, PARE_OPT_STRING, "KIND,N",
         "spoil memory to see a failure: flip,N flips a bit of its Nth word, stop,N stops there",
         &a.fault, 0, 0},
        COMMON_OPTS,
    };
    int n, exit_status;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts,
                         "pare-cosim layer NETWORK LAYER | --random N [options]",
                         "A layer on the Verilated machine: every output against the integer "
                         "reference, every record against level 2, every pin against the C model.",
                         argc, argv, &n, &exit_status))
        return exit_status;
    if (n != (a.count ? 0 : 2)) {
        fprintf(stderr, "layer takes a network and a layer, or --random N; %d operands given\n", n);
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    bool is_ok = true;
    pare_status status;
    if (a.systemc && (a.fault || a.vcd)) {
        fprintf(stderr, "--%s is of the machine alone; no --systemc with it expected\n",
                a.fault ? "fault" : "vcd");
        free(a.sets.v);
        return PARE_EUSAGE;
    }
    if (a.fault && !read_fault(a.fault, &a.spoils)) {
        fprintf(stderr, "--fault is '%s'; flip,N or stop,N expected\n", a.fault);
        free(a.sets.v);
        return PARE_EUSAGE;
    }
    if (a.count)
        status = layer_run_campaign(&a, &is_ok, &e);
    else if (a.run)
        status = run_trained(&a, argv[2], &is_ok, &e);
    else
        status = run_random_codes(&a, argv[1], argv[2], &is_ok, &e);
    free(a.sets.v);
    return finish(status, is_ok, &e);
}

int pare_cosim_main_net(int argc, char **argv)
{
    layer_args a = {.machine = "pare4", .data = "fashion-mnist", .seed = 1, .count = 10};
    const pare_opt opts[] = {
        {"images", 'n', PARE_OPT_U64, "N", "images of the test set (10)", &a.count, 1, 1e9},
        COMMON_OPTS,
    };
    int n, exit_status;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-cosim net FOLDER [options]",
                         "A trained network's inference on the Verilated machine, layer after "
                         "layer, beside pare-sim infer.",
                         argc, argv, &n, &exit_status))
        return exit_status;
    if (n != 1) {
        fprintf(stderr, "net takes a run folder; %d operands given\n", n);
        return PARE_EUSAGE;
    }
    a.run = argv[1];
    pare_err e = {0};
    bool is_ok = true;
    const pare_status status = run_net(&a, &is_ok, &e);
    free(a.sets.v);
    return finish(status, is_ok, &e);
}

/* The co-design file: its table of keys, its recipes, and the order of the stages. */
#include "sim/codesign_core.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY(member, kind, lo, hi, default_text, text)                                              \
    {                                                                                              \
        .name = #member, .type = PARE_KEY_##kind, .offset = offsetof(codesign_conf, member),       \
        .min = lo, .max = hi, .def = default_text, .doc = text                                     \
    }

static const pare_key codesign_keys[] = {
    KEY(version, U32, 1, 1, NULL, "of this file's form"),
    KEY(name, NAME, 0, 0, NULL, "how results call it"),
    KEY(title, STR, 0, 0, "", "one line for people"),
    KEY(network, NAME, 0, 0, NULL, "a shipped network or a file"),
    KEY(data, NAME, 0, 0, "fashion-mnist", "as pare-train's --data"),
    KEY(config, STR, 0, 0, "", "as pare-train's --config: whatever is not said here"),
    KEY(machines, NAMES, 0, 0, NULL, "shipped ones or files"),
    KEY(criteria, NAMES, 0, 0, "equal",
        "what the penalty of bits counts, as pare-train's --criterion; latency, energy and dram "
        "are learned for each machine by its own cost table"),
    KEY(gammas, NAMES, 0, 0, "0.1", "weights of the penalty"),
    KEY(fixed, NAMES, 0, 0, "", "uniform bits to compare with: 8, w4a6"),
    KEY(base_epochs, U32, 1, 10000, "3", "epochs in fp32, once, that all others begin with"),
    KEY(epochs, U32, 1, 10000, "2", "epochs of learning bits"),
    KEY(tune_epochs, U32, 0, 10000, "1", "epochs after the bits are rounded up"),
    KEY(seed, U64, 0, 9e15, "1", "of all training"),
    KEY(train_images, U64, 0, 1e9, "0", "kept of each split while training; 0: all"),
    KEY(test_images, U64, 0, 1e9, "0", "that are inferred bit by bit; 0: all"),
};
const pare_schema pare_codesign_schema = {
    .name = "codesign",
    .doc = "Machines and recipes of bits: each pair is trained, inferred and simulated.",
    .keys = codesign_keys,
    .n_keys = sizeof codesign_keys / sizeof *codesign_keys,
    .size = sizeof(codesign_conf),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET};

void codesign_say(const codesign *c, const char *fmt, ...)
{
    char line[512];
    va_list args;
    if (!c->options->say) return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    c->options->say(c->options->context, line);
}

static bool is_of_machine(const char *criterion)
{
    static const char *const list[] = {"latency", "energy", "dram"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(criterion, list[i])) return true;
    return false;
}

static void make_recipes(codesign *c)
{
    const codesign_conf *const f = &c->conf;
    c->recipes = pare_arena_alloc(c->arena, f->fixed.n + f->criteria.n * f->gammas.n + 1,
                                  sizeof *c->recipes);
    for (size_t i = 0; i < f->fixed.n; i++)
        c->recipes[c->n_recipes++] = (recipe){
            .name = pare_arena_printf(c->arena, "fixed-%s", f->fixed.v[i]), .gamma = f->fixed.v[i]};
    for (size_t i = 0; i < f->criteria.n; i++)
        for (size_t g = 0; g < f->gammas.n; g++)
            c->recipes[c->n_recipes++] = (recipe){
                .name = pare_arena_printf(c->arena, "%s-%s", f->criteria.v[i], f->gammas.v[g]),
                .criterion = f->criteria.v[i],
                .gamma = f->gammas.v[g],
                .is_of_machine = is_of_machine(f->criteria.v[i])};
}

static pare_status check(const codesign *c, pare_err *e)
{
    const codesign_conf *const f = &c->conf;
    if (f->machines.n == 0)
        return pare_yaml_error(c->yaml, "machines", e, PARE_EINPUT,
                               "machines is empty; at least one expected");
    for (size_t i = 0; i < f->gammas.n; i++) {
        char at[64], *end;
        const double gamma = strtod(f->gammas.v[i], &end);
        snprintf(at, sizeof at, "gammas[%zu]", i);
        if (*end || !(gamma > 0) || isinf(gamma))
            return pare_yaml_error(c->yaml, at, e, PARE_EINPUT,
                                   "gamma is '%s'; a number above 0 expected", f->gammas.v[i]);
    }
    for (size_t i = 0; i < c->n_recipes; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->recipes[i].name, c->recipes[k].name))
                return pare_yaml_error(c->yaml, c->recipes[i].criterion ? "gammas" : "fixed", e,
                                       PARE_EINPUT, "'%s' is there twice; each once expected",
                                       c->recipes[i].name);
    if (c->n_recipes) return PARE_OK;
    return pare_yaml_error(c->yaml, "criteria", e, PARE_EINPUT,
                           "neither criteria with gammas nor fixed bits; one of them expected");
}

static pare_status load_inputs(codesign *c, pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("networks", c->conf.network, &c->net_path);
    pare_status status = pare_net_load(c->net_path.text, &c->net, e);
    if (status == PARE_OK) status = pare_bits_uniform("8", c->net, &c->uniform, e);
    c->machines = pare_arena_alloc(c->arena, c->conf.machines.n, sizeof(pare_machine *));
    c->machine_hash = pare_arena_alloc(c->arena, c->conf.machines.n, sizeof *c->machine_hash);
    for (size_t i = 0; i < c->conf.machines.n && status == PARE_OK; i++) {
        pare_data_find("machines", c->conf.machines.v[i], &path);
        status = pare_machine_load(path.text, NULL, 0, &c->machines[i], e);
        if (status == PARE_OK) c->machine_hash[i] = sweep_hash_machine(c->machines[i]);
    }
    pare_buf_free(&path);
    PARE_TRY(status);
    pare_buf text = {0};
    pare_net_write(c->net, &text);
    c->net_hash = XXH3_128bits(text.text, text.n);
    pare_buf_free(&text);
    c->n_pairs = c->conf.machines.n * c->n_recipes;
    c->pairs = pare_xalloc(c->n_pairs, sizeof *c->pairs);
    for (size_t i = 0; i < c->n_pairs; i++)
        c->pairs[i] = (pair){.machine = i / c->n_recipes,
                             .recipe = i % c->n_recipes,
                             .accuracy_frac = NAN,
                             .trainer_accuracy_frac = NAN};
    return PARE_OK;
}

static pare_status all_stages(codesign *c, pare_buf *table, pare_err *e)
{
    PARE_TRY(pare_yaml_read(c->yaml, &pare_codesign_schema, c->arena, &c->conf, e));
    make_recipes(c);
    PARE_TRY(check(c, e));
    PARE_TRY(load_inputs(c, e));
    PARE_TRY(codesign_train(c, e));
    if (c->options->is_dry) return PARE_OK;
    PARE_TRY(codesign_eval(c, e));
    return codesign_write(c, table, e);
}

static void codesign_clear(codesign *c)
{
    for (size_t i = 0; i < c->n_pairs; i++) {
        free(c->pairs[i].run);
        free(c->pairs[i].error);
        pare_sim_result_free(&c->pairs[i].result);
        pare_infer_free(c->pairs[i].infer);
    }
    free(c->pairs);
    for (size_t i = 0; c->machines && i < c->conf.machines.n; i++)
        pare_machine_free(c->machines[i]);
    pare_infer_images_free(&c->images);
    pare_bits_free(c->uniform);
    pare_net_free(c->net);
    pare_buf_free(&c->net_path);
    pare_yaml_free(c->yaml);
    pare_arena_free(c->arena);
}

pare_status pare_codesign_run(const char *file, const pare_codesign_options *options,
                              pare_buf *table, pare_err *e)
{
    enum { FILE_MAX_BYTES = 1 << 20 };
    codesign c = {.options = options, .file = file, .arena = pare_arena_new()};
    char *text = NULL;
    size_t n = 0;
    pare_status status = pare_file_read(file, FILE_MAX_BYTES, &text, &n, e);
    if (status == PARE_OK) status = pare_yaml_parse(file, text, n, &c.yaml, e);
    c.text = text;
    if (status == PARE_OK) status = all_stages(&c, table, e);
    codesign_clear(&c);
    free(text);
    return status;
}

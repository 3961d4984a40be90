/* pare-trace: look at, check and convert the files that flow between the programs. */
#include "traces/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what a file is ---- */

typedef enum kind { K_NET, K_BITS, K_TOPOLOGY, K_TABLE, K_NPY, K_IDX, K_MACHINE, N_KINDS } kind;

static const char *const kind_names[N_KINDS] = {
    [K_NET] = "network",         [K_BITS] = "bits",      [K_TOPOLOGY] = "SCALE-Sim topology",
    [K_TABLE] = "table",         [K_NPY] = "npy tensor", [K_IDX] = "IDX tensor",
    [K_MACHINE] = "machine file"};

static const struct suffix_row {
    const char *suffix;
    kind kind;
} suffix_rows[] = {{".net.yaml", K_NET}, {".bits.yaml", K_BITS}, {".json", K_BITS},
                   {".npy", K_NPY},      {".csv", K_TABLE},      {".machine.yaml", K_MACHINE},
                   {"-ubyte.gz", K_IDX}, {"-ubyte", K_IDX},      {".idx", K_IDX},
                   {".idx.gz", K_IDX}};

static bool has_suffix(const char *path, const char *suffix)
{
    const size_t n = strlen(path), k = strlen(suffix);
    return n >= k && !strcmp(path + n - k, suffix);
}

/* a CSV is told by its header */
static kind csv_kind(const char *path)
{
    char line[512];
    kind k = K_TABLE;
    FILE *const f = fopen(path, "rb");
    if (!f) return k;
    while (fgets(line, sizeof line, f)) {
        const size_t blanks = strspn(line, " \t\r\n");
        if (!line[blanks] || line[blanks] == '#') continue;
        if (strstr(line, "IFMAP") || strstr(line, "Layer name")) k = K_TOPOLOGY;
        if (strstr(line, "weight_bits") && strstr(line, "act_bits")) k = K_BITS;
        break;
    }
    fclose(f);
    return k;
}

static pare_status find_kind(const char *path, kind *out, pare_err *e)
{
    for (size_t i = 0; i < sizeof suffix_rows / sizeof *suffix_rows; i++) {
        if (!has_suffix(path, suffix_rows[i].suffix)) continue;
        *out = suffix_rows[i].kind;
        if (*out == K_TABLE) *out = csv_kind(path);
        if (*out != K_MACHINE) return PARE_OK;
        return pare_err_set(e, PARE_EUSAGE, path, (pare_pos){0, 0},
                            "a machine file, which pare-sim reads and checks; a network, bits, "
                            "tensor or table expected");
    }
    return pare_err_set(e, PARE_EUSAGE, path, (pare_pos){0, 0},
                        "of unknown kind; a name in .net.yaml, .bits.yaml, .json, .csv, .npy, .idx "
                        "or -ubyte[.gz] expected");
}

/* a file, or the name of a shipped network or bits file; the caller frees the text */
static void resolve(const char *operand, pare_buf *path)
{
    pare_data_find("networks", operand, path);
    if (access(path->text, F_OK) == 0) return;
    path->n = 0;
    pare_data_find("bits", operand, path);
}

/* ---- loading ---- */

typedef struct thing {
    kind kind;
    pare_net *net; /* of a network or topology; of bits, the network to check them with, or NULL */
    pare_bits *bits;
    pare_csv *csv;
    pare_tensor tensor;
} thing;

static void free_thing(thing *t)
{
    pare_net_free(t->net);
    pare_bits_free(t->bits);
    pare_csv_free(t->csv);
    pare_tensor_free(&t->tensor);
}

static pare_status load_net_named(const char *name, pare_net **out, pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("networks", name, &path);
    const pare_status status = pare_net_load(path.text, out, e);
    pare_buf_free(&path);
    return status;
}

/* `net_name` may be NULL */
static pare_status load(const char *path, const char *net_name, thing *t, pare_err *e)
{
    *t = (thing){.kind = K_NET};
    PARE_TRY(find_kind(path, &t->kind, e));
    switch (t->kind) {
    case K_NET: return pare_net_load(path, &t->net, e);
    case K_TOPOLOGY: return pare_net_load_scalesim(path, &t->net, e);
    case K_TABLE: return pare_csv_load(path, &t->csv, e);
    case K_NPY: return pare_npy_load(path, &t->tensor, e);
    case K_IDX: return pare_idx_load(path, &t->tensor, e);
    default: break;
    }
    if (net_name) PARE_TRY(load_net_named(net_name, &t->net, e));
    return pare_bits_load(path, t->net, &t->bits, e);
}

/* ---- one line about a file ---- */

static const char *dtype_name(pare_dtype t)
{
    static const char *const names[] = {[PARE_F32] = "f32", [PARE_I8] = "i8",   [PARE_U8] = "u8",
                                        [PARE_I16] = "i16", [PARE_U16] = "u16", [PARE_I32] = "i32"};
    return names[t];
}

static void add_dims(const pare_tensor *t, const char *between, pare_buf *out)
{
    if (t->n_dims == 0) pare_buf_puts(out, "scalar");
    for (uint32_t i = 0; i < t->n_dims; i++)
        pare_buf_printf(out, "%s%zu", i ? between : "", t->dims[i]);
}

static void mean_bits(const pare_bits *b, double *weight, double *act)
{
    *weight = *act = 0;
    for (size_t i = 0; i < b->n_layers; i++) {
        *weight += b->layers[i].weight_bits;
        *act += b->layers[i].act_bits;
    }
    *weight /= (double)b->n_layers;
    *act /= (double)b->n_layers;
}

static void summarize(const thing *t, pare_buf *out)
{
    double weight, act;
    uint32_t n_layers;
    pare_buf_puts(out, kind_names[t->kind]);
    switch (t->kind) {
    case K_NET:
    case K_TOPOLOGY:
        n_layers = t->net->n_layers - (t->net->layers[0].op == PARE_OP_INPUT);
        pare_buf_printf(out, " %s: %u layer%s, %u on the array, %llu parameters, %llu MACs",
                        t->net->name, n_layers, n_layers == 1 ? "" : "s", t->net->n_mac_layers,
                        (unsigned long long)t->net->params, (unsigned long long)t->net->macs);
        break;
    case K_BITS:
        mean_bits(t->bits, &weight, &act);
        pare_buf_printf(out, " for %s: %zu layers, mean over layers %.2f weight and %.2f act bits",
                        t->bits->network[0] ? t->bits->network : "any network", t->bits->n_layers,
                        weight, act);
        break;
    case K_TABLE:
        pare_buf_printf(out, ": %zu rows of %zu columns", t->csv->n_rows, t->csv->columns.n);
        break;
    default:
        pare_buf_printf(out, ": %s ", dtype_name(t->tensor.dtype));
        add_dims(&t->tensor, "x", out);
    }
}

/* ---- check ---- */

static pare_status check_one(const char *operand, const char *net_name)
{
    thing t;
    pare_err e = {0};
    pare_buf path = {0}, line = {0};
    resolve(operand, &path);
    const pare_status status = load(path.text, net_name, &t, &e);
    if (status == PARE_OK) {
        summarize(&t, &line);
        printf("%s: OK, %s\n", operand, line.text);
    } else {
        fflush(stdout);
        pare_err_print(&e, stderr);
    }
    free_thing(&t);
    pare_buf_free(&path);
    pare_buf_free(&line);
    return status;
}

static int run_check(int argc, char **argv)
{
    const char *net_name = NULL;
    const pare_opt opts[] = {{"net", 'n', PARE_OPT_STRING, "NETWORK",
                              "check bits files against this network", &net_name, 0, 0}};
    int n, status = PARE_OK;
    if (!pare_opts_parse(opts, 1, "pare-trace check FILE... [options]",
                         "Check files; one line for each. The kind follows from the name.", argc,
                         argv, &n, &status))
        return status;
    if (n == 0) {
        fprintf(stderr, "pare-trace check: no file; FILE... expected\n");
        return PARE_EUSAGE;
    }
    for (int i = 1; i <= n; i++) {
        const pare_status one = check_one(argv[i], net_name);
        if ((int)one > status) status = (int)one;
    }
    return status;
}

/* ---- show ---- */

static void add_shape(pare_shape s, const char *between, pare_buf *out)
{
    pare_buf_printf(out, "%u%s%u%s%u", s.c, between, s.h, between, s.w);
}

/* what a layer's type does not say: "3x3 /2 +1 g32" */
static void add_window(const pare_layer *l, pare_buf *out)
{
    const bool has_window =
        l->op == PARE_OP_CONV2D || l->op == PARE_OP_MAXPOOL || l->op == PARE_OP_AVGPOOL;
    if (!has_window && l->groups == 1) pare_buf_puts(out, "-");
    if (has_window) pare_buf_printf(out, "%ux%u", l->kernel[0], l->kernel[1]);
    if (l->stride[0] != 1 || l->stride[1] != 1)
        pare_buf_printf(out, l->stride[0] == l->stride[1] ? " /%u" : " /%ux%u", l->stride[0],
                        l->stride[1]);
    if (l->pad[0] || l->pad[1])
        pare_buf_printf(out, l->pad[0] == l->pad[1] ? " +%u" : " +%ux%u", l->pad[0], l->pad[1]);
    if (l->dilation[0] != 1 || l->dilation[1] != 1)
        pare_buf_printf(out, " d%ux%u", l->dilation[0], l->dilation[1]);
    if (l->groups != 1) pare_buf_printf(out, has_window ? " g%u" : "%u heads", l->groups);
}

static void show_net(const pare_net *net, pare_buf *out)
{
    pare_buf_printf(out, "%-16s %-14s %-14s %-14s %-14s %11s %14s\n", "layer", "type", "input",
                    "output", "window", "parameters", "MACs");
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_layer *const l = &net->layers[i];
        if (l->op == PARE_OP_INPUT) continue;
        pare_buf in = {0}, to = {0}, window = {0};
        add_shape(l->in, "x", &in);
        add_shape(l->out, "x", &to);
        add_window(l, &window);
        pare_buf_printf(out, "%-16s %-14s %-14s %-14s %-14s %11llu %14llu\n", l->name,
                        pare_op_name(l->op), in.text, to.text, window.text,
                        (unsigned long long)l->params, (unsigned long long)l->macs);
        pare_buf_free(&in);
        pare_buf_free(&to);
        pare_buf_free(&window);
    }
    pare_buf_printf(out, "%-16s %-14s %-14s %-14s %-14s %11llu %14llu\n", "total", "", "", "", "",
                    (unsigned long long)net->params, (unsigned long long)net->macs);
    pare_buf_puts(out, "\nwindow: kernel, /stride, +pad, d dilation, g groups\n");
}

static void show_net_json(const pare_net *net, pare_buf *out)
{
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_layer *const l = &net->layers[i];
        pare_buf_puts(out, "{\"layer\": ");
        pare_buf_json_string(out, l->name);
        pare_buf_printf(out, ", \"type\": \"%s\", \"in\": [", pare_op_name(l->op));
        add_shape(l->in, ", ", out);
        pare_buf_puts(out, "], \"out\": [");
        add_shape(l->out, ", ", out);
        pare_buf_printf(out, "], \"kernel\": [%u, %u], \"stride\": [%u, %u], \"pad\": [%u, %u], ",
                        l->kernel[0], l->kernel[1], l->stride[0], l->stride[1], l->pad[0],
                        l->pad[1]);
        pare_buf_puts(out, "\"inputs\": [");
        for (uint32_t j = 0; j < l->n_inputs; j++) {
            if (j) pare_buf_puts(out, ", ");
            pare_buf_json_string(out, net->layers[l->inputs[j]].name);
        }
        pare_buf_printf(out, "], \"groups\": %u, \"params\": %llu, \"macs\": %llu}\n", l->groups,
                        (unsigned long long)l->params, (unsigned long long)l->macs);
    }
    pare_buf_puts(out, "{\"total\": true, \"network\": ");
    pare_buf_json_string(out, net->name);
    pare_buf_printf(out, ", \"params\": %llu, \"macs\": %llu}\n", (unsigned long long)net->params,
                    (unsigned long long)net->macs);
}

static void show_bits(const pare_bits *b, bool json, pare_buf *out)
{
    double weight, act;
    mean_bits(b, &weight, &act);
    if (!json) pare_buf_printf(out, "%-16s %12s %9s\n", "layer", "weight bits", "act bits");
    for (size_t i = 0; i < b->n_layers; i++) {
        const pare_layer_bits *const l = &b->layers[i];
        char learned[64] = "";
        if (l->weight_n > 0 || l->act_n > 0)
            snprintf(learned, sizeof learned, "  learned %.3f and %.3f", l->weight_n, l->act_n);
        if (json) {
            pare_buf_puts(out, "{\"layer\": ");
            pare_buf_json_string(out, l->layer);
            pare_buf_printf(out, ", \"weight_bits\": %u, \"act_bits\": %u, \"weight_n\": ",
                            l->weight_bits, l->act_bits);
            pare_buf_real(out, l->weight_n);
            pare_buf_puts(out, ", \"act_n\": ");
            pare_buf_real(out, l->act_n);
            pare_buf_puts(out, "}\n");
        } else {
            pare_buf_printf(out, "%-16s %12u %9u%s\n", l->layer, l->weight_bits, l->act_bits,
                            learned);
        }
    }
    pare_buf_printf(out,
                    json
                        ? "{\"total\": true, \"mean_weight_bits\": %.4f, \"mean_act_bits\": %.4f}\n"
                        : "mean over layers %12.2f %9.2f\n",
                    weight, act);
}

static double element(const pare_tensor *t, size_t i)
{
    switch (t->dtype) {
    case PARE_F32: return ((const float *)t->data)[i];
    case PARE_I8: return ((const int8_t *)t->data)[i];
    case PARE_U8: return ((const uint8_t *)t->data)[i];
    case PARE_I16: return ((const int16_t *)t->data)[i];
    case PARE_U16: return ((const uint16_t *)t->data)[i];
    case PARE_I32: return ((const int32_t *)t->data)[i];
    }
    return 0;
}

/* minimum, maximum and mean over the finite elements */
static void show_tensor(const pare_tensor *t, bool json, pare_buf *out)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    size_t n_finite = 0;
    for (size_t i = 0; i < t->count; i++) {
        const double x = element(t, i);
        if (!isfinite(x)) continue;
        low = x < low ? x : low;
        high = x > high ? x : high;
        sum += x;
        n_finite++;
    }
    pare_buf_printf(out, json ? "{\"dtype\": \"%s\", \"shape\": [" : "dtype %s, shape ",
                    dtype_name(t->dtype));
    if (json && t->n_dims > 0) add_dims(t, ", ", out);
    if (!json) add_dims(t, "x", out);
    pare_buf_puts(out, json ? "], \"min\": " : ", min ");
    pare_buf_real(out, low);
    pare_buf_puts(out, json ? ", \"max\": " : ", max ");
    pare_buf_real(out, high);
    pare_buf_puts(out, json ? ", \"mean\": " : ", mean ");
    pare_buf_real(out, sum / (double)n_finite);
    pare_buf_printf(out, json ? ", \"n_not_finite\": %zu}\n" : ", %zu elements not finite\n",
                    t->count - n_finite);
}

static void show_table(const pare_csv *c, pare_buf *out)
{
    pare_buf_printf(out, "%zu rows\n", c->n_rows);
    for (size_t i = 0; i < c->columns.n; i++)
        pare_buf_printf(out, "column %zu: %s\n", i + 1, c->columns.v[i]);
}

static void show(const thing *t, bool json, pare_buf *out)
{
    if (!json) {
        summarize(t, out);
        pare_buf_puts(out, "\n\n");
    }
    switch (t->kind) {
    case K_NET:
    case K_TOPOLOGY: (json ? show_net_json : show_net)(t->net, out); break;
    case K_BITS: show_bits(t->bits, json, out); break;
    case K_TABLE: show_table(t->csv, out); break;
    default: show_tensor(&t->tensor, json, out);
    }
}

static int run_show(int argc, char **argv)
{
    bool json = false;
    const char *net_name = NULL;
    const pare_opt opts[] = {
        {"json", 0, PARE_OPT_FLAG, NULL, "one JSON object a line", &json, 0, 0},
        {"net", 'n', PARE_OPT_STRING, "NETWORK", "check and order bits by this network", &net_name,
         0, 0}};
    int n, status = PARE_OK;
    if (!pare_opts_parse(opts, 2, "pare-trace show FILE [options]",
                         "Show a network, bitlengths or a tensor as a table.", argc, argv, &n,
                         &status))
        return status;
    if (n != 1) {
        fprintf(stderr, "pare-trace show: %d files; one expected\n", n);
        return PARE_EUSAGE;
    }
    thing t;
    pare_err e = {0};
    pare_buf path = {0}, out = {0};
    resolve(argv[1], &path);
    status = (int)load(path.text, net_name, &t, &e);
    if (status == PARE_OK) {
        show(&t, json, &out);
        fwrite(out.text, 1, out.n, stdout);
    } else {
        pare_err_print(&e, stderr);
    }
    free_thing(&t);
    pare_buf_free(&path);
    pare_buf_free(&out);
    return status;
}

/* ---- convert ---- */

typedef pare_status convert_fn(const thing *t, const char *to, pare_err *e);

static pare_status write_text(const char *to, pare_buf *text, pare_err *e)
{
    const pare_status status = pare_file_write(to, text->text, text->n, e);
    pare_buf_free(text);
    return status;
}

static pare_status net_to_yaml(const thing *t, const char *to, pare_err *e)
{
    pare_buf text = {0};
    pare_net_write(t->net, &text);
    return write_text(to, &text, e);
}

static pare_status bits_to_yaml(const thing *t, const char *to, pare_err *e)
{
    pare_buf text = {0};
    pare_bits_write(t->bits, &text);
    return write_text(to, &text, e);
}

static pare_status bits_to_json(const thing *t, const char *to, pare_err *e)
{
    pare_buf text = {0};
    pare_bits_write_json(t->bits, &text);
    return write_text(to, &text, e);
}

static pare_status bits_to_csv(const thing *t, const char *to, pare_err *e)
{
    pare_buf text = {0};
    pare_bits_write_csv(t->bits, &text);
    return write_text(to, &text, e);
}

static pare_status tensor_to_npy(const thing *t, const char *to, pare_err *e)
{
    return pare_npy_save(to, &t->tensor, e);
}

static const struct conversion {
    kind from;
    const char *suffix;
    convert_fn *run;
} conversions[] = {
    {K_TOPOLOGY, ".net.yaml", net_to_yaml}, {K_NET, ".net.yaml", net_to_yaml},
    {K_BITS, ".bits.yaml", bits_to_yaml},   {K_BITS, ".json", bits_to_json},
    {K_BITS, ".csv", bits_to_csv},          {K_IDX, ".npy", tensor_to_npy},
};
enum { N_CONVERSIONS = sizeof conversions / sizeof *conversions };

static pare_status refuse(kind from, const char *to, pare_err *e)
{
    char offered[128] = "";
    size_t n = 0;
    for (size_t i = 0; i < N_CONVERSIONS; i++)
        if (conversions[i].from == from && n < sizeof offered)
            n += (size_t)snprintf(offered + n, sizeof offered - n, "%s%s", n ? ", " : "",
                                  conversions[i].suffix);
    return pare_err_set(e, PARE_EUSAGE, to, (pare_pos){0, 0},
                        "a %s does not convert to this; %s expected", kind_names[from],
                        n ? offered : "another kind of input");
}

static pare_status convert(const char *from, const char *to, const char *net_name, pare_err *e)
{
    thing t;
    pare_status status = load(from, net_name, &t, e);
    const struct conversion *found = NULL;
    for (size_t i = 0; i < N_CONVERSIONS && !found; i++)
        if (conversions[i].from == t.kind && has_suffix(to, conversions[i].suffix))
            found = &conversions[i];
    if (status == PARE_OK) status = found ? found->run(&t, to, e) : refuse(t.kind, to, e);
    free_thing(&t);
    return status;
}

static int run_convert(int argc, char **argv)
{
    const char *net_name = NULL;
    const pare_opt opts[] = {{"net", 'n', PARE_OPT_STRING, "NETWORK",
                              "check and order bits by this network", &net_name, 0, 0}};
    int n, status = PARE_OK;
    if (!pare_opts_parse(opts, 1, "pare-trace convert IN OUT [options]",
                         "Convert between forms: SCALE-Sim .csv to .net.yaml; bits among "
                         ".bits.yaml, .json and .csv; IDX to .npy.",
                         argc, argv, &n, &status))
        return status;
    if (n != 2) {
        fprintf(stderr, "pare-trace convert: %d files; IN and OUT expected\n", n);
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    pare_buf path = {0};
    resolve(argv[1], &path);
    status = (int)convert(path.text, argv[2], net_name, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&path);
    return status;
}

/* ---- schema ---- */

static int run_schema(int argc, char **argv)
{
    static const pare_schema *const schemas[] = {&pare_net_schema, &pare_bits_schema};
    int n, status = PARE_OK;
    if (!pare_opts_parse(NULL, 0, "pare-trace schema network|bits",
                         "Print the keys of a file kind as Markdown tables.", argc, argv, &n,
                         &status))
        return status;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas && n == 1; i++) {
        if (strcmp(argv[1], schemas[i]->name)) continue;
        pare_buf out = {0};
        pare_schema_doc(schemas[i], &out);
        fwrite(out.text, 1, out.n, stdout);
        pare_buf_free(&out);
        return PARE_OK;
    }
    fprintf(stderr, "pare-trace schema: network or bits expected\n");
    return PARE_EUSAGE;
}

int main(int argc, char **argv)
{
    static const pare_command commands[] = {
        {"check", "FILE...", "check files; one line for each", run_check},
        {"show", "FILE", "show a network, bitlengths or a tensor", run_show},
        {"convert", "IN OUT", "convert between forms", run_convert},
        {"schema", "network|bits", "the keys of a file kind, as Markdown", run_schema},
    };
    return pare_commands_run("pare-trace", "Look at, check and convert networks, bits and tensors.",
                             commands, sizeof commands / sizeof *commands, argc, argv);
}

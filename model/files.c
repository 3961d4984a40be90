/* files.c: the text files of a run folder. */
#include "model/export.h"
#include "model/method.h"
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t NET_FILE_MAX = (size_t)1 << 26;

const char *pare_run_path(const pare_run *r, const char *name, pare_buf *path)
{
    path->n = 0;
    pare_buf_printf(path, "%s/%s", r->folder, name);
    return path->text;
}

/* The paths do not count: moved files are the same files. */
uint64_t pare_run_hash(const pare_run *r)
{
    pare_train_config c = *r->config;
    c.network = c.data = "-";
    if (*c.from) c.from = "-";
    if (*c.cost_table) c.cost_table = "-";
    pare_buf b = {0};
    pare_schema_write(&pare_train_schema, &c, &b);
    uint64_t h = pare_hash_bytes(PARE_HASH_SEED, b.text, b.n);
    pare_buf_free(&b);
    h = pare_hash_bytes(h, &r->net->hash, sizeof r->net->hash);
    const pare_cost_table *t = r->penalty.table;
    if (t) h = pare_hash_bytes(h, &t->hash, sizeof t->hash);
    return pare_hash_bytes(h, &r->data_hash, sizeof r->data_hash);
}

static pare_status write_text(const pare_run *r, const char *name, const pare_buf *text,
                              pare_err *e)
{
    pare_buf path = {0};
    const pare_status status =
        pare_file_write(pare_run_path(r, name, &path), text->text, text->n, e);
    pare_buf_free(&path);
    return status;
}

/* Temporary files ("NAME.tmp123") that a killed run has left. */
static void remove_temporaries(const pare_run *r, const char *folder)
{
    pare_buf path = {0}, file = {0};
    DIR *d = opendir(pare_run_path(r, folder, &path));
    for (const struct dirent *f; d && (f = readdir(d));) {
        const char *dot = strstr(f->d_name, ".tmp");
        if (!dot || !dot[4] || dot[4 + strspn(dot + 4, "0123456789")]) continue;
        file.n = 0;
        pare_buf_printf(&file, "%s/%s", path.text, f->d_name);
        unlink(file.text);
    }
    if (d) closedir(d);
    pare_buf_free(&path);
    pare_buf_free(&file);
}

static pare_status copy_network(const pare_run *r, pare_err *e)
{
    char *bytes = NULL;
    size_t n = 0;
    PARE_TRY(pare_file_read(r->net->file, NET_FILE_MAX, &bytes, &n, e));
    pare_buf path = {0};
    const pare_status status =
        pare_file_write(pare_run_path(r, "network.net.yaml", &path), bytes, n, e);
    pare_buf_free(&path);
    free(bytes);
    return status;
}

pare_status pare_run_write_start(const pare_run *r, pare_err *e)
{
    static const char *const folders[] = {".", "weights", "acts", "params"};
    if (pare_comm_rank(r->comm)) return PARE_OK;
    PARE_TRY(pare_dir_make(r->folder, e));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) remove_temporaries(r, folders[i]);
    PARE_TRY(copy_network(r, e));
    pare_buf b = {0};
    pare_schema_write(&pare_train_schema, r->config, &b);
    const pare_status status = write_text(r, "config.yaml", &b, e);
    pare_buf_free(&b);
    return status;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static void provenance(const pare_run *r, pare_buf *out)
{
    char seed[24], net_hash[20], data_hash[20];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->config->seed);
    snprintf(net_hash, sizeof net_hash, "%016llx", (unsigned long long)r->net->hash);
    snprintf(data_hash, sizeof data_hash, "%016llx", (unsigned long long)r->data_hash);
    const char *const pairs[] = {
        "network", r->net->name,           "network_hash", net_hash,
        "data",    r->data->kind,          "data_hash",    data_hash,
        "method",  r->graph->method->name, "seed",         seed,
    };
    pare_provenance(out, "pare-train", pairs, sizeof pairs / sizeof *pairs / 2);
}

static void add_reals(pare_buf *b, const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pare_buf_puts(b, ",");
        pare_buf_real(b, v[i]);
    }
    pare_buf_puts(b, "\n");
}

void pare_run_add_metrics(pare_run *r, double lr, double train_loss, double train_frac,
                          double test_frac)
{
    double v[10] = {lr, train_loss, train_frac, test_frac};
    pare_run_mean_n(r, &v[4], &v[5]);
    if (r->penalty.criterion) {
        v[6] = r->gamma_now * pare_run_set_lambdas(r);
        v[7] = r->gamma_now;
        v[8] = pare_run_cost_frac(r);
        v[9] = r->graph->is_learning_n ? r->result.n_unbalanced_frac : 0;
    }
    const char *phase = r->phases[r->phase].name;
    pare_buf_printf(&r->metrics, "%s,%u", phase, r->epoch + 1);
    add_reals(&r->metrics, v, sizeof v / sizeof *v);
    if (r->graph->method->rows.w.grid == PARE_GRID_REAL) return;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        pare_buf_printf(&r->bits_rows, "%s,%u,%s", phase, r->epoch + 1, n->l->name);
        add_reals(&r->bits_rows, (double[]){pare_node_weight_n(n), n->qa.n}, 2);
    }
}

static pare_status write_table(const pare_run *r, const char *name, const char *header,
                               const pare_buf *rows, pare_err *e)
{
    pare_buf b = {0};
    provenance(r, &b);
    pare_buf_puts(&b, header);
    if (rows->n) pare_buf_add(&b, rows->text, rows->n);
    const pare_status status = write_text(r, name, &b, e);
    pare_buf_free(&b);
    return status;
}

pare_status pare_run_write_metrics(const pare_run *r, pare_err *e)
{
    if (pare_comm_rank(r->comm)) return PARE_OK;
    PARE_TRY(write_table(r, "metrics.csv",
                         "phase,epoch,lr,train_loss,train_accuracy_frac,test_accuracy_frac,"
                         "mean_weight_n,mean_act_n,penalty,gamma,cost_frac,n_unbalanced_frac\n",
                         &r->metrics, e));
    return write_table(r, "bits_per_epoch.csv", "phase,epoch,layer,weight_n,act_n\n", &r->bits_rows,
                       e);
}

/* ---- bitlengths and summary -------------------------------------------------------------------
 */

/* Bits of a weight in memory, 0 where they are those of its code. */
static uint32_t stored_bits(const pare_node *n)
{
    const pare_quant *q = &n->qw[pare_node_widest(n)];
    return pare_quant_code_bits(q) == (uint32_t)q->n ? 0 : (uint32_t)q->n;
}

/* A machine runs a layer's weights at the bits of its widest group. */
static pare_status write_bits(const pare_run *r, pare_err *e)
{
    pare_bits b = {.network = r->net->name, .method = r->graph->method->name};
    b.layers = pare_xalloc(r->graph->n_nodes, sizeof *b.layers);
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        double learned_n = 0;
        for (uint32_t j = 0; j < n->n_qw; j++) learned_n = fmax(learned_n, n->qw[j].learned_n);
        b.layers[b.n_layers++] =
            (pare_layer_bits){.layer = n->l->name,
                              .weight_bits = pare_quant_code_bits(&n->qw[pare_node_widest(n)]),
                              .act_bits = (uint32_t)n->qa.n,
                              .weight_signed = n->is_w_signed,
                              .weight_tensors = n->qw_second ? 2 : 0,
                              .weight_stored_bits = stored_bits(n),
                              .weight_scales = n->w_inner * n->n_qw == n->w.n ? 0 : n->n_qw,
                              .weight_n = learned_n,
                              .act_n = n->qa.learned_n};
    }
    pare_buf out = {0};
    pare_bits_write(&b, &out);
    const pare_status status = write_text(r, "network.bits.yaml", &out, e);
    pare_buf_free(&out);
    free(b.layers);
    return status;
}

typedef struct means {
    double per_layer, per_value, per_mac;
} means;

static means mean_bits(const pare_run *r, bool is_weight)
{
    means m = {0}, sum = {0};
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        const pare_dims d = pare_layer_dims(n->l, 1);
        const double bits = is_weight ? pare_node_weight_n(n) : n->qa.n, macs = (double)n->l->macs;
        const double values =
            (double)(is_weight ? pare_dims_weights(&d) : pare_dims_activations(&d));
        m.per_layer += bits;
        m.per_value += bits * values;
        m.per_mac += bits * macs;
        sum.per_layer += 1;
        sum.per_value += values;
        sum.per_mac += macs;
    }
    return (means){m.per_layer / sum.per_layer, m.per_value / sum.per_value,
                   m.per_mac / sum.per_mac};
}

static void put(pare_buf *b, const char *key, double x)
{
    pare_buf_printf(b, ",\n  \"%s\": ", key);
    if (x < 0)
        pare_buf_puts(b, "null");
    else
        pare_buf_real(b, x);
}

static pare_status write_summary(const pare_run *r, pare_err *e)
{
    const pare_train_result *t = &r->result;
    const bool is_real = r->graph->method->rows.w.grid == PARE_GRID_REAL;
    pare_buf b = {0};
    pare_buf_puts(&b, "{\n  \"network\": ");
    pare_buf_json_string(&b, r->net->name);
    pare_buf_printf(&b, ",\n  \"data\": \"%s\",\n  \"method\": \"%s\"", r->data->kind,
                    r->graph->method->name);
    put(&b, "seed", (double)r->config->seed);
    put(&b, "gamma", r->config->gamma);
    put(&b, "steps", (double)r->n_steps);
    put(&b, "train_images", (double)r->data->train.n);
    put(&b, "test_images", (double)r->data->test.n);
    put(&b, "real_n_accuracy_frac", t->real_frac);
    put(&b, "ceil_accuracy_frac", t->ceil_frac);
    put(&b, "final_accuracy_frac", t->final_frac);
    if (!is_real) {
        const means w = mean_bits(r, true), a = mean_bits(r, false);
        put(&b, "mean_weight_n", t->mean_weight_n);
        put(&b, "mean_act_n", t->mean_act_n);
        put(&b, "mean_weight_bits", w.per_layer);
        put(&b, "mean_act_bits", a.per_layer);
        put(&b, "mean_weight_bits_per_parameter", w.per_value);
        put(&b, "mean_act_bits_per_value", a.per_value);
        put(&b, "mean_weight_bits_per_mac", w.per_mac);
        put(&b, "mean_act_bits_per_mac", a.per_mac);
    }
    if (r->penalty.criterion) {
        pare_buf_printf(&b, ",\n  \"criterion\": \"%s\"", r->penalty.criterion->name);
        put(&b, "cost_frac", t->cost_frac);
        put(&b, "budget_frac", r->budget.frac);
        put(&b, "last_gamma", r->gamma_now);
        put(&b, "rounding_offset", t->rounding_offset);
        put(&b, "n_unbalanced_frac", fabs(t->n_unbalanced_frac));
        put(&b, "n_balanced_epoch", (double)t->n_balanced_epoch);
    }
    pare_buf_puts(&b, "\n}\n");
    const pare_status status = write_text(r, "summary.json", &b, e);
    pare_buf_free(&b);
    return status;
}

pare_status pare_run_export(pare_run *r, pare_err *e)
{
    exporter x = {.r = r};
    if (pare_comm_rank(r->comm)) return PARE_OK;
    r->graph->is_learning_n = false;
    provenance(r, &x.tensors);
    const pare_method_hooks *hooks = r->graph->method->hooks;
    pare_status status = pare_export_tensors(&x, e);
    if (status == PARE_OK && hooks && hooks->export) status = hooks->export(r, e);
    if (status == PARE_OK) status = write_text(r, "tensors.csv", &x.tensors, e);
    pare_buf_free(&x.tensors);
    if (status == PARE_OK && r->graph->method->rows.w.grid != PARE_GRID_REAL)
        status = write_bits(r, e);
    return status == PARE_OK ? write_summary(r, e) : status;
}

/* main.c: pare-train NETWORK, pare-train eval RUN, pare-train schema. */
#include "model/model.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <time.h>

/* The one thing that a signal handler may touch. */
static volatile sig_atomic_t caught_signal;

static void on_signal(int signal_number) { caught_signal = signal_number; }

enum { KEYS_MAX = 64, OWN_OPTIONS = 7 };

typedef struct train_args {
    const char *values[KEYS_MAX]; /* of --KEY, one a key of the configuration; NULL: not given */
    char names[KEYS_MAX][40];     /* the keys with - for _ */
    pare_arena *arena;            /* of the help's texts */
    const char *config, *out;
    pare_strs sets;
    uint32_t threads;
    bool resume, quiet, verbose;
} train_args;

/* ---- configuration ----------------------------------------------------------------------------
 */

/* The key's sentence with its choices and its default. */
static const char *describe(const pare_key *k, pare_arena *a)
{
    pare_buf b = {0};
    pare_buf_puts(&b, k->doc);
    for (size_t i = 0; k->type == PARE_KEY_ENUM && k->choices[i]; i++)
        pare_buf_printf(&b, "%s %s", i ? "," : ":", k->choices[i]);
    if (k->def && *k->def) pare_buf_printf(&b, " (%s)", k->def);
    const char *text = pare_arena_strdup(a, b.text);
    pare_buf_free(&b);
    return text;
}

static size_t list_options(train_args *a, pare_opt *opts)
{
    const pare_opt own[OWN_OPTIONS] = {
        {"out", 'o', PARE_OPT_STRING, "RUN", "run folder to make or to continue (required)",
         &a->out, 0, 0},
        {"config", 'c', PARE_OPT_STRING, "FILE", "training configuration; options override it",
         &a->config, 0, 0},
        {"set", 's', PARE_OPT_LIST, "KEY=VALUE", "override one key of the configuration", &a->sets,
         0, 0},
        {"resume", 'r', PARE_OPT_FLAG, NULL, "continue RUN with its own configuration", &a->resume,
         0, 0},
        {"threads", 'j', PARE_OPT_U32, "N", "threads; the result is the same (default: all)",
         &a->threads, 1, 1024},
        {"quiet", 'q', PARE_OPT_FLAG, NULL, "print errors only", &a->quiet, 0, 0},
        {"verbose", 'v', PARE_OPT_FLAG, NULL, "print the chosen implementations", &a->verbose, 0,
         0},
    };
    memcpy(opts, own, sizeof own);
    size_t n = OWN_OPTIONS;
    for (size_t i = 0; i < pare_train_schema.n_keys; i++) {
        const pare_key *k = &pare_train_schema.keys[i];
        if (!strcmp(k->name, "version") || !strcmp(k->name, "network")) continue;
        if (k->type == PARE_KEY_MAP) continue;
        snprintf(a->names[i], sizeof a->names[i], "%s", k->name);
        for (char *c = a->names[i]; *c; c++)
            if (*c == '_') *c = '-';
        const char *arg = k->type == PARE_KEY_ENUM ? "NAME" : k->type == PARE_KEY_STR ? "X" : "N";
        opts[n++] = (pare_opt){
            a->names[i], 0, PARE_OPT_STRING, arg, describe(k, a->arena), &a->values[i], 0, 0};
    }
    return n;
}

/* A YAML text in single quotes. */
static void quote(pare_buf *b, const char *s)
{
    pare_buf_puts(b, "'");
    for (; *s; s++) pare_buf_puts(b, *s == '\'' ? "''" : (char[]){*s, 0});
    pare_buf_puts(b, "'");
}

static pare_status set_key(pare_yaml *y, const pare_key *k, const char *value, pare_err *e)
{
    pare_buf b = {0};
    pare_buf_printf(&b, "%s=", k->name);
    if (k->type == PARE_KEY_STR)
        quote(&b, value);
    else
        pare_buf_puts(&b, value);
    const pare_status status = pare_yaml_set(y, b.text, e);
    pare_buf_free(&b);
    return status;
}

static pare_status apply_args(pare_yaml *y, const train_args *a, const char *network, pare_err *e)
{
    for (size_t i = 0; i < pare_train_schema.n_keys; i++) {
        const pare_key *k = &pare_train_schema.keys[i];
        const char *value = strcmp(k->name, "network") ? a->values[i] : network;
        if (value) PARE_TRY(set_key(y, k, value, e));
    }
    for (size_t i = 0; i < a->sets.n; i++) PARE_TRY(pare_yaml_set(y, a->sets.v[i], e));
    return PARE_OK;
}

static pare_status read_config(const train_args *a, const char *network, pare_arena *arena,
                               pare_train_config *c, pare_err *e)
{
    static const char empty[] = "version: 1\n";
    if (a->resume) return pare_train_config_of(a->out, arena, c, e);
    pare_yaml *y = NULL;
    pare_status status = a->config
                             ? pare_yaml_load(a->config, &y, e)
                             : pare_yaml_parse("command line", empty, sizeof empty - 1, &y, e);
    if (status == PARE_OK) status = apply_args(y, a, network, e);
    if (status == PARE_OK) status = pare_yaml_read(y, &pare_train_schema, arena, c, e);
    pare_yaml_free(y);
    return status;
}

/* ---- talk -------------------------------------------------------------------------------------
 */

typedef struct talk {
    bool quiet, verbose;
    pare_progress progress;
    struct timespec start;
    uint64_t first_images; /* done before this process began */
    bool has_begun;
} talk;

static double seconds_since(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + 1e-9 * (double)(now.tv_nsec - t->tv_nsec);
}

static void on_note(void *context, bool is_warning, const char *line)
{
    const talk *t = context;
    if (is_warning)
        fprintf(stderr, "warning: %s\n", line);
    else if (t->verbose)
        fprintf(stderr, "%s\n", line);
}

static void print_line(const talk *t, const pare_train_progress *p, double images_per_s)
{
    const char *clear = t->progress.is_tty ? "\r\033[K" : "";
    fprintf(stderr, "%s%s %u/%u  loss %.4f  train %.2f %%", clear, p->phase, p->epoch, p->n_epochs,
            p->loss, 100 * p->accuracy_frac);
    if (p->is_epoch_end) fprintf(stderr, "  test %.2f %%", 100 * p->test_accuracy_frac);
    if (p->mean_weight_n > 0)
        fprintf(stderr, "  bits w %.2f a %.2f", p->mean_weight_n, p->mean_act_n);
    fprintf(stderr, "  %.0f images/s", images_per_s);
    if (images_per_s > 0)
        fprintf(stderr, "  %.0f s left", (double)(p->n_images - p->images) / images_per_s);
    if (p->is_epoch_end || !t->progress.is_tty) fputc('\n', stderr);
    fflush(stderr);
}

static void on_progress(void *context, const pare_train_progress *p)
{
    talk *t = context;
    if (!t->has_begun) {
        t->has_begun = true;
        clock_gettime(CLOCK_MONOTONIC, &t->start);
        t->first_images = p->images;
    }
    const double s = seconds_since(&t->start);
    /* an epoch's end is always said */
    if (!pare_progress_is_due(&t->progress, s, p->is_epoch_end) && (t->quiet || !p->is_epoch_end))
        return;
    print_line(t, p, s > 0 ? (double)(p->images - t->first_images) / s : 0);
}

static bool on_stop(void *context)
{
    (void)context;
    return caught_signal != 0;
}

static void print_frac(const char *what, double frac)
{
    if (frac >= 0) printf("%-34s %.2f %%\n", what, 100 * frac);
}

static void print_result(const pare_train_result *r)
{
    print_frac("test accuracy, real bitlengths", r->real_frac);
    print_frac("test accuracy, rounded up", r->ceil_frac);
    print_frac("test accuracy, final", r->final_frac);
    if (r->mean_weight_n > 0)
        printf("%-34s %.2f weights, %.2f activations\n", "mean learned bitlength, per layer",
               r->mean_weight_n, r->mean_act_n);
    if (r->mean_weight_n > 0 && r->n_balanced_epoch)
        printf("%-34s in balance since epoch %u of learning\n", "learned bitlengths",
               r->n_balanced_epoch);
    else if (r->mean_weight_n > 0)
        printf("%-34s still moved in the last epoch, by %.0f %% of the penalty's pull\n",
               "learned bitlengths", 100 * r->n_unbalanced_frac);
    if (r->cost_frac > 0)
        printf("%-34s %.3f of 8 bits everywhere\n", "cost by the criterion", r->cost_frac);
    if (r->mean_weight_bits > 0)
        printf("%-34s %.2f weights, %.2f activations\n", "mean bitlength, per layer",
               r->mean_weight_bits, r->mean_act_bits);
}

/* ---- commands ---------------------------------------------------------------------------------
 */

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int usage_error(const char *text)
{
    fprintf(stderr, "pare-train: %s\n", text);
    return PARE_EUSAGE;
}

/* Processes of one training share the cores of a machine. */
static unsigned threads_of(const train_args *a, const pare_comm *comm)
{
    if (a->threads || !comm) return a->threads;
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    const long cores = sysconf(_SC_NPROCESSORS_ONLN), n = local ? atol(local) : 1;
    return cores > n && n > 0 ? (unsigned)(cores / n) : 1;
}

/* What happens to all processes the first one says; what happens to another alone, that one. */
static int fail(pare_comm *comm, const pare_err *e)
{
    const struct timespec a_while = {1, 0};
    const unsigned rank = pare_comm_rank(comm);
    if (rank) {
        nanosleep(&a_while, NULL);
        fprintf(stderr, "process %u: ", rank);
    }
    pare_err_print(e, stderr);
    fflush(stderr);
    pare_comm_abort(comm, (int)e->status);
    return e->status;
}

static int train(const train_args *a, const char *network)
{
    pare_err e = {0};
    pare_train_config c;
    pare_train_result r = {0};
    pare_arena *arena = pare_arena_new();
    pare_comm *comm = NULL;
    pare_status status = pare_comm_open(&comm, &e);
    const unsigned rank = pare_comm_rank(comm);
    const bool quiet = a->quiet || rank > 0;
    talk t = {
        .progress = pare_progress_new(quiet), .quiet = quiet, .verbose = a->verbose && rank == 0};
    const pare_train_hooks hooks = {comm, &t, on_progress, on_note, on_stop};
    catch_signals();
    if (status == PARE_OK) status = read_config(a, network, arena, &c, &e);
    if (status == PARE_OK) status = pare_train_run(&c, a->out, threads_of(a, comm), &hooks, &r, &e);
    pare_arena_free(arena);
    if (status != PARE_OK) return fail(comm, &e);
    pare_comm_close(comm);
    if (r.is_complete) {
        if (!t.quiet) print_result(&r);
        return PARE_OK;
    }
    if (!rank)
        fprintf(stderr, "%sstopped; the same command continues\n", t.progress.is_tty ? "\n" : "");
    return 128 + (int)caught_signal;
}

static int run_schema(int argc, char **argv)
{
    int n_operands, exit_status;
    if (!pare_opts_parse(NULL, 0, "pare-train schema",
                         "Print the reference of the training configuration, as Markdown.", argc,
                         argv, &n_operands, &exit_status))
        return exit_status;
    if (n_operands) return usage_error("schema takes no operand");
    pare_buf b = {0};
    pare_schema_doc(&pare_train_schema, &b);
    fputs(b.text, stdout);
    pare_buf_free(&b);
    return PARE_OK;
}

static int run_eval(int argc, char **argv);

/* What the first word may be, besides a network. */
static const pare_command commands[] = {
    {"eval", "RUN", "measure a run's test accuracies again", run_eval},
    {"schema", "", "print the reference of the training configuration", run_schema},
};

static void print_commands(void)
{
    printf("\ncommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-8s %-5s %s\n", commands[i].name, commands[i].operands, commands[i].doc);
}

static int run_train(int argc, char **argv)
{
    train_args a = {.arena = pare_arena_new()};
    pare_opt opts[KEYS_MAX + OWN_OPTIONS];
    const size_t n_opts = list_options(&a, opts);
    int n_operands, status;
    if (!pare_opts_parse(
            opts, n_opts, "pare-train NETWORK -o RUN [options]",
            "Train a network and learn its bitlengths; write a run folder. An "
            "interrupted run goes on with\nthe same command. Defaults are in brackets.",
            argc, argv, &n_operands, &status)) {
        const bool is_version = argc > 1 && !strcmp(argv[1], "--version");
        if (pare_opts_is_table(argc, argv))
            pare_commands_table(commands, sizeof commands / sizeof *commands);
        else if (status == PARE_OK && !is_version)
            print_commands();
        free(a.sets.v);
        pare_arena_free(a.arena);
        return status;
    }
    if (!a.out)
        status = usage_error("-o RUN is missing; a run folder expected");
    else if (n_operands > 1)
        status = usage_error("more than one network; one expected");
    else if (a.resume && (n_operands || a.config || a.sets.n))
        status = usage_error("--resume takes everything from RUN; only -o RUN expected");
    else if (!a.resume && !a.config && !n_operands)
        status = usage_error("NETWORK is missing; a network file or the name of one expected");
    else
        status = train(&a, n_operands ? argv[1] : NULL);
    free(a.sets.v);
    pare_arena_free(a.arena);
    return status;
}

static int run_eval(int argc, char **argv)
{
    const char *data = NULL;
    uint32_t threads = 0;
    const pare_opt opts[] = {
        {"data", 0, PARE_OPT_STRING, "X", "where the run's image set lies now", &data, 0, 0},
        {"threads", 'j', PARE_OPT_U32, "N", "threads; the result is the same (default: all)",
         &threads, 1, 1024},
    };
    int n_operands, exit_status;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-train eval RUN [options]",
                         "Measure a run's test accuracies again: with real bitlengths, rounded "
                         "up, fine-tuned.",
                         argc, argv, &n_operands, &exit_status))
        return exit_status;
    if (n_operands != 1) return usage_error("eval takes one run folder");
    pare_err e = {0};
    pare_train_result r;
    const pare_status status = pare_train_eval(argv[1], data, threads, &r, &e);
    if (status == PARE_OK)
        print_result(&r);
    else
        pare_err_print(&e, stderr);
    return status;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    return run_train(argc, argv);
}

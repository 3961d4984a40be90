/* The training stage: pare-train as a program, a run folder for the hash of everything it reads. */
#include "sim/codesign_core.h"
#include "sim/questions.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const pare_pos NOWHERE = {0, 0};
enum { ARGS_MAX = 40 };

/* A command line for the trainer; its strings are the arena's. */
typedef struct command {
    codesign *c;
    const char *args[ARGS_MAX];
    size_t n;
} command;

static void arg(command *x, const char *name, const char *value)
{
    if (x->n + 3 > ARGS_MAX) return;
    x->args[x->n++] = name;
    if (value) x->args[x->n++] = value;
}

static void arg_number(command *x, const char *name, uint64_t value)
{
    arg(x, name, pare_arena_printf(x->c->arena, "%llu", (unsigned long long)value));
}

double codesign_summary(const char *run, const char *key)
{
    enum { SUMMARY_MAX_BYTES = 1 << 16 };
    pare_buf b = {0};
    char *text = NULL;
    size_t n;
    double x = NAN;
    pare_buf_printf(&b, "%s/summary.json", run);
    if (pare_file_read(b.text, SUMMARY_MAX_BYTES, &text, &n, NULL) == PARE_OK) {
        b.n = 0;
        pare_buf_printf(&b, "\"%s\":", key);
        const char *const at = strstr(text, b.text);
        char *end;
        if (at) x = strtod(at + b.n, &end);
        if (at && end == at + b.n) x = NAN;
    }
    free(text);
    pare_buf_free(&b);
    return x;
}

/* The trainer beside this program, if it is there. */
static void find_trainer(const codesign *c, pare_buf *out)
{
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (c->options->trainer) {
        pare_buf_puts(out, c->options->trainer);
        return;
    }
    if (n > 0) {
        self[n] = 0;
        char *const slash = strrchr(self, '/');
        if (slash) pare_buf_printf(out, "%.*s/pare-train", (int)(slash - self), self);
        if (slash && access(out->text, X_OK) == 0) return;
    }
    out->n = 0;
    pare_buf_puts(out, "pare-train");
}

/* Run it with its talk in a file; its exit status, or -1. */
static int spawn(const char *program, char *const *args, const char *log)
{
    posix_spawn_file_actions_t files;
    pid_t child;
    int status = -1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND,
                                     0666);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    const int failed = posix_spawnp(&child, program, &files, NULL, args, environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed) return -1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pare_status train(codesign *c, command *x, const char *run, pare_err *e)
{
    pare_buf program = {0}, log = {0};
    find_trainer(c, &program);
    pare_buf_printf(&log, "%s.log", run);
    arg(x, "--out", run);
    arg(x, "--quiet", NULL);
    if (c->options->threads) arg_number(x, "--threads", c->options->threads);
    x->args[0] = program.text;
    x->args[x->n] = NULL;
    const int code = spawn(program.text, (char *const *)x->args, log.text);
    pare_status status = PARE_OK;
    if (code == -1)
        status = pare_err_set(e, PARE_EFAIL, NULL, NOWHERE,
                              "'%s' cannot be started; pare-train beside pare-sim or in PATH "
                              "expected",
                              program.text);
    else if (code != 0)
        status = pare_err_set(e, PARE_EFAIL, log.text, NOWHERE,
                              "pare-train ended with status %d, and says why here; the same "
                              "command goes on from there",
                              code);
    pare_buf_free(&program);
    pare_buf_free(&log);
    return status;
}

/* The folder of a run: its name for people, and the hash of its inputs. */
static char *run_folder(const codesign *c, const char *name, XXH128_hash_t hash)
{
    pare_buf b = {0};
    pare_buf_printf(&b, "%s/runs/%s-%016llx", c->options->folder, name,
                    (unsigned long long)hash.high64);
    return b.text;
}

static bool is_trained(const char *run)
{
    return !isnan(codesign_summary(run, "final_accuracy_frac"));
}

/* What all runs have in common; `number of arguments` is where the hash begins. */
static void begin(codesign *c, command *x)
{
    const codesign_conf *const f = &c->conf;
    *x = (command){.c = c};
    arg(x, "", c->net_path.text);
    arg(x, "--data", f->data);
    arg_number(x, "--seed", f->seed);
    if (f->train_images) arg_number(x, "--limit", f->train_images);
    if (*f->config) arg(x, "--config", f->config);
}

/* Of the program, the network, the configuration file and the arguments; not of paths. */
static XXH128_hash_t hash_run(const codesign *c, const command *x, XXH128_hash_t more)
{
    pare_buf b = {0};
    char *config = NULL;
    size_t n = 0;
    pare_provenance(&b, "pare-train", NULL, 0);
    for (size_t i = 2; i < x->n; i++) pare_buf_printf(&b, "%s ", x->args[i]);
    if (*c->conf.config && pare_file_read(c->conf.config, 1 << 20, &config, &n, NULL) == PARE_OK)
        pare_buf_add(&b, config, n);
    free(config);
    XXH128_hash_t h = sweep_hash(c->net_hash, b.text, b.n);
    pare_buf_free(&b);
    return sweep_hash(h, &more, sizeof more);
}

/* Train unless it is there; frees nothing. */
static pare_status need_run(codesign *c, command *x, const char *name, const char *run, pare_err *e)
{
    if (is_trained(run)) {
        c->n_kept++;
        codesign_say(c, "%s: kept", name);
        return PARE_OK;
    }
    c->n_trained++;
    codesign_say(c, "%s: %s", name, c->options->is_dry ? "to be trained" : "training");
    if (c->options->is_dry) return PARE_OK;
    PARE_TRY(train(c, x, run, e));
    codesign_say(c, "%s: accuracy %.2f %%", name,
                 100 * codesign_summary(run, "final_accuracy_frac"));
    return PARE_OK;
}

static pare_status write_cost(codesign *c, size_t machine, const char *path, pare_err *e)
{
    pare_cost_table *t = NULL;
    pare_buf b = {0};
    PARE_TRY(pare_sim_cost(c->net, c->machines[machine], c->uniform, NULL, &t, e));
    pare_cost_write(t, "pare-sim", NULL, 0, &b);
    pare_cost_free(t);
    const pare_status status = pare_file_write(path, b.text, b.n, e);
    pare_buf_free(&b);
    return status;
}

static pare_status train_pair(codesign *c, pair *p, const char *base, XXH128_hash_t base_hash,
                              pare_err *e)
{
    const recipe *const r = &c->recipes[p->recipe];
    const codesign_conf *const f = &c->conf;
    XXH128_hash_t more = base_hash;
    command x;
    begin(c, &x);
    arg(&x, "--method", r->criterion ? "bitpruning" : "fixed");
    arg(&x, r->criterion ? "--gamma" : "--bits", r->gamma);
    arg_number(&x, "--epochs", f->epochs);
    arg_number(&x, "--tune-epochs", f->tune_epochs);
    if (r->criterion) arg(&x, "--criterion", r->criterion);
    if (r->is_of_machine) more = sweep_hash(more, &c->machine_hash[p->machine], sizeof more);
    const XXH128_hash_t hash = hash_run(c, &x, more);
    const char *const name =
        r->is_of_machine ? pare_arena_printf(c->arena, "%s-%s", r->name, f->machines.v[p->machine])
                         : r->name;
    p->run = run_folder(c, strrchr(name, '/') ? strrchr(name, '/') + 1 : name, hash);
    p->hash = sweep_hash(hash, &c->machine_hash[p->machine], sizeof hash);
    arg(&x, "--from", base);
    if (r->is_of_machine) {
        const char *const cost =
            pare_arena_printf(c->arena, "%s/cost/%016llx.cost.csv", c->options->folder,
                              (unsigned long long)c->machine_hash[p->machine].high64);
        arg(&x, "--cost-table", cost);
        if (!c->options->is_dry) PARE_TRY(write_cost(c, p->machine, cost, e));
    } else if (p->machine > 0) {
        return PARE_OK; /* the first machine's run is everyone's */
    }
    return need_run(c, &x, name, p->run, e);
}

static pare_status make_folders(const codesign *c, pare_err *e)
{
    static const char *const names[] = {"runs", "cost", "eval"};
    pare_buf b = {0};
    pare_status status = PARE_OK;
    for (size_t i = 0; i < 3 && status == PARE_OK; i++) {
        b.n = 0;
        pare_buf_printf(&b, "%s/%s", c->options->folder, names[i]);
        status = pare_dir_make(b.text, e);
    }
    pare_buf_free(&b);
    return status;
}

pare_status codesign_train(codesign *c, pare_err *e)
{
    command x;
    if (!c->options->is_dry) PARE_TRY(make_folders(c, e));
    begin(c, &x);
    arg(&x, "--method", "fp32");
    arg_number(&x, "--epochs", c->conf.base_epochs);
    const XXH128_hash_t hash = hash_run(c, &x, (XXH128_hash_t){0, 0});
    char *const base = run_folder(c, "fp32", hash);
    pare_status status = need_run(c, &x, "fp32", base, e);
    for (size_t i = 0; i < c->n_pairs && status == PARE_OK; i++)
        status = train_pair(c, &c->pairs[i], base, hash, e);
    free(base);
    return status;
}

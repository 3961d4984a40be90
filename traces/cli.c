#include "traces/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The nearest of n names, or NULL if none is near; name_at gives the i-th. */
static const char *nearest_option(const pare_opt *opts, size_t n, const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 2 + 1;
    for (size_t i = 0; i < n; i++) {
        const size_t d = pare_text_distance(opts[i].name, name);
        if (d < best_distance) {
            best_distance = d;
            best = opts[i].name;
        }
    }
    return best;
}

static void print_help(const pare_opt *opts, size_t n_opts, const char *usage, const char *doc)
{
    printf("usage: %s\n%s\n", usage, doc);
    if (n_opts) printf("\noptions:\n");
    for (size_t i = 0; i < n_opts; i++) {
        const pare_opt *const o = &opts[i];
        char letter[5] = "    ", left[64];
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s %s", letter, o->name, o->arg ? o->arg : "");
        printf("  %-28s %s\n", left, o->doc);
    }
    printf("  %-28s %s\n  %-28s %s\n", "-h, --help", "print this", "    --version",
           "print the version");
}

/* ---- the same for programs ---- */

/* a doc may be several lines for people */
static void print_one_line(const char *kind, const char *text)
{
    printf("%s\t", kind);
    for (; *text; text++) putchar(*text == '\n' || *text == '\t' ? ' ' : *text);
    putchar('\n');
}

static void print_table(const pare_opt *opts, size_t n_opts, const char *usage, const char *doc)
{
    print_one_line("usage", usage);
    print_one_line("doc", doc);
    for (size_t i = 0; i < n_opts; i++) {
        const pare_opt *const o = &opts[i];
        const char letter[2] = {o->letter ? o->letter : '-', 0};
        printf("option\t%s\t%s\t%s\t%s\n", o->name, letter, o->arg ? o->arg : "-", o->doc);
    }
}

bool pare_opts_is_table(int argc, char **argv)
{
    return argc > 1 && !strcmp(argv[1], "--help-table");
}

void pare_commands_table(const pare_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("command\t%s\t%s\t%s\n", commands[i].name,
               *commands[i].operands ? commands[i].operands : "-", commands[i].doc);
}

static bool in_range(const pare_opt *o, double x)
{
    return (o->min == 0 && o->max == 0) || (x >= o->min && x <= o->max);
}

static bool number_expected(const pare_opt *o, const char *text, const char *what)
{
    fprintf(stderr, "--%s is '%s'; %s", o->name, text, what);
    if (o->min != 0 || o->max != 0) fprintf(stderr, " from %.15g to %.15g", o->min, o->max);
    fprintf(stderr, " expected\n");
    return false;
}

static bool take_integer(const pare_opt *o, const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    const bool is_number = text[0] >= '0' && text[0] <= '9' && !*end && !errno;
    if (is_number && *out <= max && in_range(o, (double)*out)) return true;
    return number_expected(o, text, "an integer");
}

static bool take_real(const pare_opt *o, const char *text)
{
    char *end;
    const double x = strtod(text, &end);
    if (end == text || *end || !isfinite(x) || !in_range(o, x))
        return number_expected(o, text, "a number");
    *(double *)o->out = x;
    return true;
}

static bool take_value(const pare_opt *o, const char *text)
{
    uint64_t u = 0;
    switch (o->type) {
    case PARE_OPT_FLAG: *(bool *)o->out = true; return true;
    case PARE_OPT_STRING: *(const char **)o->out = text; return true;
    case PARE_OPT_LIST: {
        pare_strs *const list = o->out;
        const char **const v = pare_xalloc(list->n + 1, sizeof *v);
        if (list->n) memcpy(v, list->v, list->n * sizeof *v);
        v[list->n++] = text;
        free(list->v);
        list->v = v;
        return true;
    }
    case PARE_OPT_U32:
        if (!take_integer(o, text, UINT32_MAX, &u)) return false;
        *(uint32_t *)o->out = (uint32_t)u;
        return true;
    case PARE_OPT_U64: return take_integer(o, text, UINT64_MAX, o->out);
    case PARE_OPT_REAL: return take_real(o, text);
    }
    return false;
}

static const pare_opt *find_option(const pare_opt *opts, size_t n, const char *arg, size_t length)
{
    for (size_t i = 0; i < n; i++) {
        if (length == 2 && arg[1] != '-' && opts[i].letter == arg[1]) return &opts[i];
        if (length > 2 && arg[1] == '-' && strlen(opts[i].name) == length - 2 &&
            !strncmp(opts[i].name, arg + 2, length - 2))
            return &opts[i];
    }
    return NULL;
}

static bool unknown_option(const pare_opt *opts, size_t n_opts, const char *arg)
{
    const char *const near = nearest_option(opts, n_opts, arg[1] == '-' ? arg + 2 : arg + 1);
    if (near)
        fprintf(stderr, "unknown option '%s'; --%s expected\n", arg, near);
    else
        fprintf(stderr, "unknown option '%s'; see --help\n", arg);
    return false;
}

/* argv[*i] is an option: take it and its argument; false after a mistake */
static bool take_option(const pare_opt *opts, size_t n_opts, int argc, char **argv, int *i)
{
    char *const arg = argv[*i];
    const char *const equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    const pare_opt *const o =
        find_option(opts, n_opts, arg, equals ? (size_t)(equals - arg) : strlen(arg));
    if (!o) return unknown_option(opts, n_opts, arg);
    if (o->type == PARE_OPT_FLAG) {
        if (!equals) return take_value(o, "");
        fprintf(stderr, "--%s takes no argument\n", o->name);
        return false;
    }
    if (equals) return take_value(o, equals + 1);
    if (*i + 1 >= argc) {
        fprintf(stderr, "--%s lacks its argument; %s expected\n", o->name, o->arg);
        return false;
    }
    return take_value(o, argv[++*i]);
}

bool pare_opts_parse(const pare_opt *opts, size_t n_opts, const char *usage, const char *doc,
                     int argc, char **argv, int *n_operands, int *exit_status)
{
    *n_operands = 0;
    *exit_status = PARE_OK;
    if (pare_opts_is_table(argc, argv)) {
        print_table(opts, n_opts, usage, doc);
        return false;
    }
    bool options_over = false;
    for (int i = 1; i < argc; i++) {
        char *const arg = argv[i];
        *exit_status = PARE_OK;
        if (options_over || arg[0] != '-' || !arg[1]) {
            argv[++*n_operands] = arg;
        } else if (!strcmp(arg, "--")) {
            options_over = true;
        } else if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
            print_help(opts, n_opts, usage, doc);
            return false;
        } else if (!strcmp(arg, "--version")) {
            printf("pare %s\n", PARE_VERSION);
            return false;
        } else if (!take_option(opts, n_opts, argc, argv, &i)) {
            *exit_status = PARE_EUSAGE;
            return false;
        }
    }
    return true;
}

static void print_commands(FILE *f, const char *program, const char *doc, const pare_command *c,
                           size_t n)
{
    fprintf(f, "usage: %s COMMAND [options]\n%s\n\ncommands:\n", program, doc);
    for (size_t i = 0; i < n; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", c[i].name, c[i].operands);
        fprintf(f, "  %-28s %s\n", left, c[i].doc);
    }
    fprintf(f, "\n%s COMMAND --help lists a command's options.\n", program);
}

static const char *nearest_command(const pare_command *c, size_t n, const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 2 + 1;
    for (size_t i = 0; i < n; i++) {
        const size_t d = pare_text_distance(c[i].name, name);
        if (d < best_distance) {
            best_distance = d;
            best = c[i].name;
        }
    }
    return best;
}

int pare_commands_run(const char *program, const char *doc, const pare_command *commands,
                      size_t n_commands, int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr, program, doc, commands, n_commands);
        return PARE_EUSAGE;
    }
    const char *const name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
        print_commands(stdout, program, doc, commands, n_commands);
        return PARE_OK;
    }
    if (pare_opts_is_table(argc, argv)) {
        printf("usage\t%s COMMAND [options]\n", program);
        print_one_line("doc", doc);
        pare_commands_table(commands, n_commands);
        return PARE_OK;
    }
    if (!strcmp(name, "--version")) {
        printf("%s %s\n", program, PARE_VERSION);
        return PARE_OK;
    }
    for (size_t i = 0; i < n_commands; i++)
        if (!strcmp(name, commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    const char *const near = nearest_command(commands, n_commands, name);
    if (near)
        fprintf(stderr, "%s: unknown command '%s'; %s expected\n", program, name, near);
    else
        fprintf(stderr, "%s: unknown command '%s'; see %s --help\n", program, name, program);
    return PARE_EUSAGE;
}

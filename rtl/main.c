/* pare-cosim: the RTL against the C reference. */
#include "rtl/main.h"

#include "rtl/cosim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOLES_SHOWN = 12 };

/* ---- progress, on a terminal only ---- */

typedef struct progress {
    const char *kind;
    struct timespec start;
    double shown_at_s;
    bool is_on;
} progress;

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    progress *const p = context;
    if (!p->is_on || done % 1024) return;
    const double t = seconds_since(&p->start);
    if (t < p->shown_at_s + 0.2) return;
    p->shown_at_s = t;
    fprintf(stderr, "\r%-12s %3.0f %%  %.0f dot products/s  %.0f s left   ", p->kind,
            100.0 * (double)done / (double)total, (double)done / t,
            t * (double)(total - done) / (double)done);
}

static void clear_progress(const progress *p)
{
    if (p->is_on && p->shown_at_s > 0) fprintf(stderr, "\r%70s\r", "");
}

/* ---- the tables ---- */

static void print_counts(const char *what, size_t n, const char *const *names,
                         const uint64_t *counts)
{
    printf("  %-13s", what);
    for (size_t i = 0; i < n; i++) printf("  %s %" PRIu64, names[i], counts[i]);
    printf("\n");
}

static void print_marginals(const pare_cosim_coverage *c)
{
    uint64_t signs[PARE_N_SIGNS] = {0}, depth[PARE_N_DEPTHS] = {0}, source[PARE_N_STALLS] = {0},
             sink[PARE_N_STALLS] = {0};
    for (size_t i = 0; i < c->n_bins; i++) {
        const pare_cosim_bin b = pare_cosim_bin_at(c, i);
        signs[b.signs] += c->hits[i];
        depth[b.depth] += c->hits[i];
        source[b.source] += c->hits[i];
        sink[b.sink] += c->hits[i];
    }
    print_counts("signs (a, w)", PARE_N_SIGNS, pare_cosim_sign_names, signs);
    print_counts("steps", PARE_N_DEPTHS, pare_cosim_depth_names, depth);
    print_counts("source stalls", PARE_N_STALLS, pare_cosim_stall_names, source);
    print_counts("sink stalls", PARE_N_STALLS, pare_cosim_stall_names, sink);
    print_counts("data", PARE_N_DATA, pare_cosim_data_names, c->data);
    printf("  %-13s  smallest %" PRId64 "  largest %" PRId64 "  overflowed %" PRIu64 "\n", "sum",
           c->min_sum, c->max_sum, c->overflows);
}

/* A row per act_bits, a column per weight_bits: the fewest hits of any bin of the pair. */
static void print_pairs(const pare_cosim_coverage *c)
{
    printf("  fewest hits of the %d bins (signs x steps x source x sink) of each bits pair\n",
           PARE_COSIM_INNER_BINS);
    printf("  act\\weight");
    for (uint32_t w = c->weight_bits[0]; w <= c->weight_bits[1]; w++) printf(" %5u", w);
    printf("\n");
    const uint32_t *hits = c->hits;
    for (uint32_t a = c->act_bits[0]; a <= c->act_bits[1]; a++) {
        printf("  %10u", a);
        for (uint32_t w = c->weight_bits[0]; w <= c->weight_bits[1]; w++) {
            uint32_t fewest = UINT32_MAX;
            for (uint32_t i = 0; i < PARE_COSIM_INNER_BINS; i++, hits++)
                if (*hits < fewest) fewest = *hits;
            printf(" %5u", fewest);
        }
        printf("\n");
    }
}

static void print_holes(const pare_cosim_coverage *c)
{
    uint32_t fewest;
    const size_t n_hit = pare_cosim_bins_hit(c, &fewest), n_holes = c->n_bins - n_hit;
    printf("  bins           %zu of %zu covered, fewest hits %u\n", n_hit, c->n_bins, fewest);
    size_t shown = 0;
    for (size_t i = 0; i < c->n_bins && shown < HOLES_SHOWN; i++) {
        if (c->hits[i]) continue;
        const pare_cosim_bin b = pare_cosim_bin_at(c, i);
        printf("  hole           act %u bits, weight %u bits, signs %s, steps %s, source %s, "
               "sink %s\n",
               b.act_bits, b.weight_bits, pare_cosim_sign_names[b.signs],
               pare_cosim_depth_names[b.depth], pare_cosim_stall_names[b.source],
               pare_cosim_stall_names[b.sink]);
        shown++;
    }
    if (n_holes > shown) printf("  ... and %zu holes more\n", n_holes - shown);
}

static void print_coverage(const pare_dut_kind *k, const pare_cosim_result *r)
{
    printf("%s: ", k->name);
    if (k->pe == PARE_DUT_temporal)
        printf("%u lanes, activations %u of %u bits a cycle, weights %u of %u", k->lanes,
               k->act_digit, k->max_act_bits, k->weight_digit, k->max_weight_bits);
    else if (k->pe == PARE_DUT_fusion)
        printf("%u fusion units of %u x %u bits", k->lanes, k->max_act_bits, k->max_weight_bits);
    else
        printf("%u lanes, %u-bit activations as terms (recoding %u), first stage of %u bits, "
               "%u-bit weights",
               k->lanes, k->max_act_bits, k->recoding, k->first_stage_bits, k->max_weight_bits);
    printf(", accumulator %u bits\n", k->acc_bits);
    print_pairs(&r->coverage);
    print_marginals(&r->coverage);
    print_holes(&r->coverage);
    pare_buf sets = {0};
    for (size_t i = 0; i < PARE_COSIM_N_SETS; i++)
        pare_bins_write(&r->coverage.sets[i], HOLES_SHOWN, &sets);
    fputs(sets.text, stdout);
    pare_buf_free(&sets);
}

static void print_row(const pare_dut_kind *k, const pare_cosim_result *r)
{
    const pare_bins_tally t = pare_cosim_tally(&r->coverage);
    printf("%-12s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %9zu %9zu %6" PRIu64 " %10" PRIu64
           "  %s\n",
           k->name, r->n_dots, r->n_beats, r->n_cycles, t.n_hit, t.n_reachable, t.fewest,
           r->coverage.overflows, r->agrees ? "agrees" : "DIFFERS");
}

static void print_header(void)
{
    printf("%-12s %12s %12s %12s %9s %9s %6s %10s\n", "kind", "dot products", "beats", "cycles",
           "bins hit", "of", "fewest", "overflowed");
}

static void print_json(const pare_dut_kind *k, const pare_cosim_result *r, uint64_t seed)
{
    const pare_cosim_coverage *const c = &r->coverage;
    const pare_bins_tally t = pare_cosim_tally(c);
    printf("{\"kind\": \"%s\", \"lanes\": %u, \"act_digit\": %u, \"weight_digit\": %u, "
           "\"max_act_bits\": %u, \"max_weight_bits\": %u, \"acc_bits\": %u, \"seed\": %" PRIu64
           ", \"agrees\": %s, \"dots\": %" PRIu64 ", \"cases\": %" PRIu64 ", \"beats\": %" PRIu64
           ", \"cycles\": %" PRIu64
           ", \"bins_hit\": %zu, \"bins\": %zu, \"unreachable_bins\": %zu, "
           "\"fewest_hits\": %" PRIu64 ", "
           "\"overflowed\": %" PRIu64 ", \"min_sum\": %" PRId64 ", \"max_sum\": %" PRId64 "}\n",
           k->name, k->lanes, k->act_digit, k->weight_digit, k->max_act_bits, k->max_weight_bits,
           k->acc_bits, seed, r->agrees ? "true" : "false", r->n_dots, r->n_cases, r->n_beats,
           r->n_cycles, t.n_hit, t.n_reachable, t.n_unreachable, t.fewest, c->overflows, c->min_sum,
           c->max_sum);
}

/* ---- pare-cosim pe ---- */

typedef struct pe_args {
    const char *kind, *act_bits, *weight_bits, *trace;
    uint64_t count, seed, case_index;
    bool is_json, has_coverage, is_full;
} pe_args;

/* "3" or "2..5" */
static bool take_range(const char *option, const char *text, uint32_t range[2])
{
    if (!text) return true;
    char *end;
    const unsigned long first = strtoul(text, &end, 10);
    unsigned long last = first;
    bool is_range = end != text && text[0] != '-';
    if (is_range && !strncmp(end, "..", 2)) {
        const char *const second = end + 2;
        last = strtoul(second, &end, 10);
        is_range = end != second && second[0] != '-';
    }
    if (!is_range || *end || first < 1 || first > last || last > PARE_BITS_MAX) {
        fprintf(stderr,
                "--%s is '%s'; one bitlength or a range such as 1..8, within 1..%d, expected\n",
                option, text, PARE_BITS_MAX);
        return false;
    }
    range[0] = (uint32_t)first;
    range[1] = (uint32_t)last;
    return true;
}

static bool take_kinds(const char *name, const pare_dut_kind **kinds, size_t *n)
{
    size_t n_all;
    const pare_dut_kind *const all = pare_dut_kinds(&n_all);
    *kinds = strcmp(name, "all") ? pare_dut_kind_find(name) : all;
    *n = strcmp(name, "all") ? 1 : n_all;
    if (*kinds) return true;
    fprintf(stderr, "--kind is '%s'; all", name);
    for (size_t i = 0; i < n_all; i++)
        fprintf(stderr, "%s %s", i + 1 < n_all ? "," : " or", all[i].name);
    fprintf(stderr, " expected\n");
    return false;
}

/* Whether the run met what it must; a bin that was said to be out of reach must stay empty. */
static bool covers(const pe_args *args, const pare_dut_kind *kind, const pare_cosim_result *r)
{
    const pare_bins_tally t = pare_cosim_tally(&r->coverage);
    if (t.n_wrong)
        fprintf(stderr, "%s: %zu bins that cannot be were met; other reasons expected\n",
                kind->name, t.n_wrong);
    const bool has_holes = args->is_full && t.n_hit < t.n_reachable;
    if (has_holes)
        fprintf(stderr, "%s: %zu of %zu bins met; all of them expected (--full)\n", kind->name,
                t.n_hit, t.n_reachable);
    return !t.n_wrong && !has_holes;
}

static void print_kind(const pe_args *args, const pare_dut_kind *kind, const pare_cosim_result *r)
{
    if (args->is_json)
        print_json(kind, r, args->seed);
    else if (args->has_coverage && r->agrees)
        print_coverage(kind, r);
    else {
        if (args->has_coverage) print_header(); /* a run that broke off has no coverage to show */
        print_row(kind, r);
    }
    fflush(stdout);
    if (!r->agrees) fputs(r->difference.text, stderr);
}

static void print_total(const pe_args *args, const pare_cosim_result *sum, size_t n_kinds,
                        size_t n_bad)
{
    if (args->is_json)
        printf("{\"total\": true, \"kinds\": %zu, \"differ\": %zu, \"dots\": %" PRIu64
               ", \"cycles\": %" PRIu64 ", \"seed\": %" PRIu64 "}\n",
               n_kinds, n_bad, sum->n_dots, sum->n_cycles, args->seed);
    else if (n_bad)
        printf("RTL and C reference differ in %zu of %zu kinds; seed %" PRIu64 "\n", n_bad, n_kinds,
               args->seed);
    else
        printf("RTL and C reference agree in every value and every cycle: %zu kind%s, %" PRIu64
               " dot products, %" PRIu64 " cycles; seed %" PRIu64 "\n",
               n_kinds, n_kinds == 1 ? "" : "s", sum->n_dots, sum->n_cycles, args->seed);
}

/* Run one kind, with progress on a terminal. */
static pare_status run_kind(const pare_cosim_options *o, pare_cosim_result *r)
{
    progress p = {.kind = o->kind->name, .is_on = isatty(STDERR_FILENO)};
    clock_gettime(CLOCK_MONOTONIC, &p.start);
    pare_cosim_options watched = *o;
    watched.progress = show_progress;
    watched.context = &p;
    pare_err e = {0};
    const pare_status status = pare_cosim_run(&watched, r, &e);
    clear_progress(&p);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    return status;
}

static int run_kinds(const pe_args *args, pare_cosim_options o, const pare_dut_kind *kinds,
                     size_t n_kinds)
{
    for (size_t i = 0; i < n_kinds; i++) {
        pare_err e = {0};
        o.kind = &kinds[i];
        if (pare_cosim_check(&o, &e) == PARE_OK) continue;
        pare_err_print(&e, stderr);
        return PARE_EUSAGE;
    }
    if (!args->is_json && !args->has_coverage) print_header();
    size_t n_bad = 0;
    bool is_covered = true;
    pare_cosim_result sum = {0};
    for (size_t i = 0; i < n_kinds; i++) {
        pare_cosim_result r;
        o.kind = &kinds[i];
        const pare_status status = run_kind(&o, &r);
        if (status != PARE_OK) return (int)status;
        print_kind(args, &kinds[i], &r);
        n_bad += !r.agrees;
        is_covered = (!r.agrees || covers(args, &kinds[i], &r)) && is_covered;
        sum.n_dots += r.n_dots;
        sum.n_cycles += r.n_cycles;
        pare_cosim_result_free(&r);
    }
    print_total(args, &sum, n_kinds, n_bad);
    return n_bad || !is_covered ? PARE_EFAIL : PARE_OK;
}

static int run_pe(int argc, char **argv)
{
    pe_args a = {.kind = "all", .count = 100000, .seed = 1, .case_index = UINT64_MAX};
    const pare_opt opts[] = {
        {"kind", 'k', PARE_OPT_STRING, "KIND", "a kind of PE, or all (all)", &a.kind, 0, 0},
        {"count", 'n', PARE_OPT_U64, "N", "dot products of each kind (100000)", &a.count, 1, 1e12},
        {"seed", 's', PARE_OPT_U64, "S", "seed of everything random (1)", &a.seed, 0, 0},
        {"act-bits", 0, PARE_OPT_STRING, "A..B", "activation bitlengths (1 to the kind's maximum)",
         &a.act_bits, 0, 0},
        {"weight-bits", 0, PARE_OPT_STRING, "A..B", "weight bitlengths (1 to the kind's maximum)",
         &a.weight_bits, 0, 0},
        {"case", 'c', PARE_OPT_U64, "I", "run this case alone", &a.case_index, 0, 0},
        {"trace", 't', PARE_OPT_STRING, "FILE.fst", "write the waves of that case", &a.trace, 0, 0},
        {"coverage", 0, PARE_OPT_FLAG, NULL,
         "print each kind's coverage in full (one kind: always)", &a.has_coverage, 0, 0},
        {"full", 0, PARE_OPT_FLAG, NULL, "fail unless every bin that can be met was", &a.is_full, 0,
         0},
        {"json", 0, PARE_OPT_FLAG, NULL, "one JSON object a line", &a.is_json, 0, 0},
    };
    int n_operands, exit_status;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-cosim pe [options]",
                         "Random dot products through the Verilated PE and the C reference in "
                         "lockstep: every value, every cycle.",
                         argc, argv, &n_operands, &exit_status))
        return exit_status;
    pare_cosim_options o = {.seed = a.seed,
                            .n_dots = a.count,
                            .is_one_case = a.case_index != UINT64_MAX,
                            .case_index = a.case_index,
                            .trace = a.trace};
    const pare_dut_kind *kinds;
    size_t n_kinds;
    if (n_operands) {
        fprintf(stderr, "pe takes no operand; '%s' given\n", argv[1]);
        return PARE_EUSAGE;
    }
    if (!take_kinds(a.kind, &kinds, &n_kinds) || !take_range("act-bits", a.act_bits, o.act_bits) ||
        !take_range("weight-bits", a.weight_bits, o.weight_bits))
        return PARE_EUSAGE;
    if (a.trace && (!o.is_one_case || n_kinds != 1)) {
        fprintf(stderr,
                "--trace writes one case of one kind; --kind and --case expected with it\n");
        return PARE_EUSAGE;
    }
    a.has_coverage |= n_kinds == 1 && !o.is_one_case;
    return run_kinds(&a, o, kinds, n_kinds);
}

int main(int argc, char **argv)
{
    const pare_command commands[] = {
        {"pe", "", "cross-check the processing element on random dot products", run_pe},
        {"layer", "NETWORK LAYER", "a layer on the whole machine: values, records, pins",
         pare_cosim_main_layer},
        {"net", "FOLDER", "a trained network's inference on the whole machine",
         pare_cosim_main_net},
        {"descriptor", "", "the fields and status codes of the machine's layer descriptor",
         pare_cosim_main_descriptor},
        {"characterize", "", "area, delay and energy of the processing elements, as ratios",
         pare_cosim_main_characterize},
        {"calibrate", "TABLE", "an energy base at the ratios of a table of characterize",
         pare_cosim_main_calibrate},
    };
    return pare_commands_run("pare-cosim", "The RTL against the C reference, values and cycles.",
                             commands, sizeof commands / sizeof *commands, argc, argv);
}

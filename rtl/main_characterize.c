/* pare-cosim characterize: area, delay and energy of the PEs as ratios. */
#include "rtl/main.h"

#include "rtl/characterize.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const default_kinds =
    "bitparallel,stripes,unpu,loom1,loom2,loom4,fusion,pragmatic,naf";

typedef struct args {
    const char *kinds, *liberty, *models, *rtl, *out, *bits, *run;
    uint64_t seed;
    uint32_t dots, limit_s;
    bool keep;
} args;

/* The kinds of a list; *n of them. False after a message. */
static bool take_kinds(const char *list, const pare_dut_kind **out, size_t *n)
{
    size_t n_all;
    pare_dut_kinds(&n_all);
    *n = 0;
    for (const char *at = list; *at;) {
        const size_t length = strcspn(at, ",");
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), at);
        const pare_dut_kind *const kind = pare_dut_kind_find(name);
        const bool fits = kind && kind->max_act_bits >= 8 && kind->max_weight_bits >= 8;
        if (!fits || *n == n_all) {
            fprintf(stderr, "--kinds has '%s'; kinds of pare-cosim pe that take 8 bits expected\n",
                    name);
            return false;
        }
        out[(*n)++] = kind;
        at += length + (at[length] == ',');
    }
    return true;
}

static void write_head(pare_buf *s, const args *a, uint64_t hash, bool has_delay)
{
    char seed[32], digest[32], dots[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)a->seed);
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)hash);
    snprintf(dots, sizeof dots, "%u", a->dots);
    const char *const base = strrchr(a->liberty, '/');
    const char *const keys[] = {
        "library",
        base ? base + 1 : a->liberty,
        "library_hash",
        digest,
        "seed",
        seed,
        "dot_products",
        dots,
        "operands",
        "uniform: two's complement, new in every step; a layer: its codes in the run",
        "run",
        a->run ? a->run : "none",
        "netlists",
        "yosys: synth -flatten; dfflibmap; abc map, at most 12 loads a net; no wires, no clock "
        "tree",
        "ratios",
        "bitparallel at uniform 8 x 8 bits is 1; never to be read as absolute numbers",
        "delay_ratio",
        has_delay ? "latest data arrival, OpenSTA" : "left out: no OpenSTA (sta) here"};
    pare_provenance(s, "pare-cosim characterize", keys, sizeof keys / sizeof *keys / 2);
    pare_buf_puts(s, "kind,gates,registers,area_ratio,leakage_ratio,delay_ratio,operands,act_bits,"
                     "weight_bits,cycles_per_step,products_per_step,cycle_energy_ratio,"
                     "product_energy_ratio,product_energy_zero_delay_ratio,dot_energy_ratio,"
                     "glitch_factor\n");
}

/* n costs with room for all points */
static pare_kind_cost *new_costs(size_t n, size_t n_points)
{
    pare_kind_cost *const costs = pare_xalloc(n, sizeof *costs);
    for (size_t i = 0; i < n; i++) costs[i].at = pare_xalloc(n_points, sizeof *costs[i].at);
    return costs;
}

static void free_costs(pare_kind_cost *costs, size_t n)
{
    for (size_t i = 0; i < n; i++) free(costs[i].at);
    free(costs);
}

/* `first`: 0 if point 0, the one that everything is relative to, is asked for as well, else 1 */
static pare_status measure_all(const pare_characterize *c, const args *a, uint64_t hash,
                               const pare_dut_kind *const *kinds, size_t n, size_t first,
                               pare_err *e)
{
    const pare_dut_kind *const base_kind = pare_dut_kind_find("bitparallel");
    pare_kind_cost *const costs = new_costs(n + 1, c->n_points), *base = NULL;
    pare_status status = PARE_OK;
    pare_buf s = {0};
    for (size_t i = 0; i < n; i++) {
        if (isatty(STDERR_FILENO)) fprintf(stderr, "%zu of %zu: %s\n", i + 1, n, kinds[i]->name);
        PARE_TRY_DONE(pare_characterize_kind(c, kinds[i], c->n_points, &costs[i], e));
        if (kinds[i] == base_kind) base = &costs[i];
    }
    if (!base) {
        base = &costs[n];
        PARE_TRY_DONE(pare_characterize_kind(c, base_kind, 1, base, e));
    }
    write_head(&s, a, hash, base->delay_ns > 0);
    for (size_t i = 0; i < n; i++) pare_characterize_row(&s, c, kinds[i], &costs[i], base, first);
    status = pare_file_write(a->out, s.text, s.n, e);
done:
    pare_buf_free(&s);
    free_costs(costs, n + 1);
    return status;
}

/* ---- points ---- */

enum { MAX_BITS = 8 };

/* "2,4,8" as a mask of bitlengths; false after a message */
static bool take_bits(const char *list, uint32_t *mask)
{
    *mask = 0;
    for (const char *at = list; *at; at++) {
        char *end;
        const long bits = strtol(at, &end, 10);
        if (end == at || bits < 1 || bits > MAX_BITS || (*end && *end != ',')) {
            fprintf(stderr, "--bits is '%s'; bitlengths from 1 to %d, parted by commas, expected\n",
                    list, MAX_BITS);
            return false;
        }
        *mask |= 1u << bits;
        at = end;
        if (!*at) break;
    }
    return true;
}

/* Point 0 is 8 x 8 bits, uniform; returns whether it was asked for. */
static bool list_points(uint32_t mask, const pare_codes_run *run, pare_stimulus_point *points,
                        size_t *n)
{
    *n = 1;
    points[0] = (pare_stimulus_point){NULL, MAX_BITS, MAX_BITS};
    for (uint32_t a = 1; a <= MAX_BITS; a++)
        for (uint32_t w = 1; w <= MAX_BITS; w++)
            if (mask >> a & mask >> w & 1 && (a < MAX_BITS || w < MAX_BITS))
                points[(*n)++] = (pare_stimulus_point){NULL, a, w};
    for (size_t i = 0; i < run->n_layers; i++) {
        const pare_codes *const c = &run->layers[i];
        if (c->act_bits <= MAX_BITS && c->weight_bits <= MAX_BITS)
            points[(*n)++] = (pare_stimulus_point){c, c->act_bits, c->weight_bits};
    }
    return mask >> MAX_BITS & 1;
}

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"synth.ys", "synth.log", "dut.v",    "sta.tcl",
                                        "sta.log",  "tb.v",      "zero.vvp", "glitch.vvp",
                                        "stim.hex", "vvp.log",   "dut.vcd",  "iverilog.log"};
    char path[512];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

static pare_status characterize(const args *a, uint32_t mask, const pare_codes_run *run,
                                const pare_dut_kind *const *kinds, size_t n, pare_err *e)
{
    char *text;
    size_t n_text;
    pare_cells cells;
    PARE_TRY(pare_file_read(a->liberty, 1 << 30, &text, &n_text, e));
    const uint64_t hash = pare_hash_bytes(PARE_HASH_SEED, text, n_text);
    pare_status status = pare_liberty_parse(a->liberty, text, n_text, &cells, e);
    free(text);
    if (status != PARE_OK) return status;
    char folder[256];
    const char *const tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/pare_characterizeXXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) {
        pare_cells_free(&cells);
        return pare_err_set(e, PARE_EFAIL, folder, (pare_pos){0, 0},
                            "cannot be made; a folder for scratch files expected");
    }
    pare_stimulus_point *const points =
        pare_xalloc(MAX_BITS * MAX_BITS + 1 + run->n_layers, sizeof *points);
    pare_characterize c = {.liberty = a->liberty,
                           .models = a->models,
                           .rtl = a->rtl,
                           .seed = a->seed,
                           .dots = a->dots,
                           .limit_s = a->limit_s,
                           .folder = folder,
                           .cells = &cells,
                           .points = points};
    const bool has_first = list_points(mask, run, points, &c.n_points);
    status = measure_all(&c, a, hash, kinds, n, has_first ? 0 : 1, e);
    free(points);
    if (status == PARE_OK && !a->keep)
        remove_folder(folder);
    else
        fprintf(stderr, "scratch files: %s\n", folder);
    pare_cells_free(&cells);
    return status;
}

int pare_cosim_main_characterize(int argc, char **argv)
{
    args a = {.kinds = default_kinds,
              .liberty = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib",
              .rtl = "rtl",
              .out = "-",
              .bits = "2,4,8",
              .seed = 1,
              .dots = 8,
              .limit_s = 300};
    const pare_opt opts[] = {
        {"liberty", 'l', PARE_OPT_STRING, "F.lib", "cell library (Debian's qflow-tech-osu018)",
         &a.liberty, 0, 0},
        {"models", 'm', PARE_OPT_STRING, "F.v", "Verilog of its cells (F.v beside F.lib)",
         &a.models, 0, 0},
        {"kinds", 'k', PARE_OPT_STRING, "A,B", "kinds of PE (all but those made to be checked)",
         &a.kinds, 0, 0},
        {"bits", 'b', PARE_OPT_STRING, "A,B", "bitlengths of either uniform operand (2,4,8)",
         &a.bits, 0, 0},
        {"run", 'r', PARE_OPT_STRING, "DIR",
         "a trainer's run: also the codes of each of its layers, at that layer's bits", &a.run, 0,
         0},
        {"rtl", 0, PARE_OPT_STRING, "DIR", "folder of the SystemVerilog (rtl)", &a.rtl, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "F.csv", "the table (stdout)", &a.out, 0, 0},
        {"dots", 'n', PARE_OPT_U32, "N", "dot products of each bits pair (8)", &a.dots, 1, 1000},
        {"seed", 's', PARE_OPT_U64, "S", "seed of the operands (1)", &a.seed, 0, 0},
        {"limit", 0, PARE_OPT_U32, "S", "seconds that one run of a tool may take (300)", &a.limit_s,
         1, 86400},
        {"keep", 0, PARE_OPT_FLAG, NULL, "keep netlists, benches and logs", &a.keep, 0, 0},
    };
    int n_operands, exit_status;
    if (!pare_opts_parse(
            opts, sizeof opts / sizeof *opts, "pare-cosim characterize [options]",
            "Area, delay and energy of the PEs on a cell library (Yosys, iverilog and, "
            "if there, OpenSTA), as ratios to the bit-parallel one.",
            argc, argv, &n_operands, &exit_status))
        return exit_status;
    if (n_operands) {
        fprintf(stderr, "characterize takes no operand; '%s' given\n", argv[1]);
        return PARE_EUSAGE;
    }
    size_t n_all, n;
    uint32_t mask;
    pare_codes_run run = {0};
    pare_dut_kinds(&n_all);
    const pare_dut_kind **const kinds = pare_xalloc(n_all, sizeof *kinds);
    pare_buf models = {0};
    pare_err e = {0};
    const char *const dot = strrchr(a.liberty, '.');
    pare_buf_printf(&models, "%.*s.v", (int)(dot ? dot - a.liberty : (long)strlen(a.liberty)),
                    a.liberty);
    if (!a.models) a.models = models.text;
    pare_status status =
        take_kinds(a.kinds, kinds, &n) && take_bits(a.bits, &mask) ? PARE_OK : PARE_EUSAGE;
    if (status == PARE_OK) {
        if (a.run) status = pare_codes_load(a.run, &run, &e);
        if (status == PARE_OK) status = characterize(&a, mask, &run, kinds, n, &e);
        if (status != PARE_OK) pare_err_print(&e, stderr);
    }
    pare_codes_free(&run);
    pare_buf_free(&models);
    free(kinds);
    return (int)status;
}

/* Results of bit-true inference as a table for people and as NDJSON. */
#include "sim/infer.h"

#include <string.h>

typedef unsigned long long ull;

static double percent(uint64_t n, uint64_t of) { return of ? 100.0 * (double)n / (double)of : 0; }

/* ---- for people ---- */

static void write_layers(const pare_infer_result *r, pare_buf *b)
{
    int width = (int)strlen("layer");
    for (size_t i = 0; i < r->n_layers; i++)
        if ((int)strlen(r->layers[i].layer) > width) width = (int)strlen(r->layers[i].layer);
    pare_buf_printf(b, "%-*s  %4s %4s  %12s %8s %9s  %9s %7s %8s  %10s\n", width, "layer", "w", "a",
                    "largest sum", "acc bits", "any input", "codes", "differ", "rounding",
                    "cycles");
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_infer_layer *const l = &r->layers[i];
        pare_buf_printf(b, "%-*s  %4u %4u  %12llu %8u %9u  %9llu %7llu %8llu  %10llu\n", width,
                        l->layer, l->weight_bits, l->act_bits, (ull)l->acc_max, l->acc_bits,
                        l->acc_bound_bits, (ull)l->n_codes, (ull)l->n_codes_differ,
                        (ull)l->n_codes_rounding, (ull)l->cycles);
    }
}

static void write_accumulators(const pare_infer_result *r, pare_buf *b)
{
    uint32_t met = 0, bound = 0;
    const char *layer = "";
    for (size_t i = 0; i < r->n_layers; i++) {
        if (r->layers[i].acc_bits > met) met = r->layers[i].acc_bits;
        if (r->layers[i].acc_bound_bits <= bound) continue;
        bound = r->layers[i].acc_bound_bits;
        layer = r->layers[i].layer;
    }
    pare_buf_printf(b, "accumulator: %u bits were needed, %u hold any input; the machine has %u\n",
                    met, bound, r->machine_acc_bits);
    if (bound > r->machine_acc_bits)
        pare_buf_printf(b,
                        "warning: another input may overflow it in layer '%s'; pe.acc_bits of at "
                        "least %u rules that out\n",
                        layer, bound);
}

static void write_checks(const pare_infer_result *r, pare_buf *b)
{
    uint64_t n = 0, codes = 0, differ = 0, rounding = 0;
    double tie = 0;
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_infer_layer *const l = &r->layers[i];
        n += l->n_pe_sums;
        codes += l->n_codes;
        differ += l->n_codes_differ;
        rounding += l->n_codes_rounding;
        if (l->largest_tie_frac > tie) tie = l->largest_tie_frac;
    }
    pare_buf_printf(b, "digit order: %llu sums equal the PE's own\n", (ull)n);
    pare_buf_printf(b, "codes of sampled images: %llu of %llu differ, %llu by rounding at a tie",
                    (ull)differ, (ull)codes, (ull)rounding);
    if (rounding) pare_buf_printf(b, " (at most %.2g of a step from it)", tie);
    pare_buf_printf(b, ", %llu unexplained\n", (ull)(differ - rounding));
    pare_buf_printf(b,
                    "logits of sampled images: largest difference %.2g, %llu unexplained of %llu\n",
                    r->largest_logit_difference, (ull)(r->n_logits_differ - r->n_logits_rounding),
                    (ull)r->n_logits);
}

/* Which layers hand on codes, and which values. */
static void write_links(const pare_infer_result *r, bool is_coded, const char *what, pare_buf *b)
{
    const char *comma = "";
    pare_buf_puts(b, what);
    for (size_t i = 0; i < r->n_layers; i++) {
        const pare_infer_layer *const l = &r->layers[i];
        if (is_coded != (l->next != NULL)) continue;
        pare_buf_printf(b, "%s %s", comma, l->layer);
        if (is_coded) pare_buf_printf(b, " to %s", l->next);
        comma = ",";
    }
    pare_buf_puts(b, *comma ? "\n" : " none\n");
}

void pare_infer_write_table(const pare_infer_result *r, pare_buf *out)
{
    const size_t differ = r->n_compared - r->n_agree;
    pare_buf_printf(out, "%s on %s, bit-true%s\n", r->network, r->machine,
                    r->is_integer ? ", integers between layers" : "");
    write_layers(r, out);
    write_accumulators(r, out);
    write_checks(r, out);
    if (r->is_integer) {
        write_links(r, true, "in integers:", out);
        write_links(r, false, "float after:", out);
    }
    pare_buf_printf(out,
                    "accuracy: %.2f %% (%zu of %zu); the trainer's evaluation: %.2f %% (%zu of "
                    "%zu)\n",
                    percent(r->n_correct, r->n_images), r->n_correct, r->n_images,
                    percent(r->n_trainer_correct, r->n_compared), r->n_trainer_correct,
                    r->n_compared);
    pare_buf_printf(out, "agreement: %.3f %% of %zu predictions; %zu differ",
                    percent(r->n_agree, r->n_compared), r->n_compared, differ);
    if (!r->is_integer)
        pare_buf_printf(out, ", %zu by a tie of logits, %zu by rounding of a code",
                        r->n_disagree_logit_tie, r->n_disagree_code_tie);
    pare_buf_puts(out, "\n");
    pare_buf_printf(out, "machine: %llu cycles an image, %.0f images a second at %g MHz\n",
                    (ull)r->cycles, r->clock_mhz * 1e6 / (double)r->cycles, r->clock_mhz);
    if (r->is_ok)
        pare_buf_puts(out, "passed\n");
    else
        pare_buf_printf(out, "FAILED: %sno unexplained difference expected\n",
                        r->is_integer ? "" : "agreement of 99.9 % and ");
}

/* ---- for programs ---- */

static void json_text(pare_buf *b, const char *key, const char *text)
{
    pare_buf_printf(b, "\"%s\":", key);
    pare_buf_json_string(b, text);
    pare_buf_puts(b, ",");
}

static void json_count(pare_buf *b, const char *key, uint64_t n)
{
    pare_buf_printf(b, "\"%s\":%llu,", key, (ull)n);
}

static void json_real(pare_buf *b, const char *key, double x)
{
    pare_buf_printf(b, "\"%s\":", key);
    pare_buf_real(b, x);
    pare_buf_puts(b, ",");
}

static void json_layer(const pare_infer_result *r, const pare_infer_layer *l, pare_buf *b)
{
    pare_buf_puts(b, "{");
    json_text(b, "network", r->network);
    json_text(b, "machine", r->machine);
    json_text(b, "layer", l->layer);
    json_count(b, "weight_bits", l->weight_bits);
    json_count(b, "act_bits", l->act_bits);
    json_count(b, "acc_max", l->acc_max);
    json_count(b, "acc_bound", l->acc_bound);
    json_count(b, "acc_bits", l->acc_bits);
    json_count(b, "acc_bound_bits", l->acc_bound_bits);
    if (r->is_integer) json_text(b, "next", l->next ? l->next : "");
    json_count(b, "n_pe_sums", l->n_pe_sums);
    json_count(b, "pe_cycles", l->pe_cycles);
    json_count(b, "n_codes", l->n_codes);
    json_count(b, "n_codes_differ", l->n_codes_differ);
    json_count(b, "n_codes_rounding", l->n_codes_rounding);
    json_real(b, "largest_tie_frac", l->largest_tie_frac);
    pare_buf_printf(b, "\"cycles\":%llu}\n", (ull)l->cycles);
}

void pare_infer_write_json(const pare_infer_result *r, pare_buf *out)
{
    for (size_t i = 0; i < r->n_layers; i++) json_layer(r, &r->layers[i], out);
    pare_buf_puts(out, "{\"total\":true,");
    json_text(out, "network", r->network);
    json_text(out, "machine", r->machine);
    json_text(out, "run", r->run);
    pare_buf_printf(out, "\"is_integer\":%s,", r->is_integer ? "true" : "false");
    json_count(out, "n_images", r->n_images);
    json_count(out, "n_correct", r->n_correct);
    json_real(out, "accuracy_frac", percent(r->n_correct, r->n_images) / 100);
    json_count(out, "n_compared", r->n_compared);
    json_count(out, "n_trainer_correct", r->n_trainer_correct);
    json_count(out, "n_agree", r->n_agree);
    json_count(out, "n_disagree_logit_tie", r->n_disagree_logit_tie);
    json_count(out, "n_disagree_code_tie", r->n_disagree_code_tie);
    json_real(out, "agreement_frac", percent(r->n_agree, r->n_compared) / 100);
    json_count(out, "n_logits", r->n_logits);
    json_count(out, "n_logits_differ", r->n_logits_differ);
    json_count(out, "n_logits_rounding", r->n_logits_rounding);
    json_real(out, "largest_logit_difference", r->largest_logit_difference);
    json_count(out, "machine_acc_bits", r->machine_acc_bits);
    json_count(out, "cycles", r->cycles);
    json_real(out, "clock_mhz", r->clock_mhz);
    pare_buf_printf(out, "\"is_ok\":%s}\n", r->is_ok ? "true" : "false");
}

/* The evaluating stage: a run's integer codes through a machine's arithmetic, and what they cost.
 */
#include "sim/codesign_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void result_path(const codesign *c, const pair *p, pare_buf *out)
{
    const XXH128_hash_t h = sweep_hash(p->hash, &c->conf.test_images, sizeof(uint64_t));
    pare_buf_printf(out, "%s/eval/%016llx.csv", c->options->folder, (unsigned long long)h.high64);
}

/* What an inference of before found. */
static bool read_kept(const codesign *c, pair *p)
{
    pare_buf path = {0};
    pare_csv *csv = NULL;
    bool is_there = false;
    result_path(c, p, &path);
    if (pare_csv_load(path.text, &csv, NULL) == PARE_OK && csv->n_rows == 1) {
        const int at = pare_csv_column(csv, "accuracy_frac");
        is_there = at >= 0 && pare_csv_real(csv, 0, at, 0, 1, &p->accuracy_frac, NULL) == PARE_OK;
    }
    pare_csv_free(csv);
    pare_buf_free(&path);
    return is_there;
}

static pare_status keep(const codesign *c, const pair *p, const pare_infer_result *r, pare_err *e)
{
    pare_buf path = {0}, text = {0};
    result_path(c, p, &path);
    pare_provenance(&text, "pare-sim", NULL, 0);
    pare_buf_puts(&text, "run,machine,images,correct,accuracy_frac\n");
    pare_buf_printf(&text, "%s,%s,%zu,%zu,", r->run, r->machine, r->n_images, r->n_correct);
    pare_buf_real(&text, (double)r->n_correct / (double)r->n_images);
    pare_buf_puts(&text, "\n");
    const pare_status status = pare_file_write(path.text, text.text, text.n, e);
    pare_buf_free(&path);
    pare_buf_free(&text);
    return status;
}

static pare_status infer(codesign *c, pair *p, pare_err *e)
{
    pare_infer_result r = {0};
    const pare_infer_options options = {.threads = c->options->threads};
    if (read_kept(c, p)) return PARE_OK;
    if (!c->images.n)
        PARE_TRY(pare_infer_images_load(c->conf.data, c->conf.test_images, &c->images, e));
    pare_status status =
        pare_infer_run(p->infer, c->machines[p->machine], &c->images, &options, &r, e);
    if (status == PARE_OK) {
        p->accuracy_frac = (double)r.n_correct / (double)r.n_images;
        status = keep(c, p, &r, e);
    }
    pare_infer_result_free(&r);
    return status;
}

static pare_status eval_pair(codesign *c, pair *p, pare_err *e)
{
    PARE_TRY(pare_infer_load(p->run, &p->infer, e));
    p->trainer_accuracy_frac = codesign_summary(p->run, "final_accuracy_frac");
    PARE_TRY(pare_sim_run(pare_infer_net(p->infer), c->machines[p->machine],
                          pare_infer_bits(p->infer), NULL, &p->result, e));
    return infer(c, p, e);
}

/* Is there no pair at least as good in both and better in one? */
static bool is_on_front(const codesign *c, const pair *p, double cost,
                        double (*cost_of)(const pair *p))
{
    for (size_t i = 0; i < c->n_pairs; i++) {
        const pair *const q = &c->pairs[i];
        if (q->error) continue;
        const double other = cost_of(q);
        if (other <= cost && q->accuracy_frac >= p->accuracy_frac &&
            (other < cost || q->accuracy_frac > p->accuracy_frac))
            return false;
    }
    return true;
}

static double energy_of(const pair *p) { return p->result.total.energy_pj; }
static double latency_of(const pair *p) { return p->result.latency_ns; }

/* A pair that cannot be, such as more bits than a PE takes, is a row with its message. */
pare_status codesign_eval(codesign *c, pare_err *e)
{
    for (size_t i = 0; i < c->n_pairs; i++) {
        pair *const p = &c->pairs[i];
        pare_err inner = {0};
        const pare_status status = eval_pair(c, p, &inner);
        if (status == PARE_EINPUT)
            p->error = pare_xstrdup(inner.text);
        else if (status != PARE_OK)
            return pare_err_set(e, status, inner.file, (pare_pos){inner.line, inner.column}, "%s",
                                inner.text);
        codesign_say(c, "%s on %s: %s", c->recipes[p->recipe].name, c->conf.machines.v[p->machine],
                     p->error ? p->error : "inferred and simulated");
    }
    for (size_t i = 0; i < c->n_pairs; i++) {
        pair *const p = &c->pairs[i];
        if (p->error) continue;
        p->is_energy_front = is_on_front(c, p, energy_of(p), energy_of);
        p->is_latency_front = is_on_front(c, p, latency_of(p), latency_of);
    }
    return PARE_OK;
}

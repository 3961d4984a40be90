/* Buffers: banks from the SRAM table of the node, by size and word. */
#include "sim/core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sram_point {
    double size_bytes, word_bits;
    double value[4]; /* read pJ, write pJ, leakage mW, area um2 */
    double uncertainty_frac;
} sram_point;

enum { SRAM_SIZES_MAX = 32, SRAM_WORDS_MAX = 16 };
#define COLD_K 300.0
#define WARM_K 360.0

typedef struct sram_table {
    double sizes[SRAM_SIZES_MAX], words[SRAM_WORDS_MAX]; /* ascending */
    size_t n_sizes, n_words;
    sram_point at[SRAM_SIZES_MAX][SRAM_WORDS_MAX];
    bool has[SRAM_SIZES_MAX][SRAM_WORDS_MAX];
} sram_table;

static size_t insert_sorted(double *list, size_t *n, size_t max, double x)
{
    size_t i = 0;
    while (i < *n && list[i] < x) i++;
    if ((i < *n && list[i] == x) || *n == max) return i;
    memmove(list + i + 1, list + i, (*n - i) * sizeof *list);
    list[i] = x;
    ++*n;
    return i;
}

static size_t index_of(const double *list, size_t n, double x)
{
    size_t i = 0;
    while (i < n && list[i] != x) i++;
    return i;
}

/* Leakage between the table's two temperatures: its logarithm is taken as linear. */
static pare_status warm_up(const pare_csv *c, size_t row, uint32_t kelvin, double *leakage_mw,
                           pare_err *e)
{
    double warm_mw;
    if (kelvin == COLD_K) return PARE_OK;
    PARE_TRY(sim_table_number(c, row, "leakage_360k_mw", &warm_mw, e));
    *leakage_mw = sim_mix(*leakage_mw, warm_mw, (kelvin - COLD_K) / (WARM_K - COLD_K));
    return PARE_OK;
}

static pare_status read_sram(const pare_csv *c, uint32_t kelvin, sram_table *t, pare_err *e)
{
    static const char *const columns[4] = {"read_pj", "write_pj", "leakage_mw", "area_um2"};
    sram_point *const points = pare_xalloc(c->n_rows + 1, sizeof *points);
    pare_status status = PARE_OK;
    for (size_t r = 0; r < c->n_rows && status == PARE_OK; r++) {
        sram_point *const p = &points[r];
        status = sim_table_number(c, r, "size_bytes", &p->size_bytes, e);
        if (status == PARE_OK) status = sim_table_number(c, r, "word_bits", &p->word_bits, e);
        for (int i = 0; i < 4 && status == PARE_OK; i++)
            status = sim_table_number(c, r, columns[i], &p->value[i], e);
        if (status == PARE_OK) status = warm_up(c, r, kelvin, &p->value[2], e);
        if (status == PARE_OK)
            status = sim_table_number(c, r, "uncertainty_frac", &p->uncertainty_frac, e);
        insert_sorted(t->sizes, &t->n_sizes, SRAM_SIZES_MAX, p->size_bytes);
        insert_sorted(t->words, &t->n_words, SRAM_WORDS_MAX, p->word_bits);
    }
    for (size_t r = 0; r < c->n_rows && status == PARE_OK; r++) {
        const size_t s = index_of(t->sizes, t->n_sizes, points[r].size_bytes);
        const size_t w = index_of(t->words, t->n_words, points[r].word_bits);
        if (s == t->n_sizes || w == t->n_words) continue;
        t->at[s][w] = points[r];
        t->has[s][w] = true;
    }
    if (status == PARE_OK && (!t->n_sizes || !t->n_words))
        status = pare_err_set(e, PARE_EINPUT, c->name, (pare_pos){0, 0},
                              "the table has no rows; SRAM sizes expected");
    free(points);
    return status;
}

/* The neighbours of x and how far it lies between them, on a logarithmic scale; clamped. */
static void bracket(const double *list, size_t n, double x, size_t *low, size_t *high, double *part)
{
    size_t i = 0;
    while (i + 1 < n && list[i + 1] <= x) i++;
    *low = i;
    *high = i + 1 < n ? i + 1 : i;
    *part = *low == *high || x <= list[i] ? 0 : log(x / list[i]) / log(list[*high] / list[i]);
}

/* A point that the table lacks (few words of a wide kind) is the next larger size that it has. */
static const sram_point *corner(const sram_table *t, size_t s, size_t w)
{
    while (s + 1 < t->n_sizes && !t->has[s][w]) s++;
    return &t->at[s][w];
}

/* value[4] of a bank, log-log interpolated in size and word. */
static void look_up(const sram_table *t, double size_bytes, double word_bits, double value[4])
{
    size_t s0, s1, w0, w1;
    double ps, pw;
    bracket(t->sizes, t->n_sizes, size_bytes, &s0, &s1, &ps);
    bracket(t->words, t->n_words, word_bits, &w0, &w1, &pw);
    for (int i = 0; i < 4; i++) {
        const double narrow = sim_mix(corner(t, s0, w0)->value[i], corner(t, s1, w0)->value[i], ps);
        const double wide = sim_mix(corner(t, s0, w1)->value[i], corner(t, s1, w1)->value[i], ps);
        value[i] = sim_mix(narrow, wide, pw);
    }
}

/* A buffer is as many banks side by side as its port needs, and as many one behind the other as
 * the table's largest bank requires; one bank of each column works at a time. */
static void price_buffer(pare_machine *m, const sram_table *t, int index, uint64_t bytes,
                         double port_bits, double *read_pj_per_bit, double *write_pj_per_bit)
{
    const double word = m->buffers.word_bits;
    double banks = ceil(port_bits / word);
    const double largest = t->sizes[t->n_sizes - 1];
    if ((double)bytes / banks > largest) banks = ceil((double)bytes / largest);
    double value[4];
    look_up(t, (double)bytes / banks, word, value);
    *read_pj_per_bit = value[0] / word;
    *write_pj_per_bit = value[1] / word;
    m->costs.buffer_leakage_mw[index] = value[2] * banks;
    m->costs.buffer_um2[index] = value[3] * banks;
}

/* the widest of the table's rows */
static double uncertainty(const sram_table *t)
{
    double widest = 0;
    for (size_t s = 0; s < t->n_sizes; s++)
        for (size_t w = 0; w < t->n_words; w++)
            if (t->has[s][w] && t->at[s][w].uncertainty_frac > widest)
                widest = t->at[s][w].uncertainty_frac;
    return widest;
}

static void price(pare_machine *m, const sram_table *t)
{
    const pare_array *const a = &m->array;
    const bool spread = m->mapping.tiles != PARE_HOLDS_FILTERS || m->mapping.split_depth;
    const double tiles = a->tiles, lanes = m->pe.lanes;
    const double own_rows = m->mapping.row_inputs == PARE_ROWS_OWN ? a->rows : 1;
    const double weight_port = tiles * a->rows * lanes * sim_pe_weight_port_bits(&m->pe);
    const double act_port =
        (spread ? tiles : 1) * own_rows * a->cols * lanes * sim_pe_act_port_bits(&m->pe);
    pare_costs *const c = &m->costs;
    price_buffer(m, t, 0, m->buffers.weight_bytes, weight_port, &c->weight_read_pj_per_bit,
                 &c->weight_write_pj_per_bit);
    price_buffer(m, t, 1, m->buffers.act_bytes, act_port, &c->act_read_pj_per_bit,
                 &c->act_write_pj_per_bit);
    price_buffer(m, t, 2, m->buffers.out_bytes, m->buffers.word_bits, &c->out_read_pj_per_bit,
                 &c->out_write_pj_per_bit);
    c->buffer_uncertainty_frac = uncertainty(t);
}

/* The table of the machine's node, device and temperature; kept if tables are. */
static pare_status find_sram(const pare_machine *m, sram_table **out, pare_err *e)
{
    static const char *const devices[] = {"itrs_lop", "itrs_lstp", "itrs_hp"};
    char name[64], key[96];
    snprintf(name, sizeof name, "sram_%unm_%s", m->node_nm, devices[m->buffers.device]);
    snprintf(key, sizeof key, "%s at %u K", name, m->buffers.temperature_k);
    if (m->tables && (*out = sim_tables_find(m->tables, key))) return PARE_OK;
    pare_csv *csv = NULL;
    PARE_TRY(sim_table_load(m, "node_nm", name, &csv, e));
    *out = pare_xalloc(1, sizeof **out);
    const pare_status status = read_sram(csv, m->buffers.temperature_k, *out, e);
    sim_table_done(m, csv);
    if (status != PARE_OK)
        free(*out);
    else if (m->tables)
        sim_tables_keep(m->tables, key, *out, false);
    return status;
}

pare_status sim_buffers_price(pare_machine *m, pare_err *e)
{
    sram_table *t = NULL;
    PARE_TRY(find_sram(m, &t, e));
    price(m, t);
    if (!m->tables) free(t);
    return PARE_OK;
}

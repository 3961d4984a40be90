/* Systolic arrays against an array of registers, moved cycle by cycle: its cycles are those of
 * pare-sim, and its sums those of the layer, in all three dataflows. */
#include "gtck.h"
#include "sim_cases.h"

#include <stdio.h>

enum { SIDE = 9, LENGTH = 40 };

/* ---- matrices ---- */

/* acts[window][depth] x weights[depth][filter] */
typedef struct product {
    uint32_t windows, depth, filters;
    int32_t acts[LENGTH][LENGTH], weights[LENGTH][LENGTH], sums[LENGTH][LENGTH];
} product;

static product random_product(pare_rng *r)
{
    product p = {
        .windows = pick(r, 1, LENGTH), .depth = pick(r, 1, LENGTH), .filters = pick(r, 1, LENGTH)};
    for (uint32_t w = 0; w < p.windows; w++)
        for (uint32_t d = 0; d < p.depth; d++) p.acts[w][d] = (int32_t)pick(r, 0, 255);
    for (uint32_t d = 0; d < p.depth; d++)
        for (uint32_t k = 0; k < p.filters; k++) p.weights[d][k] = (int32_t)pick(r, 0, 255) - 128;
    return p;
}

static void check_sums(const product *p)
{
    for (uint32_t w = 0; w < p->windows; w++)
        for (uint32_t k = 0; k < p->filters; k++) {
            int32_t sum = 0;
            for (uint32_t d = 0; d < p->depth; d++) sum += p->acts[w][d] * p->weights[d][k];
            ck_assert_int_eq(p->sums[w][k], sum);
        }
}

/* ---- an operand stays: values shift in downwards, the other one moves right, sums move down ----
 */

typedef struct cell {
    int32_t stays, moves, sum;
    int32_t at; /* which of the streamed ones `moves` and `sum` belong to; -1: none */
} cell;

/* stays[d][column], streams[i][d], sums[i][column]: rows hold the depth. Returns the cycles until
 * the last sum has left the last row, whatever rows and columns hold. */
static uint64_t one_fold(uint32_t rows, uint32_t cols, uint32_t n, int32_t stays[SIDE][SIDE],
                         int32_t streams[LENGTH][SIDE], int32_t sums[LENGTH][SIDE])
{
    cell grid[SIDE][SIDE];
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++) grid[r][c] = (cell){.at = -1};
    uint64_t cycle = 0;
    for (; cycle < rows; cycle++) /* what belongs in the last row goes first */
        for (uint32_t c = 0; c < cols; c++) {
            for (uint32_t r = rows; r-- > 1;) grid[r][c].stays = grid[r - 1][c].stays;
            grid[0][c].stays = stays[rows - 1 - cycle][c];
        }
    for (uint32_t n_out = 0, t = 0; n_out < n * cols; cycle++, t++) {
        cell next[SIDE][SIDE];
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t c = 0; c < cols; c++) {
                cell *const to = &next[r][c];
                const bool enters = t >= r && t - r < n; /* a cycle later in each row */
                to->stays = grid[r][c].stays;
                to->moves = c ? grid[r][c - 1].moves : enters ? streams[t - r][r] : 0;
                to->at = c ? grid[r][c - 1].at : enters ? (int32_t)(t - r) : -1;
                if (r && to->at >= 0) ck_assert_int_eq(grid[r - 1][c].at, to->at); /* they meet */
                to->sum = (r ? grid[r - 1][c].sum : 0) + to->stays * to->moves;
                if (r + 1 < rows || to->at < 0) continue;
                sums[to->at][c] = to->sum;
                n_out++;
            }
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t c = 0; c < cols; c++) grid[r][c] = next[r][c];
    }
    return cycle;
}

/* Fold after fold; `acts_stay`: else the weights do. */
static uint64_t stationary_cycles(product *p, uint32_t rows, uint32_t cols, bool acts_stay)
{
    const uint32_t across = acts_stay ? p->windows : p->filters;
    const uint32_t n = acts_stay ? p->filters : p->windows;
    uint64_t cycles = 0;
    for (uint32_t x = 0; x < across; x += cols)
        for (uint32_t d0 = 0; d0 < p->depth; d0 += rows) {
            int32_t stays[SIDE][SIDE] = {{0}}, streams[LENGTH][SIDE] = {{0}}, sums[LENGTH][SIDE];
            for (uint32_t d = d0; d < p->depth && d < d0 + rows; d++) {
                for (uint32_t c = x; c < across && c < x + cols; c++)
                    stays[d - d0][c - x] = acts_stay ? p->acts[c][d] : p->weights[d][c];
                for (uint32_t i = 0; i < n; i++)
                    streams[i][d - d0] = acts_stay ? p->weights[d][i] : p->acts[i][d];
            }
            cycles += one_fold(rows, cols, n, stays, streams, sums);
            for (uint32_t i = 0; i < n; i++)
                for (uint32_t c = x; c < across && c < x + cols; c++)
                    *(acts_stay ? &p->sums[c][i] : &p->sums[i][c]) += sums[i][c - x];
        }
    return cycles;
}

/* ---- sums stay: activations move right, weights down ---- */

typedef struct sum_cell {
    int32_t act, weight, sum;
    int32_t at; /* in the depth */
} sum_cell;

static uint64_t one_sum_fold(product *p, uint32_t rows, uint32_t cols, uint32_t w0, uint32_t k0)
{
    sum_cell grid[SIDE][SIDE];
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++) grid[r][c] = (sum_cell){.at = -1};
    uint64_t cycle = 0;
    for (uint32_t n_done = 0; n_done < rows * cols; cycle++) {
        sum_cell next[SIDE][SIDE];
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t c = 0; c < cols; c++) {
                const uint64_t d = cycle - r - c; /* large if not there yet */
                const bool is_act = c == 0 && cycle >= r && d < p->depth && w0 + r < p->windows;
                const bool is_weight = r == 0 && cycle >= c && d < p->depth && k0 + c < p->filters;
                sum_cell *const to = &next[r][c];
                to->at = cycle >= r + c && d < p->depth ? (int32_t)d : -1;
                if (c && to->at >= 0) ck_assert_int_eq(grid[r][c - 1].at, to->at);
                to->act = c ? grid[r][c - 1].act : is_act ? p->acts[w0 + r][d] : 0;
                to->weight = r ? grid[r - 1][c].weight : is_weight ? p->weights[d][k0 + c] : 0;
                to->sum = grid[r][c].sum + (to->at >= 0 ? to->act * to->weight : 0);
                n_done += to->at + 1 == (int32_t)p->depth;
            }
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t c = 0; c < cols; c++) grid[r][c] = next[r][c];
    }
    for (uint32_t r = 0; r < rows && w0 + r < p->windows; r++)
        for (uint32_t c = 0; c < cols && k0 + c < p->filters; c++)
            p->sums[w0 + r][k0 + c] = grid[r][c].sum;
    return cycle;
}

static uint64_t output_stationary_cycles(product *p, uint32_t rows, uint32_t cols)
{
    uint64_t cycles = 0;
    for (uint32_t w = 0; w < p->windows; w += rows)
        for (uint32_t k = 0; k < p->filters; k += cols) cycles += one_sum_fold(p, rows, cols, w, k);
    return cycles;
}

/* ---- the simulator's ---- */

static uint64_t simulated_cycles(const char *name, const product *p, const char *const *shape,
                                 size_t n_shape)
{
    const pare_sim_job job = {.layer = "l",
                              .type = "conv2d",
                              .dims = {.n = 1,
                                       .c = p->depth,
                                       .h = p->windows,
                                       .w = 1,
                                       .k = p->filters,
                                       .r = 1,
                                       .s = 1,
                                       .p = p->windows,
                                       .q = 1,
                                       .groups = 1,
                                       .stride = {1, 1},
                                       .dilation = {1, 1}},
                              .weight_bits = 8,
                              .act_bits = 8,
                              .out_bits = 8};
    pare_err e = {0};
    pare_sim_layer l, walked;
    pare_machine *const m = case_machine(name, shape, n_shape, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    ck_assert_msg(pare_sim_run_layer(m, &job, &l, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(pare_sim_events(m, &job, NULL, NULL, &walked, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(l.stats.cycles, walked.stats.cycles);
    pare_machine_free(m);
    return l.stats.cycles;
}

/* `rows` x `cols` PEs of the drawing: along the depth and across it, or windows and filters */
static void compare(pare_rng *r, int dataflow)
{
    static const struct {
        const char *name, *rows, *cols;
    } presets[] = {[PARE_OUTPUT_STATIONARY] = {"systolic_os", "array.cols", "array.rows"},
                   [PARE_WEIGHT_STATIONARY] = {"systolic_ws", "pe.lanes", "array.rows"},
                   [PARE_INPUT_STATIONARY] = {"systolic_is", "pe.lanes", "array.cols"}};
    product p = random_product(r);
    const uint32_t rows = pick(r, 1, SIDE), cols = pick(r, 1, SIDE);
    char text[2][SET_BYTES];
    snprintf(text[0], SET_BYTES, "%s=%u", presets[dataflow].rows, rows);
    snprintf(text[1], SET_BYTES, "%s=%u", presets[dataflow].cols, cols);
    const char *const shape[] = {text[0], text[1], "compat.count_from_zero=false"};
    const uint64_t cycles =
        dataflow == PARE_OUTPUT_STATIONARY
            ? output_stationary_cycles(&p, rows, cols)
            : stationary_cycles(&p, rows, cols, dataflow == PARE_INPUT_STATIONARY);
    check_sums(&p);
    const uint64_t ours = simulated_cycles(presets[dataflow].name, &p, shape, 3);
    ck_assert_msg(cycles == ours, "%s, %u windows, depth %u, %u filters on %u x %u: %llu, not %llu",
                  presets[dataflow].name, p.windows, p.depth, p.filters, rows, cols,
                  (unsigned long long)ours, (unsigned long long)cycles);
}

static void compare_many(int dataflow)
{
    const uint64_t seed = 17;
    printf("seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < 150; i++) {
        pare_rng r = pare_rng_new(seed, i);
        compare(&r, dataflow);
    }
}

START_TEST(output_stationary) { compare_many(PARE_OUTPUT_STATIONARY); }
END_TEST

START_TEST(weight_stationary) { compare_many(PARE_WEIGHT_STATIONARY); }
END_TEST

START_TEST(input_stationary) { compare_many(PARE_INPUT_STATIONARY); }
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {output_stationary, weight_stationary, input_stationary, NULL};
    const gtck_case cases[] = {{.suite = "Registers", .tests = tests}};
    return gtck_main(argc, argv, "sim_systolic", cases, sizeof cases / sizeof *cases);
}

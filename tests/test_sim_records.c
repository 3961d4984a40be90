/* Event records: in the order of time, and their sums are the statistics. */
#include "gtck.h"
#include "sim_cases.h"

#include <stdlib.h>
#include <string.h>

typedef struct tally {
    uint64_t rows, layers, layer_cycles, tiles, steps_announced, steps, done, stored, stall_cycles;
    uint64_t requested_bits, answered_bits, last_cycle, end_cycle;
} tally;

/* layer,cycle,event,tile,what,n */
static void count_row(tally *t, const char *line)
{
    char event[32] = "", what[32] = "";
    unsigned long long cycle, tile, n;
    const char *const at = strchr(line, ',') + 1;
    if (sscanf(at, "%llu,%31[^,],%llu,%31[^,],%llu", &cycle, event, &tile, what, &n) != 5) {
        ck_assert_int_eq(sscanf(at, "%llu,%31[^,],%llu,,%llu", &cycle, event, &tile, &n), 4);
        *what = 0;
    }
    ck_assert_uint_ge(cycle, t->last_cycle);
    t->last_cycle = cycle;
    t->rows++;
    const bool is_first = !strcmp(event, "descriptor");
    if (is_first) ck_assert_uint_eq(cycle, t->end_cycle); /* where the layer before ended */
    t->layers += is_first;
    if (!strcmp(event, "layer_done")) {
        t->layer_cycles += n;
        t->end_cycle = cycle;
    } else if (!strcmp(event, "tile_start")) {
        t->tiles++;
        t->steps_announced += n;
    } else if (!strcmp(event, "stall")) {
        t->stall_cycles += n;
        ck_assert_str_ne(what, "");
    } else if (!strcmp(event, "memory_request")) {
        t->requested_bits += n;
    } else if (!strcmp(event, "memory_response")) {
        t->answered_bits += n;
        t->stored += !strcmp(what, "store outputs");
    }
    t->steps += !strcmp(event, "step");
    t->done += !strcmp(event, "accumulate_done");
}

typedef struct run {
    pare_net *net;
    pare_bits *bits;
    pare_machine *m;
} run;

static run load(const char *net, const char *machine, const char *const *sets, size_t n_sets)
{
    run r = {0};
    pare_err e = {0};
    pare_buf path = {0};
    pare_data_find("networks", net, &path);
    ck_assert_msg(pare_net_load(path.text, &r.net, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(pare_bits_uniform("w3a5", r.net, &r.bits, &e) == PARE_OK, "%s", e.text);
    r.m = case_machine(machine, sets, n_sets, &e);
    ck_assert_msg(r.m != NULL, "%s", e.text);
    pare_buf_free(&path);
    return r;
}

static void free_run(run *r)
{
    pare_machine_free(r->m);
    pare_bits_free(r->bits);
    pare_net_free(r->net);
}

static tally read_records(const run *r, bool with_steps)
{
    pare_err e = {0};
    pare_buf csv = {0};
    tally t = {0};
    ck_assert_msg(pare_sim_records(r->net, r->m, r->bits, NULL, with_steps, &csv, &e) == PARE_OK,
                  "%s", e.text);
    for (const char *at = strchr(csv.text, '\n') + 1; *at; at = strchr(at, '\n') + 1)
        count_row(&t, at);
    pare_buf_free(&csv);
    return t;
}

static void check(const char *net, const char *machine, bool has_steps)
{
    const char *const sets[] = {"buffers.weight_bytes=20000", "buffers.act_bytes=8192",
                                "buffers.out_bytes=2048", "memory.model=limited",
                                "compat.count_from_zero=false"};
    run r = load(net, machine, sets, 5);
    pare_sim_result result;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run(r.net, r.m, r.bits, NULL, &result, &e) == PARE_OK, "%s", e.text);
    uint64_t n_tiles = 0;
    for (size_t i = 0; i < result.n_layers; i++) n_tiles += result.layers[i].map.n_tiles;
    const tally t = read_records(&r, true), few = read_records(&r, false);
    ck_assert_uint_eq(t.layers, result.n_layers);
    ck_assert_uint_eq(t.layer_cycles, result.total.cycles);
    ck_assert_uint_eq(t.end_cycle, result.total.cycles);
    ck_assert_uint_eq(t.last_cycle, result.total.cycles);
    ck_assert_uint_eq(t.tiles, n_tiles);
    ck_assert_uint_gt(n_tiles, result.n_layers);
    ck_assert_uint_eq(t.stall_cycles, result.total.stall_cycles);
    ck_assert_uint_eq(t.requested_bits, result.total.dram_bits);
    ck_assert_uint_eq(t.answered_bits, result.total.dram_bits);
    ck_assert_uint_eq(t.done, t.stored);
    ck_assert_uint_eq(t.steps, has_steps ? t.steps_announced : 0);
    ck_assert_uint_eq(few.rows, t.rows - t.steps);
    pare_sim_result_free(&result);
    free_run(&r);
}

START_TEST(sums_are_the_statistics)
{
    static const char *const machines[] = {"stripes",     "loom1",       "bitfusion",
                                           "systolic_os", "systolic_ws", "systolic_is"};
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        check("lenet5", machines[i], true);
        check("cnn_small", machines[i], true);
    }
    check("lenet5", "pragmatic", false);
    check("lenet5", "shapeshifter", false);
}
END_TEST

START_TEST(too_many_records_are_an_error)
{
    run r = load("vgg19", "bitparallel8", NULL, 0);
    pare_err e = {0};
    pare_buf csv = {0};
    ck_assert_int_eq(pare_sim_records(r.net, r.m, r.bits, NULL, true, &csv, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.text, "or no steps, expected"));
    pare_buf_free(&csv);
    free_run(&r);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {sums_are_the_statistics, too_many_records_are_an_error, NULL};
    const gtck_case cases[] = {{.suite = "Records", .tests = tests}};
    return gtck_main(argc, argv, "sim_records", cases, sizeof cases / sizeof *cases);
}

/* DRAM traces: their bytes are those of the traffic, rounded to bursts; a small layer line by line;
 * every address lies in the region that the table of regions names. */
#include "gtck.h"
#include "sim/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BURST_BYTES = 64, REGIONS_MAX = 1024 };

typedef struct run {
    pare_net *net;
    pare_bits *bits;
    pare_machine *m;
    pare_buf trace, regions;
} run;

static run trace_text(const char *net, const char *bits, const char *machine,
                      const char *const *sets, size_t n_sets)
{
    run r = {0};
    pare_err e = {0};
    pare_buf path = {0};
    ck_assert_msg(pare_net_parse("net", net, strlen(net), &r.net, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(pare_bits_uniform(bits, r.net, &r.bits, &e) == PARE_OK, "%s", e.text);
    pare_data_find("machines", machine, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, n_sets, &r.m, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(pare_sim_dram_trace(r.net, r.m, r.bits, NULL, BURST_BYTES, &r.trace, &r.regions,
                                      &e) == PARE_OK,
                  "%s", e.text);
    pare_buf_free(&path);
    return r;
}

static run trace_shipped(const char *name, const char *bits, const char *machine,
                         const char *const *sets, size_t n_sets)
{
    pare_buf path = {0};
    char *text = NULL;
    size_t n;
    pare_data_find("networks", name, &path);
    ck_assert_int_eq(pare_file_read(path.text, 1 << 20, &text, &n, NULL), PARE_OK);
    const run r = trace_text(text, bits, machine, sets, n_sets);
    free(text);
    pare_buf_free(&path);
    return r;
}

static void free_run(run *r)
{
    pare_buf_free(&r->trace);
    pare_buf_free(&r->regions);
    pare_machine_free(r->m);
    pare_bits_free(r->bits);
    pare_net_free(r->net);
}

/* 70 inputs, 3 outputs, 8 bits: 210 bytes of weights are 4 bursts, 70 of activations 2, 3 of
 * outputs 1; one tile, so loads come first. */
START_TEST(a_layer_line_by_line)
{
    run r = trace_text("version: 1\nname: small\ninput: {channels: 70, height: 1, width: 1}\n"
                       "layers:\n  - {name: fc, type: fc, out_channels: 3}\n",
                       "8", "bitparallel8", NULL, 0);
    ck_assert_str_eq(r.trace.text, "LD 0x0\nLD 0x40\nLD 0x80\nLD 0xc0\n" /* weights */
                                   "LD 0x100\nLD 0x140\n"                /* activations */
                                   "ST 0x180\n");
    ck_assert_str_eq(r.regions.text, "layer,region,first_address,bytes,loaded_bytes,stored_bytes\n"
                                     "fc,weights,0x0,256,256,0\n"
                                     "fc,activations,0x100,128,128,0\n"
                                     "fc,outputs,0x180,64,0,64\n");
    free_run(&r);
}
END_TEST

typedef struct bursts {
    uint64_t loads, stores;
} bursts;

static void add_bursts(void *context, const pare_event *e)
{
    bursts *const b = context;
    const uint64_t n = (e->bits + BURST_BYTES * 8 - 1) / (BURST_BYTES * 8);
    const bool is_store = e->kind == PARE_EVENT_STORE_OUTPUTS || e->kind == PARE_EVENT_STORE_PSUMS;
    *(is_store ? &b->stores : &b->loads) += n;
}

/* Lines that start with `what`. Not by strstr: the one of the sanitizers measures the rest of the
 * text at every hit, which takes minutes for a long trace. */
static uint64_t count_lines(const pare_buf *b, const char *what)
{
    uint64_t n = 0;
    for (const char *at = b->text; at && *at; at = strchr(at, '\n'), at += at != NULL)
        n += !strncmp(at, what, strlen(what));
    return n;
}

/* layers from the result, so that traffic and trace meet only in the machine */
static void check_bytes(const char *net, const char *bits, const char *machine,
                        const char *const *sets, size_t n_sets)
{
    run r = trace_shipped(net, bits, machine, sets, n_sets);
    pare_sim_result result;
    pare_err e = {0};
    bursts expected = {0};
    uint64_t bits_moved = 0, transfers_at_most = 0;
    ck_assert_msg(pare_sim_run(r.net, r.m, r.bits, NULL, &result, &e) == PARE_OK, "%s", e.text);
    for (size_t i = 0; i < result.n_layers; i++) {
        const pare_sim_layer *const l = &result.layers[i];
        const pare_sim_job job = {.layer = l->layer,
                                  .type = l->type,
                                  .dims = l->dims,
                                  .weight_bits = l->weight_bits,
                                  .act_bits = l->act_bits,
                                  .out_bits = l->out_bits,
                                  .reads_input = i == 0};
        pare_sim_layer again;
        ck_assert_int_eq(pare_sim_events(r.m, &job, add_bursts, &expected, &again, &e), PARE_OK);
        bits_moved += l->stats.dram_bits;
        transfers_at_most += 4 * l->map.n_tiles;
    }
    ck_assert_uint_eq(count_lines(&r.trace, "LD "), expected.loads);
    ck_assert_uint_eq(count_lines(&r.trace, "ST "), expected.stores);
    const uint64_t burst_bits = (uint64_t)BURST_BYTES * 8;
    const uint64_t total = expected.loads + expected.stores;
    ck_assert_uint_ge(total, bits_moved / burst_bits);
    ck_assert_uint_le(total, bits_moved / burst_bits + transfers_at_most);
    pare_sim_result_free(&result);
    free_run(&r);
}

START_TEST(bytes_are_the_traffic_in_whole_bursts)
{
    const char *const small[] = {"buffers.weight_bytes=8192", "buffers.act_bytes=8192",
                                 "buffers.out_bytes=2048"};
    check_bytes("lenet5", "w3a5", "loom2", NULL, 0);
    check_bytes("cnn_small", "4", "bitparallel8", small, 3);
    check_bytes("resnet20", "w4a6", "stripes", small, 3);
    check_bytes("vit_s", "8", "unpu", NULL, 0);
}
END_TEST

/* regions follow one another, hold all their layer's addresses, and loads and stores add up */
static void check_regions(const run *r)
{
    uint64_t first[REGIONS_MAX], bytes[REGIONS_MAX], moved = 0, next = 0, n_lines = 0;
    size_t n = 0;
    for (const char *at = strchr(r->regions.text, '\n') + 1; *at; at = strchr(at, '\n') + 1) {
        uint64_t loaded, stored;
        const char *const numbers = strstr(at, ",0x");
        ck_assert_int_eq(sscanf(numbers, ",%" SCNx64 ",%" SCNu64 ",%" SCNu64 ",%" SCNu64, &first[n],
                                &bytes[n], &loaded, &stored),
                         4);
        ck_assert_uint_eq(first[n], next);
        next = first[n] + bytes[n];
        moved += loaded + stored;
        n++;
    }
    bool *const is_touched = calloc(next / BURST_BYTES, sizeof *is_touched);
    ck_assert_ptr_nonnull(is_touched);
    for (const char *at = r->trace.text; *at; at = strchr(at, '\n') + 1, n_lines++) {
        const uint64_t address = strtoull(at + 3, NULL, 16);
        ck_assert_uint_lt(address, next);
        ck_assert_uint_eq(address % BURST_BYTES, 0);
        is_touched[address / BURST_BYTES] = true;
    }
    ck_assert_uint_eq(n_lines * BURST_BYTES, moved);
    /* weights lie tile after tile: no hole */
    for (const char *at = strstr(r->regions.text, ",weights,"); at;
         at = strstr(at + 1, ",weights,")) {
        uint64_t from, size;
        ck_assert_int_eq(sscanf(at, ",weights,%" SCNx64 ",%" SCNu64, &from, &size), 2);
        for (uint64_t a = from; a < from + size; a += BURST_BYTES)
            ck_assert_msg(is_touched[a / BURST_BYTES], "nobody reads 0x%" PRIx64, a);
    }
    free(is_touched);
}

START_TEST(addresses_lie_in_their_regions)
{
    const char *const small[] = {"buffers.weight_bytes=8192", "buffers.act_bytes=8192",
                                 "buffers.out_bytes=2048"};
    static const char *const nets[] = {"lenet5", "cnn_small", "resnet20"};
    for (size_t i = 0; i < 3; i++) {
        run r = trace_shipped(nets[i], "w5a7", "loom1", small, 3);
        check_regions(&r);
        free_run(&r);
    }
}
END_TEST

START_TEST(an_ideal_memory_moves_the_same_bytes)
{
    const char *const ideal[] = {"memory.model=ideal"};
    run r = trace_shipped("lenet5", "8", "stripes", ideal, 1);
    check_regions(&r);
    ck_assert_uint_gt(r.trace.n, 0);
    free_run(&r);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {a_layer_line_by_line, bytes_are_the_traffic_in_whole_bursts,
                                  addresses_lie_in_their_regions,
                                  an_ideal_memory_moves_the_same_bytes, NULL};
    const gtck_case cases[] = {{.suite = "Dramtrace", .tests = tests}};
    return gtck_main(argc, argv, "sim_dramtrace", cases, sizeof cases / sizeof *cases);
}

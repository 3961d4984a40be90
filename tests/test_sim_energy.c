/* Energy and area: the tables' own points, interpolation between them, and parts by hand. */
#include "gtck.h"
#include "sim/sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pare_machine *load(const char *name, const char *const *sets, size_t n)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, n, &m, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return m;
}

static pare_csv *table(const char *name)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_csv *csv = NULL;
    pare_data_find("energy", name, &path);
    ck_assert_msg(pare_csv_load(path.text, &csv, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return csv;
}

static double sram(const char *size, const char *word, const char *column)
{
    pare_csv *const csv = table("sram_45nm_itrs_lop");
    double x = NAN;
    for (size_t r = 0; r < csv->n_rows; r++)
        if (!strcmp(pare_csv_cell(csv, r, 0), size) && !strcmp(pare_csv_cell(csv, r, 1), word))
            x = strtod(pare_csv_cell(csv, r, pare_csv_column(csv, column)), NULL);
    pare_csv_free(csv);
    return x;
}

#define NEAR(a, b) ck_assert_double_eq_tol(a, b, 1e-9 * fabs(b))

/* one row of 16 lanes at 8 bits is a port of 128 bits: one bank */
START_TEST(a_buffer_of_one_bank_is_a_point_of_the_table)
{
    const char *const sets[] = {"array.rows=1", "buffers.weight_bytes=65536"};
    pare_machine *const m = load("bitparallel8", sets, 2);
    NEAR(m->costs.weight_read_pj_per_bit, sram("65536", "128", "read_pj") / 128);
    NEAR(m->costs.weight_write_pj_per_bit, sram("65536", "128", "write_pj") / 128);
    pare_machine_free(m);
}
END_TEST

/* 16 rows: 2048 bits a cycle from 16 banks of 8 KiB */
START_TEST(a_wide_port_is_many_banks)
{
    pare_machine *const m = load("bitparallel8", NULL, 0);
    NEAR(m->costs.weight_read_pj_per_bit, sram("8192", "128", "read_pj") / 128);
    NEAR(m->costs.buffers_um2, 16 * sram("8192", "128", "area_um2") +
                                   sram("131072", "128", "area_um2") +
                                   sram("32768", "128", "area_um2"));
    pare_machine_free(m);
}
END_TEST

START_TEST(between_points_the_logarithms_are_linear)
{
    const char *const sets[] = {"buffers.out_bytes=23170"}; /* sqrt(16384 * 32768) = 23170.5 */
    pare_machine *const m = load("bitparallel8", sets, 1);
    const double between = sqrt(sram("16384", "128", "read_pj") * sram("32768", "128", "read_pj"));
    ck_assert_double_eq_tol(m->costs.out_read_pj_per_bit, between / 128, 1e-4 * between / 128);
    pare_machine_free(m);
}
END_TEST

/* one bank of 32 KiB leaks as the table says; between the two temperatures the logarithm is linear
 */
START_TEST(warm_buffers_leak_more)
{
    const char *const sets[][1] = {{"buffers.temperature_k=300"},
                                   {"buffers.temperature_k=330"},
                                   {"buffers.temperature_k=360"}};
    double leakage[3];
    for (size_t i = 0; i < 3; i++) {
        pare_machine *const m = load("bitparallel8", sets[i], 1);
        leakage[i] = m->costs.buffer_leakage_mw[2];
        pare_machine_free(m);
    }
    NEAR(leakage[0], sram("32768", "128", "leakage_mw"));
    NEAR(leakage[2], sram("32768", "128", "leakage_360k_mw"));
    NEAR(leakage[1], sqrt(leakage[0] * leakage[2]));
    ck_assert_double_gt(leakage[2], 2 * leakage[0]);
}
END_TEST

/* beyond the largest bank, 4 MiB, there are several */
START_TEST(a_huge_buffer_is_several_banks)
{
    const char *const sets[] = {"buffers.out_bytes=16777216"};
    pare_machine *const large = load("bitparallel8", sets, 1), *const m =
                                                                   load("bitparallel8", NULL, 0);
    NEAR(large->costs.out_read_pj_per_bit, sram("4194304", "128", "read_pj") / 128);
    NEAR(large->costs.buffers_um2 - m->costs.buffers_um2,
         4 * sram("4194304", "128", "area_um2") - sram("32768", "128", "area_um2"));
    pare_machine_free(large);
    pare_machine_free(m);
}
END_TEST

/* horowitz45, 8 x 8 bits, 16 lanes: multiplier 64 a + 16 b; tree 8 x 16 + 4 x 17 + 2 x 18 + 19 =
 * 251 adder bits, accumulator 32; registers 32 + 16 x 8 weights + 16 x 8 / 16 rows activations */
START_TEST(a_bit_parallel_pe_by_hand)
{
    pare_machine *const m = load("bitparallel8", NULL, 0);
    NEAR(m->costs.lane_pj, 64 * 0.002994792 + 16 * 0.000520834);
    ck_assert_double_eq_tol(m->costs.lane_pj, 0.2, 1e-4); /* Horowitz' 8-bit multiply */
    NEAR(m->costs.reduce_pj, (251 + 32) * 0.003125);
    NEAR(m->costs.register_pj, (32 + 128 + 8) * 0.009);
    pare_machine_free(m);
}
END_TEST

/* 1 x 1 bits, 8 columns and 16 rows: tree 8 x 2 + 4 x 3 + 2 x 4 + 5 = 41 */
START_TEST(a_loom_pe_by_hand)
{
    pare_machine *const m = load("loom1", NULL, 0);
    NEAR(m->costs.lane_pj, 0.002994792 + 2 * 0.000520834);
    NEAR(m->costs.reduce_pj, (41 + 32) * 0.003125);
    NEAR(m->costs.register_pj, (32 + 16. / 8 + 16. / 16) * 0.009);
    pare_machine_free(m);
}
END_TEST

/* Stillmaker and Baas at 0.9 V: 65 nm takes 1.0583 / 0.84433 of the energy of 45 nm */
START_TEST(another_node_scales_the_pe)
{
    const char *const sets[] = {"node_nm=65"};
    pare_machine *const m = load("bitparallel8", sets, 1), *const base =
                                                               load("bitparallel8", NULL, 0);
    const double v = 0.9, from = 1.103 * v * v - 0.362 * v + 0.2767,
                 to = 3.755 * v * v - 4.398 * v + 1.975;
    NEAR(m->costs.lane_pj / base->costs.lane_pj, to / from);
    NEAR(m->costs.pe_um2 / base->costs.pe_um2, 0.23 / 0.16);
    pare_machine_free(m);
    pare_machine_free(base);
}
END_TEST

static pare_sim_layer run_job(const pare_machine *m, const pare_sim_job *job)
{
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run_layer(m, job, &l, &e) == PARE_OK, "%s", e.text);
    return l;
}

/* 64 -> 16, fully connected */
static pare_sim_job layer_job(uint32_t weight_bits, uint32_t act_bits)
{
    return (pare_sim_job){.layer = "fc",
                          .type = "fc",
                          .dims = {.n = 1,
                                   .c = 64,
                                   .h = 1,
                                   .w = 1,
                                   .k = 16,
                                   .r = 1,
                                   .s = 1,
                                   .p = 1,
                                   .q = 1,
                                   .groups = 1,
                                   .stride = {1, 1},
                                   .dilation = {1, 1}},
                          .weight_bits = weight_bits,
                          .act_bits = act_bits,
                          .out_bits = 8};
}

static pare_sim_layer run(const pare_machine *m, uint32_t weight_bits)
{
    const pare_sim_job job = layer_job(weight_bits, 8);
    return run_job(m, &job);
}

/* 64 -> 16: 1024 products, 16 PEs busy for 4 cycles, each operand through its buffer once */
START_TEST(a_layer_by_hand)
{
    pare_machine *const m = load("bitparallel8", NULL, 0);
    const pare_sim_stats s = run(m, 8).stats;
    const pare_costs *const c = &m->costs;
    NEAR(s.pe_pj, 1024 * c->lane_pj + 64 * c->reduce_pj);
    NEAR(s.register_pj, 64 * c->register_pj);
    NEAR(s.weight_buffer_pj, 8192 * (c->weight_read_pj_per_bit + c->weight_write_pj_per_bit));
    NEAR(s.act_buffer_pj, 512 * (c->act_read_pj_per_bit + c->act_write_pj_per_bit));
    NEAR(s.out_buffer_pj, 128 * (c->out_read_pj_per_bit + c->out_write_pj_per_bit));
    NEAR(s.dram_weight_pj, 8192 * 8.0);
    NEAR(s.dram_out_pj, 128 * 8.0);
    NEAR(s.leakage_pj,
         (c->array_leakage_mw + c->buffers_leakage_mw) * (double)s.cycles * 2); /* ns */
    pare_machine_free(m);
}
END_TEST

/* clock_gating bits: a 5 x 3 b product on 2 b digits is 2 + 2 + 1 by 2 + 1 bits: the sum over the
 * digit pairs of i j bit2 + (i + j) bit is 15 bit2 + (2 x 5 + 3 x 3) bit */
START_TEST(gated_bits_by_hand)
{
    const char *const sets[] = {"pe.act_digit=2", "pe.weight_digit=2", "clock_gating=bits"};
    pare_machine *const m = load("bitparallel8", sets, 3), *const lanes =
                                                               load("bitparallel8", sets, 2);
    const pare_sim_job job = layer_job(3, 5);
    const pare_sim_stats gated = run_job(m, &job).stats, whole = run_job(lanes, &job).stats;
    const double pe_cycles = 6 * 64, reduce = pe_cycles * m->costs.reduce_pj;
    NEAR(whole.pe_pj, 6 * 1024 * (4 * 0.002994792 + 4 * 0.000520834) + reduce);
    NEAR(gated.pe_pj, 1024 * (15 * 0.002994792 + 19 * 0.000520834) + reduce);
    NEAR(gated.register_pj, whole.register_pj);
    ck_assert_uint_eq(gated.cycles, whole.cycles);
    pare_machine_free(m);
    pare_machine_free(lanes);
}
END_TEST

/* a fusion unit's one figure: at 4 x 4 b four products share it; 3 x 3 b use 9/16 of theirs */
START_TEST(gated_bricks_by_hand)
{
    const char *const sets[] = {"clock_gating=bits"};
    pare_machine *const m = load("bitfusion", sets, 1);
    const pare_sim_job four = layer_job(4, 4), three = layer_job(3, 3);
    const pare_sim_stats a = run_job(m, &four).stats, b = run_job(m, &three).stats;
    const double unit = m->costs.lane_pj;
    NEAR(a.pe_pj - b.pe_pj, 1024 * unit / 4 * (1 - 9.0 / 16));
    pare_machine_free(m);
}
END_TEST

/* nothing gated: all 256 lanes and 16 PEs in each of 4 cycles; here all are busy in any case. With
 * 3 filters of 16 only 3 PEs have work, but all are paid. */
START_TEST(nothing_gated_by_hand)
{
    const char *const sets[] = {"clock_gating=none"};
    pare_machine *const m = load("bitparallel8", sets, 1);
    pare_sim_job job = layer_job(8, 8);
    job.dims.k = 3;
    const pare_sim_stats s = run_job(m, &job).stats;
    NEAR(s.pe_pj, 4 * (256 * m->costs.lane_pj + 16 * m->costs.reduce_pj));
    NEAR(s.register_pj, 4 * 16 * m->costs.register_pj);
    pare_machine_free(m);
}
END_TEST

/* ddr4: 5.75 pJ a bit read, 5.00 written */
START_TEST(dram_reads_and_writes_have_their_own_price)
{
    const char *const sets[] = {"dram.kind=ddr4_2400_x8"};
    pare_machine *const m = load("bitparallel8", sets, 1);
    const pare_sim_stats s = run(m, 8).stats;
    NEAR(s.dram_weight_pj, 8192 * 5.75);
    NEAR(s.dram_act_pj, 512 * 5.75);
    NEAR(s.dram_out_pj, 128 * 5.00);
    pare_machine_free(m);
}
END_TEST

/* horowitz45: multiplier 0.5, adder 0.3, register 0.5; SRAM 0.5; lpddr4 0.5; leakage by its parts
 */
START_TEST(uncertainty_by_hand)
{
    pare_machine *const m = load("bitparallel8", NULL, 0);
    const pare_sim_layer l = run(m, 8);
    const pare_sim_stats *const s = &l.stats;
    const double lanes = 16 * m->costs.lane_pj, adders = m->costs.reduce_pj;
    const double pe = (0.5 * lanes + 0.3 * adders) / (lanes + adders);
    NEAR(m->costs.pe_uncertainty_frac, pe);
    NEAR(m->costs.register_uncertainty_frac, 0.5);
    NEAR(m->costs.buffer_uncertainty_frac, 0.5);
    NEAR(m->costs.dram_uncertainty_frac, 0.5);
    const double rest = s->energy_pj - s->pe_pj - s->leakage_pj;
    NEAR(l.energy_uncertainty_frac,
         (pe * s->pe_pj + 0.5 * rest + m->costs.leakage_uncertainty_frac * s->leakage_pj) /
             s->energy_pj);
    const char *const sets[] = {"node_nm=65"};
    pare_machine *const other = load("bitparallel8", sets, 1); /* scaling adds its own 0.3 */
    NEAR(other->costs.register_uncertainty_frac, 0.8);
    NEAR(other->costs.pe_uncertainty_frac, pe + 0.3);
    pare_machine_free(other);
    pare_machine_free(m);
}
END_TEST

START_TEST(every_base_prices_every_shipped_machine_of_the_main_set)
{
    static const char *const names[] = {"bitparallel8", "bitparallel16", "stripes", "unpu",
                                        "loom1",        "loom2",         "loom4",   "bitfusion"};
    static const char *const bases[] = {"energy_base=horowitz45", "energy_base=aladdin40",
                                        "energy_base=bitfusion45"};
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 3; j++) {
            pare_machine *const m = load(names[i], &bases[j], 1);
            ck_assert_double_gt(m->costs.lane_pj, 0);
            ck_assert_double_gt(pare_machine_area_um2(m), 1e5);
            ck_assert_double_lt(pare_machine_area_um2(m), 1e7);
            pare_machine_free(m);
        }
}
END_TEST

/* what `pare-sim show` prints reads back to the same machine */
START_TEST(a_machine_reads_back_as_written)
{
    static const char *const names[] = {"loom2", "bitfusion", "systolic_ws", "dadn"};
    for (size_t i = 0; i < 4; i++) {
        pare_machine *const m = load(names[i], NULL, 0), *again = NULL;
        pare_buf first = {0}, second = {0};
        pare_err e = {0};
        pare_machine_write(m, &first);
        ck_assert_msg(pare_machine_parse("again", first.text, first.n, NULL, 0, &again, &e) ==
                          PARE_OK,
                      "%s", e.text);
        pare_machine_write(again, &second);
        ck_assert_str_eq(first.text, second.text);
        pare_buf_free(&first);
        pare_buf_free(&second);
        pare_machine_free(again);
        pare_machine_free(m);
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const buffers[] = {a_buffer_of_one_bank_is_a_point_of_the_table,
                                    a_wide_port_is_many_banks,
                                    between_points_the_logarithms_are_linear,
                                    warm_buffers_leak_more,
                                    a_huge_buffer_is_several_banks,
                                    NULL};
    const TTest *const pes[] = {a_bit_parallel_pe_by_hand, a_loom_pe_by_hand,
                                another_node_scales_the_pe, NULL};
    const TTest *const layers[] = {a_layer_by_hand,
                                   gated_bits_by_hand,
                                   gated_bricks_by_hand,
                                   nothing_gated_by_hand,
                                   dram_reads_and_writes_have_their_own_price,
                                   uncertainty_by_hand,
                                   every_base_prices_every_shipped_machine_of_the_main_set,
                                   a_machine_reads_back_as_written,
                                   NULL};
    const gtck_case cases[] = {{.suite = "Buffers", .tests = buffers},
                               {.suite = "Pe", .tests = pes},
                               {.suite = "Layers", .tests = layers}};
    return gtck_main(argc, argv, "sim_energy", cases, sizeof cases / sizeof *cases);
}

/* Accelergy's tables: read, written, read back, and refused. */
#include "bad_files.h"
#include "sim/sim.h"

#include <math.h>

static bool enter_folder(void)
{
    const char *const src = getenv("PARE_SRC");
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/tests/data/bad/ert", src ? src : ".");
    return chdir(folder) == 0;
}

static pare_status load(const char *name, const char *const *sets, size_t n, pare_machine **m,
                        pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("machines", name, &path);
    const pare_status status = pare_machine_load(path.text, sets, n, m, e);
    pare_buf_free(&path);
    return status;
}

/* a machine file as it is; another file as the energies or areas of a shipped machine */
static pare_status use(const char *file, pare_err *e)
{
    char set[PATH_MAX];
    const char *const sets[] = {set};
    pare_machine *m = NULL;
    const bool is_machine = strstr(file, ".machine.yaml") != NULL;
    snprintf(set, sizeof set, "energy_tables.%s=%s", strncmp(file, "art_", 4) ? "ert" : "art",
             file);
    const pare_status status =
        is_machine ? pare_machine_load(file, NULL, 0, &m, e) : load("stripes", sets, 1, &m, e);
    pare_machine_free(m);
    return status;
}

START_TEST(bad_tables_get_their_exact_message) { check_folder("ert", use, 30); }
END_TEST

/* A table of another tool, named: 0.25 pJ a lane; the dearer of two reads, 4 pJ for 64 bits; a
 * write of 5 pJ for 32; 1000 um2 a PE. */
START_TEST(named_rows_replace_the_tables)
{
    ck_assert(enter_folder());
    pare_buf text = {0};
    pare_err e = {0};
    pare_machine *plain = NULL, *m = NULL;
    char *file = NULL;
    size_t n;
    ck_assert_int_eq(load("stripes", NULL, 0, &plain, &e), PARE_OK);
    ck_assert_int_eq(pare_file_read(plain->file, 1 << 20, &file, &n, &e), PARE_OK);
    pare_buf_puts(&text, file);
    pare_buf_puts(&text, "energy_tables:\n"
                         "  ert: good.yaml\n"
                         "  art: good_area.yaml\n"
                         "  uncertainty_frac: 0.125\n"
                         "  names:\n"
                         "  - {cost: lane, component: PE.mac, action: compute}\n"
                         "  - {cost: act_read, component: chip.glb, action: read, bits: 64}\n"
                         "  - {cost: out_write, component: chip.glb, action: write, bits: 32}\n"
                         "  - {cost: pe_area, component: 'chip.PE[0..255].mac'}\n");
    ck_assert_msg(pare_machine_parse("m", text.text, text.n, NULL, 0, &m, &e) == PARE_OK, "%s",
                  e.text);
    ck_assert_double_eq(m->costs.lane_pj, 0.25);
    ck_assert_double_eq(m->costs.lane_bit2_pj, 0.25 / 8); /* 1 x 8 bits */
    ck_assert_double_eq(m->costs.act_read_pj_per_bit, 4.0 / 64);
    ck_assert_double_eq(m->costs.out_write_pj_per_bit, 5.0 / 32);
    ck_assert_double_eq(m->costs.pe_um2, 1000);
    ck_assert_double_eq(m->costs.array_um2, 1000 * 16 * 8);
    ck_assert_double_eq(m->costs.pe_uncertainty_frac, 0.125);
    /* the rest is as it was */
    ck_assert_double_eq(m->costs.act_write_pj_per_bit, plain->costs.act_write_pj_per_bit);
    ck_assert_double_eq(m->costs.reduce_pj, plain->costs.reduce_pj);
    ck_assert_double_eq(m->costs.buffers_um2, plain->costs.buffers_um2);
    ck_assert(m->hash != plain->hash);
    free(file);
    pare_buf_free(&text);
    pare_machine_free(m);
    pare_machine_free(plain);
}
END_TEST

static void near(double a, double b, const char *what, const char *machine)
{
    ck_assert_msg(fabs(a - b) <= 1e-12 * fabs(b), "%s of %s: %.17g, %.17g written", what, machine,
                  a, b);
}

/* what a machine writes gives another machine of the same shape its costs, whatever its own base */
static void check_round_trip(const char *name)
{
    char folder[] = "/tmp/pare_ert_XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    const char *const sets[] = {"energy_tables.ert=ert.yaml", "energy_tables.art=art.yaml",
                                "energy_base=aladdin40", "dram.kind=ddr3"};
    pare_buf ert = {0}, art = {0};
    pare_err e = {0};
    pare_machine *m = NULL, *again = NULL;
    ck_assert_msg(load(name, NULL, 0, &m, &e) == PARE_OK, "%s", e.text);
    pare_machine_write_ert(m, &ert);
    pare_machine_write_art(m, &art);
    ck_assert_int_eq(pare_file_write("ert.yaml", ert.text, ert.n, &e), PARE_OK);
    ck_assert_int_eq(pare_file_write("art.yaml", art.text, art.n, &e), PARE_OK);
    ck_assert_msg(load(name, sets, 4, &again, &e) == PARE_OK, "%s", e.text);
    const pare_costs *const a = &again->costs, *const b = &m->costs;
#define SAME(member) near(a->member, b->member, #member, name)
    SAME(core_pj);
    SAME(lane_pj);
    SAME(reduce_pj);
    SAME(register_pj);
    SAME(weight_read_pj_per_bit);
    SAME(weight_write_pj_per_bit);
    SAME(act_read_pj_per_bit);
    SAME(act_write_pj_per_bit);
    SAME(out_read_pj_per_bit);
    SAME(out_write_pj_per_bit);
    SAME(dram_pj_per_bit);
    SAME(dram_write_pj_per_bit);
    SAME(array_um2);
    SAME(buffers_um2);
    SAME(array_leakage_mw);
    SAME(buffers_leakage_mw);
#undef SAME
    (void)remove("ert.yaml");
    (void)remove("art.yaml");
    (void)rmdir(folder);
    pare_buf_free(&ert);
    pare_buf_free(&art);
    pare_machine_free(again);
    pare_machine_free(m);
}

START_TEST(what_is_written_reads_back)
{
    static const char *const names[] = {"stripes", "loom2", "bitfusion", "systolic_ws"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_round_trip(names[i]);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {bad_tables_get_their_exact_message, named_rows_replace_the_tables,
                                  what_is_written_reads_back, NULL};
    const gtck_case cases[] = {{.suite = "Ert", .tests = tests}};
    return gtck_main(argc, argv, "sim_ert", cases, sizeof cases / sizeof *cases);
}

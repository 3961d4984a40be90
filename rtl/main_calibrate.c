/* pare-cosim calibrate: an energy base from the table of pare-cosim characterize. */
#include "rtl/main.h"

#include "rtl/calibrate.h"

#include <string.h>

static pare_status calibrate(const char *table_path, const char *anchor_name, const char *out,
                             pare_err *e)
{
    pare_csv *table = NULL, *anchor = NULL;
    pare_buf path = {0}, name = {0}, text = {0};
    pare_calibration c;
    pare_buf_printf(&name, "base_%s", anchor_name);
    pare_data_find("energy", name.text, &path);
    pare_status status = pare_csv_load(table_path, &table, e);
    if (status == PARE_OK) status = pare_csv_load(path.text, &anchor, e);
    if (status == PARE_OK) status = pare_calibrate(table, anchor, &c, e);
    if (status == PARE_OK && out) {
        const char *const slash = strrchr(table_path, '/');
        pare_calibration_write(&c, anchor_name, slash ? slash + 1 : table_path, &text);
        status = pare_file_write(out, text.text, text.n, e);
    }
    if (status == PARE_OK) {
        text.n = 0;
        pare_calibration_explain(&c, table, &text);
        fputs(text.text, stdout);
    }
    pare_buf_free(&text);
    pare_buf_free(&name);
    pare_buf_free(&path);
    pare_csv_free(anchor);
    pare_csv_free(table);
    return status;
}

int pare_cosim_main_calibrate(int argc, char **argv)
{
    const char *anchor = "horowitz45", *out = NULL;
    const pare_opt opts[] = {
        {"anchor", 'a', PARE_OPT_STRING, "BASE",
         "the energy base that says what the bit-parallel PE costs (horowitz45)", &anchor, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "F.csv", "write the energy base", &out, 0, 0},
    };
    int n_operands, exit_status;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts,
                         "pare-cosim calibrate TABLE.csv [options]",
                         "Fit the parts of an energy base to the ratios that pare-cosim "
                         "characterize measured, and print how well they fit.",
                         argc, argv, &n_operands, &exit_status))
        return exit_status;
    if (n_operands != 1) {
        fprintf(stderr, "calibrate takes one table of pare-cosim characterize; %d operands given\n",
                n_operands);
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    const pare_status status = calibrate(argv[1], anchor, out, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    return (int)status;
}

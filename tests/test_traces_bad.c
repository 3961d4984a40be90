/* Every file in tests/data/bad/<reader>/ is refused with exactly the line in NAME.expected.
 * UPDATE=1 in the environment writes the expected lines instead; read them before committing. */
#include "gtck.h"
#include "traces/trace.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 256, LINE_MAX_BYTES = 1024 };

typedef pare_status reader_fn(const char *path, pare_err *e);

static char source_folder[PATH_MAX];

/* absolute, as each test changes into its folder */
static void find_source(void)
{
    const char *const src = getenv("PARE_SRC");
    if (source_folder[0]) return;
    if (src && src[0] == '/')
        snprintf(source_folder, sizeof source_folder, "%s", src);
    else
        ck_assert_ptr_nonnull(getcwd(source_folder, sizeof source_folder));
}

/* ---- one function per reader: load, free, forward the status ---- */

static pare_status read_net(const char *path, pare_err *e)
{
    pare_net *net;
    const pare_status status = pare_net_load(path, &net, e);
    pare_net_free(net);
    return status;
}

static pare_status read_scalesim(const char *path, pare_err *e)
{
    pare_net *net;
    const pare_status status = pare_net_load_scalesim(path, &net, e);
    pare_net_free(net);
    return status;
}

/* against the small CNN, so that missing and unknown layers show */
static pare_status read_bits(const char *path, pare_err *e)
{
    char net_path[PATH_MAX + 64];
    pare_net *net;
    pare_bits *bits;
    snprintf(net_path, sizeof net_path, "%s/traces/networks/cnn_small.net.yaml", source_folder);
    PARE_TRY(pare_net_load(net_path, &net, e));
    const pare_status status = pare_bits_load(path, net, &bits, e);
    pare_bits_free(bits);
    pare_net_free(net);
    return status;
}

static pare_status read_csv(const char *path, pare_err *e)
{
    pare_csv *csv;
    double x;
    pare_status status = pare_csv_load(path, &csv, e);
    if (status == PARE_OK) /* what remains wrong is a number */
        status = pare_csv_real(csv, 0, pare_csv_column(csv, "x"), 0, 10, &x, e);
    pare_csv_free(csv);
    return status;
}

/* as training data, where NaN is refused */
static pare_status read_npy(const char *path, pare_err *e)
{
    pare_tensor t;
    pare_status status = pare_npy_load(path, &t, e);
    if (status == PARE_OK) status = pare_tensor_check_finite(path, &t, e);
    pare_tensor_free(&t);
    return status;
}

static pare_status read_idx(const char *path, pare_err *e)
{
    pare_tensor t;
    const pare_status status = pare_idx_load(path, &t, e);
    pare_tensor_free(&t);
    return status;
}

/* against the small CNN, too */
static pare_status read_cost(const char *path, pare_err *e)
{
    char net_path[PATH_MAX + 64];
    pare_net *net;
    pare_cost_table *table;
    snprintf(net_path, sizeof net_path, "%s/traces/networks/cnn_small.net.yaml", source_folder);
    PARE_TRY(pare_net_load(net_path, &net, e));
    const pare_status status = pare_cost_load(path, net, &table, e);
    pare_cost_free(table);
    pare_net_free(net);
    return status;
}

/* ---- the comparison ---- */

static void error_line(const pare_err *e, char line[LINE_MAX_BYTES])
{
    FILE *const f = fmemopen(line, LINE_MAX_BYTES, "w");
    ck_assert_ptr_nonnull(f);
    pare_err_print(e, f);
    fclose(f);
}

static void expected_path(const char *file, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%.*s.expected", (int)strcspn(file, "."), file);
}

/* true if the file is refused as its .expected says */
static bool is_refused(const char *file, reader_fn *reader)
{
    char path[PATH_MAX], line[LINE_MAX_BYTES] = "";
    pare_err e = {0};
    const pare_status status = reader(file, &e);
    error_line(&e, line);
    expected_path(file, path);
    if (getenv("UPDATE")) {
        ck_assert_int_eq(pare_file_write(path, line, strlen(line), NULL), PARE_OK);
        return true;
    }
    char *expected = NULL;
    size_t n;
    pare_err missing = {0};
    if (pare_file_read(path, LINE_MAX_BYTES, &expected, &n, &missing) != PARE_OK) {
        printf("%s: %s\n", path, missing.text);
        return false;
    }
    const bool equal = status == PARE_EINPUT && !strcmp(line, expected);
    if (!equal)
        printf("%s: status %d\n  given    %s  expected %s", file, (int)status, line, expected);
    free(expected);
    return equal;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_folder(const char *reader_name, reader_fn *reader, size_t at_least)
{
    char folder[PATH_MAX + 64];
    char *files[FILES_MAX];
    size_t n = 0, n_wrong = 0;
    find_source();
    snprintf(folder, sizeof folder, "%s/tests/data/bad/%s", source_folder, reader_name);
    ck_assert_msg(chdir(folder) == 0, "no folder %s", folder);
    DIR *const d = opendir(".");
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *entry; (entry = readdir(d)) && n < FILES_MAX;) {
        const char *const dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] != '.' && dot && strcmp(dot, ".expected"))
            files[n++] = pare_xstrdup(entry->d_name);
    }
    closedir(d);
    qsort(files, n, sizeof *files, by_name);
    for (size_t i = 0; i < n; i++) {
        n_wrong += !is_refused(files[i], reader);
        free(files[i]);
    }
    fflush(stdout); /* a failed check leaves by _exit */
    ck_assert_uint_ge(n, at_least);
    ck_assert_msg(n_wrong == 0, "%zu of %zu bad files of %s are not refused as expected", n_wrong,
                  n, reader_name);
}

START_TEST(bad_networks_get_their_exact_message) { check_folder("net", read_net, 50); }
END_TEST

START_TEST(bad_bits_get_their_exact_message) { check_folder("bits", read_bits, 25); }
END_TEST

START_TEST(bad_npy_get_their_exact_message) { check_folder("npy", read_npy, 25); }
END_TEST

START_TEST(bad_idx_get_their_exact_message) { check_folder("idx", read_idx, 18); }
END_TEST

START_TEST(bad_csv_get_their_exact_message) { check_folder("csv", read_csv, 14); }
END_TEST

START_TEST(bad_topologies_get_their_exact_message) { check_folder("scalesim", read_scalesim, 14); }
END_TEST

START_TEST(bad_cost_tables_get_their_exact_message) { check_folder("cost", read_cost, 12); }
END_TEST

int main(int argc, char **argv)
{
    const TTest *const bad[] = {
        bad_networks_get_their_exact_message,    bad_bits_get_their_exact_message,
        bad_npy_get_their_exact_message,         bad_idx_get_their_exact_message,
        bad_csv_get_their_exact_message,         bad_topologies_get_their_exact_message,
        bad_cost_tables_get_their_exact_message, NULL};
    const gtck_case cases[] = {{.suite = "BadInput", .tests = bad}};
    return gtck_main(argc, argv, "traces_bad", cases, sizeof cases / sizeof *cases);
}

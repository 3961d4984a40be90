/* sweep_fixture.h: a sweep of 108 places, a folder that is emptied, and what is done to stores in
 * it, for the tests of sweeps. */
#ifndef SWEEP_FIXTURE_H
#define SWEEP_FIXTURE_H

#include "gtck.h"
#include "sim/store_write.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 2 machines x 2 x 3 x 3 x 3 = 108 places; some rows are excluded, some machines cannot run */
static const char SWEEP[] = "version: 1\n"
                            "name: test\n"
                            "networks: [lenet5]\n"
                            "machines: [loom1, stripes]\n"
                            "bits: [8, w4a6, w9a4]\n"
                            "axes:\n"
                            "  - {key: array.rows, values: [8, 16]}\n"
                            "  - {key: dram.bits_per_cycle, from: 16, to: 64, factor: 2}\n"
                            "  - {key: bits.scale, values: [0.5, 1, 1.25]}\n"
                            "columns: [all]\n"
                            "constraints:\n"
                            "  - require: array.rows < 16 or bits.scale != 1.25\n"
                            "  - require: area_um2 < 1e9 and machine != 'none'\n";

/* instead of the end of its last axis: sixteen times as many points */
static const char MORE_BITS[] = "1.25]}\n  - {key: bits.weight, from: 1, to: 16}\n";

static char folder[PATH_MAX];

static inline void set_up(void)
{
    const char *const tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/pare-sweep-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void tear_down(void)
{
    DIR *const d = opendir(folder);
    char path[PATH_MAX + 300];
    for (const struct dirent *f; d && (f = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        if (f->d_name[0] != '.') unlink(path);
    }
    if (d) closedir(d);
    rmdir(folder);
}

static inline const char *in_folder(const char *name)
{
    static char paths[4][PATH_MAX + 64];
    static int next;
    char *const path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline pare_sweep *parse(const char *text)
{
    pare_sweep *s = NULL;
    pare_err e = {0};
    ck_assert_msg(pare_sweep_parse("test", text, strlen(text), &s, &e) == PARE_OK, "%s", e.text);
    return s;
}

/* A sweep with one piece of its text replaced. */
static inline pare_sweep *parse_changed(const char *from, const char *to)
{
    char text[4096];
    const char *const at = strstr(SWEEP, from);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - SWEEP), SWEEP, to, at + strlen(from));
    return parse(text);
}

static inline pare_sweep_summary run_with(const pare_sweep *s, const pare_sweep_options *o)
{
    pare_sweep_summary m;
    pare_err e = {0};
    ck_assert_msg(pare_sweep_run(s, o, &m, &e) == PARE_OK, "%s", e.text);
    return m;
}

static inline pare_sweep_summary run_into(const pare_sweep *s, const char *name)
{
    const pare_sweep_options o = {.store = in_folder(name), .threads = 2};
    return run_with(s, &o);
}

static inline char *read_all(const char *path, size_t *n)
{
    char *bytes = NULL;
    pare_err e = {0};
    ck_assert_msg(pare_file_read(path, (size_t)1 << 28, &bytes, n, &e) == PARE_OK, "%s", e.text);
    return bytes;
}

static inline bool same_files(const char *a, const char *b)
{
    size_t n, m;
    char *const x = read_all(a, &n), *const y = read_all(b, &m);
    const bool same = n == m && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

/* The exported text, and the file after a merge of one, which has nothing of its history. */
static inline bool same_stores(const char *a, const char *b)
{
    const char *const names[2] = {a, b};
    pare_err e = {0};
    for (int i = 0; i < 2; i++) {
        pare_store *s = NULL;
        const char *const path = in_folder(names[i]);
        ck_assert_msg(pare_store_open(path, &s, &e) == PARE_OK, "%s", e.text);
        ck_assert_int_eq(pare_store_export(s, i, in_folder(i ? "b.json" : "a.json"), &e), PARE_OK);
        ck_assert_int_eq(pare_store_export(s, true, in_folder(i ? "b.json" : "a.json"), &e),
                         PARE_OK);
        pare_store_close(s);
        ck_assert_msg(pare_store_merge(&path, 1, in_folder(i ? "b.plain" : "a.plain"), &e) ==
                          PARE_OK,
                      "%s", e.text);
    }
    return same_files(in_folder("a.json"), in_folder("b.json")) &&
           same_files(in_folder("a.plain"), in_folder("b.plain"));
}

#endif

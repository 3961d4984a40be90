/* Every file in tests/data/bad/NAME/ is refused with exactly the line in its .expected. UPDATE=1 in
 * the environment writes the expected lines instead; read them before committing. */
#ifndef BAD_FILES_H
#define BAD_FILES_H
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

/* Every file of tests/data/bad/NAME/, but for good*, which others read. */
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
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, "good", 4) && dot &&
            strcmp(dot, ".expected"))
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

#endif

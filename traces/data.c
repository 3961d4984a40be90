/* Where shipped files lie: in the source tree while developing, under share/pare when installed. */
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct data_kind {
    const char *kind, *tree_folder, *suffix;
    bool may_be_folder; /* a run folder has one */
} data_kinds[] = {
    {"networks", "traces/networks", ".net.yaml", true},
    {"bits", "traces/bits", ".bits.yaml", true},
    {"energy", "traces/energy", ".csv", false},
    {"machines", "sim/machines", ".machine.yaml", false},
};

enum { PARENTS_MAX = 5 }; /* build/bin is two below the tree, a sanitizer build three */

static bool exists(pare_buf *path) { return access(path->text, R_OK) == 0; }

static bool is_folder(const char *path)
{
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

static bool is_at(pare_buf *path, const char *root, const char *folder, const char *name,
                  const char *suffix)
{
    path->n = 0;
    pare_buf_printf(path, "%s/%s/%s%s", root, folder, name, suffix);
    return exists(path);
}

static bool find_near_program(const struct data_kind *k, const char *name, pare_buf *path)
{
    char root[4096];
    const ssize_t n = readlink("/proc/self/exe", root, sizeof root - 1);
    if (n <= 0) return false;
    root[n] = 0;
    for (int i = 0; i < PARENTS_MAX; i++) {
        char *const slash = strrchr(root, '/');
        if (!slash) return false;
        *slash = 0;
        if (is_at(path, root, k->tree_folder, name, k->suffix)) return true;
        pare_buf installed = {0};
        pare_buf_printf(&installed, "share/pare/%s", k->kind);
        const bool found = i == 1 && is_at(path, root, installed.text, name, k->suffix);
        pare_buf_free(&installed);
        if (found) return true;
    }
    return false;
}

void pare_data_find(const char *kind, const char *name, pare_buf *path)
{
    path->n = 0;
    pare_buf_puts(path, name);
    if (strchr(name, '/')) return;
    for (size_t i = 0; i < sizeof data_kinds / sizeof *data_kinds; i++) {
        const struct data_kind *const k = &data_kinds[i];
        if (strcmp(k->kind, kind)) continue;
        if (exists(path) && (k->may_be_folder || !is_folder(name))) return;
        const char *const data = getenv("PARE_DATA");
        if (data && is_at(path, data, kind, name, k->suffix)) return;
        if (data && is_at(path, data, k->tree_folder, name, k->suffix)) return;
        if (find_near_program(k, name, path)) return;
    }
    path->n = 0;
    pare_buf_puts(path, name);
}

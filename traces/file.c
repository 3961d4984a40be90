#include "traces/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};

pare_status pare_file_read(const char *path, size_t max_bytes, char **bytes, size_t *n, pare_err *e)
{
    *bytes = NULL;
    *n = 0;
    FILE *const f = fopen(path, "rb");
    if (!f)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE, "cannot be opened (%s); a file expected",
                            strerror(errno));
    pare_buf b = {0};
    char chunk[1 << 14];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0) {
        if (got > max_bytes - b.n) {
            fclose(f);
            pare_buf_free(&b);
            return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                                "is too large; at most %zu bytes expected", max_bytes);
        }
        pare_buf_add(&b, chunk, got);
    }
    const bool failed = ferror(f) != 0;
    const int why = errno;
    fclose(f);
    if (failed) {
        pare_buf_free(&b);
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE, "cannot be read (%s); a file expected",
                            strerror(why));
    }
    pare_buf_add(&b, "", 0);
    *bytes = b.text;
    *n = b.n;
    return PARE_OK;
}

static pare_status write_failed(const char *path, pare_err *e)
{
    return pare_err_set(e, PARE_EFAIL, path, NOWHERE, "cannot be written (%s)", strerror(errno));
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        const ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

/* a rename survives a crash only once the folder itself is on disk */
static void sync_folder_of(const char *path)
{
    pare_buf folder = {0};
    const char *const slash = strrchr(path, '/');
    if (slash)
        pare_buf_add(&folder, path, (size_t)(slash - path) + 1);
    else
        pare_buf_puts(&folder, ".");
    const int fd = open(folder.text, O_RDONLY);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    pare_buf_free(&folder);
}

static bool is_regular_or_absent(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

pare_status pare_file_write(const char *path, const void *bytes, size_t n, pare_err *e)
{
    if (!strcmp(path, "-")) {
        if (fwrite(bytes, 1, n, stdout) != n || fflush(stdout)) return write_failed("stdout", e);
        return PARE_OK;
    }
    if (!is_regular_or_absent(path)) { /* /dev/null, a pipe: cannot be replaced by a rename */
        const int fd = open(path, O_WRONLY);
        if (fd < 0) return write_failed(path, e);
        const bool ok = write_all(fd, bytes, n);
        return close(fd) == 0 && ok ? PARE_OK : write_failed(path, e);
    }
    pare_buf temporary = {0};
    pare_buf_printf(&temporary, "%s.tmp%ld", path, (long)getpid());
    const int fd = open(temporary.text, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool ok = fd >= 0;
    ok = ok && write_all(fd, bytes, n) && fsync(fd) == 0;
    if (fd >= 0) ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary.text, path) == 0;
    pare_status status = PARE_OK;
    if (ok) {
        sync_folder_of(path);
    } else {
        status = write_failed(path, e);
        unlink(temporary.text);
    }
    pare_buf_free(&temporary);
    return status;
}

pare_status pare_dir_make(const char *path, pare_err *e)
{
    char *const part = pare_xstrdup(path);
    bool ok = true;
    for (char *c = part + 1; ok && *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        ok = mkdir(part, 0777) == 0 || errno == EEXIST;
        *c = '/';
    }
    ok = ok && (mkdir(part, 0777) == 0 || errno == EEXIST);
    const int why = errno;
    free(part);
    struct stat st;
    if (ok && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, path, NOWHERE, "cannot be made (%s); a folder expected",
                        strerror(ok ? ENOTDIR : why));
}

uint64_t pare_hash_bytes(uint64_t seed, const void *bytes, size_t n)
{
    const unsigned char *const b = bytes;
    for (size_t i = 0; i < n; i++) seed = (seed ^ b[i]) * 0x100000001b3ull;
    return seed;
}

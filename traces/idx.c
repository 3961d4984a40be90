/* IDX, the format of the MNIST family: two zero bytes, the element type, the number of dimensions,
 * the dimensions as big-endian 32-bit numbers, the elements. Plain or gzip. */
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { TYPE_U8 = 0x08, GZIP_BITS = 16 + MAX_WBITS, INFLATE_CHUNK = 1 << 30, DEFLATE_RATIO = 1032 };
static const size_t FILE_MAX_BYTES = (size_t)4 << 30;
static const pare_pos NOWHERE = {0, 0};

/* bytes in order, from memory or inflated */
typedef struct source {
    const unsigned char *bytes;
    size_t n, at; /* of a plain file */
    bool is_gzip, has_ended;
    z_stream z;
    const char *file;
    pare_err *e;
} source;

static pare_status truncated(const source *s)
{
    return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE, "truncated%s; a whole file expected",
                        s->is_gzip ? " gzip data" : "");
}

/* inflate up to n bytes; *got falls short at the end of the data */
static pare_status inflate_some(source *s, unsigned char *out, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n && !s->has_ended) {
        const size_t want = n - *got < INFLATE_CHUNK ? n - *got : INFLATE_CHUNK;
        const size_t left = s->n - s->at;
        s->z.next_in = (z_const Bytef *)(s->bytes + s->at);
        s->z.avail_in = (uInt)(left < INFLATE_CHUNK ? left : INFLATE_CHUNK);
        s->z.next_out = out + *got;
        s->z.avail_out = (uInt)want;
        const uInt before = s->z.avail_in;
        const int rc = inflate(&s->z, Z_NO_FLUSH);
        s->at += before - s->z.avail_in;
        *got += want - s->z.avail_out;
        if (rc == Z_STREAM_END) {
            s->has_ended = true;
        } else if (rc == Z_BUF_ERROR || (rc == Z_OK && s->at == s->n && *got < n)) {
            return truncated(s);
        } else if (rc != Z_OK) {
            return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                                "damaged gzip data (%s); a whole file expected",
                                s->z.msg ? s->z.msg : "zlib error");
        }
    }
    return PARE_OK;
}

static pare_status take(source *s, void *out, size_t n)
{
    if (s->is_gzip) {
        size_t got;
        PARE_TRY(inflate_some(s, out, n, &got));
        return got == n ? PARE_OK : truncated(s);
    }
    if (n > s->n - s->at) return truncated(s);
    if (n > 0) memcpy(out, s->bytes + s->at, n);
    s->at += n;
    return PARE_OK;
}

static pare_status expect_end(source *s)
{
    size_t got = 0;
    unsigned char one;
    if (s->is_gzip) PARE_TRY(inflate_some(s, &one, 1, &got)); /* also checks the checksum */
    if (got == 0 && s->at == s->n) return PARE_OK;
    return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                        "trailing bytes after the elements; the end of the file expected");
}

static pare_status read_header(source *s, uint32_t *n_dims, size_t dims[PARE_TENSOR_DIMS_MAX])
{
    unsigned char magic[4], d[4];
    PARE_TRY(take(s, magic, sizeof magic));
    if (magic[0] || magic[1])
        return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                            "magic is %02x %02x; 00 00 of an IDX file expected", magic[0],
                            magic[1]);
    if (magic[2] != TYPE_U8)
        return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                            "IDX element type is 0x%02x; 0x08 (unsigned bytes) expected", magic[2]);
    if (magic[3] < 1 || magic[3] > PARE_TENSOR_DIMS_MAX)
        return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE, "%u dimensions; 1 to %d expected",
                            magic[3], PARE_TENSOR_DIMS_MAX);
    *n_dims = magic[3];
    for (uint32_t i = 0; i < *n_dims; i++) {
        PARE_TRY(take(s, d, sizeof d));
        dims[i] = (size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3];
        if (dims[i] == 0)
            return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                                "dimension %u is 0; at least 1 expected", i);
    }
    return PARE_OK;
}

static pare_status read_tensor(source *s, pare_tensor *out)
{
    uint32_t n_dims = 0;
    size_t dims[PARE_TENSOR_DIMS_MAX], count = 1;
    PARE_TRY(read_header(s, &n_dims, dims));
    for (uint32_t i = 0; i < n_dims; i++)
        if (!pare_mul_size(count, dims[i], &count))
            return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                                "the dimensions overflow; at most 4 GiB expected");
    /* what the file cannot hold is not even allocated */
    const size_t most = s->is_gzip ? s->n * DEFLATE_RATIO : s->n - s->at;
    if (count > most) return truncated(s);
    PARE_TRY(pare_tensor_new(PARE_U8, n_dims, dims, out, s->e));
    PARE_TRY(take(s, out->data, out->count));
    return expect_end(s);
}

pare_status pare_idx_parse(const char *name, const void *bytes, size_t n, pare_tensor *out,
                           pare_err *e)
{
    source s = {.bytes = bytes, .n = n, .file = name, .e = e};
    *out = (pare_tensor){0};
    s.is_gzip = n >= 2 && s.bytes[0] == 0x1f && s.bytes[1] == 0x8b;
    if (s.is_gzip && inflateInit2(&s.z, GZIP_BITS) != Z_OK)
        return pare_err_set(e, PARE_EFAIL, name, NOWHERE, "zlib cannot start");
    const pare_status status = read_tensor(&s, out);
    if (s.is_gzip) inflateEnd(&s.z);
    if (status != PARE_OK) pare_tensor_free(out);
    return status;
}

pare_status pare_idx_load(const char *path, pare_tensor *out, pare_err *e)
{
    char *bytes;
    size_t n;
    *out = (pare_tensor){0};
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &bytes, &n, e));
    const pare_status status = pare_idx_parse(path, bytes, n, out, e);
    free(bytes);
    return status;
}

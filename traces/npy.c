/* NumPy's .npy: a magic, a version, and a Python dictionary of dtype, order and shape before the
 * raw elements. (The format is numpy.lib.format's; versions 1.0 and 2.0 differ in the width of the
 * header's length.) */
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8, HEADER_ALIGN = 64, SHAPE_TEXT_MAX = 160, TEXT_SHOWN = 40 };
static const size_t FILE_MAX_BYTES = (size_t)4 << 30;
static const char MAGIC[] = "\x93NUMPY";
static const char EXPECTED_DTYPES[] = "one of <f4 |i1 |u1 <i2 <u2 <i4 expected";
static const pare_pos NOWHERE = {0, 0};

static const struct npy_dtype {
    pare_dtype dtype;
    const char *descr;
} npy_dtypes[] = {{PARE_F32, "<f4"}, {PARE_I8, "|i1"},  {PARE_U8, "|u1"},
                  {PARE_I16, "<i2"}, {PARE_U16, "<u2"}, {PARE_I32, "<i4"}};
enum { N_NPY_DTYPES = sizeof npy_dtypes / sizeof *npy_dtypes };

/* a scan over the header's text */
typedef struct scan {
    const char *at, *end;
    const char *file;
    pare_err *e;
} scan;

typedef struct npy_header {
    char descr[TEXT_SHOWN];
    char order[8]; /* "True", "False" */
    size_t dims[PARE_TENSOR_DIMS_MAX];
    uint32_t n_dims;
    bool has_descr, has_order, has_shape;
} npy_header;

static pare_status bad(const scan *s, const char *expected)
{
    return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE, "malformed npy header; %s expected",
                        expected);
}

static void skip_blanks(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n')) s->at++;
}

static bool take(scan *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

/* 'text' or "text" */
static pare_status take_text(scan *s, char *out, size_t size)
{
    skip_blanks(s);
    const char quote = s->at < s->end ? *s->at : 0;
    if (quote != '\'' && quote != '"') return bad(s, "a text in quotes");
    s->at++;
    size_t n = 0;
    while (s->at < s->end && *s->at != quote && n + 1 < size) out[n++] = *s->at++;
    out[n] = 0;
    if (s->at == s->end || *s->at != quote) return bad(s, "a short text in quotes");
    s->at++;
    return PARE_OK;
}

static pare_status take_word(scan *s, char *out, size_t size)
{
    size_t n = 0;
    skip_blanks(s);
    while (s->at < s->end && ((*s->at | 32) >= 'a' && (*s->at | 32) <= 'z') && n + 1 < size)
        out[n++] = *s->at++;
    out[n] = 0;
    return n ? PARE_OK : bad(s, "True or False");
}

static pare_status take_dim(scan *s, size_t *out)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at < '0' || *s->at > '9') return bad(s, "a number in the shape");
    *out = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        if (!pare_mul_size(*out, 10, out) || *out > SIZE_MAX - 10)
            return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                                "a dimension is beyond 2^63; an array of at most 4 GiB expected");
        else
            *out += (size_t)(*s->at - '0');
    return PARE_OK;
}

/* (), (3,), (3, 4) */
static pare_status take_shape(scan *s, npy_header *h)
{
    if (!take(s, '(')) return bad(s, "a shape such as (3, 4)");
    h->n_dims = 0;
    while (!take(s, ')')) {
        if (h->n_dims == PARE_TENSOR_DIMS_MAX)
            return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE,
                                "more than %d dimensions; fewer expected", PARE_TENSOR_DIMS_MAX);
        PARE_TRY(take_dim(s, &h->dims[h->n_dims++]));
        if (take(s, ',')) continue;
        if (h->n_dims == 1 || !take(s, ')')) return bad(s, "a comma in the shape");
        break;
    }
    return PARE_OK;
}

static pare_status parse_header(scan *s, npy_header *h)
{
    char key[16];
    if (!take(s, '{')) return bad(s, "a dictionary");
    while (!take(s, '}')) {
        PARE_TRY(take_text(s, key, sizeof key));
        if (!take(s, ':')) return bad(s, "a colon");
        if (!strcmp(key, "descr") && !h->has_descr) {
            h->has_descr = true;
            skip_blanks(s);
            if (s->at < s->end && *s->at == '[')
                return pare_err_set(s->e, PARE_EINPUT, s->file, NOWHERE, "a structured dtype; %s",
                                    EXPECTED_DTYPES);
            PARE_TRY(take_text(s, h->descr, sizeof h->descr));
        } else if (!strcmp(key, "fortran_order") && !h->has_order) {
            h->has_order = true;
            PARE_TRY(take_word(s, h->order, sizeof h->order));
        } else if (!strcmp(key, "shape") && !h->has_shape) {
            h->has_shape = true;
            PARE_TRY(take_shape(s, h));
        } else {
            return bad(s, "descr, fortran_order and shape once each");
        }
        if (take(s, ',')) continue;
        if (!take(s, '}')) return bad(s, "a comma");
        break;
    }
    skip_blanks(s);
    if (s->at != s->end) return bad(s, "nothing after the dictionary");
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return bad(s, "descr, fortran_order and shape once each");
    return PARE_OK;
}

static void shape_text(uint32_t n_dims, const size_t *dims, char out[SHAPE_TEXT_MAX])
{
    size_t n = (size_t)snprintf(out, SHAPE_TEXT_MAX, "(");
    for (uint32_t i = 0; i < n_dims && n < SHAPE_TEXT_MAX; i++)
        n += (size_t)snprintf(out + n, SHAPE_TEXT_MAX - n, "%s%zu", i ? ", " : "", dims[i]);
    if (n < SHAPE_TEXT_MAX) snprintf(out + n, SHAPE_TEXT_MAX - n, "%s", n_dims == 1 ? ",)" : ")");
}

static pare_status find_dtype(const npy_header *h, const char *file, pare_dtype *out, pare_err *e)
{
    for (size_t i = 0; i < N_NPY_DTYPES; i++) {
        *out = npy_dtypes[i].dtype;
        if (!strcmp(h->descr, npy_dtypes[i].descr)) return PARE_OK;
    }
    const char *const why = h->descr[0] == '>'        ? " (big endian)"
                            : !strcmp(h->descr, "|O") ? " (Python objects)"
                                                      : "";
    return pare_err_set(e, PARE_EINPUT, file, NOWHERE, "dtype is '%s'%s; %s", h->descr, why,
                        EXPECTED_DTYPES);
}

/* allocate only what the file really holds */
static pare_status read_data(const char *file, const npy_header *h, const char *data, size_t n,
                             pare_tensor *out, pare_err *e)
{
    pare_dtype dtype;
    char shape[SHAPE_TEXT_MAX];
    PARE_TRY(find_dtype(h, file, &dtype, e));
    if (strcmp(h->order, "False"))
        return pare_err_set(e, PARE_EINPUT, file, NOWHERE,
                            "fortran_order is %s; False (C order) expected", h->order);
    size_t n_bytes = pare_dtype_bytes(dtype);
    bool fits = true;
    shape_text(h->n_dims, h->dims, shape);
    for (uint32_t i = 0; i < h->n_dims; i++) {
        if (h->dims[i] == 0)
            return pare_err_set(e, PARE_EINPUT, file, NOWHERE,
                                "shape %s holds no element; at least one expected", shape);
        fits = fits && pare_mul_size(n_bytes, h->dims[i], &n_bytes);
    }
    if (!fits)
        return pare_err_set(e, PARE_EINPUT, file, NOWHERE,
                            "shape %s overflows; an array of at most 4 GiB expected", shape);
    if (n != n_bytes)
        return pare_err_set(
            e, PARE_EINPUT, file, NOWHERE, "%s: %zu bytes of data; %zu expected for shape %s of %s",
            n < n_bytes ? "truncated" : "trailing bytes", n, n_bytes, shape, h->descr);
    PARE_TRY(pare_tensor_new(dtype, h->n_dims, h->dims, out, e));
    memcpy(out->data, data, n);
    return PARE_OK;
}

pare_status pare_npy_parse(const char *name, const void *bytes, size_t n, pare_tensor *out,
                           pare_err *e)
{
    const unsigned char *const b = bytes;
    *out = (pare_tensor){0};
    if (n < PREFIX_BYTES || memcmp(b, MAGIC, sizeof MAGIC - 1))
        return pare_err_set(e, PARE_EINPUT, name, NOWHERE, "no npy magic; a .npy file expected");
    if ((b[6] != 1 && b[6] != 2) || b[7] != 0)
        return pare_err_set(e, PARE_EINPUT, name, NOWHERE, "npy version %u.%u; 1.0 or 2.0 expected",
                            b[6], b[7]);
    const size_t n_length = b[6] == 1 ? 2 : 4;
    const size_t start = PREFIX_BYTES + n_length;
    size_t length = 0;
    for (size_t i = 0; i < n_length && n >= start; i++)
        length |= (size_t)b[PREFIX_BYTES + i] << (8 * i);
    if (n < start || length > n - start)
        return pare_err_set(e, PARE_EINPUT, name, NOWHERE,
                            "truncated in the npy header; a whole file expected");
    npy_header h = {.n_dims = 0};
    const char *const text = (const char *)bytes + start;
    scan s = {.at = text, .end = text + length, .file = name, .e = e};
    PARE_TRY(parse_header(&s, &h));
    return read_data(name, &h, text + length, n - start - length, out, e);
}

pare_status pare_npy_load(const char *path, pare_tensor *out, pare_err *e)
{
    char *bytes;
    size_t n;
    *out = (pare_tensor){0};
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &bytes, &n, e));
    const pare_status status = pare_npy_parse(path, bytes, n, out, e);
    free(bytes);
    return status;
}

pare_status pare_npy_save(const char *path, const pare_tensor *t, pare_err *e)
{
    char shape[SHAPE_TEXT_MAX];
    const char *descr = NULL;
    for (size_t i = 0; i < N_NPY_DTYPES; i++)
        if (npy_dtypes[i].dtype == t->dtype) descr = npy_dtypes[i].descr;
    shape_text(t->n_dims, t->dims, shape);
    pare_buf header = {0}, file = {0};
    pare_buf_printf(&header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
                    shape);
    while ((PREFIX_BYTES + 2 + header.n + 1) % HEADER_ALIGN) pare_buf_puts(&header, " ");
    pare_buf_puts(&header, "\n");
    const unsigned char length[2] = {(unsigned char)(header.n & 255),
                                     (unsigned char)(header.n >> 8)};
    pare_buf_add(&file, MAGIC, sizeof MAGIC - 1);
    pare_buf_add(&file, "\x01\x00", 2);
    pare_buf_add(&file, length, 2);
    pare_buf_add(&file, header.text, header.n);
    pare_buf_add(&file, t->data, t->count * pare_dtype_bytes(t->dtype));
    const pare_status status = pare_file_write(path, file.text, file.n, e);
    pare_buf_free(&header);
    pare_buf_free(&file);
    return status;
}

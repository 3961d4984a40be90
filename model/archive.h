/* archive.h (private): named arrays in one file, the form of a checkpoint.
 *
 * Layout, little endian: 8 bytes of magic, a 64-bit number that names what the file belongs to,
 * then records (32-bit length of the name, 32-bit type, 64-bit count, name, elements), then the
 * 64-bit FNV-1a hash of all before it. Names are found, never counted on to be in an order, so a
 * reader may take what it knows of another program's file.
 */
#ifndef PARE_MODEL_ARCHIVE_H
#define PARE_MODEL_ARCHIVE_H
#include "traces/trace.h"

typedef enum pare_archive_type {
    PARE_ARCHIVE_BYTES, /* also text */
    PARE_ARCHIVE_F32,
    PARE_ARCHIVE_F64,
    PARE_ARCHIVE_U64,
    PARE_ARCHIVE_N_TYPES
} pare_archive_type;

enum { PARE_ARCHIVE_NAME_MAX = 1024 };

/* ---- writing: begin, add, end; the buffer is the file ---- */
void pare_archive_begin(pare_buf *out, uint64_t id);
void pare_archive_add(pare_buf *out, const char *name, pare_archive_type type, const void *v,
                      size_t count);
void pare_archive_end(pare_buf *out);

/* ---- reading ---- */
typedef struct pare_archive pare_archive;

/* `bytes` is kept until free. PARE_EINPUT at `file` if it is not a whole archive. */
pare_status pare_archive_parse(const char *file, const void *bytes, size_t n, pare_archive **out,
                               pare_err *e) PARE_MUST_CHECK;
void pare_archive_free(pare_archive *a); /* NULL allowed */
uint64_t pare_archive_id(const pare_archive *a);
size_t pare_archive_count(const pare_archive *a); /* records */
/* Number of elements of a record of this type; false if there is none. */
bool pare_archive_find(const pare_archive *a, const char *name, pare_archive_type type,
                       size_t *count);
/* Copy a record of exactly `count` elements; false, and *v as it was, if there is none. */
bool pare_archive_get(const pare_archive *a, const char *name, pare_archive_type type, void *v,
                      size_t count);
#endif

/* archive.c: named arrays in one file. */
#include "model/archive.h"
#include <stdlib.h>
#include <string.h>

static const char MAGIC[8] = {'P', 'A', 'R', 'E', 'C', 'K', 'P', '2'};

typedef struct record {
    const char *name; /* not terminated */
    uint32_t n_name, type;
    uint64_t count;
    const char *data; /* not aligned */
} record;

struct pare_archive {
    uint64_t id;
    record *records; /* sorted by name */
    size_t n;
};

static size_t size_of(uint32_t type)
{
    static const size_t sizes[PARE_ARCHIVE_N_TYPES] = {1, 4, 8, 8};
    return sizes[type];
}

void pare_archive_begin(pare_buf *out, uint64_t id)
{
    out->n = 0;
    pare_buf_add(out, MAGIC, sizeof MAGIC);
    pare_buf_add(out, &id, sizeof id);
}

void pare_archive_add(pare_buf *out, const char *name, pare_archive_type type, const void *v,
                      size_t count)
{
    const uint32_t head[2] = {(uint32_t)strlen(name), (uint32_t)type};
    const uint64_t n = count;
    pare_buf_add(out, head, sizeof head);
    pare_buf_add(out, &n, sizeof n);
    pare_buf_add(out, name, head[0]);
    if (count) pare_buf_add(out, v, count * size_of(head[1]));
}

void pare_archive_end(pare_buf *out)
{
    const uint64_t sum = pare_hash_bytes(PARE_HASH_SEED, out->text, out->n);
    pare_buf_add(out, &sum, sizeof sum);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static int compare_names(const char *a, size_t na, const char *b, size_t nb)
{
    const int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static int compare_records(const void *a, const void *b)
{
    const record *x = a, *y = b;
    return compare_names(x->name, x->n_name, y->name, y->n_name);
}

/* One record at *at; false if it does not fit or is not sound. */
static bool read_record(const char *bytes, size_t n, size_t *at, record *r)
{
    uint32_t head[2];
    const size_t fixed = sizeof head + sizeof r->count;
    if (n - *at < fixed) return false;
    memcpy(head, bytes + *at, sizeof head);
    memcpy(&r->count, bytes + *at + sizeof head, sizeof r->count);
    *at += fixed;
    r->n_name = head[0];
    r->type = head[1];
    if (!r->n_name || r->n_name > PARE_ARCHIVE_NAME_MAX || r->n_name > n - *at ||
        r->type >= PARE_ARCHIVE_N_TYPES)
        return false;
    r->name = bytes + *at;
    *at += r->n_name;
    if (r->count > (n - *at) / size_of(r->type)) return false;
    r->data = bytes + *at;
    *at += r->count * size_of(r->type);
    return true;
}

static bool read_records(pare_archive *a, const char *bytes, size_t n, size_t first)
{
    size_t capacity = 0;
    for (size_t at = first; at < n;) {
        if (a->n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            record *more = pare_xalloc(capacity, sizeof *more);
            if (a->n) memcpy(more, a->records, a->n * sizeof *more);
            free(a->records);
            a->records = more;
        }
        if (!read_record(bytes, n, &at, &a->records[a->n])) return false;
        a->n++;
    }
    if (!a->n) return true;
    qsort(a->records, a->n, sizeof *a->records, compare_records);
    for (size_t i = 1; i < a->n; i++)
        if (!compare_records(&a->records[i - 1], &a->records[i])) return false;
    return true;
}

pare_status pare_archive_parse(const char *file, const void *bytes, size_t n, pare_archive **out,
                               pare_err *e)
{
    const pare_pos nowhere = {0, 0};
    const size_t head = sizeof MAGIC + sizeof(uint64_t), tail = sizeof(uint64_t);
    pare_archive *a = pare_xalloc(1, sizeof *a);
    uint64_t sum = 0;
    *out = NULL;
    bool is_whole = n >= head + tail && !memcmp(bytes, MAGIC, sizeof MAGIC);
    if (is_whole) {
        memcpy(&a->id, (const char *)bytes + sizeof MAGIC, sizeof a->id);
        memcpy(&sum, (const char *)bytes + n - tail, sizeof sum);
        is_whole = sum == pare_hash_bytes(PARE_HASH_SEED, bytes, n - tail) &&
                   read_records(a, bytes, n - tail, head);
    }
    if (!is_whole) {
        pare_archive_free(a);
        return pare_err_set(e, PARE_EINPUT, file, nowhere,
                            "is not a whole checkpoint of this program; a checkpoint.bin of "
                            "pare-train expected");
    }
    *out = a;
    return PARE_OK;
}

void pare_archive_free(pare_archive *a)
{
    if (!a) return;
    free(a->records);
    free(a);
}

uint64_t pare_archive_id(const pare_archive *a) { return a->id; }

size_t pare_archive_count(const pare_archive *a) { return a->n; }

static const record *find(const pare_archive *a, const char *name)
{
    size_t lo = 0, hi = a->n;
    const size_t n = strlen(name);
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const int c = compare_names(a->records[mid].name, a->records[mid].n_name, name, n);
        if (!c) return &a->records[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool pare_archive_find(const pare_archive *a, const char *name, pare_archive_type type,
                       size_t *count)
{
    const record *r = find(a, name);
    if (!r || r->type != (uint32_t)type) return false;
    *count = (size_t)r->count;
    return true;
}

bool pare_archive_get(const pare_archive *a, const char *name, pare_archive_type type, void *v,
                      size_t count)
{
    const record *r = find(a, name);
    if (!r || r->type != (uint32_t)type || r->count != count) return false;
    if (count) memcpy(v, r->data, count * size_of(r->type));
    return true;
}

#include "traces/trace.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* room for n more bytes and the terminator */
static void reserve(pare_buf *b, size_t n)
{
    if (b->capacity - b->n > n) return;
    size_t capacity = b->capacity ? b->capacity : 256;
    while (capacity - b->n <= n) capacity *= 2;
    char *const text = realloc(b->text, capacity);
    if (!text) {
        fprintf(stderr, "pare: out of memory (%zu bytes of text)\n", capacity);
        abort();
    }
    b->text = text;
    b->capacity = capacity;
}

void pare_buf_add(pare_buf *b, const void *bytes, size_t n)
{
    reserve(b, n);
    if (n) memcpy(b->text + b->n, bytes, n);
    b->n += n;
    b->text[b->n] = 0;
}

void pare_buf_puts(pare_buf *b, const char *s) { pare_buf_add(b, s, strlen(s)); }

void pare_buf_printf(pare_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    reserve(b, (size_t)n);
    vsnprintf(b->text + b->n, (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}

void pare_buf_json_string(pare_buf *b, const char *s)
{
    pare_buf_add(b, "\"", 1);
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            pare_buf_printf(b, "\\%c", c);
        else if (c == '\n')
            pare_buf_puts(b, "\\n");
        else if (c == '\t')
            pare_buf_puts(b, "\\t");
        else if (c < ' ')
            pare_buf_printf(b, "\\u%04x", c);
        else
            pare_buf_add(b, s, 1);
    }
    pare_buf_add(b, "\"", 1);
}

void pare_buf_real(pare_buf *b, double x)
{
    if (!isfinite(x)) {
        pare_buf_puts(b, "null");
        return;
    }
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    pare_buf_puts(b, text);
}

void pare_buf_free(pare_buf *b)
{
    free(b->text);
    *b = (pare_buf){0};
}

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Damerau-Levenshtein, restricted to neighbours; three rows */
size_t pare_text_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    const size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST) return na > nb ? na : nb;
    size_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= nb; j++) rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *const row = rows[i % 3];
        const size_t *const above = rows[(i - 1) % 3], *const above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]) && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

#include "traces/trace.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "pare: out of memory (%zu x %zu bytes)\n", count, size);
    abort();
}

void *pare_xalloc(size_t count, size_t size)
{
    void *const p = calloc(count ? count : 1, size ? size : 1);
    if (!p) out_of_memory(count, size);
    return p;
}

char *pare_xstrdup(const char *s)
{
    const size_t n = strlen(s) + 1;
    return memcpy(pare_xalloc(n, 1), s, n);
}

bool pare_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

bool pare_mul_u64(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

bool pare_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

/* ---- arena: blocks of growing size, each allocation carved from the newest ---- */

enum { ARENA_FIRST_BYTES = 4096, ARENA_ALIGN = 16 };

typedef struct arena_block {
    struct arena_block *next;
    size_t used, capacity;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
} arena_block;

struct pare_arena {
    arena_block *blocks;
    size_t next_bytes;
};

pare_arena *pare_arena_new(void)
{
    pare_arena *const a = pare_xalloc(1, sizeof *a);
    a->next_bytes = ARENA_FIRST_BYTES;
    return a;
}

void pare_arena_free(pare_arena *a)
{
    if (!a) return;
    for (arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static arena_block *add_block(pare_arena *a, size_t bytes)
{
    arena_block *const b = pare_xalloc(1, sizeof *b + bytes);
    b->capacity = bytes;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *pare_arena_alloc(pare_arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (!pare_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 2) out_of_memory(count, size);
    bytes = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (bytes == 0) bytes = ARENA_ALIGN;
#if defined(__SANITIZE_ADDRESS__)
    arena_block *b = NULL; /* a block each, so that overruns are seen */
#else
    arena_block *b = a->blocks;
#endif
    if (!b || b->capacity - b->used < bytes) {
#if defined(__SANITIZE_ADDRESS__)
        b = add_block(a, bytes);
#else
        b = add_block(a, bytes > a->next_bytes ? bytes : a->next_bytes);
        a->next_bytes *= 2;
#endif
    }
    void *const p = b->bytes + b->used;
    b->used += bytes;
    return p;
}

char *pare_arena_strndup(pare_arena *a, const char *s, size_t n)
{
    char *const copy = pare_arena_alloc(a, n + 1, 1);
    memcpy(copy, s, n);
    return copy;
}

char *pare_arena_strdup(pare_arena *a, const char *s)
{
    return pare_arena_strndup(a, s, strlen(s));
}

char *pare_arena_printf(pare_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *const text = pare_arena_alloc(a, (size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

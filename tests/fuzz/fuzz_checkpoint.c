#include "model/archive.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The hash at the end is put right, so that the records behind it are reached. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    if (!copy) return 0;
    memcpy(copy, bytes, n);
    if (n > sizeof(uint64_t)) {
        const uint64_t sum = pare_hash_bytes(PARE_HASH_SEED, copy, n - sizeof sum);
        memcpy(copy + n - sizeof sum, &sum, sizeof sum);
    }
    pare_err e = {0};
    pare_archive *a = NULL;
    float x[4] = {0};
    size_t count = 0;
    if (pare_archive_parse("f", copy, n, &a, &e) == PARE_OK) {
        if (pare_archive_find(a, "w", PARE_ARCHIVE_F32, &count) && count <= 4 &&
            !pare_archive_get(a, "w", PARE_ARCHIVE_F32, x, count))
            __builtin_trap();

    } else if (a) {
        __builtin_trap();
    }
    pare_archive_free(a);
    free(copy);
    return 0;
}

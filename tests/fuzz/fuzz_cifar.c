#include "model/data.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Twice into one set, with a limit that the first byte chooses: what is accepted has labels below
 * 10 and no more images than asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_images x = {0};
    const size_t limit = n ? bytes[0] % 4 : 0;
    for (int i = 0; i < 2; i++) {
        pare_err e = {0};
        if (pare_cifar_parse("f", bytes, n, limit, &x, &e) != PARE_OK && e.text[0] == 0)
            __builtin_trap();
    }
    if (limit && x.n > limit) __builtin_trap();
    for (size_t i = 0; i < x.n; i++)
        if (x.labels[i] >= 10) __builtin_trap();
    free(x.pixels);
    free(x.labels);
    return 0;
}

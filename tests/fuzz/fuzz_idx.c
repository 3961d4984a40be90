#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Plain or gzip: a tensor that is accepted holds an element. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_tensor t;
    pare_err e = {0};
    if (pare_idx_parse("f", bytes, n, &t, &e) == PARE_OK && t.count == 0) __builtin_trap();
    pare_tensor_free(&t);
    return 0;
}

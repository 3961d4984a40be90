/* Sweep files: whatever the bytes, reading ends in a sweep or in one message; of a sweep the first
 * point is a row or says why not. */
#include "sim/sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_sweep *s = NULL;
    pare_err e = {0};
    pare_sweep_point p = {0};
    if (pare_sweep_parse("fuzz", (const char *)bytes, n, &s, &e) == PARE_OK &&
        pare_sweep_point_open(s, pare_sweep_about(s)->n_space - 1, &p, &e) == PARE_OK)
        pare_sweep_point_close(&p);
    pare_sweep_free(s);
    return 0;
}

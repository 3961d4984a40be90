#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Any text is a tree or a message. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_yaml *y;
    pare_err e = {0};
    if (pare_yaml_parse("f", (const char *)bytes, n, &y, &e) == PARE_OK) pare_yaml_free(y);
    return 0;
}

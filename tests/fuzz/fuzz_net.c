#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A network that is accepted is written and read back to the same counts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_net *net, *again;
    pare_err e = {0};
    if (pare_net_parse("f", (const char *)bytes, n, &net, &e) != PARE_OK) return 0;
    pare_buf text = {0};
    pare_net_write(net, &text);
    if (pare_net_parse("again", text.text, text.n, &again, &e) != PARE_OK) __builtin_trap();
    if (again->macs != net->macs || again->params != net->params) __builtin_trap();
    pare_net_free(again);
    pare_net_free(net);
    pare_buf_free(&text);
    return 0;
}

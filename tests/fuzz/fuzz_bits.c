#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The same bytes as each of the three forms; what is accepted is written and read back. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const names[] = {"f.bits.yaml", "f.json", "f.csv"};
    for (int i = 0; i < 3; i++) {
        pare_bits *b, *again;
        pare_err e = {0};
        if (pare_bits_parse(names[i], (const char *)bytes, n, NULL, &b, &e) != PARE_OK) continue;
        pare_buf text = {0};
        pare_bits_write(b, &text);
        if (pare_bits_parse(names[0], text.text, text.n, NULL, &again, &e) != PARE_OK)
            __builtin_trap();
        if (again->n_layers != b->n_layers) __builtin_trap();
        pare_bits_free(again);
        pare_buf_free(&text);
        pare_bits_free(b);
    }
    return 0;
}

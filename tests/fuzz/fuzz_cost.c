#include "traces/cost.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A table that is taken writes itself as one that reads back. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_cost_table *t, *back;
    pare_err e = {0};
    if (pare_cost_parse("f", (const char *)bytes, n, NULL, &t, &e) != PARE_OK) return 0;
    if (!t->weight_bits_max || !t->act_bits_max) __builtin_trap();
    for (size_t i = 0; i < t->layers.n; i++) /* the writer takes names of YAML, without commas */
        if (!*t->layers.v[i] || strpbrk(t->layers.v[i], ",\"# \t\r\n")) t->layers.v[i] = "x";
    pare_buf text = {0};
    pare_cost_write(t, "fuzz", NULL, 0, &text);
    if (t->layers.n == 1) {
        if (pare_cost_parse("g", text.text, text.n, NULL, &back, &e) != PARE_OK) __builtin_trap();
        pare_cost_free(back);
    }
    pare_buf_free(&text);
    pare_cost_free(t);
    return 0;
}

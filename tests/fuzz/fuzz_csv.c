#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Every row has a cell and a place for every column. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pare_csv *c;
    pare_err e = {0};
    if (pare_csv_parse("f", (const char *)bytes, n, &c, &e) != PARE_OK) return 0;
    for (size_t i = 0; i < c->n_rows; i++)
        for (size_t j = 0; j < c->columns.n; j++)
            if (!pare_csv_cell(c, i, (int)j) || pare_csv_pos(c, i, (int)j).line == 0)
                __builtin_trap();
    pare_csv_free(c);
    return 0;
}

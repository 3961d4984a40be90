/* The table of machines: no Verilator here. */
#include "rtl/accels.h"
#include "rtl/dut_accel.h"

#include <string.h>

#define ROW(id, ...) {#id, __VA_ARGS__},
static const pare_accel_params accels[] = {PARE_RTL_ACCELS(ROW)};
#undef ROW

const pare_accel_params *pare_accels(size_t *n)
{
    *n = sizeof accels / sizeof *accels;
    return accels;
}

const pare_accel_params *pare_accel_find(const char *name)
{
    for (size_t i = 0; i < sizeof accels / sizeof *accels; i++)
        if (!strcmp(accels[i].name, name)) return &accels[i];
    return NULL;
}

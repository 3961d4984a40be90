/* Accelergy's tables: whatever the bytes, reading ends in a machine or in one message. */
#include "sim/sim.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char machine[] =
    "version: 1\nname: fuzz\nclock_mhz: 500\narray: {rows: 16}\n"
    "pe: {lanes: 16, act_digit: 1, weight_digit: 8, max_act_bits: 16, max_weight_bits: 8}\n"
    "buffers: {weight_bytes: 131072, act_bytes: 131072, out_bytes: 32768}\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    FILE *const f = tmpfile();
    if (!f) return 0;
    (void)fwrite(bytes, 1, n, f);
    (void)fflush(f);
    for (int i = 0; i < 2; i++) {
        char set[64];
        const char *const sets[] = {set};
        pare_machine *m = NULL;
        pare_err e = {0};
        snprintf(set, sizeof set, "energy_tables.%s=/proc/self/fd/%d", i ? "art" : "ert",
                 fileno(f));
        rewind(f);
        if (pare_machine_parse("fuzz", machine, sizeof machine - 1, sets, 1, &m, &e) == PARE_OK) {
            pare_buf text = {0};
            pare_machine_write_ert(m, &text);
            pare_machine_write_art(m, &text);
            pare_buf_free(&text);
        }
        pare_machine_free(m);
    }
    fclose(f);
    return 0;
}

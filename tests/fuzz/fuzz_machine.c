/* Machine files: whatever the bytes, reading ends in a machine or in one message; a machine that
 * loads also runs a layer or says why not. */
#include "sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const pare_sim_job job = {.layer = "conv1",
                                     .type = "conv2d",
                                     .dims = {.n = 2,
                                              .c = 20,
                                              .h = 9,
                                              .w = 9,
                                              .k = 20,
                                              .r = 3,
                                              .s = 3,
                                              .p = 5,
                                              .q = 5,
                                              .groups = 2,
                                              .stride = {2, 2},
                                              .pad = {1, 1},
                                              .dilation = {1, 1}},
                                     .weight_bits = 3,
                                     .act_bits = 2,
                                     .out_bits = 4,
                                     .reads_input = true};
    pare_machine *m = NULL;
    pare_err e = {0};
    pare_sim_layer l;
    if (pare_machine_parse("fuzz", (const char *)bytes, n, NULL, 0, &m, &e) == PARE_OK &&
        pare_sim_run_layer(m, &job, &l, &e) == PARE_OK) {
        pare_buf text = {0};
        pare_machine_write(m, &text);
        pare_buf_free(&text);
    }
    pare_machine_free(m);
    return 0;
}

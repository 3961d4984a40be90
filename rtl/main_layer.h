/* main_layer.h: what the files of pare-cosim layer and net share. */
#ifndef PARE_RTL_MAIN_LAYER_H
#define PARE_RTL_MAIN_LAYER_H
#include "rtl/layer.h"

typedef struct layer_args {
    const char *machine, *bits, *run, *data, *latency, *gaps, *trace, *vcd, *data_kind, *fault;
    pare_strs sets;
    pare_layer_fault spoils;
    uint64_t seed, image, count, first, batch;
    bool raw, systemc, no_model, is_json, has_coverage, is_full;
} layer_args;

pare_status layer_open_machine(const layer_args *a, pare_machine **m,
                               const pare_accel_params **params, pare_err *e) PARE_MUST_CHECK;
pare_layer_check layer_check_of(const layer_args *a, const pare_machine *m,
                                const pare_accel_params *p, const pare_sim_pace *pace);
/* --random */
pare_status layer_run_campaign(const layer_args *a, bool *is_ok, pare_err *e) PARE_MUST_CHECK;

#endif

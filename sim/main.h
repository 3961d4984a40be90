/* main.h: the subcommands of pare-sim that have a file of their own. Not part of the library. */
#ifndef PARE_SIM_MAIN_H
#define PARE_SIM_MAIN_H
#include "sim/sim.h"

int pare_main_run(int argc, char **argv);
int pare_main_machines(int argc, char **argv);
int pare_main_show(int argc, char **argv);
int pare_main_report(int argc, char **argv);
int pare_main_validate(int argc, char **argv);
int pare_main_infer(int argc, char **argv);
int pare_main_sweep(int argc, char **argv);
int pare_main_codesign(int argc, char **argv);
int pare_main_merge(int argc, char **argv);
int pare_main_export(int argc, char **argv);
int pare_main_cost(int argc, char **argv);
int pare_main_roofline(int argc, char **argv);
int pare_main_sensitivity(int argc, char **argv);
int pare_main_diff(int argc, char **argv);
int pare_main_pareto(int argc, char **argv);
int pare_main_plot(int argc, char **argv);

/* ---- what most subcommands begin with (main_inputs.c) ---- */

/* As on the command line. */
typedef struct main_choice {
    const char *network; /* shipped, a file, or a trainer's run folder */
    const char *bits;    /* NULL: the run folder's, or 8 */
    pare_strs machines;  /* none: stripes */
    pare_strs sets;
    const char *normalize; /* to the first machine; NULL: not */
    const char *values;    /* NULL: the machines' own */
} main_choice;

typedef struct main_inputs {
    pare_net *net;
    pare_bits *bits;
    size_t n;
    pare_machine **machines;
    pare_values *values; /* or NULL */
} main_inputs;

/* Free with main_inputs_free, also after a failure. */
pare_status main_inputs_load(const main_choice *c, main_inputs *out, pare_err *e) PARE_MUST_CHECK;
void main_inputs_free(main_inputs *in);
/* A network alone; a run folder stands for its own. */
pare_status main_net_load(const char *network, pare_net **out, pare_err *e) PARE_MUST_CHECK;
/* Bits of a network; `spec` NULL: the run folder's, or 8. */
pare_status main_bits_load(const char *network, const char *spec, const pare_net *net,
                           pare_bits **out, pare_err *e) PARE_MUST_CHECK;
#define MAIN_OPT_WIDTH(width)                                                                      \
    {                                                                                              \
        "width", 'w', PARE_OPT_STRING, "K",                                                        \
            "of a network trained for several bitlengths (--method adaptive) the one of K bits, "  \
            "or a table of all",                                                                   \
            &(width), 0, 0                                                                         \
    }
/* The options that choose `c`. */
#define MAIN_OPT_BITS(c)                                                                           \
    {                                                                                              \
        "bits", 'b', PARE_OPT_STRING, "BITS",                                                      \
            "a bits file, or 8 or w4a6 for every layer (8; of a run folder, the learned ones)",    \
            &(c).bits, 0, 0                                                                        \
    }
#define MAIN_OPT_MACHINES(c)                                                                       \
    {                                                                                              \
        "machine", 'm', PARE_OPT_LIST, "MACHINE",                                                  \
            "a shipped machine or a file; may be repeated (stripes)", &(c).machines, 0, 0          \
    }
#define MAIN_OPT_MACHINE(c)                                                                        \
    {                                                                                              \
        "machine", 'm', PARE_OPT_LIST, "MACHINE", "a shipped machine or a file (stripes)",         \
            &(c).machines, 0, 0                                                                    \
    }
#define MAIN_OPT_SETS(c)                                                                           \
    {                                                                                              \
        "set", 's', PARE_OPT_LIST, "KEY=VALUE", "override a machine's field: array.rows=32",       \
            &(c).sets, 0, 0                                                                        \
    }
/* ---- a network for several bitlengths (main_width.c) ---- */

typedef struct main_width {
    uint32_t bits;
    double accuracy_frac; /* the trainer's, on the test images */
    char *folder;         /* a run folder of its own in the run's */
} main_width;

typedef struct main_widths {
    main_width *v; /* falling */
    size_t n;
    const main_width *chosen; /* NULL: all */
} main_widths;

/* The widths of a run of pare-train --method adaptive; `spec` is one of them or "all". One that it
 * has not, or a run without any, is PARE_EINPUT. Free with main_widths_free, also after a failure.
 */
pare_status main_widths_load(const char *run, const char *spec, main_widths *out,
                             pare_err *e) PARE_MUST_CHECK;
void main_widths_free(main_widths *w);
/* A row for each width and machine. */
pare_status main_widths_run(const main_widths *w, const main_choice *choice,
                            const pare_sim_options *options, bool is_json, pare_buf *out,
                            pare_err *e) PARE_MUST_CHECK;

/* Prints a usage error unless there is one operand (and at most one machine), which becomes the
 * network. */
bool main_one_operand(main_choice *c, const char *command, int n_operands, char **argv,
                      bool is_one_machine);

#endif

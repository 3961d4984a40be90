/* pare-sim: the cost of a network on an accelerator. */
#include "sim/codesign.h"
#include "sim/main.h"
#include "sim/sim.h"
#include "sim/sweep.h"

#include <stdlib.h>
#include <string.h>

static int schema_command(int argc, char **argv)
{
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(NULL, 0, "pare-sim schema [machine|sweep|codesign]",
                         "Print the reference of a file.", argc, argv, &n_operands, &status))
        return status;
    const struct {
        const char *name;
        const pare_schema *schema;
    } kinds[] = {{"machine", &pare_machine_schema},
                 {"sweep", &pare_sweep_schema},
                 {"codesign", &pare_codesign_schema}};
    size_t k = 0;
    while (n_operands == 1 && k < 3 && strcmp(argv[1], kinds[k].name) != 0) k++;
    if (n_operands > 1 || k == 3) {
        fprintf(stderr, "machine, sweep or codesign expected; see pare-sim schema --help\n");
        return PARE_EUSAGE;
    }
    pare_buf text = {0};
    pare_schema_doc(kinds[k].schema, &text);
    fwrite(text.text, 1, text.n, stdout);
    pare_buf_free(&text);
    return PARE_OK;
}

int main(int argc, char **argv)
{
    static const pare_command commands[] = {
        {"run", "NETWORK", "cycles, energy and traffic of a network on machines", pare_main_run},
        {"cost", "NETWORK", "every layer at every pair of bitlengths; what the next bit is worth",
         pare_main_cost},
        {"roofline", "NETWORK", "which layers DRAM bounds and which the array", pare_main_roofline},
        {"diff", "NETWORK|STORE", "what changes between two points, by layer, and why",
         pare_main_diff},
        {"sensitivity", "NETWORK", "which one knob of a machine helps most", pare_main_sensitivity},
        {"pareto", "STORE", "the points of a sweep that no other one beats", pare_main_pareto},
        {"machines", "", "list the shipped machines", pare_main_machines},
        {"show", "MACHINE", "a machine with its defaults, peaks, area and energy constants",
         pare_main_show},
        {"plot", "PICTURE INPUT", "bits, breakdown, roofline or Pareto front as SVG",
         pare_main_plot},
        {"report", "RUN|STORE", "one HTML page about a trainer's run or a sweep", pare_main_report},
        {"infer", "RUN", "a trained network's codes through a machine's arithmetic, bit by bit",
         pare_main_infer},
        {"sweep", "SWEEP", "many points of a space of machines, bits and networks",
         pare_main_sweep},
        {"codesign", "FILE", "bits learned for machines, inferred and simulated, on one front",
         pare_main_codesign},
        {"merge", "STORE...", "join the shards of a sweep", pare_main_merge},
        {"export", "STORE", "a sweep's rows as CSV or NDJSON", pare_main_export},
        {"validate", "FOLDER", "our numbers beside other simulators' and papers'",
         pare_main_validate},
        {"schema", "[KIND]", "the reference of a machine or sweep file, in Markdown",
         schema_command},
    };
    return pare_commands_run("pare-sim", "What a network costs on an accelerator.", commands,
                             sizeof commands / sizeof *commands, argc, argv);
}

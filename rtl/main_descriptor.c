/* pare-cosim descriptor: the reference of the machine's descriptor, from the tables that pack it.
 */
#include "rtl/main.h"
#include "sim/accel.h"
#include "traces/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct field {
    const char *name;
    uint32_t word, low_bit, bits;
    const char *doc;
} field;

/* "in_height, in_width" names both. */
static bool names_field(const char *names, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = names; (at = strstr(at, name)); at += n)
        if ((at == names || at[-1] == ' ') && (at[n] == ',' || !at[n])) return true;
    return false;
}

static void print_refusals(const char *name)
{
    const char *separator = "";
    for (uint32_t code = 0; code < PARE_ACCEL_N_STATUS; code++) {
        if (!names_field(pare_accel_status_field(code), name)) continue;
        printf("%s%" PRIu32 ": %s", separator, code, pare_accel_status_doc(code));
        separator = "; ";
    }
}

static void print_fields(void)
{
    static const field fields[] = {
#define X(member, word, bit, bits, doc) {#member, word, bit, bits, doc},
        PARE_ACCEL_FIELDS(X)
#undef X
    };
    printf("| word | bits | field | meaning | refused with status |\n"
           "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const field *const f = &fields[i];
        printf("| %" PRIu32 " | ", f->word);
        if (f->bits > 1) printf("%" PRIu32 ":", f->low_bit + f->bits - 1);
        printf("%" PRIu32 " | `%s` | %s | ", f->low_bit, f->name, f->doc);
        print_refusals(f->name);
        printf(" |\n");
    }
    printf("| 0, 1 | others | `reserved` | 0 | ");
    print_refusals("reserved");
    printf(" |\n");
}

static void print_codes(void)
{
    printf("\n| status | name | field | meaning |\n| --- | --- | --- | --- |\n");
    for (uint32_t code = 0; code < PARE_ACCEL_N_STATUS; code++)
        printf("| %" PRIu32 " | %s | %s | %s |\n", code, pare_accel_status_name(code),
               pare_accel_status_field(code), pare_accel_status_doc(code));
}

int pare_cosim_main_descriptor(int argc, char **argv)
{
    const pare_opt opts[] = {{0}};
    int n, exit_status;
    if (!pare_opts_parse(opts, 0, "pare-cosim descriptor",
                         "The fields of the machine's layer descriptor and its status codes, as "
                         "Markdown tables.",
                         argc, argv, &n, &exit_status))
        return exit_status;
    if (n != 0) {
        fprintf(stderr, "descriptor takes no operands; %d given\n", n);
        return PARE_EUSAGE;
    }
    print_fields();
    print_codes();
    return PARE_OK;
}

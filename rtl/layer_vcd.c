/* The C model's pins as a VCD, cycle for cycle on the time axis of the RTL's waves. */
#include "rtl/layer_run.h"

#include <inttypes.h>
#include <stdlib.h>

/* name as in pare_accel, width in bits (0: mem_bits), where */
#define PINS(X)                                                                                    \
    X("desc_valid_i", 1, in->desc_valid)                                                           \
    X("desc_ready_o", 1, out->desc_ready)                                                          \
    X("desc_i", 32, in->desc)                                                                      \
    X("status_valid_o", 1, out->status_valid)                                                      \
    X("status_ready_i", 1, in->status_ready)                                                       \
    X("status_o", 8, out->status)                                                                  \
    X("req_valid_o", 1, out->req_valid)                                                            \
    X("req_ready_i", 1, in->req_ready)                                                             \
    X("req_write_o", 1, out->req_write)                                                            \
    X("req_kind_o", 2, out->req_kind)                                                              \
    X("req_addr_o", 32, out->req_addr)                                                             \
    X("req_words_o", 32, out->req_words)                                                           \
    X("load_valid_i", 1, in->load_valid)                                                           \
    X("load_ready_o", 1, out->load_ready)                                                          \
    X("store_valid_o", 1, out->store_valid)                                                        \
    X("store_ready_i", 1, in->store_ready)                                                         \
    X("run_o", 1, out->run)                                                                        \
    X("stage_o", 32, out->stage)                                                                   \
    X("dram_unit_o", 3, out->dram_unit)                                                            \
    X("array_unit_o", 2, out->array_unit)

enum { N_PINS = 20 };

struct layer_vcd {
    pare_buf text;
    uint32_t mem_bits;
    uint32_t last[N_PINS];
    pare_accel_in in;
    pare_accel_out out;
    bool has_any;
};

static char id_of(size_t pin) { return (char)('!' + pin); }

layer_vcd *layer_vcd_new(const pare_accel_params *params)
{
    static const struct {
        const char *name;
        uint32_t width;
    } pins[N_PINS] = {
#define X(name, width, value) {name, width},
        PINS(X)
#undef X
    };
    layer_vcd *const v = pare_xalloc(1, sizeof *v);
    v->mem_bits = params->mem_bits;
    pare_buf_puts(&v->text, "$timescale 1ps $end\n$scope module pare_accel $end\n"
                            "$scope module pare_accel $end\n$var wire 1 ~ clk_i $end\n");
    for (size_t i = 0; i < N_PINS; i++)
        pare_buf_printf(&v->text, "$var wire %" PRIu32 " %c %s $end\n", pins[i].width, id_of(i),
                        pins[i].name);
    pare_buf_printf(&v->text,
                    "$var wire %" PRIu32 " %c load_data_i $end\n"
                    "$var wire %" PRIu32 " %c store_data_o $end\n"
                    "$upscope $end\n$upscope $end\n$enddefinitions $end\n",
                    v->mem_bits, id_of(N_PINS), v->mem_bits, id_of(N_PINS + 1));
    return v;
}

static void put_value(layer_vcd *v, char id, uint32_t width, const uint32_t *words)
{
    if (width == 1) {
        pare_buf_printf(&v->text, "%u%c\n", words[0] & 1, id);
        return;
    }
    pare_buf_puts(&v->text, "b");
    for (uint32_t i = width; i-- > 0;)
        pare_buf_puts(&v->text, words[i / 32] >> i % 32 & 1 ? "1" : "0");
    pare_buf_printf(&v->text, " %c\n", id);
}

void layer_vcd_cycle(layer_vcd *v, uint64_t cycle, const pare_accel_in *in,
                     const pare_accel_out *out)
{
    size_t i = 0;
    pare_buf_printf(&v->text, "#%" PRIu64 "\n0~\n", cycle * 10);
#define X(name, width, value)                                                                      \
    {                                                                                              \
        const uint32_t now = (uint32_t)(value);                                                    \
        if (!v->has_any || v->last[i] != now) put_value(v, id_of(i), width, &now);                 \
        v->last[i++] = now;                                                                        \
    }
    PINS(X)
#undef X
    if (in->load_valid) put_value(v, id_of(N_PINS), v->mem_bits, in->load_data);
    if (out->store_valid) put_value(v, id_of(N_PINS + 1), v->mem_bits, out->store_data);
    pare_buf_printf(&v->text, "#%" PRIu64 "\n1~\n", cycle * 10 + 5);
    v->has_any = true;
}

pare_status layer_vcd_save(const layer_vcd *v, const char *path, pare_err *e)
{
    return pare_file_write(path, v->text.text, v->text.n, e);
}

void layer_vcd_free(layer_vcd *v)
{
    if (!v) return;
    pare_buf_free(&v->text);
    free(v);
}

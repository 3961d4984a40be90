/* accel.h: the whole accelerator of rtl/pare_accel.sv as software sees it: the descriptor of a
 * layer, the records of its filters, its status codes (docs/rtl.md, "The machine"). Public.
 *
 * A layer starts with PARE_ACCEL_WORDS words on the descriptor port; the machine answers with a
 * status code, either at once (it cannot run the layer) or when the last output is stored. If the
 * descriptor is accepted and asks for codes, PARE_ACCEL_FILTER_WORDS words follow for each filter,
 * filters being rounded up to whole rows of the array.
 */
#ifndef PARE_SIM_ACCEL_H
#define PARE_SIM_ACCEL_H
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PARE_ACCEL_VERSION = 1, PARE_ACCEL_WORDS = 16, PARE_ACCEL_FILTER_WORDS = 3 };

/* member, word, lowest bit, bits, meaning. Bits of words 0 and 1 that are not here must be 0. */
#define PARE_ACCEL_FIELDS(X)                                                                       \
    X(version, 0, 0, 8, "1, PARE_ACCEL_VERSION")                                                   \
    X(act_signed, 0, 8, 1, "activation codes are two's complement, else unsigned")                 \
    X(weight_signed, 0, 9, 1, "weight codes are two's complement, else unsigned")                  \
    X(out_signed, 0, 10, 1, "output codes are two's complement, else unsigned")                    \
    X(raw, 0, 11, 1, "store the sums themselves, 32 bits each, instead of codes")                  \
    X(relu, 0, 12, 1, "no output code below out_zero")                                             \
    X(windows_outer, 0, 13, 1, "tile loop: windows outside, filters inside; else the other way")   \
    X(act_bits, 1, 0, 5, "bits of an activation code, 1 to the machine's maximum")                 \
    X(weight_bits, 1, 8, 5, "bits of a weight code, 1 to the machine's maximum")                   \
    X(out_bits, 1, 16, 5, "bits of an output code, 1 to 16; it takes one byte, above 8 two")       \
    X(in_height, 2, 0, 16, "rows of the input")                                                    \
    X(in_width, 2, 16, 16, "columns of the input")                                                 \
    X(channels, 3, 0, 16, "input channels")                                                        \
    X(filters, 3, 16, 16, "output channels")                                                       \
    X(kernel_height, 4, 0, 8, "rows of the kernel")                                                \
    X(kernel_width, 4, 8, 8, "columns of the kernel")                                              \
    X(dilation_height, 4, 16, 8, "rows from one kernel row to the next")                           \
    X(dilation_width, 4, 24, 8, "columns from one kernel column to the next")                      \
    X(stride_height, 5, 0, 8, "rows from one window to the next")                                  \
    X(stride_width, 5, 8, 8, "columns from one window to the next")                                \
    X(pad_height, 5, 16, 8, "rows of padding above; less than the kernel reaches")                 \
    X(pad_width, 5, 24, 8, "columns of padding on the left; less than the kernel reaches")         \
    X(out_height, 6, 0, 16, "rows of windows")                                                     \
    X(out_width, 6, 16, 16, "windows of a row")                                                    \
    X(tile_filters, 7, 0, 16, "filters of a buffer tile, a multiple of the array's rows")          \
    X(tile_rows, 7, 16, 16, "rows of windows of a buffer tile")                                    \
    X(pad_code, 8, 0, 16, "activation code of the padding")                                        \
    X(out_zero, 8, 16, 16, "added to the output code, two's complement: the code of zero")         \
    X(weight_zero, 9, 0, 32, "of the affine weight codes: offset / scale, signed, 2^-16")          \
    X(weight_base, 10, 0, 32, "memory word of the first tile of weights")                          \
    X(weight_stride, 11, 0, 32, "memory words from one tile of weights to the next")               \
    X(act_base, 12, 0, 32, "memory word of the first tile of activations")                         \
    X(act_stride, 13, 0, 32, "memory words from one tile of activations to the next")              \
    X(out_base, 14, 0, 32, "memory word of the first tile of outputs, in the order of the loop")   \
    X(out_stride, 15, 0, 32, "memory words from one tile of outputs to the next")

typedef struct pare_accel_descriptor {
#define X(member, word, bit, bits, doc) uint32_t member;
    PARE_ACCEL_FIELDS(X)
#undef X
} pare_accel_descriptor;

/* What becomes of a filter's sums:
 *   t    = sum * 2^8 + floor(weight_zero * (sum of the window's activation codes) / 2^8) + bias
 *   code = clamp(rint(t * multiplier / 2^shift) + out_zero),  ties to even
 * t is taken modulo 2^40, two's complement. */
typedef struct pare_accel_filter {
    int64_t bias;       /* 40 bits, in units of 2^-8 */
    int32_t multiplier; /* 24 bits, two's complement */
    uint32_t shift;     /* 0 to 63 */
} pare_accel_filter;

/* code, name, the descriptor field that it names, meaning */
#define PARE_ACCEL_STATUS(X)                                                                       \
    X(0, OK, "", "the layer is done")                                                              \
    X(1, VERSION, "version", "not this version")                                                   \
    X(2, RESERVED, "reserved", "a bit without meaning is set")                                     \
    X(3, ACT_BITS, "act_bits", "0, or more than the machine has")                                  \
    X(4, WEIGHT_BITS, "weight_bits", "0, or more than the machine has")                            \
    X(5, OUT_BITS, "out_bits", "0, or more than 16")                                               \
    X(6, INPUT, "in_height, in_width", "0")                                                        \
    X(7, CHANNELS, "channels", "0")                                                                \
    X(8, FILTERS, "filters", "0, or more than the machine has records for")                        \
    X(9, KERNEL, "kernel_height, kernel_width", "0")                                               \
    X(10, DILATION, "dilation_height, dilation_width", "0")                                        \
    X(11, STRIDE, "stride_height, stride_width", "0")                                              \
    X(12, PAD, "pad_height, pad_width", "not less than the kernel reaches")                        \
    X(13, OUTPUT, "out_height, out_width", "0, or a window ends beyond the padding")               \
    X(14, TILE_FILTERS, "tile_filters", "0, or no multiple of the array's rows")                   \
    X(15, TILE_ROWS, "tile_rows", "0")                                                             \
    X(16, WEIGHT_BUFFER, "tile_filters", "the tile's weights exceed half of the weight buffer")    \
    X(17, ACT_BUFFER, "tile_rows", "the tile's activations exceed half of the activation buffer")  \
    X(18, OUT_BUFFER, "tile_rows", "the tile's outputs exceed half of the output buffer")

typedef enum pare_accel_status {
#define X(code, id, field, doc) PARE_ACCEL_STATUS_##id = code,
    PARE_ACCEL_STATUS(X)
#undef X
        PARE_ACCEL_N_STATUS
} pare_accel_status;

/* What a memory request moves. */
typedef enum pare_accel_kind {
    PARE_ACCEL_WEIGHTS,
    PARE_ACCEL_ACTS,
    PARE_ACCEL_OUTPUTS
} pare_accel_kind;

/* What the two units do in a cycle, as the pins dram_unit_o and array_unit_o show it. */
typedef enum pare_accel_dram_unit {
    PARE_ACCEL_DRAM_IDLE,
    PARE_ACCEL_DRAM_LATENCY,
    PARE_ACCEL_DRAM_WEIGHTS,
    PARE_ACCEL_DRAM_ACTS,
    PARE_ACCEL_DRAM_OUTPUTS
} pare_accel_dram_unit;
typedef enum pare_accel_array_unit {
    PARE_ACCEL_ARRAY_IDLE,
    PARE_ACCEL_ARRAY_COMPUTE,
    PARE_ACCEL_ARRAY_WAIT
} pare_accel_array_unit;

/* ---- one machine ---- */

enum {
    PARE_ACCEL_MEM_WORDS = 4, /* 32-bit words of a memory word, at most */
    PARE_ACCEL_LANES_MAX = 64 /* of a term-serial PE */
};

/* The PEs of the array, as the RTL numbers them: temporal ones, fusion PEs of `lanes` units, or
 * term-serial ones. */
typedef enum pare_accel_pe {
    PARE_ACCEL_TEMPORAL,
    PARE_ACCEL_FUSION,
    PARE_ACCEL_TERM
} pare_accel_pe;

/* Parameters of pare_accel. */
typedef struct pare_accel_params {
    const char *name;
    uint32_t rows, cols, lanes, act_digit, weight_digit, max_act_bits, max_weight_bits, acc_bits;
    uint32_t mem_bits, weight_planes, act_planes, out_bytes, max_filters;
    bool is_skewed;
    uint32_t pe;                         /* pare_accel_pe */
    uint32_t recoding, first_stage_bits; /* of terms: pare_recoding, and their shifters */
} pare_accel_params;

/* Channels of a step at these bitlengths, to whole multiples of which memory is padded. */
uint32_t pare_accel_step_channels(const pare_accel_params *p, uint32_t act_bits,
                                  uint32_t weight_bits);
/* Cycles of a fold over the windows of one set, from its begin to the next one's. For a term-serial
 * array they depend on the activations: acts[n_windows][steps * lanes] are the codes under each
 * window, step by step; the others do not read them. */
uint64_t pare_accel_fold_cycles(const pare_accel_params *p, uint32_t act_bits, uint32_t weight_bits,
                                uint64_t steps, const int32_t *acts, uint32_t n_windows);
/* Of these, the ones up to the cycle that decides when the sums stand (docs/rtl.md): all of them if
 * terms are skipped, else those in which the array has work. */
uint64_t pare_accel_work_cycles(const pare_accel_params *p, uint32_t act_bits, uint32_t weight_bits,
                                uint64_t steps, uint64_t fold_cycles);

/* Rows + cols - 2 if it is skewed, else 0. */
uint32_t pare_accel_skew_cycles(const pare_accel_params *p);
/* Cycles from one fold to the next at least. */
uint32_t pare_accel_interval(const pare_accel_params *p);
/* The memory latency from which on a stage takes as long as level 2 says. */
uint32_t pare_accel_latency_min(const pare_accel_params *p);

/* The pins of a cycle: valid and ready as in the RTL, settled before the clock edge. */
typedef struct pare_accel_in {
    bool desc_valid, status_ready, req_ready, load_valid, store_ready;
    uint32_t desc;
    uint32_t load_data[PARE_ACCEL_MEM_WORDS];
} pare_accel_in;

typedef struct pare_accel_out {
    bool desc_ready, status_valid, req_valid, req_write, load_ready, store_valid, run;
    uint32_t status, req_kind, req_addr, req_words, stage, dram_unit, array_unit;
    uint32_t store_data[PARE_ACCEL_MEM_WORDS];
} pare_accel_out;

/* The descriptor as the port takes it, and a filter's record; and back. */
void pare_accel_pack(const pare_accel_descriptor *d, uint32_t words[PARE_ACCEL_WORDS]);
/* false if a bit without meaning is set */
bool pare_accel_unpack(const uint32_t words[PARE_ACCEL_WORDS], pare_accel_descriptor *d);
/* The first field whose value its bits do not hold, or NULL. */
const char *pare_accel_too_wide(const pare_accel_descriptor *d);
void pare_accel_pack_filter(const pare_accel_filter *f, uint32_t words[PARE_ACCEL_FILTER_WORDS]);
void pare_accel_unpack_filter(const uint32_t words[PARE_ACCEL_FILTER_WORDS], pare_accel_filter *f);
/* What is stored for a sum: see pare_accel_filter. `sum` and `act_sum` fit in 32 bits. */
int32_t pare_accel_requantize(const pare_accel_descriptor *d, const pare_accel_filter *f,
                              int64_t sum, int64_t act_sum);
/* Bytes of a stored output. */
uint32_t pare_accel_out_bytes(const pare_accel_descriptor *d);
/* "WEIGHT_BUFFER", the field it names, and why; for any code. */
const char *pare_accel_status_name(uint32_t code);
const char *pare_accel_status_field(uint32_t code);
const char *pare_accel_status_doc(uint32_t code);

#ifdef __cplusplus
}
#endif
#endif

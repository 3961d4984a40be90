/* net_internal.h: a network file as it stands, before its graph is known. Shared by net*.c and
 * scalesim.c only. */
#ifndef PARE_NET_INTERNAL_H
#define PARE_NET_INTERNAL_H
#include "traces/trace.h"

/* Limits: what a file may say (KEY), what may follow from it (DIM), elements of a feature map, and
 * counts, which stay exact in a double. */
#define PARE_NET_KEY_MAX    16777216u
#define PARE_NET_DIM_MAX    2147483647u
#define PARE_NET_MAP_MAX    ((uint64_t)1 << 48)
#define PARE_NET_COUNT_MAX  ((uint64_t)1 << 53)
#define PARE_NET_KERNEL_MAX 65536u

/* The keys of one entry of `layers`; the value is the bit in `given`. */
typedef enum pare_layer_key {
    PARE_LK_NAME,
    PARE_LK_TYPE,
    PARE_LK_OUT_CHANNELS,
    PARE_LK_KERNEL,
    PARE_LK_STRIDE,
    PARE_LK_PAD,
    PARE_LK_DILATION,
    PARE_LK_GROUPS,
    PARE_LK_HEADS,
    PARE_LK_BIAS,
    PARE_LK_TRANSPOSE_B,
    PARE_LK_INPUTS,
    PARE_LK_INPUT,
    PARE_N_LAYER_KEYS
} pare_layer_key;

/* The keys of the file itself, alike. */
typedef enum pare_net_key {
    PARE_NK_VERSION,
    PARE_NK_NAME,
    PARE_NK_INPUT,
    PARE_NK_LAYERS,
    PARE_N_NET_KEYS
} pare_net_key;

#define PARE_BIT(key) ((uint64_t)1 << (key))

typedef struct pare_shape_spec {
    uint32_t channels, height, width;
} pare_shape_spec;

typedef struct pare_layer_spec {
    const char *name;
    int type; /* index into the op names without "input" */
    uint32_t out_channels;
    uint32_t kernel[2], stride[2], pad[2], dilation[2];
    uint32_t groups, heads;
    bool bias, transpose_b;
    pare_strs inputs;
    pare_shape_spec input; /* of a layer in a list of independent layers */
    pare_pos pos;
    uint64_t given;
} pare_layer_spec;

typedef struct pare_net_spec {
    uint32_t version;
    const char *name;
    pare_shape_spec input;
    pare_maps layers; /* of pare_layer_spec */
    uint64_t given;
} pare_net_spec;

extern const pare_schema pare_layer_schema;
/* As pare_net_schema without `input`: what a list of independent layers is written by. */
extern const pare_schema pare_net_list_schema;

pare_op pare_layer_spec_op(const pare_layer_spec *s);

/* A network in the making: its file and the places for messages. */
typedef struct pare_net_draft {
    const pare_yaml *yaml;
    pare_net_spec spec;
    pare_layer_spec *layers; /* in the order of the file */
    uint32_t n_layers;       /* of the file, without the input */
    bool is_list;            /* independent layers, each with an input shape of its own */
    /* inputs of file layer i: reads[first_read[i] .. first_read[i + 1]); PARE_READS_INPUT is the
     * network's input, else an index into `layers` */
    uint32_t *reads, *first_read;
    uint32_t *order; /* file indices in topological order */
    pare_net *net;
    pare_err *e;
} pare_net_draft;

#define PARE_READS_INPUT UINT32_MAX

/* Fail at key `key` (NULL: the layer itself) of file layer i; the message begins with its path. */
pare_status pare_draft_fail(const pare_net_draft *d, uint32_t i, const char *key, const char *fmt,
                            ...) PARE_PRINTF(4, 5);

/* Resolve names, order the layers, check that one output exists: fills reads and order. */
pare_status pare_draft_link(pare_net_draft *d, pare_arena *scratch) PARE_MUST_CHECK;

/* Check the keys of file layer i against its type; infer l->out, params, macs from l->in and the
 * shape of the second and further inputs. */
pare_status pare_draft_infer(const pare_net_draft *d, uint32_t i, pare_layer *l) PARE_MUST_CHECK;

/* Parameters and multiply-accumulates of a MAC layer whose shapes are set; false if one of them is
 * beyond PARE_NET_COUNT_MAX. */
bool pare_layer_count(pare_layer *l) PARE_MUST_CHECK;

/* Add the layers up into params, macs and n_mac_layers; false on overflow. */
bool pare_net_sum(pare_net *net) PARE_MUST_CHECK;

#endif

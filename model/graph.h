/* graph.h (private): a network compiled for training.
 *
 * The layers of a pare_net become nodes: a MAC layer with the quantizer of its input; an
 * element-wise node that folds batch norm, the addition of a shortcut and the activation; pooling;
 * concatenation. Values are tensors between nodes, batch-major NHWC. A batch is cut into shards of
 * a fixed number of images; a pass is a list of steps that each run on one shard, cut into
 * segments where a step needs something of the whole batch (batch-norm sums, ranges). Within a
 * segment threads take shards; between segments the shards' sums are added in order. So the bits
 * do not depend on the number of threads.
 */
#ifndef PARE_MODEL_GRAPH_H
#define PARE_MODEL_GRAPH_H
#include "model/comm.h"
#include "model/data.h"
#include "model/dnnl.h"
#include "model/kernels.h"
#include "model/model.h"
#include "model/quant.h"
#include "model/spatial.h"

#define PARE_NONE UINT32_MAX

/* The choices of the configuration's `compute`. */
enum { PARE_COMPUTE_F32, PARE_COMPUTE_BF16, PARE_COMPUTE_WINOGRAD };

typedef enum pare_node_kind {
    PARE_NODE_MAC,
    PARE_NODE_EW, /* clamp(batchnorm(x) + z) */
    PARE_NODE_MAXPOOL,
    PARE_NODE_AVGPOOL,
    PARE_NODE_CONCAT,
} pare_node_kind;

typedef struct pare_value {
    uint32_t layer;     /* of the net, for messages */
    size_t count;       /* floats an image */
    size_t channels;    /* innermost */
    uint32_t producer;  /* node; PARE_NONE: the images */
    uint32_t n_readers; /* nodes */
    bool is_signed;     /* negative values occur */
    bool is_virtual;    /* never stored: its one reader makes it while it quantizes */
    bool needs_range, needs_stats;
    float *data;          /* batch * count */
    float *grad;          /* batch * grad_stride, shared with values that live at other times */
    size_t grad_stride;   /* floats an image: shards run apart, so each has a part of its own */
    float lo, hi;         /* of the batch */
    float run_lo, run_hi; /* running mean, for evaluation */
    float *shard_lo, *shard_hi;
    pare_col_stats *shard_stats; /* one a shard */
    pare_col_stats stats;        /* of the batch */
} pare_value;

/* A trainable tensor. */
typedef struct pare_param {
    float *x, *g; /* value, gradient of the batch */
    float *m, *v; /* state of the optimizer */
    size_t n;
    bool decays; /* weight decay applies */
} pare_param;

enum { PARE_NODE_INPUTS_MAX = 64 };

typedef struct pare_node {
    pare_node_kind kind;
    uint32_t layer; /* of the net; for an element-wise node its first one */
    const pare_layer *l;
    uint32_t x, z, y;   /* values; z: second operand of an addition, or NONE */
    const uint32_t *xs; /* concat: all inputs */
    bool *first_xs;
    uint32_t n_xs;
    bool first_x, first_z; /* this node is the first to write that gradient */
    bool aliases_z;        /* the gradient of z takes over y's memory */
    bool wants_gx;         /* the input needs a gradient */
    /* MAC */
    pare_mac *mac, *mac_eval; /* the same object if training computes as evaluation does */
    pare_param w, bias;       /* bias.n = 0 without one */
    float *wq;                /* quantized weights */
    void *xq;                 /* quantized input of the batch, float or bfloat16 */
    float *probe;             /* first layer: weight gradient of the grids' difference */
    pare_quant *qw; /* the groups of the weights: element i is of group i / w_inner % n_qw */
    uint32_t n_qw;
    size_t w_inner;
    bool is_w_signed;      /* exported: the codes are two's complement */
    pare_quant *qw_second; /* a second tensor that is added, group by group; NULL: none */
    float *w_group;        /* memory for two groups that do not lie in one piece, else NULL */
    pare_quant qa;
    double (*shard_sums)[PARE_N_SUMS];
    uint32_t ew; /* element-wise node that alone reads y, or NONE */
    /* element-wise */
    uint32_t bn_layer, act_layer; /* of the net, or PARE_NONE */
    pare_param gamma, beta;       /* n = 0 without batch norm */
    float *run_mean, *run_var;
    float *scale, *offset, *mean; /* per channel, of this pass */
    float *coef_a, *coef_p, *coef_q;
    double *inv_std;
    double **shard_sum, **shard_sum_xm;
    pare_affine affine;
    uint32_t mac_of_x; /* MAC node that alone makes x for this one, or NONE */
    /* pooling */
    uint8_t *best; /* tap that won, per output */
} pare_node;

typedef struct pare_graph pare_graph;
typedef struct pare_job pare_job;
typedef pare_status pare_step_fn(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                                 pare_err *e);

typedef struct pare_step {
    pare_step_fn *fn;
    uint32_t node;
} pare_step;

/* Steps first..first+n-1, after which the listed values and nodes are combined over the shards. */
typedef struct pare_segment {
    size_t first, n;
    uint32_t *values, *nodes;
    size_t n_values, n_nodes;
} pare_segment;

typedef struct pare_plan {
    pare_step *steps;
    size_t n_steps;
    pare_segment *segments;
    size_t n_segments;
} pare_plan;

/* Which weight quantizers have one bitlength in common: none, those of a layer, all. */
typedef enum pare_ties { PARE_TIES_NONE, PARE_TIES_LAYER, PARE_TIES_NETWORK } pare_ties;

struct pare_graph {
    const pare_net *net;
    const pare_method *method;
    pare_quant_rows rows; /* the method's, with what the configuration changes in them */
    const pare_kernels *kernels;
    pare_pool *pool;
    pare_dnnl *dnnl;
    pare_arena *arena;
    const pare_comm *comm;
    uint32_t batch, shard_images; /* of this process */
    uint32_t total_batch;         /* of all of them */
    size_t n_shards;
    bool is_bf16;             /* training passes compute convolutions in bfloat16 */
    bool is_winograd;         /* ... or 3x3 ones by Winograd's minimal filtering */
    bool is_learning_n;       /* bitlengths still move */
    bool is_bypassed;         /* nothing is quantized for now */
    pare_ties ties_w;         /* which weights have one bitlength in common */
    bool ties_a;              /* all input activations have one */
    double n_moved, n_pulled; /* way of the bitlengths since the epoch began, by their shares of
                                 the penalty; and that of the penalty alone */
    pare_value *values;
    uint32_t n_values;
    pare_node *nodes;
    uint32_t n_nodes;
    uint32_t n_classes;
    uint32_t out; /* value of the logits */
    pare_plan forward, backward;
    float **scratch[2]; /* per worker, one shard of the largest value */
    uint16_t *labels;   /* of the batch */
    double *shard_loss;
    uint32_t *shard_correct;
    void **big; /* large allocations */
    size_t n_big;
};

/* One pass over a batch. */
struct pare_job {
    pare_graph *g;
    bool is_training;       /* batch statistics; else running ones */
    bool wants_gradient;    /* a backward pass follows */
    const float *soft;      /* target probabilities of each image instead of its label, or NULL */
    double label_smoothing; /* share of the target that is spread over all classes */
    double bn_share, range_share; /* what the running statistics take of the batch's */
    const pare_batch *batch;
    size_t n_images; /* of the batch that count */
    size_t n_total;  /* of all processes */
    double loss;     /* mean */
    uint32_t n_correct;
    uint32_t bad_layer; /* the first one with a sum or a range of the batch that is not finite */
};

/* Weight groups other than of output channels. */
typedef enum pare_kernel_groups {
    PARE_GROUPS_NONE,
    PARE_GROUPS_ROWS,      /* one for each row of the kernels */
    PARE_GROUPS_POSITIONS, /* one for each position in the kernels */
} pare_kernel_groups;

typedef struct pare_graph_spec {
    const pare_net *net;
    const pare_method *method;
    const pare_quant_rows *rows; /* NULL: the method's */
    uint32_t batch, n_classes;
    uint32_t min_bits, max_bits; /* of a learned bitlength */
    uint32_t group_channels;     /* output channels that share a weight quantizer; 0: all */
    pare_kernel_groups kernel_groups;
    pare_ties ties_w; /* which weights have one bitlength in common */
    bool ties_a;      /* all input activations have one */
    bool is_bf16, is_winograd;
    uint64_t seed;
    unsigned threads;
    const pare_comm *comm;       /* NULL: alone; batch is then of all processes together */
    const pare_kernels *kernels; /* NULL: the fastest */
} pare_graph_spec;

/* Compile; weights are drawn from the seed. An operation that cannot be trained is refused at its
 * place in the network file (PARE_EINPUT). */
pare_status pare_graph_new(const pare_graph_spec *spec, pare_graph **out,
                           pare_err *e) PARE_MUST_CHECK;
void pare_graph_free(pare_graph *g);

/* Images a shard: the largest divisor of the batch up to 32 that leaves four shards or more. */
uint32_t pare_shard_images(uint32_t batch);

/* The layer (of the net) that made the first value of the last pass which is not finite, or
 * PARE_NONE. */
uint32_t pare_graph_find_not_finite(const pare_graph *g, size_t n_images);
/* The first image of the batch with a value that is not finite; n_images: none. */
size_t pare_graph_find_bad_image(const pare_graph *g, size_t n_images);
/* Of a parameter's values or gradients. */
bool pare_param_is_finite(const pare_param *p, const float *x);

/* Quantize the weights of the MAC nodes and hand them to the training (or evaluation) layers. */
pare_status pare_graph_set_weights(pare_graph *g, bool for_training, pare_err *e) PARE_MUST_CHECK;
/* A value or a loss that is not finite is an error that names the layer (PARE_EFAIL). */
pare_status pare_graph_forward(pare_job *job, pare_err *e) PARE_MUST_CHECK;
/* After a forward pass with wants_gradient: all gradients, g_n included. */
pare_status pare_graph_backward(pare_job *job, pare_err *e) PARE_MUST_CHECK;

/* ---- inside ------------------------------------------------------------------------------------
 */

/* Memory that lives as long as the graph, aligned for vectors; PARE_EFAIL if there is none. */
pare_status pare_graph_big(pare_graph *g, size_t count, size_t size, void *out_pointer,
                           pare_err *e) PARE_MUST_CHECK;
pare_status pare_plan_make(pare_graph *g, pare_err *e) PARE_MUST_CHECK;
pare_status pare_graph_run(pare_job *job, const pare_plan *plan, bool has_barriers,
                           pare_err *e) PARE_MUST_CHECK;
/* Combine what the shards of the last segment left, in the order of the shards. */
/* Some steps of the forward plan, for evaluation; pare_graph_use_running comes before the first. */
void pare_graph_use_running(pare_graph *g);
pare_status pare_graph_run_steps(pare_job *job, size_t first, size_t n,
                                 pare_err *e) PARE_MUST_CHECK;
void pare_forward_combine(pare_job *job, const pare_segment *s);
void pare_backward_combine(pare_job *job, const pare_segment *s);

/* One group of weights through its quantizer, and dL/dx in place of dL/dxq with the quantizer's
 * gradients. memory: n floats. */
void pare_group_quantize(pare_quant *q, const pare_kernels *k, const float *x, size_t n,
                         bool is_learning, float *xq);
void pare_group_backward(pare_quant *q, const pare_kernels *k, const float *x, size_t n,
                         bool is_learning, float *g, float *memory);
size_t pare_group_size(const pare_node *n);
/* A group of a tensor of the weights' shape: where it lies, or copied to memory; and back. */
float *pare_group_take(const pare_node *n, uint32_t group, float *x, float *memory);
void pare_group_set(const pare_node *n, uint32_t group, const float *from, float *x);
void pare_group_put(const pare_node *n, uint32_t group, const float *memory, float *x);

typedef struct pare_moments {
    double mean_abs, rms, largest;
} pare_moments;

pare_moments pare_moments_of(const float *x, size_t n);

/* Weights through their quantizers: the groups' blends and n->wq. */
void pare_weights_quantize(const pare_kernels *k, pare_node *n, bool is_learning);
/* From dL/dwq in n->w.g to dL/dw in place, with the gradients of the quantizers. */
void pare_weights_backward(const pare_kernels *k, pare_node *n, bool is_learning);

/* Quantize one node's weights and hand them to its training (or evaluation) layer. */
pare_status pare_node_set_weights(pare_graph *g, pare_node *n, unsigned worker, bool for_training,
                                  pare_err *e) PARE_MUST_CHECK;
/* The group of most bits. */
uint32_t pare_node_widest(const pare_node *n);
/* Room for a second tensor of quantized weights that is added to the first. */
pare_status pare_node_add_second(pare_graph *g, pare_node *n, pare_err *e) PARE_MUST_CHECK;
/* Mean bitlength of the weights' groups. */
double pare_node_weight_n(const pare_node *n);
/* Scale and offset of a batch norm from the running statistics. */
void pare_node_fold_running(pare_node *n);

pare_step_fn pare_forward_input, pare_forward_mac, pare_forward_ew, pare_forward_pool,
    pare_forward_concat, pare_forward_loss;
pare_step_fn pare_backward_loss, pare_backward_mac, pare_backward_ew_sums, pare_backward_ew,
    pare_backward_pool, pare_backward_concat;

/* One shard of a stored value, and of its gradient. */
float *pare_data_shard(const pare_graph *g, uint32_t value, size_t shard);
float *pare_grad_shard(const pare_graph *g, uint32_t value, size_t shard);

#endif

/* method.h (private): what a training method does that its row of the table cannot say. */
#ifndef PARE_MODEL_METHOD_H
#define PARE_MODEL_METHOD_H
#include "model/train.h"

/* All may be NULL. */
struct pare_method_hooks {
    bool has_no_steps; /* nothing is trained: `start` does it all, from a trained network */
    /* Several processes may train: all that the hooks look at is the same in each of them, as
     * gradients are summed before. */
    bool is_shared;
    size_t (*state_bytes)(const pare_run *r); /* instead of state_size */
    size_t state_size; /* of r->method_state: plain numbers, zeroed first, kept in checkpoints */
    /* What the configuration changes in the rows. */
    void (*rows)(const pare_train_config *c, pare_quant_rows *rows);
    pare_kernel_groups (*groups)(const pare_train_config *c);
    /* After opening, with the bitlengths set: refuse what does not work, set constants. */
    pare_status (*open)(pare_run *r, pare_err *e);
    /* Before the first step of a run that begins: first values of learned parameters. */
    pare_status (*start)(pare_run *r, pare_err *e);
    /* Around a step; `job` has its batch, and after it its loss. */
    pare_status (*before_step)(pare_run *r, const pare_job *job, pare_err *e);
    pare_status (*after_step)(pare_run *r, const pare_job *job, pare_err *e);
    /* With the gradients of a step in place; the context is the run. */
    void (*after_gradients)(void *run);
    /* Instead of the configuration's gamma, after r->penalty_now is set. */
    double (*gamma)(const pare_run *r);
    /* Instead of rounding learned bitlengths up. */
    void (*round)(pare_run *r);
    /* After a checkpoint was read. */
    pare_status (*resume)(pare_run *r, pare_err *e);
    pare_status (*end_epoch)(pare_run *r, pare_err *e);
    /* After the last step: what is left of the method is a quantized network. */
    pare_status (*end)(pare_run *r, pare_err *e);
    /* Instead of one forward and backward pass and an update. */
    pare_status (*step)(pare_run *r, pare_job *job, pare_update *u, pare_err *e);
    /* More files for the run folder. */
    pare_status (*export)(pare_run *r, pare_err *e);
};

extern const pare_method_hooks pare_lsq_hooks, pare_pact_hooks, pare_dq_hooks, pare_pow2_hooks;
extern const pare_method_hooks pare_syq_hooks, pare_fracbits_hooks, pare_adaqat_hooks;
extern const pare_method_hooks pare_bmpq_hooks, pare_adaptive_hooks;
extern const pare_method_hooks pare_mmse_hooks, pare_datafree_hooks, pare_settle_hooks;

/* ---- what several of them need (method_common.c) ------------------------------------------------
 */

/* Bytes of r->method_state. */
size_t pare_method_state_bytes(const pare_run *r);

/* Every quantizer of a layer's weights and its input: fn(context, r, node, q, is_weight). */
typedef void pare_quant_fn(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight);
void pare_each_quant(pare_run *r, pare_quant_fn *fn, void *context);

/* The MAC nodes in the order of the network. */
pare_node **pare_mac_nodes(pare_run *r, size_t *n); /* the caller frees */

/* The first `n_images` training images, plain, through the network without quantizers and with the
 * running statistics; `see` gets the inputs of every MAC node, batch by batch. */
typedef void pare_see_fn(void *context, pare_run *r, pare_node *n, const float *x, size_t count);
pare_status pare_see_inputs(pare_run *r, size_t n_images, pare_see_fn *see, void *context,
                            pare_err *e) PARE_MUST_CHECK;

/* One move of a discretized bitlength, its flips counted (AdaQAT). */
void pare_adaqat_note(uint32_t old_k, uint32_t new_k, uint32_t flips, int32_t *direction,
                      uint32_t *n_flips, uint32_t *is_frozen, uint32_t *k);

/* First clips: pact.clip_init, or the largest input of a batch if that is smaller and the run
 * starts from trained weights. */
pare_status pare_start_clips(pare_run *r, pare_err *e) PARE_MUST_CHECK;
#endif

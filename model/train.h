/* train.h (private): a run in memory, its checkpoint and its files. */
#ifndef PARE_MODEL_TRAIN_H
#define PARE_MODEL_TRAIN_H
#include "model/graph.h"
#include "model/optim.h"
#include "model/penalty.h"

/* A stretch of training with one learning rate schedule. */
typedef struct pare_phase {
    const char *name;
    uint32_t n_epochs;
    double lr;
    bool learns_n;
} pare_phase;

enum { PARE_PHASES_MAX = 2 };

typedef struct pare_run {
    const pare_train_config *config;
    const char *folder;
    const pare_comm *comm;
    pare_net *net;
    pare_dataset *data;
    uint64_t data_hash;
    pare_graph *graph;
    pare_phase phases[PARE_PHASES_MAX];
    uint32_t n_phases;
    size_t steps_per_epoch;
    void *method_state;   /* of the method's hooks */
    uint32_t *order;      /* of the images in this epoch */
    pare_penalty penalty; /* no criterion: bitlengths are not learned */
    pare_budget budget;
    double penalty_now, gamma_now; /* of the last step */
    /* what a checkpoint holds, besides the graph's parameters */
    uint32_t phase, epoch; /* in the phase, from 0 */
    uint64_t step;         /* in the epoch */
    uint64_t n_steps;      /* since the start */
    double loss_sum;       /* of the epoch's steps */
    uint64_t n_correct;
    uint8_t is_done;     /* all files are written */
    uint64_t last_saved; /* n_steps of the checkpoint; 0: none */
    pare_train_result result;
    uint8_t *predictions;        /* classes of the test images by the last evaluation */
    bool has_predictions;        /* nothing has changed since */
    pare_buf metrics, bits_rows; /* CSV rows so far */
} pare_run;

/* A result before anything is measured. */
#define PARE_NOT_MEASURED                                                                          \
    (pare_train_result) { .real_frac = -1, .ceil_frac = -1, .final_frac = -1 }

pare_status pare_run_open(const pare_train_config *config, const char *folder, unsigned threads,
                          const pare_comm *comm, pare_run *r, pare_err *e) PARE_MUST_CHECK;
void pare_run_close(pare_run *r);

/* Measure batch norms and ranges again on training images, weights as they are. */
pare_status pare_run_calibrate(pare_run *r, pare_err *e) PARE_MUST_CHECK;
/* A loss that is not finite ends the run. */
pare_status pare_run_check_loss(const pare_run *r, const pare_job *job,
                                pare_err *e) PARE_MUST_CHECK;
/* Unweighted means over the layers. */
void pare_run_mean_n(const pare_run *r, double *weight_n, double *act_n);
/* Where in a batch this process's part begins. */
size_t pare_run_part(const pare_run *r);
/* Accuracy on the test images with the running statistics. */
pare_status pare_run_evaluate(pare_run *r, double *accuracy_frac, pare_err *e) PARE_MUST_CHECK;
/* r->predictions of all test images, in this process alone, unless they are there already. */
pare_status pare_run_predict(pare_run *r, pare_err *e) PARE_MUST_CHECK;
/* Round all bitlengths up, freeze them, and measure ranges and batch norms again on training
 * images. */
pare_status pare_run_ceil(pare_run *r, pare_err *e) PARE_MUST_CHECK;

/* ---- the penalty ------------------------------------------------------------------------------
 */

pare_status pare_run_open_penalty(pare_run *r, pare_err *e) PARE_MUST_CHECK;
/* Each bitlength's share of the penalty, dP/dn; returns P. */
double pare_run_set_lambdas(pare_run *r);
/* Cost of the bitlengths rounded up, beside that of 8 bits everywhere. */
double pare_run_cost_frac(const pare_run *r);
/* gamma of this step: the configuration's, or the budget's controller's. */
double pare_run_gamma(pare_run *r, double done_frac, double n_steps);
/* Round the bitlengths up, within the budget, and keep the learned ones beside. */
void pare_run_round(pare_run *r);
/* At the end of an epoch of learning: are the bitlengths at rest? */
void pare_run_end_balance(pare_run *r);

/* ---- checkpoints ------------------------------------------------------------------------------
 */

/* Everything that the next step depends on, written whole or not at all. */
pare_status pare_checkpoint_save(const pare_run *r, const char *name, pare_err *e) PARE_MUST_CHECK;
/* False in *found if there is none. One of another configuration, network or data is refused. */
pare_status pare_checkpoint_load(pare_run *r, const char *name, bool *found,
                                 pare_err *e) PARE_MUST_CHECK;

/* Take weights and batch norms from a run folder or a checkpoint of any run of the same network. */
pare_status pare_checkpoint_start_from(pare_run *r, const char *from, pare_err *e) PARE_MUST_CHECK;

#define PARE_CHECKPOINT "checkpoint.bin"
#define PARE_LEARNED    "learned.bin" /* at the end of learning, before rounding up */

/* ---- files ------------------------------------------------------------------------------------
 */

/* config.yaml and network.net.yaml; removes what an interrupted write has left. */
pare_status pare_run_write_start(const pare_run *r, pare_err *e) PARE_MUST_CHECK;
void pare_run_add_metrics(pare_run *r, double lr, double train_loss, double train_frac,
                          double test_frac);
pare_status pare_run_write_metrics(const pare_run *r, pare_err *e) PARE_MUST_CHECK;
/* Bitlengths, codes, parameters, tables, summary. */
pare_status pare_run_export(pare_run *r, pare_err *e) PARE_MUST_CHECK;
/* "<folder>/<name>" in an emptied buffer. */
const char *pare_run_path(const pare_run *r, const char *name, pare_buf *path);
/* Names the configuration, the network and the data. */
uint64_t pare_run_hash(const pare_run *r);
#endif

/* model.h: the trainer. The one public header of model/.
 *
 * A run learns the weights, and with BitPruning the bitlengths, of one network on one image set,
 * and leaves a run folder: its configuration, the network, the bitlengths, integer codes of weights
 * and sampled activations, metrics per epoch, and a checkpoint from which the same command goes on
 * to the same bits after any interruption. Same configuration and seed, same bytes, on any number
 * of threads.
 */
#ifndef PARE_MODEL_H
#define PARE_MODEL_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of single methods (docs/methods.md); the others do not look at them. */
typedef struct pare_method_options {
    struct {
        int step; /* first one: mean, mmse */
    } lsq;
    struct {
        bool plus;              /* gradient of a clip also from what is rounded below it */
        double clip;            /* first one */
        double decay;           /* of clips; negative: as the weights */
        int grid;               /* of weights: midrise, zero */
        bool passes;            /* SAWB+: weights beyond the clip learn too */
        uint32_t shortcut_bits; /* of 1x1 convolutions on shortcuts; 0: as the rest */
    } pact;
    struct {
        uint32_t every; /* steps between two looks at the neighbours */
        uint32_t flips; /* after which a bitlength is frozen */
        int rounding;   /* up, nearest */
        double lr;      /* of both bitlengths */
        double price;   /* of the product of the bitlengths */
    } adaqat;
    struct {
        double mean_bits; /* of a weight, not to be exceeded */
        const char *choices;
        uint32_t every; /* epochs between two assignments */
    } bmpq;
    struct {
        int codebook; /* ternary, binary */
        int scales;   /* layer, row, pixel */
        double threshold;
        double fraction_bits; /* of activations; -64: found on a batch */
    } syq;
    struct {
        double second_above; /* relative error from which a layer has a second tensor */
        int refine;          /* none, output */
    } mmse;
    struct {
        int scheme;          /* minmax.., best */
        double drop;         /* of the accuracy that is allowed */
        const char *classes; /* accuracy on these only */
    } datafree;
    struct {
        const char *widths;
        int teacher;     /* best, next, none */
        double swap;     /* first probability of a block at its teacher's width */
        int weights;     /* centered, truncated, rounded */
        int range;       /* of weights: tanh, rms */
        uint32_t passes; /* widths of a step; 0: all */
    } adaptive;
    struct {
        int rounding; /* geometric, nearest */
        int update;   /* latent, discrete */
    } pow2;
    struct {
        int threshold; /* maxabs, percentile, mmse, kl */
        double percentile;
        uint32_t scale_bits;
    } settle;
    struct {
        double target_bits, kappa;
    } fracbits;
    struct {
        double weight_kb, act_kb, price;
    } dq;
} pare_method_options;

/* What has a weight quantizer of its own, or (the last) only a range of its own. */
typedef enum pare_granularity {
    PARE_GRANULARITY_NETWORK,
    PARE_GRANULARITY_LAYER,
    PARE_GRANULARITY_CHANNEL,
    PARE_GRANULARITY_CHANNEL_RANGE,
} pare_granularity;

/* What a run depends on; config.yaml in the run folder holds exactly this. */
typedef struct pare_train_config {
    uint32_t version;
    const char *network; /* file of the network, or the name of a shipped one */
    const char *data;    /* "fashion-mnist" or a folder */
    int method;          /* fp32, fixed, bitpruning */
    const char *from;    /* run folder or checkpoint whose weights are the first ones; "": none */
    const char *bits;    /* fixed: a uniform specification or a bits file */
    uint32_t first_last_bits; /* of the first and the last layer; 0: as the rest */
    int granularity;          /* of weight quantizers: a pare_granularity */
    uint32_t group_channels;  /* of a group, with the last two */
    int act_granularity;      /* network, layer */
    uint32_t calibration_images;
    pare_method_options options;
    double gamma;           /* weight of the bitlength penalty */
    int criterion;          /* equal, memory, macs, bitops, latency, energy, dram */
    const char *cost_table; /* of `pare-sim cost`, for the criteria of a machine; "": none */
    const char *budget;     /* "0.5x-energy": gamma is controlled to meet it; "": gamma as given */
    double init_bits;       /* bitlength that learning starts from */
    uint32_t min_bits, max_bits; /* bounds of a bitlength */
    uint32_t epochs;             /* of learning (or of training at fixed bits) */
    uint32_t tune_epochs;        /* after rounding up */
    uint32_t batch;
    int optimizer;        /* sgd, adam */
    double lr;            /* first learning rate of the weights */
    double tune_lr;       /* of fine-tuning; 0: lr / 5 */
    double n_lr;          /* of the bitlengths, plain gradient descent */
    int schedule;         /* cosine, step, constant */
    double warmup_epochs; /* of the first phase, over which the rates rise */
    double momentum;
    double weight_decay;    /* of weights only */
    double label_smoothing; /* share of the target spread over all classes */
    int augment;            /* none, crop, crop_flip */
    int compute;            /* of training convolutions: f32, bf16, winograd */
    uint64_t seed;
    uint32_t limit; /* images kept of each split; 0: all */
    uint32_t checkpoint_steps;
    uint32_t sample_images; /* test images whose activation codes are written */
} pare_train_config;

extern const pare_schema pare_train_schema;

/* Where a run stands; told after every step and at every end of an epoch. */
typedef struct pare_train_progress {
    const char *phase;         /* train, learn, tune */
    uint32_t epoch, n_epochs;  /* of the phase, from 1 */
    uint64_t images, n_images; /* done and to do, over all phases */
    double lr;
    double loss, accuracy_frac; /* of the epoch so far, training images */
    double mean_weight_n, mean_act_n;
    bool is_epoch_end;
    double test_accuracy_frac; /* at the end of an epoch */
} pare_train_progress;

/* Several processes of one training (mpirun); NULL: this one alone. */
typedef struct pare_comm pare_comm;

/* *out = NULL if the program was not started by mpirun. Close before the program ends. */
pare_status pare_comm_open(pare_comm **out, pare_err *e) PARE_MUST_CHECK;
void pare_comm_close(pare_comm *c); /* NULL allowed; waits for the others */
/* End all processes now. */
void pare_comm_abort(pare_comm *c, int status);
unsigned pare_comm_rank(const pare_comm *c);
bool pare_comm_is_built(void);

/* All may be NULL. should_stop is asked before each step. */
typedef struct pare_train_hooks {
    pare_comm *comm; /* only rank 0 writes files */
    void *context;
    void (*progress)(void *context, const pare_train_progress *p);
    void (*note)(void *context, bool is_warning, const char *line);
    bool (*should_stop)(void *context);
} pare_train_hooks;

/* Accuracies on the test images; negative: not measured. */
typedef struct pare_train_result {
    double real_frac;  /* with real bitlengths, at the end of learning */
    double ceil_frac;  /* after rounding up and re-estimating ranges and batch norms */
    double final_frac; /* after all phases: of what is exported */
    double mean_weight_n, mean_act_n;       /* learned, unweighted means over the layers */
    double mean_weight_bits, mean_act_bits; /* of the exported network */
    double n_unbalanced_frac;  /* of the penalty's pull that the last epoch of learning followed */
    uint32_t n_balanced_epoch; /* from which on it followed less than a tenth; 0: none */
    double rounding_offset;    /* taken off the bitlengths before rounding up, to keep a budget */
    double cost_frac; /* by the criterion, of the rounded bitlengths beside 8 bits everywhere */
    bool is_complete; /* false: stopped; the run folder can be continued */
} pare_train_result;

/* Train into folder `run`, continuing what a checkpoint there began. A checkpoint of another
 * configuration is refused (PARE_EINPUT). threads = 0: all of the machine. */
pare_status pare_train_run(const pare_train_config *config, const char *run, unsigned threads,
                           const pare_train_hooks *hooks, pare_train_result *result,
                           pare_err *e) PARE_MUST_CHECK;

/* Measure a run folder's accuracies again. data = NULL: the set that it was trained on. */
pare_status pare_train_eval(const char *run, const char *data, unsigned threads,
                            pare_train_result *result, pare_err *e) PARE_MUST_CHECK;

/* Read the configuration of a run folder into *out; strings live in `a`. */
pare_status pare_train_config_of(const char *run, pare_arena *a, pare_train_config *out,
                                 pare_err *e) PARE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

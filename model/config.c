/* config.c: the keys of a training configuration. */
#include "model/model.h"
#include <stdlib.h>

/* The names of the tables' rows, in their order (a test holds them together). */
static const char *const methods[] = {"fp32", "fixed", "bitpruning", NULL};
static const char *const criteria[] = {"equal", "memory", "macs", NULL};
static const char *const optimizers[] = {"sgd", "adam", NULL};
static const char *const schedules[] = {"cosine", "step", "constant", NULL};
static const char *const augments[] = {"none", "crop", "flip", "crop_flip", NULL};
static const char *const computes[] = {"f32", "bf16", NULL};

#define AT(member) offsetof(pare_train_config, member)

static const pare_key keys[] = {
    {.name = "version", .type = PARE_KEY_U32, .offset = AT(version), .min = 1, .max = 1,
     .doc = "version of the file format"},
    {.name = "network", .type = PARE_KEY_STR, .offset = AT(network),
     .doc = "network file, or the name of a shipped network"},
    {.name = "data", .type = PARE_KEY_STR, .offset = AT(data), .def = "fashion-mnist",
     .doc = "fashion-mnist, or a folder with an IDX pair or CIFAR-10's binary files"},
    {.name = "method", .type = PARE_KEY_ENUM, .offset = AT(method), .def = "bitpruning",
     .choices = methods, .doc = "how bitlengths are obtained"},
    {.name = "bits", .type = PARE_KEY_STR, .offset = AT(bits), .def = "8",
     .doc = "bitlengths of method fixed: 8, w4a6, or a bits file"},
    {.name = "gamma", .type = PARE_KEY_REAL, .offset = AT(gamma), .min = 0, .max = 1e6,
     .def = "0.1", .doc = "weight of the penalty: loss + gamma * sum(lambda_i * n_i)"},
    {.name = "criterion", .type = PARE_KEY_ENUM, .offset = AT(criterion), .def = "equal",
     .choices = criteria, .doc = "lambda_i: equal, by stored values, by multiply-accumulates"},
    {.name = "init_bits", .type = PARE_KEY_REAL, .offset = AT(init_bits), .min = 1, .max = 16,
     .def = "8", .doc = "bitlength that learning starts from"},
    {.name = "max_bits", .type = PARE_KEY_U32, .offset = AT(max_bits), .min = 2, .max = 16,
     .def = "8", .doc = "largest bitlength"},
    {.name = "epochs", .type = PARE_KEY_U32, .offset = AT(epochs), .min = 1, .max = 1e6,
     .def = "5", .doc = "epochs of learning (fp32, fixed: of training)"},
    {.name = "tune_epochs", .type = PARE_KEY_U32, .offset = AT(tune_epochs), .min = 0, .max = 1e6,
     .def = "2", .doc = "epochs of fine-tuning after the bitlengths are rounded up"},
    {.name = "batch", .type = PARE_KEY_U32, .offset = AT(batch), .min = 1, .max = 65536,
     .def = "128", .doc = "images a step"},
    {.name = "optimizer", .type = PARE_KEY_ENUM, .offset = AT(optimizer), .def = "sgd",
     .choices = optimizers, .doc = "how weights step"},
    {.name = "lr", .type = PARE_KEY_REAL, .offset = AT(lr), .min = 0, .max = 1e3, .def = "0.05",
     .doc = "first learning rate of the weights"},
    {.name = "tune_lr", .type = PARE_KEY_REAL, .offset = AT(tune_lr), .min = 0, .max = 1e3,
     .def = "0", .doc = "first learning rate of fine-tuning; 0: a fifth of lr"},
    {.name = "n_lr", .type = PARE_KEY_REAL, .offset = AT(n_lr), .min = 0, .max = 1e3,
     .def = "0.5", .doc = "first learning rate of the bitlengths"},
    {.name = "schedule", .type = PARE_KEY_ENUM, .offset = AT(schedule), .def = "cosine",
     .choices = schedules, .doc = "how the learning rates fall over a phase"},
    {.name = "momentum", .type = PARE_KEY_REAL, .offset = AT(momentum), .min = 0, .max = 0.9999,
     .def = "0.9", .doc = "of sgd; beta1 of adam"},
    {.name = "weight_decay", .type = PARE_KEY_REAL, .offset = AT(weight_decay), .min = 0, .max = 1,
     .def = "0.0005", .doc = "of weights; bitlengths, biases and batch norms have none"},
    {.name = "augment", .type = PARE_KEY_ENUM, .offset = AT(augment), .def = "none",
     .choices = augments, .doc = "how training images are varied"},
    {.name = "compute", .type = PARE_KEY_ENUM, .offset = AT(compute), .def = "f32",
     .choices = computes, .doc = "arithmetic of training convolutions; evaluation is f32"},
    {.name = "seed", .type = PARE_KEY_U64, .offset = AT(seed), .min = 0, .max = 9e15, .def = "1",
     .doc = "of first weights, order of images, augmentation"},
    {.name = "limit", .type = PARE_KEY_U32, .offset = AT(limit), .min = 0, .max = 4e9, .def = "0",
     .doc = "images kept of each split; 0: all"},
    {.name = "checkpoint_steps", .type = PARE_KEY_U32, .offset = AT(checkpoint_steps), .min = 1,
     .max = 1e9, .def = "200", .doc = "steps between checkpoints; there is one after each epoch"},
    {.name = "sample_images", .type = PARE_KEY_U32, .offset = AT(sample_images), .min = 1,
     .max = 65536, .def = "8", .doc = "test images whose activation codes are written"},
};

const pare_schema pare_train_schema = {
    .name = "training configuration",
    .doc = "What a training run depends on (*.train.yaml; config.yaml in a run folder).",
    .keys = keys,
    .n_keys = sizeof keys / sizeof *keys,
    .size = sizeof(pare_train_config),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

pare_status pare_train_config_of(const char *run, pare_arena *a, pare_train_config *out,
                                 pare_err *e)
{
    pare_buf path = {0};
    pare_yaml *y = NULL;
    pare_buf_printf(&path, "%s/config.yaml", run);
    pare_status status = pare_yaml_load(path.text, &y, e);
    if (status == PARE_OK) status = pare_yaml_read(y, &pare_train_schema, a, out, e);
    pare_yaml_free(y);
    pare_buf_free(&path);
    return status;
}

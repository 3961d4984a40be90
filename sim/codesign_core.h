/* codesign_core.h: what the files of the co-design loop share; not for anyone else. */
#ifndef PARE_SIM_CODESIGN_CORE_H
#define PARE_SIM_CODESIGN_CORE_H
#include "sim/codesign.h"
#include "sim/infer.h"
#include "sim/store_write.h"

typedef struct codesign_conf {
    uint32_t version;
    const char *name, *title, *network, *data, *config;
    pare_strs machines, criteria, gammas, fixed;
    uint32_t base_epochs, epochs, tune_epochs;
    uint64_t seed, train_images, test_images;
} codesign_conf;

/* How bits are obtained. */
typedef struct recipe {
    const char *name;      /* "energy-0.1", "fixed-8" */
    const char *criterion; /* NULL: fixed bits */
    const char *gamma;     /* of a criterion; else the bits */
    bool is_of_machine;    /* its penalty reads a machine's cost table */
} recipe;

/* A machine and a recipe, and what came of them. */
typedef struct pair {
    size_t machine, recipe;
    char *run; /* folder */
    XXH128_hash_t hash;
    char *error; /* NULL: none */
    pare_sim_result result;
    pare_infer *infer; /* names of the result's layers live in it */
    double accuracy_frac, trainer_accuracy_frac;
    bool is_energy_front, is_latency_front;
} pair;

typedef struct codesign {
    codesign_conf conf;
    const pare_codesign_options *options;
    pare_yaml *yaml;
    pare_arena *arena;
    const char *file, *text;
    pare_net *net;
    pare_buf net_path;
    pare_bits *uniform; /* 8 bits: what cost tables are made around */
    pare_machine **machines;
    XXH128_hash_t *machine_hash, net_hash;
    recipe *recipes;
    size_t n_recipes;
    pair *pairs; /* [machine][recipe] */
    size_t n_pairs;
    pare_infer_images images;
    unsigned n_trained, n_kept;
} codesign;

void codesign_say(const codesign *c, const char *fmt, ...) PARE_PRINTF(2, 3);
/* All runs that are missing (codesign_train.c); sets the folders of the pairs. */
pare_status codesign_train(codesign *c, pare_err *e) PARE_MUST_CHECK;
/* Inference and simulation of every pair (codesign_eval.c). */
pare_status codesign_eval(codesign *c, pare_err *e) PARE_MUST_CHECK;
/* The store, and the table for people (codesign_write.c). */
pare_status codesign_write(codesign *c, pare_buf *table, pare_err *e) PARE_MUST_CHECK;
/* A number of RUN/summary.json; NaN if it is not there. */
double codesign_summary(const char *run, const char *key);

#endif

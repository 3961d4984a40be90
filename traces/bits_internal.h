/* bits_internal.h: bits*.c only. */
#ifndef PARE_BITS_INTERNAL_H
#define PARE_BITS_INTERNAL_H
#include "traces/trace.h"

/* A *.bits.yaml as it stands. */
typedef struct pare_bits_spec {
    uint32_t version;
    const char *network, *method;
    pare_maps layers; /* of pare_layer_bits */
} pare_bits_spec;

/* Bitlengths as JSON and CSV have them: real ones are kept as weight_n, act_n and rounded up. */
void pare_bits_set_real(pare_layer_bits *l, double weight_bits, double act_bits);

/* Fill b->layers and b->n_layers. */
pare_status pare_bits_from_json(const pare_yaml *y, pare_bits *b, pare_err *e) PARE_MUST_CHECK;
pare_status pare_bits_from_csv(const pare_csv *c, pare_bits *b, pare_err *e) PARE_MUST_CHECK;

#endif

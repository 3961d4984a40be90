/* export.h (private): the parts of writing a run folder. */
#ifndef PARE_MODEL_EXPORT_H
#define PARE_MODEL_EXPORT_H
#include "model/train.h"

typedef struct exporter {
    pare_run *r;
    size_t n_images;  /* sampled */
    pare_buf tensors; /* tensors.csv */
} exporter;

/* weights/, acts/, params/ and the rows of tensors.csv. Codes are checked to give back the forward
 * pass's values bit by bit. */
pare_status pare_export_tensors(exporter *x, pare_err *e) PARE_MUST_CHECK;
#endif

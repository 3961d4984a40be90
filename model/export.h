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

/* Integers between layers (requant.c): params/NAME.requant.npy for each layer whose output one
 * other layer alone reads, past batch norm, relu and maximum pooling; acts/NEXT.requant.npy are
 * then the codes that it makes of the sampled images, in integers from its own input codes. They
 * are held against the float ones: at most one code apart, and seldom, or PARE_EFAIL. */
pare_status pare_export_requant(pare_run *r, uint32_t scale_bits, pare_err *e) PARE_MUST_CHECK;

/* ---- pieces (export.c) ---- */

/* Test images that are sampled. */
size_t pare_export_n_images(const pare_run *r);
/* A path for a layer's file: "FOLDER/LAYER SUFFIX.npy", slashes in names replaced. */
const char *pare_export_path(const char *folder, const char *layer, const char *suffix,
                             pare_buf *name);
/* Codes of one weight tensor `wq`, in its own order, less the code of zero if is_signed. */
pare_status pare_export_weight_codes(const pare_node *n, const pare_quant *q, float *wq,
                                     bool is_signed, int32_t *codes, pare_err *e) PARE_MUST_CHECK;
/* The input codes (h, w, c) of a MAC node for the first images of the last evaluation pass. */
pare_status pare_export_input_codes(const pare_run *r, const pare_node *n, size_t n_images,
                                    int32_t *codes, pare_err *e) PARE_MUST_CHECK;
/* Such codes in the order of files (c, h, w). */
pare_status pare_export_save_input(const exporter *x, const pare_node *n, const char *name,
                                   const int32_t *codes, pare_err *e) PARE_MUST_CHECK;
#endif

/* comm.h (private): several processes that train one network on parts of each batch.
 *
 * Every rank holds the whole network and takes its part of every batch. Sums over the batch (batch
 * norm, gradients, loss) are added over the ranks, ranges are widened, always by the main thread
 * and in the same order on all ranks, so that all of them go the same way. A pare_comm of NULL is
 * the one process there is; then none of these does anything.
 */
#ifndef PARE_MODEL_COMM_H
#define PARE_MODEL_COMM_H
#include "model/model.h"

unsigned pare_comm_size(const pare_comm *c);
/* Replace x by its sum over the ranks; the same bits everywhere. */
void pare_comm_sum_f64(const pare_comm *c, double *x, size_t n);
void pare_comm_sum_f32(const pare_comm *c, float *x, size_t n);
void pare_comm_max_f32(const pare_comm *c, float *x, size_t n);
void pare_comm_barrier(const pare_comm *c);
#endif

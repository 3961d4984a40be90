/* comm.c: the one file that knows MPI, if the program is built with it (Makefile: MPI). */
#include "model/comm.h"
#include <limits.h>
#include <stdlib.h>

#ifdef PARE_HAS_MPI
/* MPI's own macros cast functions to void * */
#pragma GCC diagnostic ignored "-Wpedantic"
#include <mpi.h>

struct pare_comm {
    int rank, size;
};

/* Open MPI's and MPICH's launchers say so in the environment. Without one a program does not even
 * start MPI, which would cost it a second. */
static bool is_launched(void) { return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMI_SIZE"); }

pare_status pare_comm_open(pare_comm **out, pare_err *e)
{
    *out = NULL;
    if (!is_launched()) return PARE_OK;
    int level;
    pare_comm *c = pare_xalloc(1, sizeof *c);
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS ||
        level < MPI_THREAD_FUNNELED) {
        free(c);
        return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0},
                            "MPI does not start with threads; MPI_THREAD_FUNNELED expected");
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &c->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &c->size);
    *out = c;
    return PARE_OK;
}

void pare_comm_close(pare_comm *c)
{
    if (!c) return;
    MPI_Finalize();
    free(c);
}

void pare_comm_abort(pare_comm *c, int status)
{
    if (c) MPI_Abort(MPI_COMM_WORLD, status);
}

unsigned pare_comm_rank(const pare_comm *c) { return c ? (unsigned)c->rank : 0; }

unsigned pare_comm_size(const pare_comm *c) { return c ? (unsigned)c->size : 1; }

static void reduce(void *x, size_t n, size_t size, MPI_Datatype type, MPI_Op op)
{
    for (size_t at = 0; at < n;) { /* counts are ints */
        const size_t part = n - at < INT_MAX ? n - at : INT_MAX;
        MPI_Allreduce(MPI_IN_PLACE, (char *)x + at * size, (int)part, type, op, MPI_COMM_WORLD);
        at += part;
    }
}

void pare_comm_sum_f64(const pare_comm *c, double *x, size_t n)
{
    if (c) reduce(x, n, sizeof *x, MPI_DOUBLE, MPI_SUM);
}

void pare_comm_sum_f32(const pare_comm *c, float *x, size_t n)
{
    if (c) reduce(x, n, sizeof *x, MPI_FLOAT, MPI_SUM);
}

void pare_comm_max_f32(const pare_comm *c, float *x, size_t n)
{
    if (c) reduce(x, n, sizeof *x, MPI_FLOAT, MPI_MAX);
}

void pare_comm_barrier(const pare_comm *c)
{
    if (c) MPI_Barrier(MPI_COMM_WORLD);
}

bool pare_comm_is_built(void) { return true; }

#else

struct pare_comm {
    char unused;
};

/* Started by an MPI launcher, every rank would train the whole run into the same folder. */
pare_status pare_comm_open(pare_comm **out, pare_err *e)
{
    *out = NULL;
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    if (!size) size = getenv("PMI_SIZE");
    if (!size || atoi(size) < 2) return PARE_OK;
    return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                        "this pare-train is built without MPI; one process, or a build with Open "
                        "MPI's development package (libopenmpi-dev), expected");
}

void pare_comm_close(pare_comm *c) { (void)c; }
void pare_comm_abort(pare_comm *c, int status) { (void)c, (void)status; }
unsigned pare_comm_rank(const pare_comm *c) { return (void)c, 0; }
unsigned pare_comm_size(const pare_comm *c) { return (void)c, 1; }
void pare_comm_sum_f64(const pare_comm *c, double *x, size_t n) { (void)c, (void)x, (void)n; }
void pare_comm_sum_f32(const pare_comm *c, float *x, size_t n) { (void)c, (void)x, (void)n; }
void pare_comm_max_f32(const pare_comm *c, float *x, size_t n) { (void)c, (void)x, (void)n; }
void pare_comm_barrier(const pare_comm *c) { (void)c; }
bool pare_comm_is_built(void) { return false; }
#endif

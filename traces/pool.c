/* Workers that spin briefly before they sleep: a training step is hundreds of short rounds, and
 * waking a sleeping thread costs more than many of them. */
#include "traces/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPINS = 20000 };

typedef struct worker_arg {
    struct pare_pool *pool;
    unsigned worker;
} worker_arg;

struct pare_pool {
    unsigned n_threads;
    pthread_t *threads; /* n_threads - 1: the caller works too */
    worker_arg *args;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    atomic_uint_fast64_t round; /* counts the calls of run; a change starts the workers */
    atomic_size_t next;
    atomic_uint n_busy;
    atomic_bool stop;
    size_t n_items;
    pare_pool_fn *fn;
    void *context;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_items(pare_pool *p, unsigned worker)
{
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->n_items;) p->fn(p->context, i, worker);
}

static uint_fast64_t wait_for_round(pare_pool *p, uint_fast64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->round) != seen) return atomic_load(&p->round);
        relax();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->round) == seen) pthread_cond_wait(&p->wake, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return atomic_load(&p->round);
}

static void *work(void *arg)
{
    const worker_arg *const a = arg;
    pare_pool *const p = a->pool;
    for (uint_fast64_t round = 0;;) {
        round = wait_for_round(p, round);
        if (atomic_load(&p->stop)) return NULL;
        take_items(p, a->worker);
        if (atomic_fetch_sub(&p->n_busy, 1) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->idle);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void start_round(pare_pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->round, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

pare_pool *pare_pool_new(unsigned n_threads)
{
    if (n_threads == 0) {
        const long n = sysconf(_SC_NPROCESSORS_ONLN);
        n_threads = n > 0 ? (unsigned)n : 1;
    }
    pare_pool *const p = pare_xalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    p->threads = pare_xalloc(n_threads, sizeof *p->threads);
    p->args = pare_xalloc(n_threads, sizeof *p->args);
    p->n_threads = 1;
    while (p->n_threads < n_threads) {
        worker_arg *const a = &p->args[p->n_threads];
        *a = (worker_arg){p, p->n_threads};
        if (pthread_create(&p->threads[p->n_threads - 1], NULL, work, a)) break;
        p->n_threads++;
    }
    return p;
}

void pare_pool_free(pare_pool *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    start_round(p);
    for (unsigned i = 0; i + 1 < p->n_threads; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->idle);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->args);
    free(p->threads);
    free(p);
}

unsigned pare_pool_threads(const pare_pool *p) { return p->n_threads; }

static void wait_until_idle(pare_pool *p)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->n_busy) == 0) return;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->n_busy)) pthread_cond_wait(&p->idle, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void pare_pool_run(pare_pool *p, size_t n_items, pare_pool_fn *fn, void *context)
{
    p->fn = fn;
    p->context = context;
    p->n_items = n_items;
    atomic_store(&p->next, 0);
    if (p->n_threads == 1 || n_items < 2) {
        take_items(p, 0);
        return;
    }
    atomic_store(&p->n_busy, p->n_threads - 1);
    start_round(p);
    take_items(p, 0);
    wait_until_idle(p);
}

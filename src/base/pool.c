// pool.c - worker threads that share out numbered pieces of work.
#define _GNU_SOURCE // sched_getaffinity
#include "base/pool.h"
#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    uint64_t round; // counts pool_run() calls; workers wait for it to change
    int busy;       // workers still in this round
    bool quit;

    pool_fn *fn;
    void *ctx;
    size_t pieces;
    atomic_size_t next;

    int threads;
    pthread_t worker[]; // threads - 1 of them
};

typedef struct seat {
    pool *pool;
    int worker;
} seat;

static void take_pieces(pool *p, int worker)
{
    for (;;) {
        const size_t k = atomic_fetch_add(&p->next, 1);
        if (k >= p->pieces) return;
        p->fn(p->ctx, k, worker);
    }
}

static void *worker_main(void *arg)
{
    const seat s = *(seat *)arg;
    mem_free(arg);
    pool *p = s.pool;
    uint64_t seen = 0;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen && !p->quit) pthread_cond_wait(&p->start, &p->lock);
        if (p->quit) break;
        seen = p->round;
        pthread_mutex_unlock(&p->lock);
        take_pieces(p, s.worker);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0) pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

habit_status pool_new(pool **out, int threads, habit_error *err)
{
    if (threads < 1 || threads > 1024)
        return fail(err, HABIT_EINVAL, "threads %d: not in 1..1024", threads);
    pool *p = mem_zalloc(1, sizeof *p + (size_t)threads * sizeof p->worker[0]);
    if (!p) return fail_memory(err, "threads", sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    p->threads = 1;

    for (int i = 1; i < threads; i++) {
        seat *s = NEW(seat, 1);
        if (s) *s = (seat){ p, i };
        if (!s || pthread_create(&p->worker[i - 1], NULL, worker_main, s) != 0) {
            mem_free(s);
            pool_free(p);
            return fail(err, HABIT_ENOMEM, "cannot start thread %d of %d", i + 1, threads);
        }
        p->threads++;
    }
    *out = p;
    return HABIT_OK;
}

void pool_free(pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads - 1; i++) pthread_join(p->worker[i], NULL);
    pthread_cond_destroy(&p->start);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

int pool_threads(const pool *p)
{
    return p ? p->threads : 1;
}

int pool_cores(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

void pool_run(pool *p, size_t pieces, pool_fn *fn, void *ctx)
{
    if (!p || p->threads == 1 || pieces < 2) {
        for (size_t k = 0; k < pieces; k++) fn(ctx, k, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->ctx = ctx;
    p->pieces = pieces;
    atomic_store(&p->next, 0);
    p->busy = p->threads - 1;
    p->round++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);

    take_pieces(p, 0);

    pthread_mutex_lock(&p->lock);
    while (p->busy) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

// pool.h - worker threads that share out numbered pieces of work.
//
// Work is always cut into a fixed number of pieces, whatever the number of threads; threads take
// the next piece when they are free.  If pieces are independent and reduced in their order, the
// result has the same bits at any thread count.
#ifndef BASE_POOL_H
#define BASE_POOL_H
#include "base/status.h"

typedef struct pool pool;

// threads >= 1; the caller counts as one of them.
habit_status pool_new(pool **out, int threads, habit_error *err);
void pool_free(pool *p);
int pool_threads(const pool *p); // 1 for NULL
int pool_cores(void);            // processors this process may use

// Calls fn(ctx, piece, worker) for every piece in 0..pieces-1 and returns when all are done;
// worker is in 0..threads-1.  A NULL pool runs them in order on the caller.  Not re-entrant: fn
// must not call pool_run on the same pool.
typedef void pool_fn(void *ctx, size_t piece, int worker);
void pool_run(pool *p, size_t pieces, pool_fn *fn, void *ctx);

// Piece k of n things cut into `pieces` nearly equal ranges: begins at pool_cut(n, pieces, k) and
// ends at pool_cut(n, pieces, k + 1).
static inline size_t pool_cut(size_t n, size_t pieces, size_t k)
{
    return n / pieces * k + (n % pieces * k) / pieces;
}

#endif

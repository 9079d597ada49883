// ranking.c - seconds of a full ranking of a 64-dimensional factor model at the size of
// MovieLens 1M, by threads.
//
//     ninja -C build bench/bench_ranking && build/bench/bench_ranking
#include "eval/bench.h"

#include <stdio.h>

int main(void)
{
    for (int threads = 1; threads <= pool_cores(); threads *= 2) {
        habit_error err = { 0 };
        run rn = { 0 };
        ranking_bench b = { .users = 6040, .items = 3416, .seen = 165, .dim = 64 };
        if (pool_new(&rn.pool, threads, &err) != HABIT_OK ||
            ranking_bench_run(&b, &rn, &err) != HABIT_OK) {
            fprintf(stderr, "%s\n", err.message);
            return habit_status_exit(err.status);
        }
        pool_free(rn.pool);
        printf("%u users x %u items x %d: %.4f s, %.1f GFLOP/s with %d threads (%s)\n", b.users,
               b.items, b.dim, b.seconds, b.gflops, threads, b.kernel);
    }
    return 0;
}

// bench.h - how fast a full ranking is on this machine.
#ifndef EVAL_BENCH_H
#define EVAL_BENCH_H
#include "base/run.h"

typedef struct ranking_bench {
    uint32_t users, items, seen; // seen: history events of each user, left out of the ranking
    int dim;
    const char *kernel;
    double seconds; // best of a few rounds: every user's one target ranked among all items, and
                    // the best 50 items kept
    double gflops;  // of the scores alone, 2 * users * items * dim operations, over all that time
} ranking_bench;

// users, items, seen and dim are given, the rest is measured on random vectors: 6040 x 3416 x 64
// with 165 seen items is the size of MovieLens 1M.
habit_status ranking_bench_run(ranking_bench *b, const run *rn, habit_error *err);

#endif

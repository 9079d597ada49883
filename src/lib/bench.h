// bench.h - the parts of habit_bench().
#ifndef LIB_BENCH_H
#define LIB_BENCH_H
#include "base/run.h"

#include <jansson.h>

// A row for every kind of kernel: which version was chosen, GFLOP/s on one core and the share of what
// the core can do at most.  Each is timed for `seconds`.
habit_status bench_kernels(json_t **rows, double seconds, habit_error *err);

// Targets a second that networks learn from, with the threads of the run.
habit_status bench_training(json_t **rows, double seconds, const run *r, habit_error *err);

#endif

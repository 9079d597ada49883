// compare.h - every pair of models on the same users.
#ifndef EVAL_COMPARE_H
#define EVAL_COMPARE_H
#include "eval/measures.h"

#include <jansson.h>

// One model in a comparison.
typedef struct compared {
    const char *name;
    const measures *measures;
    const double *samples; // [resamples][measures->ratios_count], or NULL
} compared;

// *out is an array: for each pair and each of NDCG, HR, Recall at `cut`: {"a", "b", "metric",
// "difference" (a - b), "interval95", "p_t", "p_permutation", "p_t_holm", "p_permutation_holm",
// "users"}.  Holm's correction is over the pairs of one metric.
habit_status compare_models(json_t **out, const compared *models, size_t n, uint32_t cut,
                            int resamples, uint64_t seed, const run *rn, habit_error *err);

#endif

// bootstrap.h - 95 % intervals by resampling users.
//
// B. Efron, "Bootstrap methods", Annals of Statistics 7, 1979; percentile interval.  Resample r
// draws as many users as there are, with replacement, from a stream of its own: (seed, r).  The
// same users are drawn for every model, so the difference of two models' resampled values is a
// paired bootstrap of their difference.
#ifndef EVAL_BOOTSTRAP_H
#define EVAL_BOOTSTRAP_H
#include "base/run.h"

// A statistic: sum over users of column num / sum of column den, or its square root.
typedef struct ratio {
    int num, den;
    bool root;
} ratio;

// Pairs of scores pooled over users, for an AUC over all: entries ascending by score, positives
// first among equals, NaN positives first and NaN negatives last of all, so that ties and NaN
// count against the model.
typedef struct pooled {
    uint32_t *entry; // user << 1 | positive
    size_t n;
} pooled;

typedef struct sampling {
    const double *value; // [users][columns]
    size_t users, columns;
    const ratio *ratios; // [count]; num < 0: the AUC of `pool`
    size_t count;
    const pooled *pool; // or NULL
    int resamples;
    uint64_t seed;
} sampling;

// The plain statistics, every user once.  out[count]; NaN where the denominator is 0.
void bootstrap_values(double *out, const sampling *s);

// Resampled statistics out[resamples][count].  The same at any thread count.
habit_status bootstrap_samples(double *out, const sampling *s, const run *rn, habit_error *err);

// 2.5 % and 97.5 % quantile (linear between order statistics) of n values `stride` apart; NaN are
// left out; false if fewer than two are left.  scratch[n].
bool bootstrap_interval(double interval[2], const double *values, size_t n, size_t stride,
                        double *scratch);

#endif

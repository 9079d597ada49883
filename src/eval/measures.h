// measures.h - every metric of one model, as sums over users.
//
// Each user is a row of columns; each metric is a ratio of two column sums.  So one table gives
// the metrics, their bootstrap intervals and the paired comparisons.
//
//     questions --ranking_make--> ranking --measures_make--> columns --bootstrap--> intervals
#ifndef EVAL_MEASURES_H
#define EVAL_MEASURES_H
#include "eval/bootstrap.h"
#include "eval/calibration.h"
#include "eval/diversity.h"
#include "eval/metrics.h"
#include "eval/popularity.h"
#include "eval/ranking.h"

enum { CUTS_MAX = 16, MEASURES_MAX = 256, MEASURE_NAME = 24 };

// What to measure.
typedef struct measures_plan {
    uint32_t cut[CUTS_MAX]; // ascending, distinct
    size_t cuts;
    uint32_t main; // the cut-off of comparisons, slices and plots
    bool lists;    // Coverage, ILD, Novelty, Gini, PopShare; full ranking only
    bool pairs;    // AUC, Accuracy, LogLoss, ECE
    bool values;   // RMSE, MAE, of models that predict values
} measures_plan;

// What all models share.
typedef struct measures_base {
    const questions *questions;
    const questions *calibration; // other questions to fit probabilities on, or NULL: the users
                                  // are halved, and each half is fitted on the other
    const popularity *popularity;
    const diversity *diversity; // NULL: no ILD
} measures_base;

typedef struct measure {
    char name[MEASURE_NAME];
    double value; // NaN: not defined on this data
    int sampled;  // place among the ratios, or -1: no interval
} measure;

typedef struct measures {
    measure list[MEASURES_MAX];
    size_t count;
    ratio ratios[MEASURES_MAX];
    size_t ratios_count;
    size_t users, columns;
    double *value; // [users][columns]
    pooled pool;
    size_t targets, misses,
        ties; // misses: targets outside the catalogue; ties: with an equal rival
    // columns by meaning, -1 where not measured
    int hr, recall, ndcg;          // at the main cut-off
    int positive, negative, pairs; // sums of probabilities, and how many pairs
    ranking ranking;               // as made
    double seconds;                // of ranking
} measures;

habit_status measures_make(measures *out, const measures_base *base, const contestant *c,
                           const measures_plan *plan, const run *rn, habit_error *err);
void measures_free(measures *m);

// Keeps of the users' columns only HR, Recall and NDCG at the main cut-off, for comparisons, and
// lets the ranking go: with many models and users the rest would not fit.
habit_status measures_shrink(measures *m, habit_error *err);

// NULL if there is no metric of that name.
const measure *measures_find(const measures *m, const char *name);

// The sampling that gives these measures their intervals.
sampling measures_sampling(const measures *m, int resamples, uint64_t seed);

// The known targets' positions of question k, ascending, as hits; scratch: room for its targets.
hits measures_hits(const ranking *r, size_t k, uint32_t *scratch);

#endif

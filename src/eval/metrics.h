// metrics.h - what the literature measures, as pure functions of positions.
//
// One user's answer is `hits`: the positions of the targets that are in the catalogue, ascending,
// from 1; and how many targets there are in all, since one outside the catalogue is a miss.
// Cut-offs k >= 1, targets >= 1.  Formulas and sources: docs/evaluation.md.
#ifndef EVAL_METRICS_H
#define EVAL_METRICS_H
#include <stddef.h>
#include <stdint.h>

typedef struct hits {
    const uint32_t *position; // [n] ascending
    size_t n, targets;        // n <= targets
} hits;

double metric_hr(hits h, size_t k);        // 1 if any target is among the first k
double metric_recall(hits h, size_t k);    // found targets / targets
double metric_precision(hits h, size_t k); // found targets / k
double metric_f1(hits h, size_t k);        // harmonic mean of the two
double metric_ndcg(hits h, size_t k);      // binary gain, log2 discount, ideal over min(k, targets)
double metric_mrr(hits h, size_t k);       // 1 / position of the first target, 0 beyond k
double metric_map(hits h, size_t k);       // sum over found targets of precision there / targets

#define METRIC_NO_CUT SIZE_MAX // k of a metric over the whole ranking

// Share of (target, other candidate) pairs in the right order, ties counted wrong: from the
// rivals R(t) of each target among `against` > 0 candidates that are no targets.
double metric_auc(const uint32_t *rivals, size_t targets, uint32_t against);

// --- of the lists of all users -------------------------------------------------------------------

// Inequality of exposure over the catalogue: 0 all items equally often, towards 1 one item takes
// all; NaN if nothing was shown.  Sorts counts[n] ascending.
double metric_gini(uint32_t *counts, size_t n);
double metric_coverage(const uint32_t *counts, size_t n); // share of items shown at all

#endif

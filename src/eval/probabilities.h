// probabilities.h - how good probabilities are: AUC, accuracy, log loss and calibration error.
//
// What is judged is a list of examples, each with a score, a probability and what was the case:
//
//     any model            every target and its probe, one random item; probabilities from scores by
//                          Platt scaling (eval/calibration.h), unless the model has its own
//     a model of likes     every target event with a value; was it at least model.liked?
#ifndef EVAL_PROBABILITIES_H
#define EVAL_PROBABILITIES_H
#include "eval/measures.h"

// Where the sums of each question go.
typedef struct probability_columns {
    double *value; // [questions][columns]
    size_t columns;
    int loss, right, examples;     // of all examples
    int positive, negative, pairs; // probabilities of targets and of probes, and how many pairs
} probability_columns;

// True if the model is of likes; there are then no pairs.
bool probabilities_of_likes(const contestant *c);

// Fills the columns, *all that AUC is computed from, and *ece: the expected calibration error
// over 15 bins of equal width (C. Guo et al., ICML 2017, arXiv:1706.04599, eq. 5); NaN without
// examples.
habit_status probabilities_make(const probability_columns *to, pooled *all, double *ece,
                                const ranking *r, const measures_base *base, const contestant *c,
                                const run *rn, habit_error *err);

// Platt scaling of a model that answers with probabilities, on these questions: sigmoid(a x + b),
// where sigmoid(x) is what it says now.  False in *found with fewer than 50 examples of a kind.
habit_status probabilities_fit(double *a, double *b, bool *found, const questions *q,
                               const contestant *c, const run *rn, habit_error *err);

#endif

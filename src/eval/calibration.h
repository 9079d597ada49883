// calibration.h - from scores to probabilities, by Platt scaling.
//
// J. Platt, "Probabilistic outputs for support vector machines", 1999, with the numerics of
// H.-T. Lin, C.-J. Lin and R. Weng, Machine Learning 68, 2007:
//
//     P(taken | s) = 1 / (1 + exp(-(a s + b)))
//
// a and b maximise the likelihood of pairs of a target and a uniform random item.  They are fitted
// on other questions than those they are reported on.
#ifndef EVAL_CALIBRATION_H
#define EVAL_CALIBRATION_H
#include <stddef.h>

typedef struct calibration {
    double a, b;
    double floor; // what a score that is no number, or infinite, counts as: the lowest seen
} calibration;

// positive[n], negative[n] from any users; pairs where either is NaN by absence are left out by the
// caller.  With nothing finite to learn from, every probability is one half.
calibration calibration_fit(const float *positive, const float *negative, size_t n);

double calibration_probability(const calibration *c, float score); // within [1e-6, 1 - 1e-6]

#endif

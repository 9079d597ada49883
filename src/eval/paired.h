// paired.h - is the difference of two models more than luck?
//
// Of the per-user differences d_1 ... d_n of one metric:
//
//     t-test        t = mean(d) / (sd(d) / sqrt n), two-sided, n - 1 degrees of freedom
//     permutation   the signs of d are flipped at random; p is the share of flips whose |sum| is
//                   at least the one seen, the one seen counting as a flip (Fisher 1935)
//
// Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979) keeps the chance of any
// false finding among several comparisons below the level.
#ifndef EVAL_PAIRED_H
#define EVAL_PAIRED_H
#include "base/run.h"

double paired_t_test(const double *d, size_t n);      // p; 1 where all differences are 0 or n < 2
double student_p(double t, double freedom);           // two-sided
double incomplete_beta(double a, double b, double x); // regularised, x in [0, 1]

enum { PAIRED_FLIPS = 9999 };
// *p is the same at any thread count.
habit_status paired_permutation(double *p, const double *d, size_t n, uint64_t seed, const run *rn,
                                habit_error *err);

void holm(double *adjusted, const double *p, size_t n); // n <= 4096

#endif

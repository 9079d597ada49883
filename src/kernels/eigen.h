// eigen.h - the principal axes of a small symmetric matrix, by LAPACK.
#ifndef KERNELS_EIGEN_H
#define KERNELS_EIGEN_H
#include "base/status.h"

// a [n][n], symmetric: on success row k is the unit eigenvector of value[k], largest value first.
// Refuses matrices that are not finite.
habit_status eigen_symmetric(double *a, double *value, size_t n, habit_error *err);

#endif

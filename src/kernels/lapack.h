// lapack.h - the door to the matrix library, OpenBLAS.
//
// Our own threads share out work; the library is called single-threaded from each of them.
// OpenBLAS keeps its number of threads in one place for the whole process: lapack_open() sets it
// to 1.
#ifndef KERNELS_LAPACK_H
#define KERNELS_LAPACK_H
#include "base/run.h"

#include <stddef.h>

// To be called before the library is used by several threads.  Refuses OpenBLAS's serial build,
// which returns wrong products when two threads are in it at once, and more threads than there are
// addresses for its buffers (HABIT_ENOMEM).
habit_status lapack_open(int threads, habit_error *err);

// The inverse of a symmetric positive definite matrix a[n][n], in place, with 4 KiB * n of working
// memory.  The upper triangle, a[i][j] with j >= i, is read and becomes the inverse; what is below
// must be initialised and holds nothing of use afterwards.  The same bits at any number of threads.
// Not positive definite, or not finite: HABIT_EDIVERGED; then, and when stopped, `a` is lost.
habit_status lapack_inverse(float *a, size_t n, const run *run, habit_error *err);

// The principal axes of a symmetric matrix a[n][n]: on success row k of `a` is the unit eigenvector
// of value[k], largest value first (LAPACK dsyevd, on one thread).  Not finite: HABIT_EDIVERGED.
habit_status lapack_eigen(double *a, double *value, size_t n, habit_error *err);

#endif

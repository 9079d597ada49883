// eigen.c - the principal axes of a small symmetric matrix, by LAPACK.
#include "kernels/eigen.h"
#include "base/memory.h"

#include <lapacke.h>
#include <math.h>

// LAPACK gives the smallest value first.
static void reverse_rows(double *a, double *value, size_t n)
{
    for (size_t lo = 0, hi = n; lo + 1 < hi--; lo++) {
        const double v = value[lo];
        value[lo] = value[hi];
        value[hi] = v;
        for (size_t i = 0; i < n; i++) {
            const double swap = a[lo * n + i];
            a[lo * n + i] = a[hi * n + i];
            a[hi * n + i] = swap;
        }
    }
}

habit_status eigen_symmetric(double *a, double *value, size_t n, habit_error *err)
{
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(a[i]))
            return fail(err, HABIT_EDIVERGED, "eigenvectors: the matrix is not finite");

    // Sizes of the work space from the manual of dsyevd, for jobz = 'V'.
    const size_t work_size = 1 + 6 * n + 2 * n * n, pivots_size = 3 + 5 * n;
    double *work = NEW(double, work_size);
    lapack_int *pivots = NEW(lapack_int, pivots_size);
    habit_status st = HABIT_OK;
    if (!work || !pivots) {
        st = fail_memory(err, "eigenvectors", work_size * sizeof *work);
        goto out;
    }
    // Column k of LAPACK's order is row k of ours.
    const lapack_int info =
        LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, value,
                            work, (lapack_int)work_size, pivots, (lapack_int)pivots_size);
    if (info != 0)
        st = fail(err, HABIT_EDIVERGED, "eigenvectors: dsyevd does not converge (%d)", (int)info);
    else
        reverse_rows(a, value, n);
out:
    mem_free(work);
    mem_free(pivots);
    return st;
}

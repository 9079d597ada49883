// lapack.c - the door to the matrix library, OpenBLAS.
//
// The inverse is computed by sweeping, which is Gauss-Jordan elimination that keeps a symmetric
// matrix symmetric (J. H. Goodnight, "A tutorial on the SWEEP operator", The American Statistician
// 33(3), 1979), here for blocks of rows.  Sweeping block k, with D = A_kk^-1,
//
//     A_ij -= A_ik D A_kj   for i, j != k        A_kj = D A_kj        A_kk = -D
//
// and once all are swept, A has become -A^-1.  It takes n^3 operations, as many as Cholesky's
// factors and their inverse, nearly all of them in large independent matrix products, which is why
// it is here instead of LAPACK's spotri: our threads share the products out, each is computed by
// one of them, and so the bits do not depend on how many there are.  On a positive definite matrix
// pivots in any order are safe (N. J. Higham, Accuracy and Stability of Numerical Algorithms,
// 14.4).
#include "kernels/lapack.h"
#include "base/memory.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <string.h>

habit_status lapack_open(habit_error *err)
{
    enum { SERIAL = 0 }; // openblas_get_parallel(): 0 serial, 1 threads, 2 OpenMP
    if (openblas_get_parallel() == SERIAL)
        return fail(err, HABIT_EINTERNAL,
                    "this OpenBLAS is the serial build, which is wrong under threads: install the "
                    "threaded one (Debian: libopenblas0-pthread)");
    openblas_set_num_threads(1);
    return HABIT_OK;
}

// --- the inverse -----------------------------------------------------------------------------------

enum { BLOCK = 512 };

typedef struct sweep {
    float *a;       // [n][n], upper triangle
    float *row;     // [BLOCK][n] the rows of block k before it is swept, both sides
    float *swept;   // [BLOCK][n] D times them
    float *inverse; // [BLOCK][BLOCK] D, both triangles
    size_t n, blocks, k;
} sweep;

static size_t block_begin(const sweep *s, size_t block)
{
    return block * BLOCK < s->n ? block * BLOCK : s->n;
}

static size_t block_size(const sweep *s, size_t block)
{
    return block_begin(s, block + 1) - block_begin(s, block);
}

// Inverts the pivot block A_kk into `inverse`.  Returns 0, or the first row that is not positive.
static size_t invert_pivot(sweep *s)
{
    const size_t at = block_begin(s, s->k), size = block_size(s, s->k);
    float *d = s->inverse;
    for (size_t i = 0; i < size; i++)
        for (size_t j = i; j < size; j++) d[i * BLOCK + j] = s->a[(at + i) * s->n + at + j];

    // Our upper triangle by rows is LAPACK's lower triangle by columns.
    lapack_int info = LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'L', (lapack_int)size, d, BLOCK);
    if (info == 0) info = LAPACKE_spotri_work(LAPACK_COL_MAJOR, 'L', (lapack_int)size, d, BLOCK);
    // OpenBLAS lets NaN pass as a pivot: only the diagonal of the result shows it.
    for (size_t i = 0; info == 0 && i < size; i++)
        if (!(d[i * BLOCK + i] > 0) || isinf(d[i * BLOCK + i])) info = (lapack_int)i + 1;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < i; j++) d[i * BLOCK + j] = d[j * BLOCK + i];
    return info == 0 ? 0 : at + (size_t)info;
}

// Copies A_kj to `row` and D A_kj to `swept`, for one j.
static void take_block(void *ctx, size_t j, int worker)
{
    sweep *s = ctx;
    const size_t n = s->n, k = block_begin(s, s->k), rows = block_size(s, s->k);
    const size_t at = block_begin(s, j), columns = block_size(s, j);
    (void)worker;
    if (j == s->k) return;
    if (j > s->k) {
        for (size_t i = 0; i < rows; i++)
            memcpy(s->row + i * n + at, s->a + (k + i) * n + at, columns * sizeof *s->row);
    } else {
        for (size_t c = 0; c < columns; c++)
            for (size_t i = 0; i < rows; i++) s->row[i * n + at + c] = s->a[(at + c) * n + k + i];
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)columns, (int)rows, 1,
                s->inverse, BLOCK, s->row + at, (int)n, 0, s->swept + at, (int)n);
}

// Row i of blocks: A_ij -= A_ki^T (D A_kj) for all j >= i; then column k, if it lies above.
static void update_blocks(void *ctx, size_t i, int worker)
{
    sweep *s = ctx;
    const size_t n = s->n, at = block_begin(s, i), rows = block_size(s, i);
    const size_t k = block_begin(s, s->k), inner = block_size(s, s->k);
    (void)worker;
    if (i == s->k) {
        for (size_t r = 0; r < rows; r++) {
            float *a = s->a + (at + r) * n;
            for (size_t c = r; c < rows; c++) a[at + c] = -s->inverse[r * BLOCK + c];
            for (size_t c = at + rows; c < n; c++) a[c] = s->swept[r * n + c];
        }
        return;
    }
    for (size_t j = i; j < s->blocks; j++) {
        if (j == s->k) continue;
        // j == i: what lies below the diagonal of this block is computed too, and never read.
        const size_t to = block_begin(s, j);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows, (int)block_size(s, j),
                    (int)inner, -1, s->row + at, (int)n, s->swept + to, (int)n, 1,
                    s->a + at * n + to, (int)n);
    }
    if (i > s->k) return;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < inner; c++) s->a[(at + r) * n + k + c] = s->swept[c * n + at + r];
}

static void negate_rows(void *ctx, size_t block, int worker)
{
    sweep *s = ctx;
    (void)worker;
    for (size_t i = block_begin(s, block); i < block_begin(s, block + 1); i++)
        for (size_t j = i; j < s->n; j++) s->a[i * s->n + j] = -s->a[i * s->n + j];
}

static habit_status sweep_all(sweep *s, const run *r, habit_error *err)
{
    for (s->k = 0; s->k < s->blocks; s->k++) {
        TRY(run_progress(r, "inverting a matrix", s->k, s->blocks, err));
        const size_t bad = invert_pivot(s);
        if (bad)
            return fail(err, HABIT_EDIVERGED,
                        "row %zu of %zu: the matrix is not positive definite in single precision; "
                        "raise the penalty on its diagonal",
                        bad, s->n);
        pool_run(run_pool(r), s->blocks, take_block, s);
        pool_run(run_pool(r), s->blocks, update_blocks, s);
    }
    pool_run(run_pool(r), s->blocks, negate_rows, s);
    return run_progress(r, "inverting a matrix", s->blocks, s->blocks, err);
}

habit_status lapack_inverse(float *a, size_t n, const run *r, habit_error *err)
{
    if (n == 0) return HABIT_OK;
    if (n > INT_MAX) return fail(err, HABIT_ELIMIT, "a matrix of %zu rows is too large", n);
    TRY(lapack_open(err));
    sweep s = { .a = a, .n = n, .blocks = (n + BLOCK - 1) / BLOCK };
    s.row = NEW(float, BLOCK *n);
    s.swept = NEW(float, BLOCK *n);
    s.inverse = NEW(float, BLOCK *BLOCK);
    habit_status st = HABIT_OK;
    if (!s.row || !s.swept || !s.inverse)
        st = fail_memory(err, "inverting a matrix", 2 * BLOCK * n * sizeof *a);
    if (st == HABIT_OK) st = sweep_all(&s, r, err);
    mem_free(s.row);
    mem_free(s.swept);
    mem_free(s.inverse);
    return st;
}

// --- eigenvectors ----------------------------------------------------------------------------------

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

habit_status lapack_eigen(double *a, double *value, size_t n, habit_error *err)
{
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(a[i]))
            return fail(err, HABIT_EDIVERGED, "eigenvectors: the matrix is not finite");

    TRY(lapack_open(err));

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

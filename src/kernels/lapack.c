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
//
// The library is loaded when it is first needed, and told to have no threads of its own: by itself it
// starts one for every core as it is loaded, each of which asks for 128 MiB until it gets them, and
// where memory is limited the program would never end.
#include "kernels/lapack.h"
#include "base/memory.h"

#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// --- loading ---------------------------------------------------------------------------------------

enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 }; // of cblas.h

// What is used of it: CBLAS, and LAPACK by its Fortran names, where a text's length comes last.
static struct {
    int (*parallel)(void); // 0 serial, 1 threads, 2 OpenMP
    void (*set_threads)(int n);
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                  int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*spotrf)(const char *uplo, const int *n, float *a, const int *lda, int *info, size_t);
    void (*spotri)(const char *uplo, const int *n, float *a, const int *lda, int *info, size_t);
    void (*dsyevd)(const char *jobz, const char *uplo, const int *n, double *a, const int *lda,
                   double *w, double *work, const int *lwork, int *iwork, const int *liwork,
                   int *info, size_t, size_t);
    char missing[200]; // why it cannot be used; empty: it can
} blas;

static void load(void)
{
    static const char *const files[] = { "libopenblas.so.0", "libopenblas.so", "libopenblas.dylib",
                                         "libopenblas.0.dylib" };
    const struct {
        const char *name;
        void *to; // a pointer to the pointer
    } symbols[] = {
        { "openblas_get_parallel", &blas.parallel },
        { "openblas_set_num_threads", &blas.set_threads },
        { "cblas_sgemm", &blas.sgemm },
        { "spotrf_", &blas.spotrf },
        { "spotri_", &blas.spotri },
        { "dsyevd_", &blas.dsyevd },
    };
    void *file = NULL;
    setenv("OPENBLAS_NUM_THREADS", "1", 0); // it reads this while it is loaded
    for (size_t i = 0; !file && i < COUNT_OF(files); i++)
        file = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
    const char *problem = file ? NULL : dlerror();
    for (size_t i = 0; file && !problem && i < COUNT_OF(symbols); i++) {
        void *found = dlsym(file, symbols[i].name);
        if (!found) problem = dlerror();
        memcpy(symbols[i].to, &found, sizeof found);
    }
    if (problem || !file) snprintf(blas.missing, sizeof blas.missing, "%s", problem);
}

enum { BUFFER = 128 << 20 };

// OpenBLAS works in a buffer of its own for each thread that is in it, and asks for ever where it
// gets none: whether it can have them is tried first.
static bool buffers_possible(int threads)
{
    const size_t size = (size_t)threads * (BUFFER + (1 << 20));
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && munmap(p, size) == 0;
}

habit_status lapack_open(int threads, habit_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    enum { SERIAL = 0 };
    pthread_once(&once, load);
    if (*blas.missing)
        return fail(err, HABIT_EINTERNAL,
                    "OpenBLAS is needed and cannot be loaded (%s): install it (Debian: "
                    "libopenblas0-pthread)",
                    blas.missing);
    if (blas.parallel() == SERIAL)
        return fail(err, HABIT_EINTERNAL,
                    "this OpenBLAS is the serial build, which is wrong under threads: install the "
                    "threaded one (Debian: libopenblas0-pthread)");
    blas.set_threads(1);
    if (!buffers_possible(threads))
        return fail(err, HABIT_ENOMEM,
                    "out of memory: OpenBLAS wants %d MB of addresses a thread, for %d; raise the "
                    "limit or take fewer --threads",
                    BUFFER >> 20, threads);
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
    const int order = (int)size, stride = BLOCK;
    int info = 0;
    blas.spotrf("L", &order, d, &stride, &info, 1);
    if (info == 0) blas.spotri("L", &order, d, &stride, &info, 1);
    // OpenBLAS lets NaN pass as a pivot: only the diagonal of the result shows it.
    for (size_t i = 0; info == 0 && i < size; i++)
        if (!(d[i * BLOCK + i] > 0) || isinf(d[i * BLOCK + i])) info = (int)i + 1;
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
    blas.sgemm(ROW_MAJOR, AS_IT_IS, AS_IT_IS, (int)rows, (int)columns, (int)rows, 1, s->inverse,
               BLOCK, s->row + at, (int)n, 0, s->swept + at, (int)n);
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
        blas.sgemm(ROW_MAJOR, TRANSPOSED, AS_IT_IS, (int)rows, (int)block_size(s, j), (int)inner,
                   -1, s->row + at, (int)n, s->swept + to, (int)n, 1, s->a + at * n + to, (int)n);
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
    TRY(lapack_open(run_threads(r), err));
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

    if (n > 30000) // 2 n^2 numbers of work space are counted in an int
        return fail(err, HABIT_ELIMIT, "eigenvectors: a matrix of %zu rows is too large", n);
    TRY(lapack_open(1, err));

    // Sizes of the work space from the manual of dsyevd, for jobz = 'V'.
    const int order = (int)n;
    const size_t work_size = 1 + 6 * n + 2 * n * n, pivots_size = 3 + 5 * n;
    const int work_given = (int)work_size, pivots_given = (int)pivots_size;
    double *work = NEW(double, work_size);
    int *pivots = NEW(int, pivots_size), info = 0;
    habit_status st = HABIT_OK;
    if (!work || !pivots) {
        st = fail_memory(err, "eigenvectors", work_size * sizeof *work);
        goto out;
    }
    // Column k of LAPACK's order is row k of ours.
    blas.dsyevd("V", "U", &order, a, &order, value, work, &work_given, pivots, &pivots_given, &info,
                1, 1);
    if (info != 0)
        st = fail(err, HABIT_EDIVERGED, "eigenvectors: dsyevd does not converge (%d)", info);
    else
        reverse_rows(a, value, n);
out:
    mem_free(work);
    mem_free(pivots);
    return st;
}

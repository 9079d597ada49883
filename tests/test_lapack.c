// test_lapack.c - the inverse and the axes of a symmetric matrix.
#include "tests/check.h"
#include "base/memory.h"
#include "base/rng.h"
#include "kernels/lapack.h"

#include <math.h>
#include <string.h>

// A random Gram matrix of n rows with a ridge: positive definite, all of it filled in.
static float *make_matrix(size_t n)
{
    enum { SAMPLES = 40 };
    float *x = NEW(float, SAMPLES *n), *a = ZNEW(float, n *n);
    rng r = rng_at(17, n, 0);
    for (size_t i = 0; i < SAMPLES * n; i++) x[i] = (float)(rng_uniform(&r) - 0.3);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = i == j ? 2 : 0;
            for (size_t k = 0; k < SAMPLES; k++) sum += (double)x[k * n + i] * (double)x[k * n + j];
            a[i * n + j] = (float)sum;
        }
    mem_free(x);
    return a;
}

// A times its inverse, on some rows: within 1e-4 of the identity.
static void check_inverse(const float *a, const float *inverse, size_t n)
{
    for (size_t i = 0; i < n; i += 1 + n / 13)
        for (size_t j = 0; j < n; j += 1 + n / 97) {
            double sum = 0;
            for (size_t k = 0; k < n; k++) {
                const float x = k <= j ? inverse[k * n + j] : inverse[j * n + k];
                sum += (double)a[i * n + k] * (double)x;
            }
            CHECK(fabs(sum - (i == j)) < 1e-4, "%zu: (A A^-1)[%zu][%zu] = %g", n, i, j, sum);
        }
}

static void test_sizes(void)
{
    static const size_t sizes[] = { 1, 2, 3, 64, 511, 512, 513, 1100 };
    run three = { 0 };
    CHECK_OK(pool_new(&three.pool, 3, err));
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        float *a = make_matrix(n), *one = NEW(float, n *n), *many = NEW(float, n *n);
        memcpy(one, a, n * n * sizeof *a);
        memcpy(many, a, n * n * sizeof *a);
        for (size_t i = 0; i < n; i++) // below the diagonal anything may stand
            for (size_t j = 0; j < i; j++) many[i * n + j] = 1e6f;
        CHECK_OK(lapack_inverse(one, n, NULL, err));
        CHECK_OK(lapack_inverse(many, n, &three, err));
        check_inverse(a, one, n);
        bool same = true;
        for (size_t i = 0; i < n; i++)
            same = same && memcmp(one + i * n + i, many + i * n + i, (n - i) * sizeof *a) == 0;
        CHECK(same, "%zu rows: threads, or what is below the diagonal, change the bits", n);
        mem_free(a);
        mem_free(one);
        mem_free(many);
    }
    pool_free(three.pool);
}

static void test_refusals(void)
{
    float bad[4] = { 1, 2, 0, 1 }, nan[4] = { 1, NAN, 0, 1 }, zero[1] = { 0 };
    CHECK(lapack_inverse(bad, 2, NULL, NULL) == HABIT_EDIVERGED, "not positive definite");
    CHECK(lapack_inverse(nan, 2, NULL, NULL) == HABIT_EDIVERGED, "NaN passes");
    CHECK(lapack_inverse(zero, 1, NULL, NULL) == HABIT_EDIVERGED, "zero passes");
    CHECK_OK(lapack_inverse(NULL, 0, NULL, err));

    habit_error err = { 0 };
    float *late = make_matrix(600); // fails in the second block: the row is named
    late[555 * 600 + 555] = -1;
    CHECK(lapack_inverse(late, 600, NULL, &err) == HABIT_EDIVERGED, "a negative pivot passes");
    CHECK(strstr(err.message, "row 556 of 600") != NULL, "%s", err.message);
    mem_free(late);
}

static int stop(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    (void)ctx, (void)what, (void)total;
    return done == 1;
}

static void test_stop(void)
{
    const run stopping = { .hooks = { .progress = stop } };
    float *a = make_matrix(600);
    CHECK(lapack_inverse(a, 600, &stopping, NULL) == HABIT_ESTOPPED, "cannot be stopped");
    mem_free(a);
}

// The axes are orthonormal, in falling order, and put together give the matrix again.
static void test_axes(size_t n)
{
    float *a = make_matrix(n);
    double *axes = NEW(double, n *n), *value = NEW(double, n);
    for (size_t i = 0; i < n * n; i++) axes[i] = (double)a[i];
    CHECK_OK(lapack_eigen(axes, value, n, err));
    for (size_t i = 0; i < n; i++) {
        CHECK(i == 0 || value[i] <= value[i - 1], "n=%zu: value %zu is larger", n, i);
        for (size_t j = 0; j < n; j++) {
            double sum = 0, dot = 0;
            for (size_t k = 0; k < n; k++) {
                sum += value[k] * axes[k * n + i] * axes[k * n + j];
                dot += axes[i * n + k] * axes[j * n + k];
            }
            CHECK(fabs(sum - (double)a[i * n + j]) < 1e-10 * value[0], "n=%zu [%zu][%zu]: %g", n, i,
                  j, sum);
            CHECK(fabs(dot - (i == j)) < 1e-12 * (double)n, "n=%zu axes %zu, %zu: %g", n, i, j,
                  dot);
        }
    }
    axes[0] = NAN;
    CHECK(lapack_eigen(axes, value, n, NULL) == HABIT_EDIVERGED, "accepts NaN");
    mem_free(a);
    mem_free(axes);
    mem_free(value);
}

int main(void)
{
    test_sizes();
    test_refusals();
    test_stop();
    for (size_t n = 1; n <= 20; n += n < 4 ? 1 : 8) test_axes(n);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

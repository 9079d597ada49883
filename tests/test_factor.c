// test_factor.c - every version of the loops of factor models against sums in double, at a fence.
#include "tests/check.h"
#include "tests/fence.h"
#include "base/rng.h"
#include "kernels/cpu.h"
#include "kernels/factor.h"

#include <string.h>

enum { ROWS = 21, DIM_MAX = 144 };

static float *filled(size_t n, uint64_t seed)
{
    float *x = fence_floats(n);
    rng r = rng_at(seed, n, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(rng_uniform(&r) * 2 - 1);
    return x;
}

static void check_near(const factor_kernels *k, const char *what, float got, double want,
                       double size)
{
    CHECK(fabs((double)got - want) <= 3e-6 * (1 + size), "%s %s: %g, want %g", k->name, what,
          (double)got, want);
}

// Widths that need filling up; the table ends at a fence too.
static void test_gather(const factor_kernels *k, size_t width)
{
    enum { TABLE = 13 };
    const size_t pad = factor_pad(width);
    const float *table = filled(TABLE * width, 20), *scale = filled(width, 21);
    float *g = fence_floats(ROWS * pad), *root = fence_floats(pad), *inverse = fence_floats(pad);
    uint32_t index[ROWS];
    for (size_t r = 0; r < ROWS; r++) index[r] = (uint32_t)((r * 5 + 12) % TABLE);
    k->gather(g, table, index, scale, ROWS, width);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < pad; i++) {
            const float want = i < width ? scale[i] * table[index[r] * width + i] : 0;
            CHECK(g[r * pad + i] == want, "%s width %zu: g[%zu][%zu] %g, want %g", k->name, width,
                  r, i, (double)g[r * pad + i], (double)want);
        }
    float *d = filled(pad, 22);
    k->roots(root, inverse, d, 1.5f, pad);
    for (size_t i = 0; i < pad; i++) {
        check_near(k, "root", root[i], sqrt((double)d[i] + 1.5), 0);
        check_near(k, "inverse root", inverse[i], 1 / sqrt((double)d[i] + 1.5), 0);
    }
}

static void test_pull(const factor_kernels *k, size_t n, size_t dim)
{
    const float *x = filled(dim, 1), *g = filled(n * dim, 2), *a = filled(n, 3);
    float *y = filled(dim, 4), *z = filled(dim, 4);
    double want[DIM_MAX], plain[DIM_MAX];
    for (size_t i = 0; i < dim; i++) want[i] = plain[i] = (double)y[i];
    for (size_t r = 0; r < n; r++) {
        double dot = 0;
        for (size_t i = 0; i < dim; i++) dot += (double)g[r * dim + i] * (double)x[i];
        for (size_t i = 0; i < dim; i++) {
            want[i] += ((double)a[r] - dot) * (double)g[r * dim + i];
            plain[i] -= dot * (double)g[r * dim + i];
        }
    }
    k->pull(y, x, g, a, n, dim);
    k->pull(z, x, g, NULL, n, dim);
    for (size_t i = 0; i < dim; i++) {
        check_near(k, "pull", y[i], want[i], (double)n);
        check_near(k, "pull of nothing", z[i], plain[i], (double)n);
    }
}

static void test_products(const factor_kernels *k, size_t n, size_t dim)
{
    const float *g = filled(n * dim, 5), *v = filled(dim * dim, 6);
    float *c = filled(dim * dim, 7), *out = fence_floats(n * dim);
    float *was = fence_floats(dim * dim);
    memcpy(was, c, dim * dim * sizeof *c);
    k->gram(c, g, n, dim);
    k->rotate(out, g, v, n, dim);
    for (size_t i = 0; i < dim; i++)
        for (size_t j = i; j < dim; j++) {
            double sum = (double)was[i * dim + j];
            for (size_t r = 0; r < n; r++) sum += (double)g[r * dim + i] * (double)g[r * dim + j];
            check_near(k, "gram", c[i * dim + j], sum, (double)n / 4);
        }
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < dim; j++) {
            double sum = 0;
            for (size_t l = 0; l < dim; l++) sum += (double)g[r * dim + l] * (double)v[l * dim + j];
            check_near(k, "rotate", out[r * dim + j], sum, (double)dim / 4);
        }
}

// A random matrix of rows times itself plus one on the diagonal; what is beyond n must not matter.
static void test_cholesky(const factor_kernels *k, size_t n)
{
    const size_t pad = factor_pad(n);
    const float *g = filled(n * n, 8), *want = filled(n, 9);
    float *a = fence_floats(n * pad), *b = fence_floats(n);
    for (size_t i = 0; i < n * pad; i++) a[i] = NAN;
    for (size_t i = 0; i < n; i++) {
        double right = 0;
        for (size_t j = 0; j < n; j++) {
            double sum = i == j;
            for (size_t r = 0; r < n; r++) sum += (double)g[r * n + i] * (double)g[r * n + j];
            if (j >= i) a[i * pad + j] = (float)sum;
            right += sum * (double)want[j];
        }
        b[i] = (float)right;
    }
    CHECK(k->cholesky(a, n, pad), "%s n=%zu: not positive definite", k->name, n);
    k->cholesky_solve(a, b, n, pad);
    for (size_t i = 0; i < n; i++)
        CHECK(fabs((double)(b[i] - want[i])) <= 1e-4, "%s n=%zu x[%zu] %g, want %g", k->name, n, i,
              (double)b[i], (double)want[i]);
}

static void test_cholesky_refuses(const factor_kernels *k)
{
    float a[6 * FACTOR_PAD] = { 0 };
    for (size_t i = 0; i < 6; i++) a[i * FACTOR_PAD + i] = i == 5 ? -1 : 1;
    CHECK(!k->cholesky(a, 6, FACTOR_PAD), "%s accepts a negative square", k->name);
    for (size_t i = 0; i < 6; i++) a[i * FACTOR_PAD + i] = i == 2 ? NAN : 1;
    CHECK(!k->cholesky(a, 6, FACTOR_PAD), "%s accepts NaN", k->name);
}

static void test_pairs(const factor_kernels *k, size_t dim)
{
    float *row[3], *was[3];
    for (size_t t = 0; t < 3; t++) row[t] = filled(dim, 10 + t), was[t] = filled(dim, 10 + t);
    double score = 0;
    for (size_t l = 0; l < dim; l++)
        score += (double)was[0][l] * ((double)was[1][l] - (double)was[2][l]);
    check_near(k, "pair_score", k->pair_score(row[0], row[1], row[2], dim), score, (double)dim);
    k->pair_step(row[0], row[1], row[2], 0.3f, 0.9f, 0.8f, dim);
    for (size_t l = 0; l < dim; l++) {
        const double u = (double)was[0][l], i = (double)was[1][l], j = (double)was[2][l];
        check_near(k, "step of u", row[0][l], 0.9 * u + 0.3 * (i - j), 0);
        check_near(k, "step of i", row[1][l], 0.8 * i + 0.3 * u, 0);
        check_near(k, "step of j", row[2][l], 0.8 * j - 0.3 * u, 0);
    }
}

int main(void)
{
    static const size_t dims[] = { 16, 32, 48, 64, 144 }, counts[] = { 0, 1, 3, 4, 5, 8, ROWS };
    static const size_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 33, 64, 100 };
    size_t versions = 0;
    for (const factor_kernels *k; (k = factor_kernels_at(versions)) != NULL; versions++) {
        if ((k->needs & cpu_features()) != k->needs) continue;
        for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                test_pull(k, counts[c], dims[d]);
                test_products(k, counts[c], dims[d]);
            }
            test_pairs(k, dims[d]);
        }
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            test_cholesky(k, sizes[s]);
            test_gather(k, sizes[s]);
        }
        test_cholesky_refuses(k);
    }
    CHECK(versions >= 1 && factor_kernels_at(versions - 1)->needs == 0, "no reference at the end");
    setenv("HABIT_KERNELS", "ref", 1);
    CHECK(strcmp(factor_kernels_pick()->name, "ref") == 0, "HABIT_KERNELS=ref is not obeyed");
    return CHECK_DONE();
}

// factor.c - the loops of factor.h as one would write them down, and the choice among versions.
#include "kernels/factor.h"
#include "kernels/cpu.h"

#include <math.h>

static float dot_ref(const float *x, const float *y, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static void gather_ref(float *g, const float *table, const uint32_t *index, const float *scale,
                       size_t n, size_t width)
{
    for (size_t r = 0; r < n; r++, g += factor_pad(width)) {
        for (size_t i = 0; i < width; i++) g[i] = scale[i] * table[index[r] * width + i];
        for (size_t i = width; i < factor_pad(width); i++) g[i] = 0;
    }
}

static void roots_ref(float *root, float *inverse, const float *d, float plus, size_t dim)
{
    for (size_t i = 0; i < dim; i++) {
        root[i] = sqrtf(d[i] + plus);
        inverse[i] = 1 / root[i];
    }
}

static void pull_ref(float *y, const float *x, const float *g, const float *a, size_t n, size_t dim)
{
    for (size_t r = 0; r < n; r++, g += dim) {
        const float e = (a ? a[r] : 0) - dot_ref(g, x, dim);
        for (size_t i = 0; i < dim; i++) y[i] += e * g[i];
    }
}

static void gram_ref(float *c, const float *g, size_t n, size_t dim)
{
    for (size_t r = 0; r < n; r++, g += dim)
        for (size_t i = 0; i < dim; i++)
            for (size_t j = i; j < dim; j++) c[i * dim + j] += g[i] * g[j];
}

static void rotate_ref(float *out, const float *g, const float *v, size_t n, size_t dim)
{
    for (size_t r = 0; r < n; r++, g += dim, out += dim)
        for (size_t j = 0; j < dim; j++) {
            float sum = 0;
            for (size_t k = 0; k < dim; k++) sum += g[k] * v[k * dim + j];
            out[j] = sum;
        }
}

static bool cholesky_ref(float *a, size_t n, size_t pad)
{
    for (size_t k = 0; k < n; k++) {
        float *row = a + k * pad;
        if (!(row[k] > 0) || !isfinite(row[k])) return false;
        const float root = sqrtf(row[k]);
        row[k] = root;
        for (size_t j = k + 1; j < n; j++) row[j] /= root;
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = i; j < n; j++) a[i * pad + j] -= row[i] * row[j];
    }
    return true;
}

static void cholesky_solve_ref(const float *u, float *b, size_t n, size_t pad)
{
    for (size_t k = 0; k < n; k++) { // U^T y = b
        b[k] /= u[k * pad + k];
        for (size_t i = k + 1; i < n; i++) b[i] -= u[k * pad + i] * b[k];
    }
    for (size_t k = n; k-- > 0;) { // U x = y
        for (size_t i = k + 1; i < n; i++) b[k] -= u[k * pad + i] * b[i];
        b[k] /= u[k * pad + k];
    }
}

static float pair_score_ref(const float *u, const float *i, const float *j, size_t dim)
{
    float sum = 0;
    for (size_t k = 0; k < dim; k++) sum += u[k] * (i[k] - j[k]);
    return sum;
}

static void pair_step_ref(float *u, float *i, float *j, float step, float keep_u, float keep_i,
                          size_t dim)
{
    for (size_t k = 0; k < dim; k++) {
        const float was = u[k];
        u[k] = keep_u * was + step * (i[k] - j[k]);
        i[k] = keep_i * i[k] + step * was;
        j[k] = keep_i * j[k] - step * was;
    }
}

static const factor_kernels factor_kernels_ref = {
    "ref",         0,          gather_ref,   roots_ref,          pull_ref,
    gram_ref,      rotate_ref, cholesky_ref, cholesky_solve_ref, pair_score_ref,
    pair_step_ref,
};

#if defined(__x86_64__)
extern const factor_kernels factor_kernels_avx2, factor_kernels_avx512;
#elif defined(__aarch64__)
extern const factor_kernels factor_kernels_neon;
#endif

static const factor_kernels *const versions[] = {
#if defined(__x86_64__)
    &factor_kernels_avx512,
    &factor_kernels_avx2,
#elif defined(__aarch64__)
    &factor_kernels_neon,
#endif
    &factor_kernels_ref,
};

const factor_kernels *factor_kernels_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const factor_kernels *factor_kernels_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

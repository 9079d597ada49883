// vector.c - the loops of vector.h as one would write them down, and the choice among versions.
#include "kernels/vector.h"
#include "kernels/cpu.h"

static float dot_ref(const float *x, const float *y, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static void axpy_ref(float *y, float a, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void scale_ref(float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] *= a;
}

static const vector_kernels vector_kernels_ref = { "ref", 0, dot_ref, axpy_ref, scale_ref };

#if defined(__x86_64__)
extern const vector_kernels vector_kernels_avx2, vector_kernels_avx512;
#elif defined(__aarch64__)
extern const vector_kernels vector_kernels_neon;
#endif

static const vector_kernels *const versions[] = {
#if defined(__x86_64__)
    &vector_kernels_avx512,
    &vector_kernels_avx2,
#elif defined(__aarch64__)
    &vector_kernels_neon,
#endif
    &vector_kernels_ref,
};

const vector_kernels *vector_kernels_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const vector_kernels *vector_kernels_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

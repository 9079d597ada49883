// rows.c - the references of rows.h, and the choice among versions.
#include "kernels/rows.h"
#include "kernels/cpu.h"

#include <math.h>
#include <string.h>

#define REAL float
#define NAME(f) f##_f32
#define EXP expf
#define TANH tanhf
#define ERF erff
#define SQRT sqrtf
#include "kernels/ref/rows.inc.h"
#undef REAL
#undef NAME
#undef EXP
#undef TANH
#undef ERF
#undef SQRT

#define REAL double
#define NAME(f) f##_f64
#define EXP exp
#define TANH tanh
#define ERF erf
#define SQRT sqrt
#include "kernels/ref/rows.inc.h"
#undef REAL
#undef NAME
#undef EXP
#undef TANH
#undef ERF
#undef SQRT

#if defined(__x86_64__)
extern const row_kernels row_kernels_avx2, row_kernels_avx512;
#elif defined(__aarch64__)
extern const row_kernels row_kernels_neon;
#endif

static const row_kernels *const versions[] = {
#if defined(__x86_64__)
    &row_kernels_avx512,
    &row_kernels_avx2,
#elif defined(__aarch64__)
    &row_kernels_neon,
#endif
    &row_kernels_ref_f32,
};

const row_kernels *row_kernels_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const row_kernels *row_kernels_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

const row_kernels *row_kernels_f64(void)
{
    return &row_kernels_ref_f64;
}

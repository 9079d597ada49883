// recurrent.c - the references of recurrent.h, and the choice among versions.
#include "kernels/recurrent.h"
#include "kernels/cpu.h"

#include <math.h>

#define REAL float
#define NAME(f) f##_f32
#define EXP expf
#define TANH tanhf
#define COS cosf
#define SIN sinf
#include "kernels/ref/recurrent.inc.h"
#undef REAL
#undef NAME
#undef EXP
#undef TANH
#undef COS
#undef SIN

#define REAL double
#define NAME(f) f##_f64
#define EXP exp
#define TANH tanh
#define COS cos
#define SIN sin
#include "kernels/ref/recurrent.inc.h"
#undef REAL
#undef NAME
#undef EXP
#undef TANH
#undef COS
#undef SIN

#if defined(__x86_64__)
extern const recurrent_kernels recurrent_kernels_avx2, recurrent_kernels_avx512;
#elif defined(__aarch64__)
extern const recurrent_kernels recurrent_kernels_neon;
#endif

static const recurrent_kernels *const versions[] = {
#if defined(__x86_64__)
    &recurrent_kernels_avx512,
    &recurrent_kernels_avx2,
#elif defined(__aarch64__)
    &recurrent_kernels_neon,
#endif
    &recurrent_kernels_ref_f32,
};

const recurrent_kernels *recurrent_kernels_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const recurrent_kernels *recurrent_kernels_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

const recurrent_kernels *recurrent_kernels_f64(void)
{
    return &recurrent_kernels_ref_f64;
}

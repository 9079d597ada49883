// scores.c - the references of scores.h, and the choice among versions.
#include "kernels/scores.h"
#include "kernels/cpu.h"

#include <math.h>

#define REAL float
#define NAME(f) f##_f32
#define EXP expf
#define LOG logf
#define LOG1P log1pf
#define FABS fabsf
#include "kernels/ref/scores.inc.h"
#undef REAL
#undef NAME
#undef EXP
#undef LOG
#undef LOG1P
#undef FABS

#define REAL double
#define NAME(f) f##_f64
#define EXP exp
#define LOG log
#define LOG1P log1p
#define FABS fabs
#include "kernels/ref/scores.inc.h"
#undef REAL
#undef NAME
#undef EXP
#undef LOG
#undef LOG1P
#undef FABS

#if defined(__x86_64__)
extern const score_kernels score_kernels_avx2, score_kernels_avx512;
#elif defined(__aarch64__)
extern const score_kernels score_kernels_neon;
#endif

static const score_kernels *const versions[] = {
#if defined(__x86_64__)
    &score_kernels_avx512,
    &score_kernels_avx2,
#elif defined(__aarch64__)
    &score_kernels_neon,
#endif
    &score_kernels_ref_f32,
};

const score_kernels *score_kernels_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const score_kernels *score_kernels_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

const score_kernels *score_kernels_f64(void)
{
    return &score_kernels_ref_f64;
}

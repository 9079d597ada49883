// product.c - the references of product.h, and the choice among versions.
#include "kernels/product.h"
#include "kernels/cpu.h"

#define REAL float
#define NAME(f) f##_f32
#include "kernels/ref/product.inc.h"
#undef REAL
#undef NAME
#define REAL double
#define NAME(f) f##_f64
#include "kernels/ref/product.inc.h"
#undef REAL
#undef NAME

static const product_kernel product_ref = { "ref", 0, product_ref_f32, product_pack_ref_f32 };

#if defined(__x86_64__)
extern const product_kernel product_avx2, product_avx512;
#elif defined(__aarch64__)
extern const product_kernel product_neon;
#endif

static const product_kernel *const versions[] = {
#if defined(__x86_64__)
    &product_avx512,
    &product_avx2,
#elif defined(__aarch64__)
    &product_neon,
#endif
    &product_ref,
};

const product_kernel *product_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const product_kernel *product_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

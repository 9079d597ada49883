// peak.c - the loop of peak.h without vectors, and the choice among versions.
#include "kernels/peak.h"
#include "kernels/cpu.h"

static float spin_ref(size_t turns)
{
    float c0 = 0, c1 = 1, c2 = 2, c3 = 3;
    for (size_t t = 0; t < turns; t++) {
        c0 = c0 * 0.5f + 1;
        c1 = c1 * 0.5f + 1;
        c2 = c2 * 0.5f + 1;
        c3 = c3 * 0.5f + 1;
    }
    return c0 + c1 + c2 + c3;
}

static const peak_kernel peak_kernel_ref = { "ref", 0, 8, spin_ref };

#if defined(__x86_64__)
extern const peak_kernel peak_kernel_avx2, peak_kernel_avx512;
#elif defined(__aarch64__)
extern const peak_kernel peak_kernel_neon;
#endif

static const peak_kernel *const versions[] = {
#if defined(__x86_64__)
    &peak_kernel_avx512,
    &peak_kernel_avx2,
#elif defined(__aarch64__)
    &peak_kernel_neon,
#endif
    &peak_kernel_ref,
};

const peak_kernel *peak_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

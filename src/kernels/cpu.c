// cpu.c - which instruction sets this machine has.
#include "kernels/cpu.h"

#include <stdlib.h>
#include <string.h>

unsigned cpu_features(void)
{
    unsigned f = 0;
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2")) f |= CPU_AVX2;
    if (__builtin_cpu_supports("fma")) f |= CPU_FMA;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        f |= CPU_AVX512;
    if (f & CPU_AVX512 && __builtin_cpu_supports("avx512bf16")) f |= CPU_BF16;
#elif defined(__aarch64__)
    f |= CPU_NEON; // part of the base architecture
#endif
    return f;
}

const char *cpu_forced(void)
{
    const char *name = getenv("HABIT_KERNELS");
    return name && *name ? name : NULL;
}

int cpu_allows(const char *name, unsigned needs)
{
    if (needs == 0) return 1; // the reference
    const char *forced = cpu_forced();
    return (cpu_features() & needs) == needs && (!forced || strcmp(forced, name) == 0);
}

const char *cpu_kernel_row(void)
{
    if (cpu_allows("avx512", CPU_AVX512)) return "avx512";
    if (cpu_allows("avx2", CPU_AVX2 | CPU_FMA)) return "avx2";
    if (cpu_allows("neon", CPU_NEON)) return "neon";
    return "ref";
}

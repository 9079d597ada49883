// cpu.h - which instruction sets this machine has.
//
// Every kernel is a table of versions, best first, whose last row is `ref`; the first row whose
// needs are met is taken, or the row named by the environment variable HABIT_KERNELS.
#ifndef KERNELS_CPU_H
#define KERNELS_CPU_H

enum cpu_feature {
    CPU_AVX2 = 1,
    CPU_FMA = 2,
    CPU_AVX512 = 4,
    CPU_NEON = 8,
    CPU_BF16 = 16 // AVX512_BF16: products of bf16 numbers, summed in f32
};                // AVX512: F, VL, BW, DQ

unsigned cpu_features(void);
const char *cpu_forced(void); // HABIT_KERNELS, or NULL
// True if a version called `name` that needs `needs` may run here and is not ruled out.
int cpu_allows(const char *name, unsigned needs);
const char *cpu_kernel_row(void); // "avx512", "avx2", "neon" or "ref": the best that may run here

#endif

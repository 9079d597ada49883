// int8.c - the reference of the byte kernels and the list of versions.
#include "kernels/int8.h"
#include "kernels/cpu.h"

#include <math.h>

enum { REF_COLS = 3 }; // odd on purpose: layouts show in tests

static void scores_ref(float *scores, const int8_t *query, const int8_t *panel, const float *scale,
                       float by, const float *bias, size_t panels, int quads)
{
    for (size_t p = 0; p < panels; p++, panel += (size_t)quads * REF_COLS * 4)
        for (size_t c = 0; c < REF_COLS; c++) {
            const size_t i = p * REF_COLS + c;
            int32_t sum = 0;
            for (size_t k = 0; k < (size_t)quads * 4; k++)
                sum += query[k] * panel[(k / 4 * REF_COLS + c) * 4 + k % 4];
            scores[i] = fmaf((float)sum, scale[i] * by, bias[i]);
        }
}

const int8_kernel int8_kernels[] = {
#if defined(__x86_64__)
    { "avx512", CPU_AVX512, 16, int8_scores_avx512 },
    { "avx2", CPU_AVX2 | CPU_FMA, 16, int8_scores_avx2 },
#elif defined(__aarch64__)
    { "neon", CPU_NEON, 8, int8_scores_neon },
#endif
    { "ref", 0, REF_COLS, scores_ref },
};

const int8_kernel *int8_pick(void)
{
    const int8_kernel *k = int8_kernels;
    while (!cpu_allows(k->name, k->needs)) k++; // the reference is always allowed
    return k;
}

// rank.c - the ranking kernels' scalar reference and the list of versions.
#include "kernels/rank.h"

#include "kernels/cpu.h"

#include <math.h>

enum { REF_ROWS = 2, REF_COLS = 4 }; // small and odd-shaped on purpose: layouts show in tests

static void scores_ref(float *scores, size_t stride, const float *block, const float *panel,
                       const float *bias, size_t panels, int dim)
{
    for (size_t p = 0; p < panels; p++, panel += (size_t)dim * REF_COLS)
        for (size_t r = 0; r < REF_ROWS; r++)
            for (size_t c = 0; c < REF_COLS; c++) {
                float s = bias[p * REF_COLS + c];
                for (size_t k = 0; k < (size_t)dim; k++)
                    s = fmaf(block[k * REF_ROWS + r], panel[k * REF_COLS + c], s);
                scores[r * stride + p * REF_COLS + c] = s;
            }
}

static void one_ref(float *scores, const float *query, const float *panel, const float *bias,
                    size_t panels, int dim)
{
    for (size_t p = 0; p < panels; p++, panel += (size_t)dim * REF_COLS)
        for (size_t c = 0; c < REF_COLS; c++) {
            float s = bias[p * REF_COLS + c];
            for (size_t k = 0; k < (size_t)dim; k++) s = fmaf(query[k], panel[k * REF_COLS + c], s);
            scores[p * REF_COLS + c] = s;
        }
}

static void dots_ref(float *scores, const float *query, const float *items, const float *bias,
                     const uint32_t *which, size_t n, int dim)
{
    for (size_t j = 0; j < n; j++) {
        const float *v = items + (size_t)which[j] * (size_t)dim;
        float s = bias ? bias[which[j]] : 0;
        for (int k = 0; k < dim; k++) s = fmaf(query[k], v[k], s);
        scores[j] = s;
    }
}

static void count_ref(const float *scores, size_t n, float t, size_t *below, size_t *equal)
{
    for (size_t i = 0; i < n; i++) {
        *below += scores[i] < t;
        *equal += scores[i] == t;
    }
}

static size_t above_ref(const float *scores, size_t n, float t, uint32_t *where)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (scores[i] > t) where[found++] = (uint32_t)i;
    return found;
}

// clang-format off
#define ROW(isa, needs, rows, cols)                                                                \
    { #isa, needs, rows, cols, rank_scores_##isa, rank_one_##isa, rank_dots_##isa,                 \
      rank_count_##isa, rank_above_##isa }
// clang-format on

const rank_kernel rank_kernels[] = {
#if defined(__x86_64__)
    ROW(avx512, CPU_AVX512, 12, 32),
    ROW(avx2, CPU_AVX2 | CPU_FMA, 6, 16),
#elif defined(__aarch64__)
    ROW(neon, CPU_NEON, 8, 12),
#endif
    { "ref", 0, REF_ROWS, REF_COLS, scores_ref, one_ref, dots_ref, count_ref, above_ref },
};

const rank_kernel *rank_pick(void)
{
    const rank_kernel *k = rank_kernels;
    while (!cpu_allows(k->name, k->needs)) k++; // the reference is always allowed
    return k;
}

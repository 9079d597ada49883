// int8_avx2.c - byte kernels for AVX2: two registers of eight items.
#include "kernels/int8.h"

#include <immintrin.h>
#include <string.h>

// sum + four products for each of eight items.  |query| times the items with the query's sign: one
// factor of vpmaddubsw must not be negative.
static inline __m256i add_quad(__m256i sum, __m256i items, __m256i query, __m256i size)
{
    const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(items, query));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline void put(float *to, __m256i sum, const float *scale, __m256 by, const float *bias)
{
    const __m256 s = _mm256_mul_ps(_mm256_loadu_ps(scale), by);
    _mm256_storeu_ps(to, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), s, _mm256_loadu_ps(bias)));
}

void int8_scores_avx2(float *scores, const int8_t *query, const int8_t *panel, const float *scale,
                      float by, const float *bias, size_t panels, int quads)
{
    const __m256 scaled = _mm256_set1_ps(by);
    for (size_t p = 0; p < panels; p++, scores += 16, scale += 16, bias += 16) {
        __m256i a = _mm256_setzero_si256(), b = a;
        for (int k = 0; k < quads; k++, panel += 64) {
            int32_t four;
            memcpy(&four, query + 4 * (size_t)k, sizeof four);
            const __m256i q = _mm256_set1_epi32(four), size = _mm256_abs_epi8(q);
            const __m256i *items = (const __m256i *)(const void *)panel;
            a = add_quad(a, _mm256_loadu_si256(items), q, size);
            b = add_quad(b, _mm256_loadu_si256(items + 1), q, size);
        }
        put(scores, a, scale, scaled, bias);
        put(scores + 8, b, scale + 8, scaled, bias + 8);
    }
}

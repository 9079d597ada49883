// int8_avx512.c - byte kernels for AVX-512 (F, BW): one register of sixteen items.
#include "kernels/int8.h"

#include <immintrin.h>
#include <string.h>

void int8_scores_avx512(float *scores, const int8_t *query, const int8_t *panel, const float *scale,
                        float by, const float *bias, size_t panels, int quads)
{
    const __m512i one = _mm512_set1_epi16(1), zero = _mm512_setzero_si512();
    for (size_t p = 0; p < panels; p++, scores += 16, scale += 16, bias += 16) {
        __m512i sum = zero;
        for (int k = 0; k < quads; k++, panel += 64) {
            int32_t four;
            memcpy(&four, query + 4 * (size_t)k, sizeof four);
            const __m512i q = _mm512_set1_epi32(four), items = _mm512_loadu_si512(panel);
            // the items with the query's sign: one factor of vpmaddubsw must not be negative
            const __m512i turned = _mm512_mask_sub_epi8(items, _mm512_movepi8_mask(q), zero, items);
            const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(q), turned);
            sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, one));
        }
        const __m512 s = _mm512_mul_ps(_mm512_loadu_ps(scale), _mm512_set1_ps(by));
        _mm512_storeu_ps(scores,
                         _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), s, _mm512_loadu_ps(bias)));
    }
}

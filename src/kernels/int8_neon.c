// int8_neon.c - byte kernels for NEON: two registers of four items.
#include "kernels/int8.h"

#include <arm_neon.h>
#include <string.h>

// sum + four products for each of four items.
static inline int32x4_t add_quad(int32x4_t sum, int8x16_t items, int8x16_t query)
{
    const int16x8_t low = vmull_s8(vget_low_s8(items), vget_low_s8(query));
    const int16x8_t high = vmull_s8(vget_high_s8(items), vget_high_s8(query));
    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

static inline void put(float *to, int32x4_t sum, const float *scale, float by, const float *bias)
{
    vst1q_f32(to,
              vfmaq_f32(vld1q_f32(bias), vcvtq_f32_s32(sum), vmulq_n_f32(vld1q_f32(scale), by)));
}

void int8_scores_neon(float *scores, const int8_t *query, const int8_t *panel, const float *scale,
                      float by, const float *bias, size_t panels, int quads)
{
    for (size_t p = 0; p < panels; p++, scores += 8, scale += 8, bias += 8) {
        int32x4_t a = vdupq_n_s32(0), b = a;
        for (int k = 0; k < quads; k++, panel += 32) {
            int32_t four;
            memcpy(&four, query + 4 * (size_t)k, sizeof four);
            const int8x16_t q = vreinterpretq_s8_s32(vdupq_n_s32(four));
            a = add_quad(a, vld1q_s8(panel), q);
            b = add_quad(b, vld1q_s8(panel + 16), q);
        }
        put(scores, a, scale, by, bias);
        put(scores + 4, b, scale + 4, by, bias + 4);
    }
}

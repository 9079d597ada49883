// rank_neon.c - ranking kernels for AArch64: 8 x 12 tiles, 24 of 32 registers accumulate.
#include <arm_neon.h>
#include <stdint.h>

#define ISA neon
enum { LANES = 4, ROWS = 8, VECTORS = 3 };
typedef float vec_f __attribute__((vector_size(16)));
typedef int32_t vec_i __attribute__((vector_size(16)));

static inline unsigned lanes_bits(vec_i mask)
{
    const vec_i bit = { 1, 2, 4, 8 };
    return (unsigned)vaddvq_s32((int32x4_t)(mask & bit));
}

#include "kernels/rank.inc.h"

// rank_avx512.c - ranking kernels for AVX-512: 12 x 32 tiles, 24 of 32 registers accumulate.
#include <immintrin.h>
#include <stdint.h>

#define ISA avx512
enum { LANES = 16, ROWS = 12, VECTORS = 2 };
typedef float vec_f __attribute__((vector_size(64)));
typedef int32_t vec_i __attribute__((vector_size(64)));

static inline unsigned lanes_bits(vec_i mask)
{
    return (unsigned)_mm512_movepi32_mask((__m512i)mask);
}

#include "kernels/rank.inc.h"

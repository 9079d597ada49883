// rank_avx2.c - ranking kernels for AVX2 with FMA: 6 x 16 tiles, 12 of 16 registers accumulate.
#include <immintrin.h>
#include <stdint.h>

#define ISA avx2
enum { LANES = 8, ROWS = 6, VECTORS = 2 };
typedef float vec_f __attribute__((vector_size(32)));
typedef int32_t vec_i __attribute__((vector_size(32)));

static inline unsigned lanes_bits(vec_i mask)
{
    return (unsigned)_mm256_movemask_ps((__m256)mask);
}

#include "kernels/rank.inc.h"

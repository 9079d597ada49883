// factor_avx2.c - the loops of factor.h for AVX2 with fused multiply-add.
#define VECTOR_BYTES 32
#define VECTOR_NEEDS (CPU_AVX2 | CPU_FMA)
#define VECTOR_NAME "avx2"
#define FACTOR_TABLE factor_kernels_avx2
#include "kernels/factor.inc.h"

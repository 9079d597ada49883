// factor_avx512.c - the loops of factor.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NEEDS CPU_AVX512
#define VECTOR_NAME "avx512"
#define FACTOR_TABLE factor_kernels_avx512
#include "kernels/factor.inc.h"

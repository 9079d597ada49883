// vector_avx512.c - the loops of vector.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NEEDS CPU_AVX512
#define VECTOR_NAME "avx512"
#define VECTOR_TABLE vector_kernels_avx512
#include "kernels/vector.inc.h"

// scores_avx512.c - the functions of scores.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NAME "avx512"
#define VECTOR_NEEDS CPU_AVX512
#define SCORES_TABLE score_kernels_avx512
#include "kernels/scores.inc.h"

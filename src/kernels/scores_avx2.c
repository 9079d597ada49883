// scores_avx2.c - the functions of scores.h for AVX2.
#define VECTOR_BYTES 32
#define VECTOR_NAME "avx2"
#define VECTOR_NEEDS (CPU_AVX2 | CPU_FMA)
#define SCORES_TABLE score_kernels_avx2
#include "kernels/scores.inc.h"

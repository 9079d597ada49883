// recurrent_avx2.c - the gates of recurrent.h for AVX2.
#define VECTOR_BYTES 32
#define VECTOR_NAME "avx2"
#define VECTOR_NEEDS (CPU_AVX2 | CPU_FMA)
#define RECURRENT_TABLE recurrent_kernels_avx2
#include "kernels/recurrent.inc.h"

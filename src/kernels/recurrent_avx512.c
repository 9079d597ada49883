// recurrent_avx512.c - the gates of recurrent.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NAME "avx512"
#define VECTOR_NEEDS CPU_AVX512
#define RECURRENT_TABLE recurrent_kernels_avx512
#include "kernels/recurrent.inc.h"

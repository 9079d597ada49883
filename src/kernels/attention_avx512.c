// attention_avx512.c - the attention of attention.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NAME "avx512"
#define VECTOR_NEEDS CPU_AVX512
#define ATTENTION_TABLE attention_avx512
#define TILE_ROWS 12
#define TILE_WIDE 2
#include "kernels/attention.inc.h"

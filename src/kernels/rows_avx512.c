// rows_avx512.c - the functions of rows.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NAME "avx512"
#define VECTOR_NEEDS CPU_AVX512
#define ROWS_TABLE row_kernels_avx512
#include "kernels/rows.inc.h"

// update_avx512.c - the loops of update.h for AVX-512.
#define UPDATE_NAME "avx512"
#define UPDATE_NEEDS CPU_AVX512
#define UPDATE_TABLE update_kernels_avx512
#include "kernels/update.inc.h"

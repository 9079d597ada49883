// update_avx2.c - the loops of update.h for AVX2.
#define UPDATE_NAME "avx2"
#define UPDATE_NEEDS (CPU_AVX2 | CPU_FMA)
#define UPDATE_TABLE update_kernels_avx2
#include "kernels/update.inc.h"

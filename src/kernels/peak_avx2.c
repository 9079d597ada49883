// peak_avx2.c - the loop of peak.h for AVX2.
#define PEAK_BYTES 32
#define PEAK_NEEDS (CPU_AVX2 | CPU_FMA)
#define PEAK_NAME "avx2"
#define PEAK_TABLE peak_kernel_avx2
#define PEAK_REGISTER(c) "+x"(c)
#include "kernels/peak.inc.h"

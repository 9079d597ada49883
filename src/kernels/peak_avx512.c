// peak_avx512.c - the loop of peak.h for AVX-512.
#define PEAK_BYTES 64
#define PEAK_NEEDS CPU_AVX512
#define PEAK_NAME "avx512"
#define PEAK_TABLE peak_kernel_avx512
#define PEAK_REGISTER(c) "+v"(c)
#include "kernels/peak.inc.h"

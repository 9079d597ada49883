// peak_neon.c - the loop of peak.h for NEON.
#define PEAK_BYTES 16
#define PEAK_NEEDS CPU_NEON
#define PEAK_NAME "neon"
#define PEAK_TABLE peak_kernel_neon
#define PEAK_REGISTER(c) "+w"(c)
#include "kernels/peak.inc.h"

// factor_neon.c - the loops of factor.h for the 128-bit registers of aarch64.
#define VECTOR_BYTES 16
#define VECTOR_NEEDS CPU_NEON
#define VECTOR_NAME "neon"
#define FACTOR_TABLE factor_kernels_neon
#include "kernels/factor.inc.h"

// vector_neon.c - the loops of vector.h for the 128-bit registers of aarch64.
#define VECTOR_BYTES 16
#define VECTOR_NEEDS CPU_NEON
#define VECTOR_NAME "neon"
#define VECTOR_TABLE vector_kernels_neon
#include "kernels/vector.inc.h"

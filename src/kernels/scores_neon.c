// scores_neon.c - the functions of scores.h for the 128-bit registers of aarch64.
#define VECTOR_BYTES 16
#define VECTOR_NAME "neon"
#define VECTOR_NEEDS CPU_NEON
#define SCORES_TABLE score_kernels_neon
#include "kernels/scores.inc.h"

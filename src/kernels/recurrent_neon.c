// recurrent_neon.c - the gates of recurrent.h for NEON.
#define VECTOR_BYTES 16
#define VECTOR_NAME "neon"
#define VECTOR_NEEDS CPU_NEON
#define RECURRENT_TABLE recurrent_kernels_neon
#include "kernels/recurrent.inc.h"

// attention_neon.c - the attention of attention.h for the 128-bit registers of aarch64.
#define VECTOR_BYTES 16
#define VECTOR_NAME "neon"
#define VECTOR_NEEDS CPU_NEON
#define ATTENTION_TABLE attention_neon
#define TILE_ROWS 6
#define TILE_WIDE 4
#include "kernels/attention.inc.h"

// rows_neon.c - the functions of rows.h for the 128-bit registers of aarch64.
#define VECTOR_BYTES 16
#define VECTOR_NAME "neon"
#define VECTOR_NEEDS CPU_NEON
#define ROWS_TABLE row_kernels_neon
#include "kernels/rows.inc.h"

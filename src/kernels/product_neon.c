// product_neon.c - the product of product.h for the 128-bit registers of aarch64.
#define VECTOR_BYTES 16
#define VECTOR_NAME "neon"
#define VECTOR_NEEDS CPU_NEON
#define PRODUCT_TABLE product_neon
#define TILE_ROWS 6
#define TILE_WIDE 4
#include "kernels/product.inc.h"

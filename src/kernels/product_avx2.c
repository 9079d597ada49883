// product_avx2.c - the product of product.h for AVX2.
#define VECTOR_BYTES 32
#define VECTOR_NAME "avx2"
#define VECTOR_NEEDS (CPU_AVX2 | CPU_FMA)
#define PRODUCT_TABLE product_avx2
#define TILE_ROWS 6
#define TILE_WIDE 2
#include "kernels/product.inc.h"

// product_avx512.c - the product of product.h for AVX-512.
#define VECTOR_BYTES 64
#define VECTOR_NAME "avx512"
#define VECTOR_NEEDS CPU_AVX512
#define PRODUCT_TABLE product_avx512
#define TILE_ROWS 12
#define TILE_WIDE 2
#include "kernels/product.inc.h"

// set.h - all kernels of one element type: what a tape computes with.
#ifndef KERNELS_SET_H
#define KERNELS_SET_H
#include "kernels/attention.h"
#include "kernels/product.h"
#include "kernels/recurrent.h"
#include "kernels/rows.h"
#include "kernels/scores.h"

typedef struct kernel_set {
    size_t size; // bytes of an element: 4 or 8
    product_fn *product;
    product_pack_fn *pack;
    const row_kernels *rows;
    const recurrent_kernels *recurrent;
    const attention_kernels *attention;
    const score_kernels *scores;
} kernel_set;

kernel_set kernel_set_f32(void); // the best that may run here
kernel_set kernel_set_f64(void); // scalar references, for gradient checks

#endif

// set.c - all kernels of one element type.
#include "kernels/set.h"

kernel_set kernel_set_f32(void)
{
    return (kernel_set){ .size = sizeof(float),
                         .product = product_pick()->run,
                         .pack = product_pick()->pack,
                         .rows = row_kernels_pick(),
                         .recurrent = recurrent_kernels_pick(),
                         .attention = attention_pick(),
                         .scores = score_kernels_pick() };
}

kernel_set kernel_set_f64(void)
{
    return (kernel_set){ .size = sizeof(double),
                         .product = product_ref_f64,
                         .pack = product_pack_ref_f64,
                         .rows = row_kernels_f64(),
                         .recurrent = recurrent_kernels_f64(),
                         .attention = attention_kernels_f64(),
                         .scores = score_kernels_f64() };
}

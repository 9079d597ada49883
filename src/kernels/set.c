// set.c - all kernels of one element type.
#include "kernels/set.h"

kernel_set kernel_set_f32(void)
{
    return (kernel_set){ sizeof(float), product_pick()->run, row_kernels_pick() };
}

kernel_set kernel_set_f64(void)
{
    return (kernel_set){ sizeof(double), product_ref_f64, row_kernels_f64() };
}

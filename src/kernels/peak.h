// peak.h - how many multiply-adds this machine can do: what `habit bench` compares kernels with.
#ifndef KERNELS_PEAK_H
#define KERNELS_PEAK_H
#include <stddef.h>

typedef struct peak_kernel {
    const char *name;
    unsigned needs;
    int flops; // floating-point operations of one turn: 2 per fused multiply-add and lane
    // Does `turns` turns of independent multiply-adds that touch no memory; the result is finite
    // and must be used, or the compiler drops the work.
    float (*spin)(size_t turns);
} peak_kernel;

const peak_kernel *peak_pick(void); // the best that may run here

#endif

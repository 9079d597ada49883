// vector.h - the three loops over float vectors that every classic model is made of.
//
//     dot     sum_i x_i y_i
//     axpy    y_i += a x_i
//     scale   x_i *= a
//
// Any length, any alignment.  Take the kernels once, before the loop:
//
//     const vector_kernels *k = vector_kernels_pick();
//     for (...) k->axpy(y, a, x, n);
//
// The sum of a dot product is added up in an order of its own on each instruction set, so its
// last bits differ between rows of the table; within one row they never do.
#ifndef KERNELS_VECTOR_H
#define KERNELS_VECTOR_H
#include <stddef.h>

typedef struct vector_kernels {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature
    float (*dot)(const float *x, const float *y, size_t n);
    void (*axpy)(float *y, float a, const float *x, size_t n); // x and y do not overlap
    void (*scale)(float *x, float a, size_t n);
} vector_kernels;

const vector_kernels *vector_kernels_pick(void);   // the best that may run here
const vector_kernels *vector_kernels_at(size_t i); // best first, last the reference; or NULL

#endif

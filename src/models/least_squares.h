// least_squares.h - the small problem at the heart of alternating least squares.
//
// One user (or item) is the x that minimises
//
//     sum_r w_r (1 - <z_r, x>)^2  +  sum_k d_k x_k^2
//
// with z_r the vectors of what she met.  The second sum holds the rest of the catalogue: its Gram
// matrix, rotated to its principal axes, is diagonal, and costs nothing more.  With g_r = sqrt(w_r)
// z_r, a_r = sqrt(w_r):
//
//     (diag(d) + G^T G) x = G^T a                      [dim, dim]
//     x = d^-1 G^T s,  (I + G d^-1 G^T) s = a          [n, n], the same x
#ifndef MODELS_LEAST_SQUARES_H
#define MODELS_LEAST_SQUARES_H
#include "base/arena.h"
#include "kernels/factor.h"
#include "kernels/vector.h"

#include <stdint.h>

typedef struct least_squares {
    const float *table;    // [..][width]
    const uint32_t *index; // [n] rows of the table
    const float *weight;   // [n]
    size_t n, width;
    const float *d; // [factor_pad(width)] positive, also where padded
} least_squares;

// Working memory of one thread.
typedef struct solver {
    const factor_kernels *factor;
    const vector_kernels *vector;
    size_t pad;               // factor_pad(width)
    size_t chunk;             // rows gathered at once
    float *g, *a;             // [chunk][pad], [chunk]
    float *matrix;            // [pad][pad]
    float *r, *p, *q, *scale; // [pad]
} solver;

// Places, or measures, the memory; the caller checks arena->failed.
void solver_carve(solver *s, size_t width, arena *memory);

// `steps` of conjugate gradients from the x [pad] given, preconditioned by d.  Exact after n steps.
void solver_conjugate(solver *s, const least_squares *p, float *x, int steps);
// By Cholesky factors of the smaller of the two systems.
void solver_exact(solver *s, const least_squares *p, float *x);

#endif

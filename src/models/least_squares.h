// least_squares.h - the small problem at the heart of alternating least squares.
//
// One user (or item) is the x that minimises
//
//     sum_r w_r (1 - <z_r, x>)^2  +  sum_k d_k x_k^2
//
// with z_r the vectors of what she met.  The second sum holds the rest of the catalogue: its Gram
// matrix, rotated to its principal axes, is diagonal, and costs nothing more.  With
//
//     t = d^1/2 x     g_r = w_r^1/2 d^-1/2 z_r     a_r = w_r^1/2
//
// it is one of two systems with the same answer, both well conditioned:
//
//     (I + G^T G) t = G^T a                            [dim, dim]
//     t = G^T s,  (I + G G^T) s = a                    [n, n]
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
    const float *d; // [factor_pad(width)] to which `plus` is added to give d_k > 0, also
    float plus;     // where padded
} least_squares;

// Working memory of one thread.
typedef struct solver {
    const factor_kernels *factor;
    const vector_kernels *vector;
    size_t pad;            // factor_pad(width)
    size_t chunk;          // rows gathered at once
    float *g, *a;          // [chunk][pad], [chunk]
    float *matrix;         // [pad][pad]
    float *r, *p, *q, *t;  // [pad]
    float *root, *inverse; // [pad] d^1/2, d^-1/2
} solver;

// Places, or measures, the memory; the caller checks arena->failed.
void solver_carve(solver *s, size_t width, arena *memory);

// `steps` of conjugate gradients on the first system, from the x [pad] given; which are those of the
// system in x preconditioned by d.  Exact after n steps.
void solver_conjugate(solver *s, const least_squares *p, float *x, int steps);
// By Cholesky factors of the smaller of the two systems.  x [pad].
void solver_exact(solver *s, const least_squares *p, float *x);

#endif

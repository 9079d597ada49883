// rows.h - what happens to each number, or each row of numbers, by itself.
//
// One table serves one element type: every `void *` points to elements of that type, f32 or f64.
// Rows lie end to end.  Functions whose names end in _back ADD to the gradients they are given
// (dx, dg, db), of which any may be NULL: not wanted.  A row has the same bits whatever rows are
// computed with it; sums over rows are added up in row order.  Versions differ in their last bits,
// but dropout drops the same units in all.
#ifndef KERNELS_ROWS_H
#define KERNELS_ROWS_H
#include "kernels/dropout.h"

#include <stddef.h>
#include <stdint.h>

typedef enum activation {
    ACT_NONE,
    ACT_RELU,
    ACT_GELU,     // Hendrycks & Gimpel, arXiv:1606.08415: their approximation by tanh
    ACT_GELU_ERF, // theirs as defined: x Phi(x)
    ACT_SILU,     // x sigma(x)
    ACT_SIGMOID,
    ACT_TANH,
} activation;

typedef struct row_kernels {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature

    void (*add)(void *y, const void *x, size_t n);                     // y += x
    void (*sum)(void *y, const void *a, const void *b, size_t n);      // y = a + b
    void (*axpy)(void *y, double a, const void *x, size_t n);          // y += a x
    void (*scale)(void *y, double a, size_t n);                        // y *= a
    void (*multiply)(void *y, const void *a, const void *b, size_t n); // y = a b, place by place
    void (*multiply_add)(void *y, const void *a, const void *b, size_t n); // y += a b
    double (*dot)(const void *a, const void *b, size_t n);
    double (*norm2)(const void *x, size_t n); // sum of squares

    void (*repeat)(void *y, const void *row, size_t rows, size_t cols);   // every row of y = row
    void (*sum_rows)(void *sum, const void *x, size_t rows, size_t cols); // sum[cols] += columns

    void (*activate)(void *y, const void *x, size_t n, activation f); // y may be x
    // dx = dy f'(x): sets, not adds; dx may be dy.
    void (*activate_back)(void *dx, const void *dy, const void *x, size_t n, activation f);

    // y = g (x - mean) * rstd + b; stats[rows][2] keeps mean and rstd.  Biased variance.
    void (*layer_norm)(void *y, void *stats, const void *x, const void *g, const void *b,
                       size_t rows, size_t cols, double eps);
    void (*layer_norm_back)(void *dx, void *dg, void *db, const void *dy, const void *x,
                            const void *g, const void *stats, size_t rows, size_t cols);
    // y = g x * r, r = 1 / sqrt(mean(x^2) + eps); stats[rows] keeps r.
    void (*rms_norm)(void *y, void *stats, const void *x, const void *g, size_t rows, size_t cols,
                     double eps);
    void (*rms_norm_back)(void *dx, void *dg, const void *dy, const void *x, const void *g,
                          const void *stats, size_t rows, size_t cols);

    // y = x mask / (1 - p)       y may be x
    void (*drop)(void *y, const void *x, const dropout *d, size_t rows, size_t cols);
    void (*drop_back)(void *dx, const void *dy, const dropout *d, size_t rows, size_t cols);

    // x = exp(x - shift) for n numbers; returns their sum.
    double (*exp_shift)(void *x, double shift, size_t n);
    // NaN is passed over; -INFINITY if there is nothing else.
    double (*max)(const void *x, size_t n);
} row_kernels;

const row_kernels *row_kernels_pick(void);   // the best that may run here, f32
const row_kernels *row_kernels_at(size_t i); // best first, last the reference; or NULL
const row_kernels *row_kernels_f64(void);    // for gradient checks
extern const row_kernels row_kernels_ref_f32, row_kernels_ref_f64;

#endif

// unit_rows.h - rows divided by their length, and the way back.
#ifndef NN_UNIT_ROWS_H
#define NN_UNIT_ROWS_H
#include "kernels/set.h"

// y = x / max(|x|, 1e-6); length [1] keeps the divisor.
void unit_row(const kernel_set *k, void *y, double *length, const void *x, size_t cols);
// From the gradient by y to that by x, times `by`: dx += by (dy - (dy . y) y) / length.  dx is not dy.
void unit_row_back(const kernel_set *k, void *dx, const void *dy, const void *y, double length,
                   size_t cols, double by);
// The same in place.
void unit_row_turn(const kernel_set *k, void *d, const void *y, double length, size_t cols);

#endif

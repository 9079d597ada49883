// ops.h - what models are written with.
//
// Shapes: N events of a batch, packed: the events of sequence s are rows offset[s] .. offset[s+1]-1.
// Arrays given to an op must live as long as the tape's pass.  A parameter that is NULL is left out.
#ifndef NN_OPS_H
#define NN_OPS_H
#include "kernels/rows.h"
#include "nn/tape.h"

// --- position by position ------------------------------------------------------------------------

// Rows of a table: out[n] = table[row[n]], zeros where row[n] is negative.      [n, table->cols]
// A vector is a table of rows of one number.
tensor *op_embed(tape *t, const param *table, const int32_t *row, size_t n);
// Sums of them: out[n] = table[row[n][0]] + ... + table[row[n][each-1]], negative ones left out.
tensor *op_embed_sum(tape *t, const param *table, const int32_t *row, size_t each, size_t n);
// f(x W + b).  w [in][out], b [out] or NULL.                                     [N, out]
tensor *op_linear(tape *t, tensor *x, const param *w, const param *b, activation f);
tensor *op_activate(tape *t, tensor *x, activation f);
tensor *op_add(tape *t, tensor *a, tensor *b);      // same shape
tensor *op_multiply(tape *t, tensor *a, tensor *b); // same shape, place by place
tensor *op_scale(tape *t, tensor *x, double by);
tensor *op_dot(tape *t, tensor *a, tensor *b); // row by row: out[n] = a[n] . b[n]   [N, 1]
// Units dropped with chance p while training; else x itself.
tensor *op_dropout(tape *t, tensor *x, double p);
tensor *op_layer_norm(tape *t, tensor *x, const param *g, const param *b, double eps);
tensor *op_rms_norm(tape *t, tensor *x, const param *g, double eps);
// The rows of x named: out[k] = x[row[k]].                                       [n, x->cols]
tensor *op_pick(tape *t, tensor *x, const int32_t *row, size_t n);
// Side by side: [N, a->cols + b->cols].
tensor *op_join(tape *t, tensor *a, tensor *b);
// Columns from .. from+cols-1.                                                   [N, cols]
tensor *op_columns(tape *t, tensor *x, size_t from, size_t cols);

#endif

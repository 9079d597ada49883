// op_unit.c - rows of length one.
#include "nn/op_loss.h"
#include "nn/tape_inside.h"
#include "nn/unit_rows.h"

#include <math.h>
#include <string.h>

static const double least = 1e-6; // a row shorter than this is only divided, and has no direction

void unit_row(const kernel_set *k, void *y, double *length, const void *x, size_t cols)
{
    *length = fmax(sqrt(k->rows->norm2(x, cols)), least);
    memcpy(y, x, cols * k->size);
    k->rows->scale(y, 1 / *length, cols);
}

void unit_row_back(const kernel_set *k, void *dx, const void *dy, const void *y, double length,
                   size_t cols, double by)
{
    k->rows->axpy(dx, by / length, dy, cols);
    if (length > least) k->rows->axpy(dx, -by * k->rows->dot(dy, y, cols) / length, y, cols);
}

void unit_row_turn(const kernel_set *k, void *d, const void *y, double length, size_t cols)
{
    const double along = length > least ? k->rows->dot(d, y, cols) : 0;
    k->rows->scale(d, 1 / length, cols);
    k->rows->axpy(d, -along / length, y, cols);
}

typedef struct unit {
    double *length; // [N]
} unit;

static void unit_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    unit *u = n->more;
    const size_t rows = n->out->rows, cols = n->out->cols;
    u->length = tape_memory(t, rows, sizeof *u->length);
    if (!n->out->data || !u->length) return;
    for (size_t r = 0; r < rows; r++)
        unit_row(k, at(k, n->out->data, r * cols), &u->length[r], at(k, n->in[0]->data, r * cols),
                 cols);
}

static void unit_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const unit *u = n->more;
    const size_t rows = n->out->rows, cols = n->out->cols;
    void *dx = tensor_grad(t, n->in[0]);
    for (size_t r = 0; dx && r < rows; r++)
        unit_row_back(k, at(k, dx, r * cols), at(k, n->out->grad, r * cols),
                      at(k, n->out->data, r * cols), u->length[r], cols, 1);
}

static const op_kind kind = { "unit rows", unit_forward, unit_backward, NULL };

tensor *op_unit(tape *t, tensor *x)
{
    const unit u = { NULL };
    return tape_apply(t, &kind, &x, 1, x->rows, x->cols, &u, sizeof u);
}

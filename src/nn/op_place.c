// op_place.c - what happens place by place: sums, products, activations, dropout; columns.
#include "nn/ops.h"
#include "nn/tape_inside.h"

#include <assert.h>
#include <string.h>

static size_t numbers(const tensor *x)
{
    return x->rows * x->cols;
}

// --- sums and products -----------------------------------------------------------------------------

static void add_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    if (!n->out->data) return;
    k->rows->sum(n->out->data, n->in[0]->data, n->in[1]->data, numbers(n->out));
}

static void add_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const bool taken = tensor_grad_take(t, n->in[0], n->out->grad);
    for (int i = taken ? 1 : 0; i < 2; i++) {
        bool add;
        void *dx = tensor_grad_or_new(t, n->in[i], &add);
        if (!dx) continue;
        if (add)
            k->rows->add(dx, n->out->grad, numbers(n->out));
        else
            memcpy(dx, n->out->grad, numbers(n->out) * k->size);
    }
}

static const op_kind sum = { "add", add_forward, add_backward, NULL };

tensor *op_add(tape *t, tensor *a, tensor *b)
{
    assert(a->rows == b->rows && a->cols == b->cols);
    tensor *const in[] = { a, b };
    return tape_apply(t, &sum, in, 2, a->rows, a->cols, NULL, 0);
}

static void multiply_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    if (!n->out->data) return;
    k->rows->multiply(n->out->data, n->in[0]->data, n->in[1]->data, numbers(n->out));
}

static void multiply_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    for (int i = 0; i < 2; i++) {
        void *dx = tensor_grad(t, n->in[i]);
        if (dx) k->rows->multiply_add(dx, n->out->grad, n->in[1 - i]->data, numbers(n->out));
    }
}

static const op_kind times = { "multiply", multiply_forward, multiply_backward, NULL };

tensor *op_multiply(tape *t, tensor *a, tensor *b)
{
    assert(a->rows == b->rows && a->cols == b->cols);
    tensor *const in[] = { a, b };
    return tape_apply(t, &times, in, 2, a->rows, a->cols, NULL, 0);
}

static void scale_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    if (!n->out->data) return;
    memcpy(n->out->data, n->in[0]->data, numbers(n->out) * k->size);
    k->rows->scale(n->out->data, *(const double *)n->more, numbers(n->out));
}

static void scale_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    void *dx = tensor_grad(t, n->in[0]);
    if (dx) k->rows->axpy(dx, *(const double *)n->more, n->out->grad, numbers(n->out));
}

static const op_kind scaled = { "scale", scale_forward, scale_backward, NULL };

tensor *op_scale(tape *t, tensor *x, double by)
{
    return tape_apply(t, &scaled, &x, 1, x->rows, x->cols, &by, sizeof by);
}

static void dot_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    const size_t D = n->in[0]->cols;
    for (size_t r = 0; n->out->data && r < n->out->rows; r++) {
        const double d =
            k->rows->dot(at(k, n->in[0]->data, r * D), at(k, n->in[1]->data, r * D), D);
        number_set(k, n->out->data, r, d);
    }
}

static void dot_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const size_t D = n->in[0]->cols;
    for (int i = 0; i < 2; i++) {
        void *dx = tensor_grad(t, n->in[i]);
        for (size_t r = 0; dx && r < n->out->rows; r++)
            k->rows->axpy(at(k, dx, r * D), number_at(k, n->out->grad, r),
                          at(k, n->in[1 - i]->data, r * D), D);
    }
}

static const op_kind dots = { "dot", dot_forward, dot_backward, NULL };

tensor *op_dot(tape *t, tensor *a, tensor *b)
{
    assert(a->rows == b->rows && a->cols == b->cols);
    tensor *const in[] = { a, b };
    return tape_apply(t, &dots, in, 2, a->rows, 1, NULL, 0);
}

// --- activations and dropout -------------------------------------------------------------------------

static void activate_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    if (!n->out->data) return;
    k->rows->activate(n->out->data, n->in[0]->data, numbers(n->out), *(const activation *)n->more);
}

static void activate_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const size_t count = numbers(n->out);
    void *dx = tensor_grad(t, n->in[0]);
    const size_t mark = tape_mark(t);
    void *d = dx ? tape_memory(t, count, k->size) : NULL;
    if (d) {
        k->rows->activate_back(d, n->out->grad, n->in[0]->data, count,
                               *(const activation *)n->more);
        k->rows->add(dx, d, count);
    }
    tape_release(t, mark);
}

static const op_kind activated = { "activate", activate_forward, activate_backward, NULL };

tensor *op_activate(tape *t, tensor *x, activation f)
{
    return tape_apply(t, &activated, &x, 1, x->rows, x->cols, &f, sizeof f);
}

static void dropout_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    if (!n->out->data) return;
    k->rows->drop(n->out->data, n->in[0]->data, n->more, n->out->rows, n->out->cols);
}

static void dropout_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    bool add;
    void *dx = tensor_grad_or_new(t, n->in[0], &add);
    if (dx)
        (add ? k->rows->drop_back : k->rows->drop)(dx, n->out->grad, n->more, n->out->rows,
                                                   n->out->cols);
}

static const op_kind dropped = { "dropout", dropout_forward, dropout_backward, NULL };

tensor *op_dropout(tape *t, tensor *x, double p)
{
    if (p <= 0 || !tape_trains(t)) return x;
    const dropout d = { tape_dropout_key(t), tape_now(t)->first_row, p };
    return tape_apply(t, &dropped, &x, 1, x->rows, x->cols, &d, sizeof d);
}

// --- columns -----------------------------------------------------------------------------------------

// Adds or copies `cols` columns between two matrices.
static void move_columns(const kernel_set *k, void *to, size_t to_cols, const void *from,
                         size_t from_cols, size_t rows, size_t cols, bool add)
{
    for (size_t r = 0; r < rows; r++) {
        void *y = at(k, to, r * to_cols);
        const void *x = at(k, from, r * from_cols);
        if (add)
            k->rows->add(y, x, cols);
        else
            memcpy(y, x, cols * k->size);
    }
}

static void join_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    const size_t rows = n->out->rows, cols = n->out->cols;
    if (!n->out->data) return;
    for (size_t i = 0, from = 0; i < 2; from += n->in[i++]->cols)
        move_columns(k, at(k, n->out->data, from), cols, n->in[i]->data, n->in[i]->cols, rows,
                     n->in[i]->cols, false);
}

static void join_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const size_t rows = n->out->rows, cols = n->out->cols;
    for (size_t i = 0, from = 0; i < 2; from += n->in[i++]->cols) {
        void *dx = tensor_grad(t, n->in[i]);
        if (dx)
            move_columns(k, dx, n->in[i]->cols, at(k, n->out->grad, from), cols, rows,
                         n->in[i]->cols, true);
    }
}

static const op_kind joined = { "join", join_forward, join_backward, NULL };

tensor *op_join(tape *t, tensor *a, tensor *b)
{
    assert(a->rows == b->rows);
    tensor *const in[] = { a, b };
    return tape_apply(t, &joined, in, 2, a->rows, a->cols + b->cols, NULL, 0);
}

static void columns_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    if (!n->out->data) return;
    move_columns(k, n->out->data, n->out->cols, at(k, n->in[0]->data, *(const size_t *)n->more),
                 n->in[0]->cols, n->out->rows, n->out->cols, false);
}

static void columns_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    void *dx = tensor_grad(t, n->in[0]);
    if (dx)
        move_columns(k, at(k, dx, *(const size_t *)n->more), n->in[0]->cols, n->out->grad,
                     n->out->cols, n->out->rows, n->out->cols, true);
}

static const op_kind cut = { "columns", columns_forward, columns_backward, NULL };

tensor *op_columns(tape *t, tensor *x, size_t from, size_t cols)
{
    assert(from + cols <= x->cols);
    return tape_apply(t, &cut, &x, 1, x->rows, cols, &from, sizeof from);
}

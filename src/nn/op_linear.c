// op_linear.c - y = f(x W + b).
//
// Rows are taken some at a time, so that a block is still in the cache when its bias and its
// activation are done.  With dz = dy f'(z):   dx = dz W^T    dW = x^T dz    db = sum of dz's rows
#include "nn/ops.h"
#include "nn/tape_inside.h"

#include <string.h>

enum { ROWS = 192 }; // 50 KiB at 64 columns

typedef struct linear {
    activation f;
    void *z; // [N][out] before the activation; NULL if there is none
} linear;

enum { X, W, B };

static void linear_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    linear *l = n->more;
    const tensor *x = n->in[X], *w = n->in[W], *b = n->in[B];
    const size_t N = n->out->rows, D = n->out->cols, in = x->cols;
    l->z = n->out->data;
    if (l->f != ACT_NONE && tape_trains(t)) l->z = tape_memory(t, N * D, k->size);
    if (!n->out->data || !l->z) return;
    for (size_t i = 0; i < N; i += ROWS) {
        const size_t rows = N - i < ROWS ? N - i : ROWS;
        void *z = at(k, l->z, i * D);
        if (b) k->rows->repeat(z, b->data, rows, D);
        k->product(&(product){ (int)rows, (int)D, (int)in, at(k, x->data, i * in), (ptrdiff_t)in, 1,
                               w->data, (ptrdiff_t)D, 1, z, (ptrdiff_t)D, b != NULL });
        if (l->f != ACT_NONE) k->rows->activate(at(k, n->out->data, i * D), z, rows * D, l->f);
    }
}

static void linear_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const linear *l = n->more;
    const tensor *x = n->in[X], *w = n->in[W];
    const size_t N = n->out->rows, D = n->out->cols, in = x->cols;
    bool add;
    void *dx = tensor_grad_or_new(t, n->in[X], &add), *dw = tensor_grad(t, n->in[W]);
    void *db = n->in[B] ? tensor_grad(t, n->in[B]) : NULL;
    const size_t scratch = tape_mark(t);
    void *dz = l->f == ACT_NONE ? NULL : tape_memory(t, ROWS * D, k->size);
    if (l->f != ACT_NONE && !dz) return;
    for (size_t i = 0; i < N; i += ROWS) {
        const size_t rows = N - i < ROWS ? N - i : ROWS;
        const void *d = at(k, n->out->grad, i * D);
        if (dz) {
            k->rows->activate_back(dz, d, at(k, l->z, i * D), rows * D, l->f);
            d = dz;
        }
        if (dx)
            k->product(&(product){ (int)rows, (int)in, (int)D, d, (ptrdiff_t)D, 1, w->data, 1,
                                   (ptrdiff_t)D, at(k, dx, i * in), (ptrdiff_t)in, add });
        if (dw)
            k->product(&(product){ (int)in, (int)D, (int)rows, at(k, x->data, i * in), 1,
                                   (ptrdiff_t)in, d, (ptrdiff_t)D, 1, dw, (ptrdiff_t)D, true });
        if (db) k->rows->sum_rows(db, d, rows, D);
    }
    tape_release(t, scratch);
}

static const op_kind kind = { "linear", linear_forward, linear_backward, NULL };

tensor *op_linear(tape *t, tensor *x, const param *w, const param *b, activation f)
{
    tensor *const in[] = { x, tape_param(t, w), b ? tape_param(t, b) : NULL };
    const linear l = { .f = f };
    return tape_apply(t, &kind, in, 3, x->rows, w->cols, &l, sizeof l);
}

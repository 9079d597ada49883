// op_norm.c - layer normalisation and its root-mean-square form.
#include "nn/ops.h"
#include "nn/tape_inside.h"

typedef struct norm {
    double eps;
    void *stats; // [N][2]: mean and 1/deviation; or [N]: 1/root mean square
} norm;

enum { X, G, B };

static void layer_norm_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    norm *m = n->more;
    m->stats = tape_memory(t, 2 * n->out->rows, k->size);
    if (!m->stats) return;
    k->rows->layer_norm(n->out->data, m->stats, n->in[X]->data, n->in[G]->data, n->in[B]->data,
                        n->out->rows, n->out->cols, m->eps);
}

static void layer_norm_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const norm *m = n->more;
    k->rows->layer_norm_back(tensor_grad(t, n->in[X]), tensor_grad(t, n->in[G]),
                             tensor_grad(t, n->in[B]), n->out->grad, n->in[X]->data, n->in[G]->data,
                             m->stats, n->out->rows, n->out->cols);
}

static const op_kind layer = { "layer norm", layer_norm_forward, layer_norm_backward, NULL };

tensor *op_layer_norm(tape *t, tensor *x, const param *g, const param *b, double eps)
{
    tensor *const in[] = { x, tape_param(t, g), tape_param(t, b) };
    const norm m = { .eps = eps };
    return tape_apply(t, &layer, in, 3, x->rows, x->cols, &m, sizeof m);
}

static void rms_norm_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    norm *m = n->more;
    m->stats = tape_memory(t, n->out->rows, k->size);
    if (!m->stats) return;
    k->rows->rms_norm(n->out->data, m->stats, n->in[X]->data, n->in[G]->data, n->out->rows,
                      n->out->cols, m->eps);
}

static void rms_norm_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const norm *m = n->more;
    k->rows->rms_norm_back(tensor_grad(t, n->in[X]), tensor_grad(t, n->in[G]), n->out->grad,
                           n->in[X]->data, n->in[G]->data, m->stats, n->out->rows, n->out->cols);
}

static const op_kind rms = { "rms norm", rms_norm_forward, rms_norm_backward, NULL };

tensor *op_rms_norm(tape *t, tensor *x, const param *g, double eps)
{
    tensor *const in[] = { x, tape_param(t, g) };
    const norm m = { .eps = eps };
    return tape_apply(t, &rms, in, 2, x->rows, x->cols, &m, sizeof m);
}

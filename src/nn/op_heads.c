// op_heads.c - losses of one number per row: ratings and probabilities.
#include "nn/op_loss.h"
#include "nn/score_rows.h"

#include <assert.h>
#include <math.h>

typedef struct head {
    const float *value, *weight;
    bool logistic;
} head;

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

// The loss of x; *slope: its derivative.
static double loss_at(const head *h, double x, double value, double *slope)
{
    if (!h->logistic) {
        *slope = 2 * (x - value);
        return (x - value) * (x - value);
    }
    *slope = 1 / (1 + exp(-x)) - value;
    return softplus(x) - value * x;
}

static void head_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    const head *h = n->more;
    double sum = 0, slope;
    if (!n->out->data) return;
    for (size_t i = 0; i < n->in[0]->rows; i++) {
        if (isnan(h->value[i])) continue;
        const double loss =
            loss_at(h, number_at(k, n->in[0]->data, i), (double)h->value[i], &slope);
        sum += (h->weight ? (double)h->weight[i] : 1) * loss;
    }
    number_set(k, n->out->data, 0, sum);
}

static void head_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const head *h = n->more;
    const double seed = number_at(k, n->out->grad, 0);
    void *dx = tensor_grad(t, n->in[0]);
    double slope;
    for (size_t i = 0; dx && i < n->in[0]->rows; i++) {
        if (isnan(h->value[i])) continue;
        loss_at(h, number_at(k, n->in[0]->data, i), (double)h->value[i], &slope);
        slope *= seed * (h->weight ? (double)h->weight[i] : 1);
        number_set(k, dx, i, number_at(k, dx, i) + slope);
    }
}

static const op_kind kind = { "head loss", head_forward, head_backward, NULL };

tensor *op_squared_loss(tape *t, tensor *x, const float *value, const float *weight)
{
    const head h = { value, weight, false };
    assert(x->cols == 1);
    return tape_apply(t, &kind, &x, 1, 1, 1, &h, sizeof h);
}

tensor *op_logistic_loss(tape *t, tensor *x, const float *value, const float *weight)
{
    const head h = { value, weight, true };
    assert(x->cols == 1);
    return tape_apply(t, &kind, &x, 1, 1, 1, &h, sizeof h);
}

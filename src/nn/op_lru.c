// op_lru.c - the linear recurrence: h' = lambda h + gamma x, sequence by sequence.
#include "base/rng.h"
#include "nn/op_recurrent.h"
#include "nn/tape_inside.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct lru {
    const int32_t *offset;
    size_t sequences;
    void *lambda, *gamma; // [2H], [H]
} lru;

enum { X, NU, THETA, GAMMA, FIRST, INPUTS };

static bool rates(tape *t, node *n)
{
    lru *l = n->more;
    const kernel_set *k = tape_kernels(t);
    const size_t H = n->out->cols / 2;
    l->lambda = tape_memory(t, 2 * H, k->size);
    l->gamma = tape_memory(t, H, k->size);
    if (!l->gamma || !n->out->data) return false;
    k->recurrent->lru_rates(l->lambda, l->gamma, n->in[NU]->data, n->in[THETA]->data,
                            n->in[GAMMA] ? n->in[GAMMA]->data : NULL, H);
    return true;
}

static void lru_forward(tape *t, node *n)
{
    const lru *l = n->more;
    const kernel_set *k = tape_kernels(t);
    const size_t cols = n->out->cols;
    (void)tape_kept(t, cols * k->size); // counted
    if (!rates(t, n)) return;
    for (size_t s = 0; s < l->sequences; s++) {
        const size_t from = (size_t)l->offset[s], rows = (size_t)l->offset[s + 1] - from;
        const void *first = n->in[FIRST] ? at(k, n->in[FIRST]->data, s * cols) : NULL;
        k->recurrent->lru(at(k, n->out->data, from * cols), at(k, n->in[X]->data, from * cols),
                          l->lambda, l->gamma, first, rows, cols / 2);
    }
}

static void lru_step(tape *t, node *n)
{
    const lru *l = n->more;
    const kernel_set *k = tape_kernels(t);
    const kept *person = tape_now(t)->kept;
    const size_t bytes = n->out->cols * k->size;
    void *state = tape_kept(t, bytes);
    const void *first = state;
    if (n->in[FIRST] && (!state || person->events == 0)) first = n->in[FIRST]->data;
    if (!rates(t, n)) return;
    k->recurrent->lru(n->out->data, n->in[X]->data, l->lambda, l->gamma, first, 1,
                      n->out->cols / 2);
    if (state && !person->ask) memcpy(state, n->out->data, bytes);
}

static void lru_backward(tape *t, const node *n)
{
    const lru *l = n->more;
    const kernel_set *k = tape_kernels(t);
    const size_t cols = n->out->cols, H = cols / 2;
    bool add;
    void *dx = tensor_grad_or_new(t, n->in[X], &add), *dfirst = tensor_grad(t, n->in[FIRST]);
    void *dnu = tensor_grad(t, n->in[NU]), *dtheta = tensor_grad(t, n->in[THETA]);
    void *dlog_gamma = tensor_grad(t, n->in[GAMMA]);
    const size_t mark = tape_mark(t);
    void *dlambda = tape_memory(t, cols, k->size), *dgamma = tape_memory(t, H, k->size);
    void *carried = tape_memory(t, cols, k->size);
    void *own = dx && add ? tape_memory(t, n->out->rows * cols, k->size) : dx;
    if (!carried || (dx && !own)) return;
    memset(dlambda, 0, cols * k->size);
    memset(dgamma, 0, H * k->size);
    for (size_t s = 0; s < l->sequences; s++) {
        const size_t from = (size_t)l->offset[s], rows = (size_t)l->offset[s + 1] - from;
        const void *first = n->in[FIRST] ? at(k, n->in[FIRST]->data, s * cols) : NULL;
        memset(carried, 0, cols * k->size);
        k->recurrent->lru_back(own ? at(k, own, from * cols) : NULL, dlambda, dgamma, carried,
                               at(k, n->out->grad, from * cols), at(k, n->in[X]->data, from * cols),
                               at(k, n->out->data, from * cols), l->lambda, l->gamma, first, rows,
                               H);
        if (dfirst) k->rows->add(at(k, dfirst, s * cols), carried, cols);
    }
    if (own != dx) k->rows->add(dx, own, n->out->rows * cols);
    k->recurrent->lru_rates_back(dnu, dtheta, dlog_gamma, dlambda, dgamma, l->lambda, l->gamma,
                                 n->in[NU]->data, n->in[THETA]->data, H);
    tape_release(t, mark);
}

static const op_kind kind = { "lru", lru_forward, lru_backward, lru_step };

tensor *op_lru(tape *t, tensor *x, const lru_params *p, const int32_t *offset, size_t sequences,
               tensor *first)
{
    assert(x->cols == 2 * p->nu->cols && p->theta->cols == p->nu->cols);
    assert(!first || first->cols == x->cols);
    tensor *const in[] = { x, tape_param(t, p->nu), tape_param(t, p->theta),
                           p->log_gamma ? tape_param(t, p->log_gamma) : NULL, first };
    const lru l = { .offset = offset, .sequences = sequences };
    return tape_apply(t, &kind, in, INPUTS, x->rows, x->cols, &l, sizeof l);
}

static void set(const param *p, tensor_type type, size_t i, double value)
{
    if (p && type == TENSOR_F64) ((double *)p->data)[i] = value;
    if (p && type == TENSOR_F32) ((float *)p->data)[i] = (float)value;
}

void lru_draw(const lru_params *p, tensor_type type, double least, double most, uint64_t seed)
{
    assert(0 < least && least <= most && most < 1);
    for (size_t i = 0; i < p->nu->cols; i++) {
        rng r = rng_at(seed, i, 0);
        const double square = least * least + rng_uniform(&r) * (most * most - least * least);
        const double turn = 1 - rng_uniform(&r); // not 0, which has no logarithm
        set(p->nu, type, i, log(-0.5 * log(square)));
        set(p->theta, type, i, log(turn * 6.283185307179586));
        set(p->log_gamma, type, i, 0.5 * log(1 - square));
    }
}

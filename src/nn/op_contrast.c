// op_contrast.c - pairs of rows that belong together, against all others.
//
// The rows of both views are the catalogue, and each row's partner its target: what is left is a
// softmax over scores, some rows at a time (score_rows.h).
#include "nn/op_loss.h"
#include "nn/score_rows.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { ROWS = 64 };

typedef struct contrast {
    double scale;
    void *dz; // [2U][D] for a seed of 1; NULL: not trained
} contrast;

typedef struct pairs {
    void *z;          // [2U][D]: a above b
    int32_t *partner; // [2U]
    size_t rows;
    score_block b;
    score_rows r;
} pairs;

static bool pairs_make(pairs *p, tape *t, const tensor *a, const tensor *b)
{
    const kernel_set *k = tape_kernels(t);
    const size_t U = a->rows, half = U * a->cols * k->size;
    p->rows = 2 * U;
    p->z = tape_memory(t, p->rows * a->cols, k->size);
    p->partner = tape_memory(t, p->rows, sizeof *p->partner);
    p->b = (score_block){ .x = tape_memory(t, p->rows * ROWS, k->size),
                          .loss = tape_memory(t, ROWS, k->size),
                          .slope = tape_memory(t, ROWS, k->size),
                          .rows = p->rows };
    if (tape_failed(t)) return false;
    memcpy(p->z, a->data, half);
    memcpy((char *)p->z + half, b->data, half);
    for (size_t i = 0; i < p->rows; i++) p->partner[i] = (int32_t)((i + U) % p->rows);
    return true;
}

// Loss of the present rows; dz is added to if wanted.
static double pairs_take(pairs *p, void *dz)
{
    const kernel_set *k = p->r.k;
    const size_t D = p->r.of->cols;
    double loss = 0;
    score_rows_answers(&p->r, p->z, p->partner);
    score_rows_score(&p->r, p->b.x, p->z, NULL, p->rows);
    for (size_t c = 0; c < p->r.count; c++) { // neither itself nor its partner is a negative
        number_set(k, p->b.x, p->r.row[c] * p->r.cols + c, -INFINITY);
        number_set(k, p->b.x, (size_t)score_rows_target(&p->r, c) * p->r.cols + c, -INFINITY);
    }
    p->b.answer = p->r.answer;
    p->b.cols = p->r.cols;
    k->scores->loss(&p->b, SCORE_SOFTMAX);
    for (size_t c = 0; c < p->r.count; c++) {
        loss += number_at(k, p->b.loss, c);
        number_set(k, p->r.factor, c, 1);
    }
    if (!dz) return loss;
    score_rows_factor(&p->r);
    memset(p->r.dh, 0, p->r.count * D * k->size);
    score_rows_back(&p->r, p->b.x, p->z, p->rows, dz, NULL);
    for (size_t c = 0; c < p->r.count; c++) {
        const size_t partner = (size_t)score_rows_target(&p->r, c);
        const double slope = number_at(k, p->b.slope, c);
        k->rows->axpy(at(k, p->r.dh, c * D), slope, at(k, p->z, partner * D), D);
        k->rows->axpy(at(k, dz, partner * D), slope, at(k, p->r.h, c * D), D);
    }
    score_rows_scatter(&p->r, dz);
    return loss;
}

static void contrast_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    contrast *c = n->more;
    const tensor *a = n->in[0];
    double loss = 0;
    if (!n->out->data) return;
    if (tape_trains(t)) c->dz = zeros(t, 2 * a->rows * a->cols);
    const size_t mark = tape_mark(t);
    pairs p;
    if (pairs_make(&p, t, a, n->in[1])) {
        const loss_targets to = { .item = p.partner, .scale = c->scale };
        const tensor z = { .rows = p.rows, .cols = a->cols, .data = p.z };
        if (score_rows_make(&p.r, t, &to, &z, ROWS))
            for (size_t from = 0; score_rows_next(&p.r, &from, p.rows);)
                loss += pairs_take(&p, c->dz);
    }
    tape_release(t, mark);
    number_set(k, n->out->data, 0, loss);
}

static void contrast_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const contrast *c = n->more;
    const double seed = number_at(k, n->out->grad, 0);
    const size_t half = n->in[0]->rows * n->in[0]->cols;
    for (int i = 0; i < 2; i++) {
        void *dx = tensor_grad(t, n->in[i]);
        if (dx) k->rows->axpy(dx, seed, at(k, c->dz, (size_t)i * half), half);
    }
}

static const op_kind kind = { "contrastive loss", contrast_forward, contrast_backward, NULL };

tensor *op_contrastive_loss(tape *t, tensor *a, tensor *b, double scale)
{
    tensor *const in[] = { a, b };
    const contrast c = { .scale = scale };
    assert(a->rows == b->rows && a->cols == b->cols);
    return tape_apply(t, &kind, in, 2, 1, 1, &c, sizeof c);
}

// op_softmax.c - cross-entropy over the whole catalogue, in blocks that fit the cache.
//
//     loss_n = lse_n - sum_i q_i s(n,i)         lse_n = log sum_i exp s(n,i)
//     q_i    = (1 - smoothing) [i = target] + smoothing / V
//
// Some events are scored against the items chunk after chunk.  A chunk's exponentials are shifted by
// the largest score so far, so that it is left behind finished; the shares are
//
//     p(n,i) = exp(s(n,i) - shift of the chunk) * exp(shift of the chunk - lse_n)
//
// whose second factor multiplies rows of h, not the block:   de += x (factor h),  dh += factor (x^T e).
// What q has to say touches one row for each event, and one sum over the table for the smoothing.
// The items of a window are left out by a score of -infinity.
#include "nn/op_loss.h"
#include "nn/score_rows.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    EVENTS = 96, // scored at once, fewer if that were more than SCORES_MOST numbers
    ITEMS = 192, // of a chunk: 72 KiB of scores
    SCORES_MOST = 1 << 24,
    KEEP_MOST = 1 << 24 // numbers of the table of which a gradient is kept from forward to backward
};

enum { H, E };

typedef struct softmax {
    loss_targets to;
    double smoothing;
    bool keeps;
    void *dh, *de, *db; // [N][D] [V][D] [V] for a seed of 1
} softmax;

// Where gradients go, for a loss multiplied with `seed`.
typedef struct gradients {
    double seed;
    void *dh, *de, *db; // to be added to; or NULL
} gradients;

// What is the same for all events of a pass, and the scores of some.
typedef struct sweep {
    softmax *s;
    score_rows rows;
    const void *e; // [V][D]
    size_t V, D, chunks;
    size_t window[EVENTS], window_end[EVENTS]; // what is left of each row's window
    void *x;                                   // [V][cols]
    void *most, *sum;                          // [cols]
    void *shift;                               // [chunks][cols]
    void *esum;                                // [D] sum of the items' vectors, for the smoothing
    double bias_sum;                           // of their biases
    void *hsum;                                // [D] sum of weighted rows
    double weight_sum;                         // of their weights
} sweep;

static bool sweep_make(sweep *w, tape *t, softmax *s, const tensor *h, const tensor *e)
{
    const kernel_set *k = tape_kernels(t);
    const loss_targets *to = &s->to;
    *w = (sweep){ .s = s, .e = e->data, .V = to->items, .D = h->cols };
    w->chunks = (w->V + ITEMS - 1) / ITEMS;
    size_t events = SCORES_MOST / w->V / SCORE_COLUMNS * SCORE_COLUMNS;
    if (events > EVENTS) events = EVENTS;
    if (events < SCORE_COLUMNS) events = SCORE_COLUMNS;
    if (!score_rows_make(&w->rows, t, to, h, events)) return false;
    w->x = tape_memory(t, w->V * events, k->size);
    w->most = tape_memory(t, EVENTS, k->size);
    w->sum = tape_memory(t, EVENTS, k->size);
    w->shift = tape_memory(t, w->chunks * EVENTS, k->size);
    w->esum = tape_memory(t, w->D, k->size);
    w->hsum = tape_memory(t, w->D, k->size);
    if (tape_failed(t)) return false;
    memset(w->esum, 0, w->D * k->size);
    memset(w->hsum, 0, w->D * k->size);
    if (s->smoothing == 0) return true;
    k->rows->sum_rows(w->esum, w->e, w->V, w->D);
    for (size_t i = 0; to->bias && i < w->V; i++) w->bias_sum += number_at(k, to->bias->data, i);
    return true;
}

// Where the windows of the present rows begin.
static void windows_begin(sweep *w)
{
    const loss_windows *of = w->s->to.windows;
    for (size_t c = 0, q = 0; of && c < w->rows.count; c++) {
        while (w->rows.row[c] >= (size_t)of->offset[q + 1]) q++; // rows ascend
        w->window[c] = (size_t)of->start[q];
        w->window_end[c] = (size_t)of->start[q + 1];
    }
}

// Items before `end` are left out of the chunk that begins with item `begin`.
static void windows_out(sweep *w, void *x, size_t begin, size_t end)
{
    const loss_windows *of = w->s->to.windows;
    for (size_t c = 0; of && c < w->rows.count; c++)
        for (; w->window[c] < w->window_end[c]; w->window[c]++) {
            const size_t item = (size_t)of->item[w->window[c]];
            if (item >= end) break;
            if ((int32_t)item != score_rows_target(&w->rows, c))
                number_set(w->rows.k, x, (item - begin) * w->rows.cols + c, -INFINITY);
        }
}

// Leaves exponentials in x, their shifts, and the logarithm of their sum in `most`.
static void score_all(sweep *w)
{
    const kernel_set *k = w->rows.k;
    const loss_targets *to = &w->s->to;
    const size_t cols = w->rows.cols;
    score_rows_answers(&w->rows, w->e, to->item);
    windows_begin(w);
    memcpy(w->most, w->rows.answer, cols * k->size); // finite, whatever is left out
    memset(w->sum, 0, cols * k->size);
    for (size_t i = 0, chunk = 0; i < w->V; i += ITEMS, chunk++) {
        const size_t items = w->V - i < ITEMS ? w->V - i : ITEMS;
        void *x = at(k, w->x, i * cols), *shift = at(k, w->shift, chunk * EVENTS);
        score_rows_score(&w->rows, x, at(k, w->e, i * w->D),
                         to->bias ? at(k, to->bias->data, i) : NULL, items);
        windows_out(w, x, i, i + items);
        memcpy(shift, w->most, cols * k->size);
        k->scores->most(shift, x, items, cols);
        for (size_t c = 0; c < cols; c++) { // the sum so far, shifted alike
            const double old = number_at(k, w->most, c), now = number_at(k, shift, c);
            if (old != now) number_set(k, w->sum, c, number_at(k, w->sum, c) * exp(old - now));
        }
        memcpy(w->most, shift, cols * k->size);
        k->scores->exp_sum(x, shift, w->sum, items, cols);
    }
    for (size_t c = 0; c < cols; c++)
        number_set(k, w->most, c, number_at(k, w->most, c) + log(number_at(k, w->sum, c)));
}

static double loss_of(const sweep *w)
{
    const score_rows *r = &w->rows;
    const double smooth = w->s->smoothing;
    double loss = 0;
    for (size_t c = 0; c < r->count; c++) {
        double l = number_at(r->k, w->most, c) - (1 - smooth) * number_at(r->k, r->answer, c);
        if (smooth > 0)
            l -= smooth / (double)w->V *
                 (r->k->rows->dot(at(r->k, r->h, c * w->D), w->esum, w->D) + w->bias_sum);
        loss += score_rows_weight(r, c) * l;
    }
    return loss;
}

// p, chunk after chunk.
static void shares_back(sweep *w, const gradients *g)
{
    score_rows *r = &w->rows;
    const kernel_set *k = r->k;
    memset(r->dh, 0, r->count * w->D * k->size);
    for (size_t i = 0, chunk = 0; i < w->V; i += ITEMS, chunk++) {
        const size_t items = w->V - i < ITEMS ? w->V - i : ITEMS;
        const void *shift = at(k, w->shift, chunk * EVENTS);
        for (size_t c = 0; c < r->count; c++)
            number_set(k, r->factor, c,
                       g->seed * score_rows_weight(r, c) *
                           exp(number_at(k, shift, c) - number_at(k, w->most, c)));
        score_rows_factor(r);
        score_rows_back(r, at(k, w->x, i * r->cols), at(k, w->e, i * w->D), items,
                        g->de ? at(k, g->de, i * w->D) : NULL, g->db ? at(k, g->db, i) : NULL);
    }
}

// - q
static void truth_back(sweep *w, const gradients *g)
{
    const score_rows *r = &w->rows;
    const kernel_set *k = r->k;
    const row_kernels *v = k->rows;
    for (size_t c = 0; c < r->count; c++) {
        const size_t i = (size_t)score_rows_target(r, c);
        const double weight = g->seed * score_rows_weight(r, c);
        const double by = -(1 - w->s->smoothing) * weight;
        void *dh = at(k, r->dh, c * w->D);
        v->axpy(dh, by, at(k, w->e, i * w->D), w->D);
        if (g->de) v->axpy(at(k, g->de, i * w->D), by, at(k, r->h, c * w->D), w->D);
        if (g->db) number_set(k, g->db, i, number_at(k, g->db, i) + by);
        if (w->s->smoothing == 0) continue;
        v->axpy(dh, -w->s->smoothing / (double)w->V * weight, w->esum, w->D);
        v->axpy(w->hsum, weight, at(k, r->h, c * w->D), w->D);
        w->weight_sum += weight;
    }
}

// What the smoothing gives to every item alike.
static void smoothing_back(sweep *w, const gradients *g)
{
    const kernel_set *k = w->rows.k;
    const double by = -w->s->smoothing / (double)w->V;
    if (w->s->smoothing == 0) return;
    for (size_t i = 0; g->de && i < w->V; i++)
        k->rows->axpy(at(k, g->de, i * w->D), by, w->hsum, w->D);
    for (size_t i = 0; g->db && i < w->V; i++)
        number_set(k, g->db, i, number_at(k, g->db, i) + by * w->weight_sum);
}

// The loss of all rows, and its gradients if wanted.
static double softmax_run(tape *t, const node *n, const gradients *g)
{
    softmax *s = n->more;
    const tensor *h = n->in[H];
    const size_t mark = tape_mark(t);
    sweep w;
    double loss = 0;
    if (sweep_make(&w, t, s, h, n->in[E])) {
        for (size_t from = 0; score_rows_next(&w.rows, &from, h->rows);) {
            score_all(&w);
            loss += loss_of(&w);
            if (!g) continue;
            shares_back(&w, g);
            truth_back(&w, g);
            if (g->dh) score_rows_scatter(&w.rows, g->dh);
        }
        if (g) smoothing_back(&w, g);
    }
    tape_release(t, mark);
    return loss;
}

static void softmax_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    softmax *s = n->more;
    const tensor *h = n->in[H];
    if (!n->out->data) return;
    s->keeps = tape_trains(t) && !s->to.frugal && s->to.items * h->cols <= KEEP_MOST;
    gradients g = { .seed = 1 };
    if (s->keeps) {
        g.dh = s->dh = zeros(t, h->rows * h->cols);
        g.de = s->de = zeros(t, s->to.items * h->cols);
        if (s->to.bias) g.db = s->db = zeros(t, s->to.items);
    }
    if (tape_failed(t)) return;
    number_set(k, n->out->data, 0, softmax_run(t, n, s->keeps ? &g : NULL));
}

static void softmax_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const softmax *s = n->more;
    tensor *h = n->in[H];
    const param *bias = s->to.bias;
    sink *to_bias = bias ? tape_sink(t, bias) : NULL;
    const gradients g = { number_at(k, n->out->grad, 0), tensor_grad(t, h),
                          tensor_grad(t, n->in[E]), to_bias ? sink_dense(to_bias, bias) : NULL };
    if (!s->keeps) {
        softmax_run(t, n, &g);
        return;
    }
    if (g.dh) k->rows->axpy(g.dh, g.seed, s->dh, h->rows * h->cols);
    if (g.de) k->rows->axpy(g.de, g.seed, s->de, s->to.items * h->cols);
    if (g.db) k->rows->axpy(g.db, g.seed, s->db, s->to.items);
}

static const op_kind kind = { "softmax loss", softmax_forward, softmax_backward, NULL };

tensor *op_softmax_loss(tape *t, tensor *h, const loss_targets *to, double smoothing)
{
    softmax s = { .to = *to, .smoothing = smoothing };
    tensor *e = to->vectors ? to->vectors : tape_param(t, to->table);
    if (!s.to.items) s.to.items = e->rows;
    assert(h->cols == e->cols && s.to.items <= e->rows);
    assert(!to->vectors || !to->bias);
    assert(!to->windows || smoothing == 0);
    tensor *const in[] = { to->cosine ? op_unit(t, h) : h, to->cosine ? op_unit(t, e) : e };
    return tape_apply_rows(t, &kind, in, 2, 1, 1, &s, sizeof s);
}

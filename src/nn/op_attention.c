// op_attention.c - packed multi-head attention, with softmax and with SiLU.
//
// What is done is in kernels/attention.h.  Of the forward pass only the output and two numbers for
// each row and head are kept.
#include "nn/op_attention.h"
#include "nn/tape_inside.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { Q, K, V, POSITION, TIME, INPUTS };

typedef struct attending {
    attention a;
    size_t from[3]; // first columns of q, k and v
} attending;

// The parts of the kept state: keys, values and, where there is a table for it, times of the window.
static void claim(tape *t, const attention *a, attention_step *s)
{
    const size_t size = tape_kernels(t)->size, H = (size_t)a->form.heads;
    if (!a->causal || !a->window) return;
    s->keys = tape_kept(t, H * (size_t)a->form.key_width * a->window * size);
    s->values = tape_kept(t, H * (size_t)a->form.value_width * a->window * size);
    s->times = a->form.time.data ? tape_kept(t, a->window * sizeof *s->times) : NULL;
}

// --- watching --------------------------------------------------------------------------------------

static void show(tape *t, const attention *of, const attention_watch *watch)
{
    const kernel_set *k = tape_kernels(t);
    const size_t most = attention_most_keys(of);
    attention a = *of;
    double *weight = tape_memory(t, most, sizeof *weight);
    a.scratch = tape_memory(t, most, k->size);
    if (!weight || !a.scratch) return;
    for (int h = 0; h < a.form.heads; h++)
        for (size_t s = 0; s < a.sequences; s++) {
            attention_seen seen = { .head = h,
                                    .heads = a.form.heads,
                                    .sequence = s,
                                    .rows = (size_t)(a.offset[s + 1] - a.offset[s]),
                                    .keys = attention_keys(&a, s),
                                    .weight = weight };
            for (seen.row = 0; seen.row < seen.rows; seen.row++) {
                (k->size == sizeof(float) ? attention_look_f32
                                          : attention_look_f64)(&a, s, h, seen.row, weight);
                watch->see(watch->ctx, &seen);
            }
        }
}

// --- forward and step ------------------------------------------------------------------------------

static void attention_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    claim(t, &((attending *)n->more)->a, &(attention_step){ 0 }); // counted
    attention *a = &((attending *)n->more)->a;
    const size_t *from = ((attending *)n->more)->from;
    const bool sums = tape_trains(t) && a->form.weights == ATTENTION_SOFTMAX;
    a->sums = sums ? tape_memory(t, n->out->rows * (size_t)a->form.heads, 2 * k->size) : NULL;
    const size_t mark = tape_mark(t);
    a->scratch = tape_memory(t, k->attention->scratch(a), 1);
    if (n->out->data && a->scratch && (a->sums || !sums)) {
        a->q = at(k, n->in[Q]->data, from[Q]);
        a->k = at(k, n->in[K]->data, from[K]);
        a->v = at(k, n->in[V]->data, from[V]);
        a->out = n->out->data;
        k->attention->forward(a);
        if (tape_now(t)->watch) show(t, a, tape_now(t)->watch);
    }
    tape_release(t, mark);
}

// One event of one person.  Without a state it sees only itself.
static void attention_step_one(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    const attending *m = n->more;
    const attention *a = &m->a;
    const kept *person = tape_now(t)->kept;
    if (!a->causal) {
        attention_forward(t, n);
        return;
    }
    assert(a->window && n->out->rows == 1);
    attention_step s = { .form = a->form, .window = a->window, .out = n->out->data };
    claim(t, a, &s);
    s.events = s.keys ? person->events : 0;
    s.keep = s.keys && !person->ask;
    if (a->form.time.data) s.query_time = a->query_time[0], s.key_time = a->key_time[0];
    const size_t mark = tape_mark(t);
    s.scratch = tape_memory(t, 2 * a->window + 64, k->size);
    if (n->out->data && s.scratch) {
        s.q = at(k, n->in[Q]->data, m->from[Q]);
        s.k = at(k, n->in[K]->data, m->from[K]);
        s.v = at(k, n->in[V]->data, m->from[V]);
        k->attention->step(&s);
    }
    tape_release(t, mark);
}

// --- backward --------------------------------------------------------------------------------------

// Where the gradients of q, k and v go.
typedef struct target {
    void *grad[V + 1]; // the tensors' own
    bool old[V + 1];   // something is in it
    bool fresh;        // of none, and attention fills all of each: it may set
} target;

// Whether attention's columns are all that a tensor has.
static bool covers(const node *n, const attention_form *f, int i)
{
    size_t cols = 0;
    for (int j = Q; j <= V; j++) {
        const int width = j == V ? f->value_width : f->key_width;
        if (n->in[j] == n->in[i]) cols += (size_t)(f->heads * width);
    }
    return cols == n->in[i]->cols;
}

static bool all_rows(const attention *a, const node *n)
{
    return !a->key_end && a->offset[0] == 0 && (size_t)a->offset[a->sequences] == n->in[Q]->rows &&
           a->key_offset[0] == 0 && (size_t)a->key_offset[a->sequences] == n->in[K]->rows;
}

static target find_target(tape *t, const node *n, const attention *a)
{
    target to = { .fresh = all_rows(a, n) };
    for (int i = Q; i <= V; i++) {
        bool add;
        to.grad[i] = tensor_grad_or_new(t, n->in[i], &add);
        to.old[i] = add;
        bool shared = false; // with one that has just been made
        for (int j = Q; j < i; j++) shared = shared || (n->in[j] == n->in[i] && !to.old[j]);
        if (to.grad[i]) to.fresh = to.fresh && (!add || shared) && covers(n, &a->form, i);
    }
    for (int i = Q; i <= V && !to.fresh; i++)
        if (to.grad[i] && !to.old[i])
            memset(to.grad[i], 0, n->in[i]->rows * n->in[i]->cols * tape_kernels(t)->size);
    return to;
}

static void attention_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const attending *m = n->more;
    attention a = m->a;
    const target to = find_target(t, n, &a);
    void *d[V + 1];
    for (int i = Q; i <= V; i++) d[i] = to.grad[i] ? at(k, to.grad[i], m->from[i]) : NULL;
    const attention_gradient g = { n->out->grad,
                                   d[Q],
                                   d[K],
                                   d[V],
                                   tensor_grad(t, n->in[POSITION]),
                                   tensor_grad(t, n->in[TIME]),
                                   to.fresh };
    const size_t mark = tape_mark(t);
    a.scratch = tape_memory(t, k->attention->scratch(&a), 1);
    if (a.scratch) k->attention->backward(&a, &g);
    tape_release(t, mark);
}

static const op_kind kind = { "attention", attention_forward, attention_backward,
                              attention_step_one };

// --- what models call ------------------------------------------------------------------------------

static attention_table table(const param *p)
{
    return p ? (attention_table){ p->data, p->cols, p->rows > 1 ? p->cols : 0 }
             : (attention_table){ 0 };
}

static attention_form form(const tensor *q, const tensor *v, const attention_shape *s)
{
    assert(s->heads > 0);
    const size_t heads = (size_t)s->heads;
    const size_t C = s->key_width ? s->key_width : q->cols / heads;
    const size_t E = s->value_width ? s->value_width : v->cols / heads;
    assert(s->q_from + C * heads <= q->cols && s->v_from + E * heads <= v->cols);
    return (attention_form){ .heads = s->heads,
                             .key_width = (int)C,
                             .value_width = (int)E,
                             .position = table(s->position_bias),
                             .time = table(s->time_bias) };
}

// Who sees whom, and when.
static void relate(attention *a, const attention_shape *s)
{
    a->sequences = s->sequences;
    a->offset = s->offset;
    a->key_offset = s->key_offset ? s->key_offset : s->offset;
    a->key_end = s->key_end;
    a->causal = s->causal;
    a->window = s->window;
    a->query_time = s->query_time, a->key_time = s->key_time;
    assert(s->causal || !s->window);
    assert(!s->time_bias || (s->query_time && s->key_time));
}

static tensor *apply(tape *t, tensor *q, tensor *k, tensor *v, attending *m,
                     const attention_shape *s)
{
    attention *a = &m->a;
    relate(a, s);
    m->from[Q] = s->q_from, m->from[K] = s->k_from, m->from[V] = s->v_from;
    a->q_row = q->cols, a->k_row = k->cols, a->v_row = v->cols;
    a->out_row = (size_t)(a->form.heads * a->form.value_width);
    a->buckets = s->time_bias ? s->buckets : NULL;
    if (s->dropout > 0 && tape_trains(t))
        a->drop = (dropout){ tape_dropout_key(t), tape_now(t)->first_row, s->dropout };
    tensor *const in[INPUTS] = { q, k, v, s->position_bias ? tape_param(t, s->position_bias) : NULL,
                                 s->time_bias ? tape_param(t, s->time_bias) : NULL };
    return tape_apply(t, &kind, in, INPUTS, q->rows, a->out_row, m, sizeof *m);
}

const uint8_t *op_attention_buckets(tape *t, const attention_shape *s)
{
    const attention_kernels *k = tape_kernels(t)->attention;
    attention a = { .form = { .heads = s->heads, .time = table(s->time_bias) } };
    relate(&a, s);
    const size_t bytes = !s->time_bias || tape_now(t)->mode == TAPE_STEP ? 0 : k->bucket_bytes(&a);
    uint8_t *buckets = bytes ? tape_memory(t, bytes, 1) : NULL;
    const size_t mark = tape_mark(t);
    a.scratch = bytes ? tape_memory(t, k->scratch(&a), 1) : NULL;
    if (buckets && a.scratch) k->find_buckets(&a, buckets);
    tape_release(t, mark);
    return buckets;
}

tensor *op_attention(tape *t, tensor *q, tensor *k, tensor *v, const attention_shape *s)
{
    attending m = { .a.form = form(q, v, s) };
    m.a.form.weights = ATTENTION_SOFTMAX;
    m.a.form.scale = 1 / sqrt((double)m.a.form.key_width);
    return apply(t, q, k, v, &m, s);
}

tensor *op_silu_attention(tape *t, tensor *q, tensor *k, tensor *v, const attention_shape *s)
{
    attending m = { .a.form = form(q, v, s) };
    m.a.form.weights = ATTENTION_SILU;
    m.a.form.scale = 1;
    m.a.form.divisor = s->divisor;
    assert(s->divisor > 0);
    return apply(t, q, k, v, &m, s);
}

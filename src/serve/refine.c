// refine.c - "more like A, less like B": moves what the model thinks of who asks.
//
// Vectors, u(i) being the vector of item i over its length and |q| the length of the question's:
//
//     q' = q + strength |q| (mean of u(more) - mean of u(less))
//
// Scores of models without vectors, s(h) being those of history h, over all items brought to mean 0
// and deviation 1:
//
//     s' = s(history) + strength (mean of s({more}) - mean of s({less}))
//
// Items the model does not know are left out of the means.  Without a history the first term is 0 and
// |q| is 1.
#include "serve/ranker.h"
#include "kernels/vector.h"

#include <math.h>
#include <string.h>

static bool known(const served *s, uint32_t item)
{
    return item < s->items && s->to_model[item] != ITEM_NONE;
}

static size_t count_known(const served *s, const uint32_t *item, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += known(s, item[i]);
    return found;
}

// --- vectors ----------------------------------------------------------------------------------------

// q += by * mean of u(item)
static void add_vectors(const served *s, float *q, const uint32_t *item, size_t n, double by)
{
    const vector_kernels *k = vector_kernels_pick();
    const size_t dim = (size_t)s->model->dim, found = count_known(s, item, n);
    for (size_t i = 0; i < n; i++) {
        const float *v = served_item(s, item[i]);
        const float length = v ? sqrtf(k->dot(v, v, dim)) : 0;
        if (length > 0) k->axpy(q, (float)(by / (double)found / (double)length), v, dim);
    }
}

// --- scores -----------------------------------------------------------------------------------------

// Mean 0, deviation 1; all 0 if they are all the same.
static void standardise(float *x, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    const double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double by = squares > 0 ? 1 / sqrt(squares / (double)n) : 0;
    for (size_t i = 0; i < n; i++) x[i] = (float)(((double)x[i] - mean) * by);
}

static void add_scores(ranker *r, const uint32_t *item, size_t n, double by)
{
    const served *s = r->model;
    const size_t all = s->model->items, mark = arena_mark(&r->memory);
    const size_t found = count_known(s, item, n);
    float *one = arena_floats(&r->memory, all);
    for (size_t i = 0; i < n && one; i++) {
        if (!known(s, item[i])) continue;
        const query q = { .user = USER_NONE,
                          .item = &s->to_model[item[i]],
                          .time = &r->wish->now,
                          .n = 1,
                          .now = r->wish->now };
        const size_t inner = arena_mark(&r->memory);
        s->model->class->score(s->model, &q, 1, one, &r->memory);
        arena_rewind(&r->memory, inner);
        standardise(one, all);
        vector_kernels_pick()->axpy(r->view.scores, (float)(by / (double)found), one, all);
    }
    arena_rewind(&r->memory, mark);
}

// --- both -------------------------------------------------------------------------------------------

void ranker_refine(ranker *r)
{
    const wish *w = r->wish;
    const served *s = r->model;
    if (!s || count_known(s, w->more, w->mores) + count_known(s, w->less, w->lesses) == 0) return;
    const size_t n = s->list ? (size_t)s->model->dim : s->model->items;
    if (!r->knows) {
        float *zero = arena_floats(&r->memory, n);
        if (!zero) return;
        r->view = (served_view){ 0 };
        *(s->list ? &r->view.vector : &r->view.scores) = zero;
    }
    if (s->list) {
        float *q = r->view.vector;
        const double length = r->knows ? sqrt((double)vector_kernels_pick()->dot(q, q, n)) : 1;
        add_vectors(s, q, w->more, w->mores, w->strength * length);
        add_vectors(s, q, w->less, w->lesses, -w->strength * length);
    } else {
        if (r->knows) standardise(r->view.scores, n);
        add_scores(r, w->more, w->mores, w->strength);
        add_scores(r, w->less, w->lesses, -w->strength);
    }
    r->knows = true;
}

size_t refine_scratch(const served *s)
{
    const size_t n = s->list ? (size_t)s->model->dim : s->model->items;
    return 2 * n * sizeof(float) + 2 * (size_t)ARENA_ALIGN;
}

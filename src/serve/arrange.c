// arrange.c - the order within an answer: maximal marginal relevance, caps of categories, places of
// fresh items.
//
// J. Carbonell, J. Goldstein: The use of MMR, diversity-based reranking.  SIGIR 1998.  The next item is
//
//     argmax over candidates i of  lambda rel(i) - (1 - lambda) max(0, max over chosen j of sim(i, j))
//
// lambda: 1 - diversity.  rel: scores of the candidates brought to 0 .. 1.  sim: the cosine of the item vectors; where one of
// the two has none, the share of their categories that they have in common.
#include "serve/ranker.h"
#include "kernels/vector.h"

#include <math.h>

typedef struct plan {
    float *relevance, *penalty; // [chunk.n]
    float *unit;                // [chunk.n][dim] vectors of length 1, 0 where there is none
    float *of_chosen;           // [dim]
    bool *gone;                 // [chunk.n]
    size_t dim;
} plan;

bool arrange_is_plain(const wish *w)
{
    return w->diversity <= 0 && w->category_most == 0;
}

size_t arrange_scratch(const served *s)
{
    const size_t dim = s && s->list ? (size_t)s->model->dim : 0;
    return RANKER_CHUNK * (dim + 3) * sizeof(float) + dim * sizeof(float) + 5 * (size_t)ARENA_ALIGN;
}

// --- one item -----------------------------------------------------------------------------------------

// False if a category of it is full.
static bool fits(ranker *r, uint32_t item)
{
    const item_row *i = &r->table->at[item];
    for (int k = 0; k < i->categories && r->wish->category_most; k++) {
        const float *n = tally_of(&r->counts, i->category[k]);
        if (n && *n >= (float)r->wish->category_most) return false;
    }
    return true;
}

static bool take(ranker *r, uint32_t item, float score, source from)
{
    if (r->n == r->want || !ranker_may(r, item)) return false;
    ranker_forbid(r, item); // whatever comes of it
    if (!fits(r, item)) return false;
    const item_row *i = &r->table->at[item];
    for (int k = 0; k < i->categories && r->wish->category_most; k++) {
        float *n = tally_of(&r->counts, i->category[k]);
        if (n) ++*n;
    }
    r->out[r->n++] = (answered){ item, score, from };
    return true;
}

// Of the places 0, 1, ... a share of `fresh` is for fresh items, and those are spread evenly.
static bool is_fresh_place(const ranker *r)
{
    const double fresh = r->wish->fresh;
    return floor((double)(r->n + 1) * fresh) > floor((double)r->n * fresh);
}

static bool take_fresh(ranker *r)
{
    answered x;
    while (r->has_fresh && r->n < r->want && is_fresh_place(r) && fallback_fresh(r, &x))
        if (take(r, x.item, x.score, x.from)) return true;
    return false;
}

// --- maximal marginal relevance -------------------------------------------------------------------------

// The vector of an item over its length; false, and zeros, if there is none.
static bool unit_vector(const ranker *r, uint32_t item, float *out, size_t dim)
{
    const vector_kernels *k = vector_kernels_pick();
    const float *v = dim ? served_item(r->model, item) : NULL;
    const float length = v ? sqrtf(k->dot(v, v, dim)) : 0;
    for (size_t d = 0; d < dim; d++) out[d] = length > 0 ? v[d] / length : 0;
    return length > 0;
}

static float common_categories(const items *t, uint32_t a, uint32_t b)
{
    const item_row *x = &t->at[a], *y = &t->at[b];
    int common = 0;
    for (int k = 0; k < x->categories; k++) common += items_has_category(t, b, x->category[k]);
    const int all = x->categories + y->categories - common;
    return all ? (float)common / (float)all : 0;
}

// Candidates become less wanted by their likeness to `item`, which was chosen.
static void punish(ranker *r, plan *p, uint32_t item)
{
    const vector_kernels *k = vector_kernels_pick();
    const bool any = unit_vector(r, item, p->of_chosen, p->dim);
    for (size_t i = 0; i < r->chunk.n; i++) {
        const uint32_t other = r->chunk.item[i];
        if (p->gone[i]) continue;
        const float sim = any && served_item(r->model, other)
                              ? k->dot(p->of_chosen, p->unit + i * p->dim, p->dim)
                              : common_categories(r->table, item, other);
        if (sim > p->penalty[i]) p->penalty[i] = sim;
    }
}

static bool make_plan(ranker *r, plan *p)
{
    const chunk *c = &r->chunk;
    arena *a = &r->memory;
    float least = c->score[0], most = c->score[0];
    p->dim = r->model && r->model->list ? (size_t)r->model->model->dim : 0;
    p->relevance = arena_floats(a, c->n);
    p->penalty = arena_floats(a, c->n);
    p->unit = arena_floats(a, c->n * p->dim);
    p->of_chosen = arena_floats(a, p->dim);
    p->gone = arena_new(a, bool, c->n);
    if (a->failed) return false;
    for (size_t i = 0; i < c->n; i++) {
        least = fminf(least, c->score[i]), most = fmaxf(most, c->score[i]);
        p->gone[i] = !ranker_may(r, c->item[i]);
        unit_vector(r, c->item[i], p->unit + i * p->dim, p->dim);
    }
    for (size_t i = 0; i < c->n; i++)
        p->relevance[i] = most > least ? (c->score[i] - least) / (most - least) : 1;
    for (size_t i = 0; i < r->n; i++) punish(r, p, r->out[i].item);
    return true;
}

// The next of the chunk, or its length.
static size_t next_of(const ranker *r, const plan *p)
{
    const float lambda = 1 - (float)r->wish->diversity;
    size_t best = r->chunk.n;
    float worth = -INFINITY;
    for (size_t i = 0; i < r->chunk.n; i++) {
        const float x = lambda * p->relevance[i] - (1 - lambda) * p->penalty[i];
        if (!p->gone[i] && x > worth) worth = x, best = i;
    }
    return best;
}

static void take_diverse(ranker *r)
{
    const chunk *c = &r->chunk;
    const size_t mark = arena_mark(&r->memory);
    plan p;
    if (make_plan(r, &p))
        for (size_t i; r->n < r->want;) {
            if (take_fresh(r)) {
                punish(r, &p, r->out[r->n - 1].item);
                continue;
            }
            if ((i = next_of(r, &p)) == c->n) break;
            p.gone[i] = true;
            if (take(r, c->item[i], c->score[i], c->from)) punish(r, &p, c->item[i]);
        }
    arena_rewind(&r->memory, mark);
}

void arrange(ranker *r)
{
    const chunk *c = &r->chunk;
    if (c->n == 0) return;
    if (r->wish->diversity > 0) {
        take_diverse(r);
        return;
    }
    for (size_t i = 0; i < c->n && r->n < r->want; i++) {
        while (take_fresh(r)) {
        }
        take(r, c->item[i], c->score[i], c->from);
    }
}

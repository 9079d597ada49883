// eval_fakes.h - models with given answers and logs made by hand, for the tests of evaluation.
#ifndef TESTS_EVAL_FAKES_H
#define TESTS_EVAL_FAKES_H
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "eval/evaluate.h"

#include <string.h>

// --- a direct model that says what its table says ----------------------------------------------

typedef struct table_model {
    model base;
    const float *score; // [users][items]; a stranger gets the last row
} table_model;

static inline void table_score(const model *m, const query *q, size_t n, float *scores,
                               arena *scratch)
{
    const table_model *t = (const table_model *)m;
    (void)scratch;
    for (size_t r = 0; r < n; r++) {
        const size_t user = q[r].user < m->users ? q[r].user : m->users - 1;
        memcpy(scores + r * m->items, t->score + user * m->items, m->items * sizeof *scores);
    }
}

static inline void table_predict(const model *m, const query *q, const uint32_t *item, size_t n,
                                 float *values, arena *scratch)
{
    const size_t user = q->user < m->users ? q->user : m->users - 1;
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        values[i] = ((const table_model *)m)->score[user * m->items + item[i]];
}

static const model_class table_class = { .name = "table",
                                         .title = "Scores from a table",
                                         .needs = PREDICTS_VALUE,
                                         .score = table_score,
                                         .predict = table_predict };

// --- a dot-product model with given vectors ------------------------------------------------------

typedef struct factor_model {
    model base;
    const float *user_vector; // [users][dim]
} factor_model;

static inline void factor_encode(const model *m, const query *q, size_t n, float *vectors,
                                 arena *scratch)
{
    const factor_model *f = (const factor_model *)m;
    const size_t dim = (size_t)m->dim;
    (void)scratch;
    for (size_t r = 0; r < n; r++) {
        const size_t user = q[r].user < m->users ? q[r].user : 0;
        memcpy(vectors + r * dim, f->user_vector + user * dim, dim * sizeof *vectors);
    }
}

static const model_class factor_class = { .name = "factors",
                                          .title = "Given vectors",
                                          .encode = factor_encode };

// --- logs ----------------------------------------------------------------------------------------

// Random lists of items for each user; give back with log_free().
static inline log_view log_random(uint32_t users, uint32_t items, uint32_t most, uint64_t seed)
{
    uint64_t *begin = NEW(uint64_t, users), *end = NEW(uint64_t, users), at = 0;
    uint32_t *item = NEW(uint32_t, (size_t)users * most);
    for (uint32_t u = 0; u < users; u++) {
        rng r = rng_at(seed, u, 77);
        begin[u] = at;
        for (uint64_t n = rng_below(&r, most + 1); n; n--)
            item[at++] = (uint32_t)rng_below(&r, items);
        end[u] = at;
    }
    return (log_view){
        .users = users, .items = items, .begin = begin, .end = end, .item = item, .events = at
    };
}

static inline void log_free(log_view *v)
{
    mem_free((void *)(uintptr_t)v->begin);
    mem_free((void *)(uintptr_t)v->end);
    mem_free((void *)(uintptr_t)v->item);
}

static inline float *floats_random(size_t n, uint64_t seed)
{
    float *x = NEW(float, n);
    rng r = rng_at(seed, n, 78);
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_normal(&r);
    return x;
}

// Small whole numbers: ties everywhere, and sums exact in any order.
static inline float *floats_coarse(size_t n, uint64_t seed)
{
    float *x = NEW(float, n);
    rng r = rng_at(seed, n, 79);
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_below(&r, 3) - 1;
    return x;
}

#endif

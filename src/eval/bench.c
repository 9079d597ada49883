// bench.c - a full ranking of random factors, timed.
#include "eval/bench.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "eval/ranking.h"
#include "kernels/rank.h"

#include <string.h>

enum { ROUNDS = 7, LIST = 50 };

typedef struct factors {
    model base;
    float *user_vector;
} factors;

static void encode_user(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    (void)scratch;
    const size_t dim = (size_t)m->dim;
    for (size_t r = 0; r < n; r++)
        memcpy(vectors + r * dim, ((const factors *)m)->user_vector + q[r].user * dim,
               dim * sizeof *vectors);
}

static const model_class factors_class = { .name = "bench", .encode = encode_user };

// Memory of one benchmark.
typedef struct bench {
    float *user_vector, *item_vector;
    uint64_t *begin, *end, *target_begin, *target_end;
    uint32_t *seen, *target;
} bench;

static void bench_free(bench *x)
{
    void *all[] = { x->user_vector,  x->item_vector, x->begin, x->end,
                    x->target_begin, x->target_end,  x->seen,  x->target };
    for (size_t i = 0; i < COUNT_OF(all); i++) mem_free(all[i]);
}

static habit_status bench_make(bench *x, const ranking_bench *b, habit_error *err)
{
    const size_t users = b->users, dim = (size_t)b->dim, seen = b->seen;
    *x = (bench){ NEW(float, users *dim),      NEW(float, b->items *dim), NEW(uint64_t, users),
                  NEW(uint64_t, users),        NEW(uint64_t, users),      NEW(uint64_t, users),
                  NEW(uint32_t, users * seen), NEW(uint32_t, users) };
    if (!x->user_vector || !x->item_vector || !x->begin || !x->end || !x->target_begin ||
        !x->target_end || !x->seen || !x->target)
        return fail_memory(err, "benchmark", (users + b->items) * dim * sizeof(float));
    rng r = rng_at(1, 2, 3);
    for (size_t i = 0; i < users * dim; i++) x->user_vector[i] = (float)rng_normal(&r);
    for (size_t i = 0; i < b->items * dim; i++) x->item_vector[i] = (float)rng_normal(&r);
    for (size_t u = 0; u < users; u++) {
        x->begin[u] = u * seen, x->end[u] = (u + 1) * seen;
        x->target_begin[u] = u, x->target_end[u] = u + 1;
        x->target[u] = (uint32_t)rng_below(&r, b->items);
        for (size_t e = 0; e < seen; e++) x->seen[u * seen + e] = (uint32_t)rng_below(&r, b->items);
    }
    return HABIT_OK;
}

static habit_status bench_time(ranking_bench *b, const bench *x, const run *rn, habit_error *err)
{
    const log_view history = { .users = b->users,
                               .items = b->items,
                               .begin = x->begin,
                               .end = x->end,
                               .item = x->seen,
                               .events = (uint64_t)b->users * b->seen };
    const log_view targets = { .users = b->users,
                               .items = b->items,
                               .begin = x->target_begin,
                               .end = x->target_end,
                               .item = x->target,
                               .events = b->users };
    const factors f = { { .class = &factors_class,
                          .users = b->users,
                          .items = b->items,
                          .dim = b->dim,
                          .item_vector = x->item_vector },
                        x->user_vector };
    const contestant c = { .name = "bench", .model = &f.base };
    const questions_options o = { .filter_seen = true };
    const double flops = 2.0 * b->users * b->items * b->dim;
    questions q = { 0 };
    TRY(questions_make(&q, &history, &targets, &o, rn, err));
    habit_status st = HABIT_OK;
    double best = 0;
    for (int round = 0; round < ROUNDS && st == HABIT_OK; round++) {
        ranking r = { 0 };
        const double start = clock_wall();
        st = ranking_make(&r, &q, &c, &(ranking_plan){ .list = LIST }, rn, err);
        const double spent = clock_wall() - start;
        if (round == 0 || spent < best) best = spent;
        ranking_free(&r);
    }
    questions_free(&q);
    b->kernel = rank_pick()->name;
    b->seconds = best;
    b->gflops = best > 0 ? flops / best * 1e-9 : 0;
    return st;
}

habit_status ranking_bench_run(ranking_bench *b, const run *rn, habit_error *err)
{
    bench x;
    habit_status st = bench_make(&x, b, err);
    if (st == HABIT_OK) st = bench_time(b, &x, rn, err);
    bench_free(&x);
    return st;
}

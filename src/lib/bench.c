// bench.c - habit_bench(): what the kernels reach on this machine, beside what it could do at most.
//
// Every figure is the best of the turns that fit into --seconds: what disturbs a measurement only
// ever makes it slower.
#include "base/clock.h"
#include "base/memory.h"
#include "index/topk.h"
#include "kernels/peak.h"
#include "kernels/vector.h"
#include "lib/json.h"
#include "lib/run_setup.h"
#include "lib/tables.h"

#include <stdio.h>

// One thing to time: work(ctx) does `flops` operations and returns something that depends on all.
typedef struct task {
    const char *kernel, *shape;
    double flops;
    float (*work)(void *ctx);
    void *ctx;
} task;

static double best_rate(const task *t, double seconds, float *sink)
{
    const double stop = clock_wall() + seconds;
    double best = 0;
    do {
        const double began = clock_wall();
        *sink += t->work(t->ctx);
        const double spent = clock_wall() - began;
        if (spent > 0 && t->flops / spent > best) best = t->flops / spent;
    } while (clock_wall() < stop);
    return best;
}

// --- tasks -------------------------------------------------------------------------------------

enum { SPINS = 200000, LENGTH = 256, REPEATS = 20000, ITEMS = 3416, QUERIES = 64, DIM = 64 };

static float work_peak(void *ctx)
{
    return ((const peak_kernel *)ctx)->spin(SPINS);
}

typedef struct vectors {
    const vector_kernels *k;
    float *x, *y;
} vectors;

static float work_dot(void *ctx)
{
    const vectors *v = ctx;
    float sum = 0;
    for (int i = 0; i < REPEATS; i++) sum += v->k->dot(v->x, v->y, LENGTH);
    return sum;
}

static float work_axpy(void *ctx)
{
    const vectors *v = ctx;
    for (int i = 0; i < REPEATS; i++) v->k->axpy(v->y, 1e-6f, v->x, LENGTH);
    return v->y[0];
}

typedef struct ranking {
    const catalogue *c;
    float *queries, *scratch, *scores;
    uint32_t *items;
    topk_query *top;
} ranking;

static float work_rank(void *ctx)
{
    ranking *r = ctx;
    enum { K = 10 };
    for (size_t q = 0; q < QUERIES; q++)
        r->top[q] = (topk_query){
            .answer = { .item = r->items + q * K, .score = r->scores + q * K, .k = K }
        };
    topk_dot(r->top, r->queries, QUERIES, r->c, r->scratch);
    return r->top[0].answer.score[0];
}

// --- the table ---------------------------------------------------------------------------------

static json_t *measure(const task *t, double seconds, double peak, double *rate)
{
    float sink = 0;
    *rate = best_rate(t, seconds, &sink);
    json_t *row = json_pack("{s:s, s:s, s:f, s:f}", "kernel", t->kernel, "shape", t->shape,
                            "gflops", *rate / 1e9, "share_of_peak", peak > 0 ? *rate / peak : 1.0);
    return sink == sink ? row : (json_decref(row), NULL); // NaN would mean broken kernels
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
}

static habit_status measure_ranking(json_t *rows, double seconds, double peak, habit_error *err)
{
    catalogue *c = NULL;
    float *items = NEW(float, ITEMS *DIM);
    ranking r = { .queries = NEW(float, QUERIES *DIM),
                  .scores = NEW(float, QUERIES * 10),
                  .items = NEW(uint32_t, QUERIES * 10),
                  .top = NEW(topk_query, QUERIES) };
    habit_status st = HABIT_OK;
    if (!items || !r.queries || !r.scores || !r.items || !r.top)
        st = fail_memory(err, "bench", ITEMS * DIM * 4);
    if (st == HABIT_OK) {
        fill(items, ITEMS * DIM);
        fill(r.queries, QUERIES * DIM);
        st = catalogue_new(&c, &(catalogue_items){ .vector = items, .items = ITEMS, .dim = DIM },
                           NULL, err);
    }
    if (st == HABIT_OK && !(r.scratch = NEW(float, topk_dot_scratch(c, QUERIES))))
        st = fail_memory(err, "bench", 0);
    if (st == HABIT_OK) {
        r.c = c;
        const task t = { "top-10", "64 users x 3416 items x 64", 2.0 * QUERIES * ITEMS * DIM,
                         work_rank, &r };
        double rate;
        json_array_append_new(rows, measure(&t, seconds, peak, &rate));
    }
    catalogue_free(c);
    mem_free(items);
    mem_free(r.queries);
    mem_free(r.scratch);
    mem_free(r.scores);
    mem_free(r.items);
    mem_free(r.top);
    return st;
}

static habit_status measure_all(json_t **out, double seconds, habit_error *err)
{
    const peak_kernel *p = peak_pick();
    vectors v = { vector_kernels_pick(), NEW(float, LENGTH), NEW(float, LENGTH) };
    const task tasks[] = {
        { "peak", "multiply-adds in registers", (double)p->flops * SPINS, work_peak,
          (void *)(uintptr_t)p },
        { "dot", "256, in cache", 2.0 * LENGTH * REPEATS, work_dot, &v },
        { "axpy", "256, in cache", 2.0 * LENGTH * REPEATS, work_axpy, &v },
    };
    json_t *rows = json_array();
    habit_status st = HABIT_OK;
    double peak = 0, rate;
    if (!v.x || !v.y || !rows) st = fail_memory(err, "bench", LENGTH * 8);
    if (st == HABIT_OK) {
        fill(v.x, LENGTH);
        fill(v.y, LENGTH);
    }
    for (size_t i = 0; st == HABIT_OK && i < COUNT_OF(tasks); i++) {
        json_array_append_new(rows, measure(&tasks[i], seconds, peak, &rate));
        if (i == 0) peak = rate;
    }
    if (st == HABIT_OK) st = measure_ranking(rows, seconds, peak, err);
    mem_free(v.x);
    mem_free(v.y);
    if (st == HABIT_OK)
        *out = rows;
    else
        json_decref(rows);
    return st;
}

habit_status habit_bench(const habit_options *options, char **report, habit_error *err)
{
    TRY(options_expect(options, "bench", err));
    const bench_options *o = options_of(options, bench_table);
    json_t *rows;
    TRY(measure_all(&rows, o->seconds, err));
    return json_hand_over(report,
                          json_pack("{s:s, s:i, s:s, s:o}", "kernels", habit_kernels(), "cores",
                                    pool_cores(), "note", "one core; best of all turns", "rows",
                                    rows),
                          err);
}

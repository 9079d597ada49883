// predictions.c - squared and absolute errors of predicted values.
#include "eval/predictions.h"

#include "base/memory.h"
#include "eval/askers.h"

#include <math.h>

enum { ROWS = 64 };

typedef struct worker {
    asker asker;
    arena mem;
} worker;

typedef struct job {
    const predictions_columns *to;
    const questions *q;
    const contestant *c;
    worker *workers;
} job;

bool predictions_possible(const questions *q, const contestant *c)
{
    const model_class *m = c->model->class;
    return (m->needs & PREDICTS_VALUE) && m->predict && q->targets.value;
}

static void predict_user(const job *j, const query *ask, size_t k)
{
    const log_view *t = &j->q->targets;
    const uint32_t u = j->q->user[k];
    double *row = j->to->value + k * j->to->columns;
    for (uint64_t e = t->begin[u]; e < t->end[u]; e++) {
        const uint32_t item = contestant_item(j->c, t->item[e]);
        if (item == ITEM_NONE || !isfinite(t->value[e])) continue;
        const float guess = j->c->model->class->predict(j->c->model, ask, item);
        const double error = (double)guess - (double)t->value[e];
        row[j->to->square] += error * error;
        row[j->to->absolute] += fabs(error);
        row[j->to->count] += 1;
    }
}

static void predict_piece(void *ctx, size_t piece, int number)
{
    const job *j = ctx;
    asker *a = &j->workers[number].asker;
    const size_t first = piece * ROWS;
    const size_t n = j->q->count - first < ROWS ? j->q->count - first : ROWS;
    asker_fill(a, j->q, j->c, first, n);
    for (size_t r = 0; r < n; r++) predict_user(j, &a->query[r], first + r);
}

habit_status predictions_make(const predictions_columns *to, const questions *q,
                              const contestant *c, const run *rn, habit_error *err)
{
    const int threads = run_threads(rn);
    const size_t events = askers_events(q, ROWS);
    job j = { to, q, c, ZNEW(worker, (size_t)threads) };
    habit_status st = HABIT_OK;
    if (!j.workers) return fail_memory(err, "predictions", (size_t)threads * sizeof(worker));
    for (int i = 0; i < threads && st == HABIT_OK; i++) {
        arena plan = { 0 };
        asker_place(&j.workers[i].asker, q, ROWS, events, &plan);
        st = arena_init(&j.workers[i].mem, &plan, err);
        if (st == HABIT_OK) asker_place(&j.workers[i].asker, q, ROWS, events, &j.workers[i].mem);
    }
    if (st == HABIT_OK) pool_run(run_pool(rn), (q->count + ROWS - 1) / ROWS, predict_piece, &j);
    for (int i = 0; i < threads; i++) arena_free(&j.workers[i].mem);
    mem_free(j.workers);
    return st;
}

// predictions.c - what models foretell of pairs.
#include "eval/predictions.h"

#include "base/memory.h"
#include "eval/askers.h"

#include <math.h>

enum { ROWS = 64 };

typedef struct worker {
    asker asker;
    arena mem, scratch; // of the asker; of the model
    uint32_t *item;     // [most] of one question
    uint64_t *event;
    float *guess;
} worker;

typedef struct job {
    const questions *q;
    const contestant *c;
    void (*take)(void *ctx, const prediction *p);
    void *ctx;
    worker *workers;
    size_t most; // targets of a question
} job;

static void predict_user(const job *j, worker *w, const query *ask, size_t k)
{
    const log_view *t = &j->q->targets;
    const uint32_t u = j->q->user[k];
    const model *m = j->c->model;
    size_t n = 0;
    for (uint64_t e = t->begin[u]; e < t->end[u]; e++) {
        const uint32_t item = contestant_item(j->c, t->item[e]);
        if (item == ITEM_NONE || !isfinite(t->value[e])) continue;
        w->item[n] = item;
        w->event[n++] = e;
    }
    if (n == 0) return;
    arena_rewind(&w->scratch, 0);
    m->class->predict(m, ask, w->item, n, w->guess, &w->scratch);
    for (size_t i = 0; i < n; i++)
        j->take(j->ctx, &(prediction){ k, w->event[i], w->guess[i], t->value[w->event[i]] });
}

static void predict_piece(void *ctx, size_t piece, int number)
{
    const job *j = ctx;
    worker *w = &j->workers[number];
    const size_t first = piece * ROWS;
    const size_t n = j->q->count - first < ROWS ? j->q->count - first : ROWS;
    asker_fill(&w->asker, j->q, j->c, first, n);
    for (size_t r = 0; r < n; r++) predict_user(j, w, &w->asker.query[r], first + r);
}

static void place(worker *w, const job *j, size_t events, arena *mem)
{
    asker_place(&w->asker, j->q, ROWS, events, mem);
    w->item = arena_new(mem, uint32_t, j->most);
    w->event = arena_new(mem, uint64_t, j->most);
    w->guess = arena_new(mem, float, j->most);
}

static habit_status make_worker(worker *w, const job *j, size_t events, habit_error *err)
{
    const model *m = j->c->model;
    const size_t need = m->class->scratch ? m->class->scratch(m, 1) : 0;
    arena plan = { 0 };
    place(w, j, events, &plan);
    TRY(arena_init(&w->mem, &plan, err));
    place(w, j, events, &w->mem);
    return arena_init_bytes(&w->scratch, need ? need : ARENA_ALIGN, err);
}

static size_t most_targets(const questions *q)
{
    size_t most = 0;
    for (size_t k = 0; k < q->count; k++) {
        const uint32_t u = q->user[k];
        const size_t n = (size_t)(q->targets.end[u] - q->targets.begin[u]);
        if (n > most) most = n;
    }
    return most;
}

habit_status predictions_each(const questions *q, const contestant *c,
                              void (*take)(void *ctx, const prediction *p), void *ctx,
                              const run *rn, habit_error *err)
{
    const int threads = run_threads(rn);
    const size_t events = askers_events(q, ROWS);
    job j = { q, c, take, ctx, ZNEW(worker, (size_t)threads), most_targets(q) };
    habit_status st = HABIT_OK;
    if (!j.workers) return fail_memory(err, "predictions", (size_t)threads * sizeof(worker));
    for (int i = 0; i < threads && st == HABIT_OK; i++)
        st = make_worker(&j.workers[i], &j, events, err);
    if (st == HABIT_OK) pool_run(run_pool(rn), (q->count + ROWS - 1) / ROWS, predict_piece, &j);
    for (int i = 0; i < threads; i++) {
        arena_free(&j.workers[i].mem);
        arena_free(&j.workers[i].scratch);
    }
    mem_free(j.workers);
    return st;
}

// --- errors of values ----------------------------------------------------------------------------

bool predictions_possible(const questions *q, const contestant *c)
{
    return model_says(c->model) == ANSWERS_VALUE && c->model->class->predict && q->targets.value;
}

static void add_error(void *ctx, const prediction *p)
{
    const predictions_columns *to = ctx;
    double *row = to->value + p->question * to->columns;
    const double error = (double)p->guess - (double)p->value;
    row[to->square] += error * error;
    row[to->absolute] += fabs(error);
    row[to->count] += 1;
}

habit_status predictions_make(const predictions_columns *to, const questions *q,
                              const contestant *c, const run *rn, habit_error *err)
{
    return predictions_each(q, c, add_error, (void *)(uintptr_t)to, rn, err);
}

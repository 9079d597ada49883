// model_check.h - what every model must pass, whatever it learned.
//
//     fitted f;
//     fit_model(&f, "ease", "l2=1", &log.view, NULL);      // "name=value name=value ..."
//     ... f.model, scores_of(&f, &q, scores) ...
//     fitted_free(&f);
//
//     model_check("ease", "l2=5");      // all of the general properties
#ifndef TESTS_MODEL_CHECK_H
#define TESTS_MODEL_CHECK_H
#include "tests/check.h"
#include "tests/tiny_log.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "models/model.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct fitted {
    model *model;
    const model_class *class;
} fitted;

// "name=value name=value" into the options of a class.
static inline habit_status parse_options(opt_values *o, const model_class *c, const char *text,
                                         habit_error *err)
{
    TRY(opt_values_init(o, c->table, c->options_size, err));
    habit_status st = HABIT_OK;
    while (st == HABIT_OK && *text) {
        char name[64], value[64];
        int used = 0;
        const int got = sscanf(text, " %63[^= ]=%63s%n", name, value, &used);
        const int row = got == 2 ? opt_find(o, name) : -1;
        st = row < 0 ? fail(err, HABIT_EINVAL, "option '%s'?", text) : opt_set(o, row, value, err);
        text += used;
    }
    if (st != HABIT_OK) opt_values_free(o);
    return st;
}

// The options are gone when this returns, as they may be in real life.
static inline habit_status fit_status(fitted *f, const char *name, const char *options,
                                      const log_view *log, const run *r, habit_error *err)
{
    opt_values o = { 0 };
    *f = (fitted){ .class = model_find(name) };
    if (!f->class) return fail(err, HABIT_ENOTFOUND, "no model %s", name);
    TRY(parse_options(&o, f->class, options, err));
    const training_plan plan = { 0 };
    const habit_status st = f->class->network
                                ? trainer_fit(&f->model, f->class, o.values, log, &plan, r, err)
                                : f->class->fit(&f->model, log, o.values, r, err);
    opt_values_free(&o);
    return st;
}

static inline void fit_model(fitted *f, const char *name, const char *options, const log_view *log,
                             const run *r)
{
    CHECK_OK(fit_status(f, name, options, log, r, err));
    if (!f->model) exit(check_done());
    CHECK(f->model->class == f->class, "%s: class", name);
    CHECK(f->model->users == log->users && f->model->items == log->items, "%s: sizes", name);
}

static inline void fitted_free(fitted *f)
{
    model_free(f->model);
    f->model = NULL;
}

static inline void scores_of_vectors(const model *m, const query *q, size_t n, float *scores,
                                     arena *scratch)
{
    const size_t dim = (size_t)m->dim;
    float *v = NEW(float, n *dim);
    for (size_t i = 0; i < n * dim; i++) v[i] = NAN;
    m->class->encode(m, q, n, v, scratch);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < m->items; i++) {
            double sum = m->item_bias ? (double)m->item_bias[i] : 0;
            for (size_t d = 0; d < dim; d++)
                sum += (double)v[k * dim + d] * (double)m->item_vector[i * dim + d];
            scores[k * m->items + i] = (float)sum;
        }
    mem_free(v);
}

static inline void scores_of(const model *m, const query *q, size_t n, float *scores)
{
    arena scratch = { 0 };
    for (size_t i = 0; i < n * m->items; i++) scores[i] = NAN;
    CHECK_OK(arena_init_bytes(&scratch, m->class->scratch ? m->class->scratch(m, n) : 64, err));
    if (m->class->encode)
        scores_of_vectors(m, q, n, scores, &scratch);
    else
        m->class->score(m, q, n, scores, &scratch);
    CHECK(!scratch.failed, "%s: scratch() asks for too little", m->class->name);
    arena_free(&scratch);
}

// What a model answers of one item.
static inline float predicted(const model *m, const query *q, uint32_t item)
{
    float value = NAN;
    arena scratch = { 0 };
    CHECK_OK(arena_init_bytes(&scratch, m->class->scratch ? m->class->scratch(m, 1) : 64, err));
    m->class->predict(m, q, &item, 1, &value, &scratch);
    CHECK(!scratch.failed, "%s: scratch() asks for too little", m->class->name);
    arena_free(&scratch);
    return value;
}

static inline query query_of(const log_view *log, uint32_t user)
{
    const uint64_t b = log->begin[user];
    return (query){ .user = user,
                    .item = log->item + b,
                    .time = log->time ? log->time + b : NULL,
                    .behaviour = log->behaviour ? log->behaviour + b : NULL,
                    .value = log->value ? log->value + b : NULL,
                    .n = (size_t)(log->end[user] - b),
                    .now = TIME_NONE };
}

// --- a log with structure ------------------------------------------------------------------------

// Items come in circles of CIRCLE; a user stays in one and mostly goes on to the next item.
enum { CIRCLE = 10, CHECK_ITEMS = 120, CHECK_USERS = 300, CHECK_EVENTS = 12 };

typedef struct structured_log {
    tiny_log tiny;
    uint8_t behaviour[CHECK_USERS * CHECK_EVENTS];
    uint32_t circle[CHECK_ITEMS]; // a tag of every item
    double price[CHECK_ITEMS];    // a number, of most
    uint64_t list[CHECK_USERS + 1];
    uint32_t interest[2 * CHECK_USERS]; // tags of every user, two or one
    double age[CHECK_USERS];
    column column[4];
    dataset data;                 // of which only columns are there
    uint64_t end[CHECK_USERS];    // without the last event
    uint32_t target[CHECK_USERS]; // which is to be guessed
} structured_log;

// What is known beside the log: of items their circle and a price, of users some interests and an age.
static inline void structured_columns(structured_log *s)
{
    static const uint64_t start[] = { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24 };
    const names circles = { CHECK_ITEMS / CIRCLE, start, "c0c1c2c3c4c5c6c7c8c9cacb" };
    for (uint32_t i = 0; i < CHECK_ITEMS; i++) {
        s->circle[i] = i % 7 ? i / CIRCLE : TAG_NONE;
        s->price[i] = i % 5 ? (double)(1 + i % 13) : (double)NAN;
    }
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        s->age[u] = u % 6 ? (double)(20 + u % 50) : (double)NAN;
        s->list[u + 1] = s->list[u] + 1 + u % 2;
        for (uint64_t k = s->list[u]; k < s->list[u + 1]; k++)
            s->interest[k] = (u + (uint32_t)k) % (CHECK_ITEMS / CIRCLE);
    }
    s->column[0] = (column){ .name = "circle",
                             .of = OF_ITEMS,
                             .kind = COLUMN_TAG,
                             .rows = CHECK_ITEMS,
                             .tag = s->circle,
                             .names = circles };
    s->column[1] = (column){ .name = "price",
                             .of = OF_ITEMS,
                             .kind = COLUMN_NUMBER,
                             .rows = CHECK_ITEMS,
                             .number = s->price };
    s->column[2] = (column){ .name = "interests",
                             .of = OF_USERS,
                             .kind = COLUMN_TAGS,
                             .rows = CHECK_USERS,
                             .tag = s->interest,
                             .list = s->list,
                             .names = circles };
    s->column[3] = (column){
        .name = "age", .of = OF_USERS, .kind = COLUMN_NUMBER, .rows = CHECK_USERS, .number = s->age
    };
    s->data = (dataset){
        .columns = s->column, .columns_count = 4, .behaviours = { .count = 3 }, .ordered = true
    };
}

static inline void structured_log_make(structured_log *s)
{
    static tiny_event e[CHECK_USERS * CHECK_EVENTS];
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        rng r = rng_at(3, u, 0);
        // Circles are of unequal popularity: the square tilts towards the first.
        const double x = rng_uniform(&r);
        const uint32_t circle = (uint32_t)(x * x * (CHECK_ITEMS / CIRCLE));
        uint32_t at = (uint32_t)rng_below(&r, CIRCLE);
        for (uint32_t k = 0; k < CHECK_EVENTS; k++) {
            at = rng_uniform(&r) < 0.8 ? (at + 1) % CIRCLE : (uint32_t)rng_below(&r, CIRCLE);
            e[u * CHECK_EVENTS + k] =
                (tiny_event){ u, circle * CIRCLE + at, (int64_t)(u + k * 100) * 3600 * 1000000,
                              (float)(1 + rng_below(&r, 5)) };
        }
    }
    tiny_log_make(&s->tiny, e, COUNT_OF(e), CHECK_USERS, CHECK_ITEMS, TINY_TIME | TINY_VALUE);
    for (size_t i = 0; i < COUNT_OF(e); i++) s->behaviour[i] = (uint8_t)(i * 7 % 3);
    structured_columns(s);
    s->tiny.view.data = &s->data;
    s->tiny.view.behaviour = s->behaviour;
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        s->end[u] = s->tiny.view.end[u] - 1;
        s->target[u] = s->tiny.item[s->end[u]];
    }
    s->tiny.view.end = s->end;
    s->tiny.view.events -= CHECK_USERS;
}

// Share of users whose held-out item is among the best 5 of all; ties count against the model.
static inline double hit_rate(const model *m, const structured_log *s)
{
    float *scores = NEW(float, m->items);
    int hits = 0;
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        const query q = query_of(&s->tiny.view, u);
        int rank = 0;
        scores_of(m, &q, 1, scores);
        for (uint32_t i = 0; i < m->items; i++)
            rank += i != s->target[u] && !(scores[i] < scores[s->target[u]]);
        hits += rank < 5;
    }
    mem_free(scores);
    return (double)hits / CHECK_USERS;
}

// --- the general properties ----------------------------------------------------------------------

enum { CHECK_QUERIES = 5 };

// A few people who ask: two known, one stranger, one with nothing, one who repeats himself.
static inline void make_queries(query *q, const log_view *log)
{
    static const uint32_t again[] = { 7, 7, 3, 7 };
    q[0] = query_of(log, 0);
    q[1] = query_of(log, CHECK_USERS - 1);
    q[2] = query_of(log, 5);
    q[2].user = USER_NONE;
    q[3] = (query){ .user = USER_NONE, .now = TIME_NONE };
    q[4] = (query){ .user = USER_NONE, .item = again, .n = 4, .now = TIME_NONE };
}

static inline void check_same_scores(const char *what, const model *a, const model *b,
                                     const log_view *log)
{
    query q[CHECK_QUERIES];
    const size_t n = (size_t)CHECK_QUERIES * a->items;
    float *x = NEW(float, n), *y = NEW(float, n);
    make_queries(q, log);
    scores_of(a, q, CHECK_QUERIES, x);
    scores_of(b, q, CHECK_QUERIES, y);
    CHECK(memcmp(x, y, n * sizeof *x) == 0, "%s: %s changes scores", a->class->name, what);
    for (size_t k = 0; k < CHECK_QUERIES; k++) { // one by one as all at once
        scores_of(b, &q[k], 1, y);
        CHECK(memcmp(x + k * a->items, y, a->items * sizeof *y) == 0, "%s: query %zu alone",
              a->class->name, k);
    }
    for (size_t k = 0; k < CHECK_QUERIES && model_says(a) != ANSWERS_SCORE; k++)
        for (uint32_t i = 0; i < 3; i++) {
            const float one = predicted(a, &q[k], i), other = predicted(b, &q[k], i);
            CHECK(isfinite(one) && one == other, "%s: %s changes answers", a->class->name, what);
        }
    for (size_t i = 0; i < n; i++)
        CHECK(isfinite(x[i]), "%s: query %zu: %g", a->class->name, i / a->items, (double)x[i]);
    mem_free(x);
    mem_free(y);
}

static inline void check_file(const fitted *f, const char *options, const log_view *log)
{
    char path[128];
    snprintf(path, sizeof path, "model_check_%s_%ld.safetensors", f->class->name, (long)getpid());
    opt_values o = { 0 };
    fitted back = { .class = f->class };
    CHECK_OK(parse_options(&o, f->class, options, err));
    CHECK_OK(model_save(f->model, path, err));
    CHECK_OK(model_load(&back.model, f->class, path, o.values, err));
    opt_values_free(&o);
    if (back.model) check_same_scores("saving and loading", f->model, back.model, log);
    fitted_free(&back);
    unlink(path);
}

static inline void check_no_memory(const char *name, const char *options, const log_view *log)
{
    long n = 0;
    for (;; n++) {
        fitted f;
        const long before = mem_live();
        mem_fail_after(n);
        const habit_status st = fit_status(&f, name, options, log, NULL, NULL);
        mem_fail_after(-1);
        CHECK(st == HABIT_OK || st == HABIT_ENOMEM, "%s: allocation %ld: %s", name, n,
              habit_status_text(st));
        CHECK((st == HABIT_OK) == (f.model != NULL), "%s: allocation %ld: output", name, n);
        fitted_free(&f);
        CHECK(mem_live() == before, "%s: allocation %ld leaks", name, n);
        if (st == HABIT_OK) break;
    }
    CHECK(n > 3, "%s: only %ld allocations", name, n);
}

// A log without events, and with items that nobody had, teaches nothing but breaks nothing.
static inline void check_empty_log(const char *name, const char *options)
{
    static tiny_log tiny;
    static structured_log s; // for its columns
    static const uint32_t had[] = { 2, 0 };
    float scores[3];
    structured_log_make(&s);
    tiny_log_make(&tiny, NULL, 0, 4, 3, TINY_TIME | TINY_VALUE);
    tiny.view.data = &s.data;
    tiny.view.behaviour = s.behaviour;
    fitted f;
    fit_model(&f, name, options, &tiny.view, NULL);
    const query q[2] = { { .user = 1, .now = TIME_NONE },
                         { .user = USER_NONE, .item = had, .n = 2, .now = TIME_NONE } };
    for (size_t k = 0; k < 2; k++) {
        scores_of(f.model, &q[k], 1, scores);
        for (size_t i = 0; i < 3; i++)
            CHECK(isfinite(scores[i]), "%s: %g learned from nothing", name, (double)scores[i]);
    }
    fitted_free(&f);
}

static inline void model_check(const char *name, const char *options)
{
    static structured_log s;
    structured_log_make(&s);
    const log_view *log = &s.tiny.view;
    fitted one, many;
    run four = { 0 };
    fit_model(&one, name, options, log, NULL);
    CHECK_OK(pool_new(&four.pool, 4, err));
    fit_model(&many, name, options, log, &four);
    check_same_scores("the number of threads", one.model, many.model, log);
    pool_free(four.pool);
    fitted_free(&many);
    check_file(&one, options, log);
    check_no_memory(name, options, log);
    check_empty_log(name, options);
    fitted_free(&one);
}

// At least `margin` more hits than popularity on the log with structure.
static inline void check_beats_popularity(const char *name, const char *options, double margin)
{
    static structured_log s;
    structured_log_make(&s);
    fitted f, pop;
    fit_model(&f, name, options, &s.tiny.view, NULL);
    fit_model(&pop, "pop", "", &s.tiny.view, NULL);
    const double hits = hit_rate(f.model, &s), base = hit_rate(pop.model, &s);
    CHECK(hits > base + margin, "%s %s: hits %.3f, popularity %.3f", name, options, hits, base);
    fitted_free(&f);
    fitted_free(&pop);
}

#endif

// bench_training.c - how fast networks learn here.
//
// The log has the items of MovieLens-1M and the lengths of its histories, at a fifth of its users;
// what people chose is chance, which takes no more or less time to learn from.
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "lib/bench.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

enum { USERS = 1280, ITEMS = 3416, SHORTEST = 18, LONGEST = 2300, WINDOW = 200 };
#define MEDIAN 96
#define SPREAD 1.04

typedef struct course {
    const char *model, *settings; // as name=value, one space between
} course;

static const course courses[] = {
    { "sasrec", "dim=50 loss=bce negatives=1" },
    { "sasrec", "dim=64 loss=softmax" },
    { "sasrec", "dim=64 loss=sampled negatives=256" },
    { "esasrec", "dim=64 loss=sampled negatives=256" },
    { "hstu", "dim=50 loss=sampled negatives=128" },
    { "gru4rec", "dim=64 loss=softmax" },
    { "lru", "dim=64 loss=softmax" },
};

// --- the log ----------------------------------------------------------------------------------------

typedef struct records {
    uint64_t begin[USERS], end[USERS];
    uint32_t *item;
    int64_t *time;
    log_view view;
} records;

static habit_status records_make(records *x, habit_error *err)
{
    rng r = rng_at(1, 2, 3);
    uint64_t events = 0;
    *x = (records){ 0 };
    for (size_t u = 0; u < USERS; u++) {
        const double n = exp(log(MEDIAN) + SPREAD * rng_normal(&r));
        x->begin[u] = events;
        x->end[u] = events += (uint64_t)fmin(fmax(n, SHORTEST), LONGEST);
    }
    x->item = NEW(uint32_t, events);
    x->time = NEW(int64_t, events);
    if (!x->item || !x->time) return fail_memory(err, "events", events * 12);
    for (uint64_t e = 0; e < events; e++) {
        x->item[e] = (uint32_t)rng_below(&r, ITEMS);
        x->time[e] = (int64_t)e * 1000000;
    }
    x->view = (log_view){ .users = USERS,
                          .items = ITEMS,
                          .begin = x->begin,
                          .end = x->end,
                          .item = x->item,
                          .time = x->time,
                          .events = events };
    return HABIT_OK;
}

// --- a training that is broken off ------------------------------------------------------------------

typedef struct watch {
    double seconds;         // wanted
    double began, last;     // after the first step, which warms up, and the latest
    uint64_t first, events; // learned from until then
} watch;

static int watch_step(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    watch *w = ctx;
    (void)what, (void)total;
    w->last = clock_wall();
    w->events = done;
    if (w->first) return w->last - w->began > w->seconds;
    w->first = done;
    w->began = w->last;
    return 0;
}

static habit_status set_all(opt_values *o, const char *settings, habit_error *err)
{
    char text[128], *rest = text;
    snprintf(text, sizeof text, "%s", settings);
    while (*rest) {
        char *value = strchr(rest, '='), *end = value + strcspn(value, " ");
        const bool last = !*end;
        *value++ = '\0';
        *end = '\0';
        TRY(opt_set(o, opt_find(o, rest), value, err));
        rest = last ? end : end + 1;
    }
    return HABIT_OK;
}

static habit_status time_course(json_t *rows, const course *c, const records *x, double seconds,
                                const run *r, habit_error *err)
{
    const model_class *class = model_find(c->model);
    watch w = { .seconds = seconds };
    run watched = { .hooks = { .progress = watch_step, .ctx = &w },
                    .pool = r->pool,
                    .seed = r->seed };
    opt_values o = { 0 };
    model *m = NULL;
    TRY(opt_values_init(&o, class->table, class->options_size, err));
    habit_status st = set_all(&o, c->settings, err);
    const network_options *n = o.values;
    if (st == HABIT_OK)
        st = trainer_fit(&m, class, n, &x->view, &(training_plan){ 0 }, &watched, err);
    if (st == HABIT_ESTOPPED) st = HABIT_OK;
    if (st == HABIT_OK) {
        const double rate = (double)(w.events - w.first) / (w.last - w.began);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:i, s:f}", "model", c->model,
                                              "loss", n->loss, "dim", n->dim, "max-len", n->max_len,
                                              "targets_per_second", rate));
    }
    model_free(m);
    opt_values_free(&o);
    return st;
}

habit_status bench_training(json_t **rows, double seconds, const run *r, habit_error *err)
{
    records *x = NEW(records, 1);
    json_t *list = json_array();
    if (!x || !list) {
        mem_free(x);
        json_decref(list);
        return fail_memory(err, "bench", sizeof *x);
    }
    habit_status st = records_make(x, err);
    for (size_t i = 0; i < COUNT_OF(courses) && st == HABIT_OK; i++)
        st = time_course(list, &courses[i], x, seconds, r, err);
    mem_free(x->item);
    mem_free(x->time);
    mem_free(x);
    if (st == HABIT_OK)
        *rows = list;
    else
        json_decref(list);
    return st;
}

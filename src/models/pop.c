// pop.c - popularity: everybody is shown what most people took.
//
// Paper    P. Cremonesi, Y. Koren and R. Turrin, "Performance of recommender algorithms on top-N
//          recommendation tasks", RecSys 2010, section 3.1 (TopPop): the baseline no model may
//          lose to.  That it must count a recent window, and what a global count leaks from the
//          future, is in Y. Ji, A. Sun, J. Zhang and C. Li, "A re-visit of the popularity
//          baseline in recommender systems", SIGIR 2020, arXiv:2005.13829.
//
// score_i = sum over the events of item i in the last `days` days of 0.5^(age / half-life)
//
// where age is the time between the event and the last event of the training log: popularity as
// it stood when the log ended.  The score is the same for everybody and at any later moment.
// Items that count the same are left as ties; evaluation counts those against the model.
//
// The PopRec rows of the S3-Rec paper (arXiv:2008.07873) and of those who copied its protocol
// count all interactions, those to be predicted among them, and its evaluation lets the larger
// item number win a tie.  Here that takes an explicit `--protocol all --equal larger`, and
// evaluation refuses the model unless it is told to let the leak pass.
#include "models/direct.h"
#include "models/registry.h"
#include "base/clock.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pop_options {
    int days;
    const char *count, *equal;
    int64_t half_life;
} pop_options;

static const opt pop_table[] = {
#define AT(field) offsetof(pop_options, field)
    { "days", "N", OPT_INT, AT(days), "0", 0, 36500, NULL,
      "counts the last N days of the training log; 0: all time" },
    { "count", "WHAT", OPT_CHOICE, AT(count), "events", 0, 0, "events|users",
      "counts every event, or every user once per item" },
    { "half-life", "SPAN", OPT_SPAN, AT(half_life), "0", 0, 0, NULL,
      "events count half this long before the end of the log; 0: all alike" },
    { "equal", "WHO", OPT_CHOICE, AT(equal), "share", 0, 0, "share|smaller|larger",
      "of items that count the same: share a place, or the smaller or larger number goes first" },
#undef AT
    OPT_END,
};

// What an event at `time` counts, by the options; 0 outside the window.
static double event_count(const pop_options *o, int64_t time, int64_t last)
{
    const int64_t day = INT64_C(86400000000);
    const int64_t age = last - time;
    if (o->days > 0 && age >= o->days * day) return 0;
    return o->half_life > 0 ? exp2(-(double)age / (double)o->half_life) : 1;
}

static int64_t last_event(const log_view *log)
{
    int64_t last = TIME_NONE;
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++)
            if (log->time[e] > last) last = log->time[e];
    return last;
}

static void count_events(double *sum, uint32_t *seen, const log_view *log, const pop_options *o)
{
    const bool timed = o->days > 0 || o->half_life > 0;
    const bool once = strcmp(o->count, "users") == 0;
    const int64_t last = timed ? last_event(log) : 0;
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->end[u]; e-- > log->begin[u];) { // newest first: the one to count
            const uint32_t i = log->item[e];
            if (once && seen[i] == u + 1) continue;
            seen[i] = u + 1;
            sum[i] += timed ? event_count(o, log->time[e], last) : 1;
        }
}

typedef struct counted {
    float count;
    uint32_t item;
} counted;

static int by_count_up(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? -1 : 1;
    return x->item < y->item ? -1 : 1;
}

static int by_count_down(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? -1 : 1;
    return x->item > y->item ? -1 : 1;
}

// Lifts each of several equal counts to the next float above the one before: no order of
// different counts changes, and no two items share a place.
static habit_status break_ties(float *popularity, uint32_t items, bool larger, habit_error *err)
{
    counted *order = NEW(counted, items);
    if (!order) return fail_memory(err, "pop: ties", (size_t)items * sizeof *order);
    for (uint32_t i = 0; i < items; i++) order[i] = (counted){ popularity[i], i };
    qsort(order, items, sizeof *order, larger ? by_count_up : by_count_down);
    for (uint32_t k = 0; k < items; k++) {
        float *mine = &popularity[order[k].item];
        const float below = k ? popularity[order[k - 1].item] : -1;
        if (!(*mine > below)) *mine = nextafterf(below, INFINITY);
    }
    mem_free(order);
    return HABIT_OK;
}

static void pop_free(model *m)
{
    direct_release((direct *)m);
    mem_free(m);
}

static habit_status pop_fit(model **out, const log_view *log, const void *options, const run *r,
                            habit_error *err)
{
    const pop_options *o = options;
    if ((o->days > 0 || o->half_life > 0) && !log->time)
        return fail(err, HABIT_EINVAL,
                    "pop: --%s needs timestamps, which this log does not have; leave it at 0",
                    o->days > 0 ? "days" : "half-life");
    void *made = NULL;
    TRY(direct_new(&made, &model_class_pop, sizeof(direct), err));
    direct *m = made;
    double *sum = ZNEW(double, log->items);
    uint32_t *seen = ZNEW(uint32_t, log->items);
    habit_status st = HABIT_OK;
    if (!sum || !seen) st = fail_memory(err, "counts", (size_t)log->items * sizeof *sum);
    if (st == HABIT_OK) st = direct_learn(m, log->users, log->items, NULL, err);
    if (st == HABIT_OK) {
        count_events(sum, seen, log, o);
        float *popularity = (float *)m->popularity;
        for (uint32_t i = 0; i < log->items; i++) popularity[i] = (float)sum[i];
        if (strcmp(o->equal, "share") != 0)
            st = break_ties(popularity, log->items, strcmp(o->equal, "larger") == 0, err);
    }
    if (st == HABIT_OK) {
        run_log(r, LOG_DETAIL, "pop: counted %llu events of %u items",
                (unsigned long long)log->events, log->items);
        *out = &m->base;
        m = NULL;
    }
    mem_free(sum);
    mem_free(seen);
    if (m) pop_free(&m->base);
    return st;
}

static size_t pop_fields(model *m, model_field *out)
{
    return direct_fields((direct *)m, out);
}

static habit_status pop_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(direct_new(&made, &model_class_pop, sizeof(direct), err));
    *out = made;
    return HABIT_OK;
}

static habit_status pop_ready(model *m, const void *options, habit_error *err)
{
    (void)options;
    return direct_ready((direct *)m, err);
}

static void pop_score(const model *m, const query *q, size_t n, float *scores, arena *scratch)
{
    (void)q, (void)scratch;
    for (size_t k = 0; k < n; k++) direct_cold((const direct *)m, scores + k * m->items);
}

const model_class model_class_pop = {
    .name = "pop",
    .version = 1,
    .title = "Popularity",
    .paper = "Cremonesi, Koren & Turrin, RecSys 2010 (TopPop)",
    .table = pop_table,
    .options_size = sizeof(pop_options),
    .fit = pop_fit,
    .fields = pop_fields,
    .empty = pop_empty,
    .ready = pop_ready,
    .free = pop_free,
    .score = pop_score,
};

// clean_repeats.c - steps about repetition within one user: duplicates, repeats, robots.
#include "base/memory.h"
#include "data/clean_parts.h"

#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000000)

// --- groups of like events -------------------------------------------------------------------------

// What makes two events alike; `at` settles the order of equal ones.
typedef struct likeness {
    uint32_t item, value; // bits of the value, 0 if it does not count
    uint32_t behaviour;
    uint64_t at;
} likeness;

typedef struct group {
    likeness *event;
    size_t cap, n;
    int64_t window;
} group;

static int by_likeness(const void *a, const void *b)
{
    const likeness *x = a, *y = b;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    if (x->behaviour != y->behaviour) return x->behaviour < y->behaviour ? -1 : 1;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static bool alike(const likeness *x, const likeness *y)
{
    return x->item == y->item && x->behaviour == y->behaviour && x->value == y->value;
}

// Short groups are the rule: insertion sort, without the calls of qsort.
static void group_sort(group *g)
{
    if (g->n > 16) {
        qsort(g->event, g->n, sizeof *g->event, by_likeness);
        return;
    }
    for (size_t i = 1; i < g->n; i++) {
        const likeness x = g->event[i];
        size_t k = i;
        for (; k > 0 && by_likeness(&g->event[k - 1], &x) > 0; k--) g->event[k] = g->event[k - 1];
        g->event[k] = x;
    }
}

static uint32_t value_bits(const cleaning *c, uint64_t e)
{
    const float v = clean_value(c, e);
    uint32_t bits;
    if (isnan(v)) return UINT32_MAX; // all missing values are alike
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

// The kept events of [begin, end), sorted so that like ones stand together in time order.
static habit_status group_fill(const cleaning *c, group *g, uint64_t begin, uint64_t end,
                               bool by_value, habit_error *err)
{
    const dataset *d = c->d;
    void *grown = g->event;
    const habit_status st =
        mem_grow(&grown, &g->cap, (size_t)(end - begin), sizeof *g->event, "events of a user", err);
    g->event = grown;
    if (st != HABIT_OK) return st;
    g->n = 0;
    for (uint64_t e = begin; e < end; e++)
        if (clean_kept(c, e))
            g->event[g->n++] = (likeness){ .item = d->item[e],
                                           .value = by_value && d->value ? value_bits(c, e) : 0,
                                           .behaviour = d->behaviour ? d->behaviour[e] : 0,
                                           .at = e };
    group_sort(g);
    return HABIT_OK;
}

// --- exact duplicates ------------------------------------------------------------------------------

static habit_status drop_duplicates(cleaning *c, void *ctx, uint32_t u, uint64_t begin,
                                    uint64_t end, habit_error *err)
{
    group *g = ctx;
    const int64_t *time = c->d->time;
    (void)u;
    for (uint64_t from = begin, to; from < end; from = to) {
        to = from + 1; // events of one moment; all of the user's if there is no time
        while (to < end && (!time || time[to] == time[from])) to++;
        if (to - from < 2) continue;
        TRY(group_fill(c, g, from, to, true, err));
        for (size_t k = 1; k < g->n; k++)
            if (alike(&g->event[k - 1], &g->event[k])) clean_drop(c, g->event[k].at);
    }
    return HABIT_OK;
}

habit_status clean_dedupe(cleaning *c, habit_error *err)
{
    group g = { 0 };
    const habit_status st = clean_each_user(c, drop_duplicates, &g, err);
    mem_free(g.event);
    return st;
}

// --- repeats within a window -----------------------------------------------------------------------

// An event goes if the last like one that stays is at most the window before it.
static habit_status drop_repeats(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                 habit_error *err)
{
    group *g = ctx;
    const int64_t *time = c->d->time;
    (void)u;
    if (end - begin < 2) return HABIT_OK;
    TRY(group_fill(c, g, begin, end, false, err));
    for (size_t k = 1, last = 0; k < g->n; k++) {
        const likeness *x = &g->event[last], *y = &g->event[k];
        if (alike(x, y) && time[y->at] - time[x->at] <= g->window)
            clean_drop(c, y->at);
        else
            last = k;
    }
    return HABIT_OK;
}

habit_status clean_repeats(cleaning *c, habit_error *err)
{
    group g = { .window = c->o->repeat_window };
    if (!c->d->time) return fail(err, HABIT_EINVAL, "--repeat-window: the log has no time column");
    const habit_status st = clean_each_user(c, drop_repeats, &g, err);
    mem_free(g.event);
    return st;
}

// --- robots ----------------------------------------------------------------------------------------

static uint64_t count_kept(const cleaning *c, uint64_t begin, uint64_t end)
{
    uint64_t n = 0;
    for (uint64_t e = begin; e < end; e++) n += clean_kept(c, e);
    return n;
}

static void drop_user(cleaning *c, uint64_t begin, uint64_t end)
{
    for (uint64_t e = begin; e < end; e++) clean_drop(c, e);
}

static habit_status drop_fast(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                              habit_error *err)
{
    const int64_t *time = c->d->time;
    uint64_t busiest = 0, in_window = 0, first = begin;
    (void)ctx, (void)u, (void)err;
    if (count_kept(c, begin, end) < (uint64_t)c->o->robot_min) return HABIT_OK;
    for (uint64_t e = begin; e < end; e++) {
        if (!clean_kept(c, e)) continue;
        in_window++;
        for (; time[e] - time[first] >= HOUR; first++) in_window -= clean_kept(c, first);
        if (in_window > busiest) busiest = in_window;
    }
    if ((double)busiest > c->o->robot_rate) drop_user(c, begin, end);
    return HABIT_OK;
}

habit_status clean_robot_rate(cleaning *c, habit_error *err)
{
    if (!c->d->time) return fail(err, HABIT_EINVAL, "--robot-rate: the log has no time column");
    return clean_each_user(c, drop_fast, NULL, err);
}

static habit_status drop_obsessed(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                  habit_error *err)
{
    uint32_t *times = ctx, most = 0; // times[item], all 0 between users
    const uint64_t n = count_kept(c, begin, end);
    (void)u, (void)err;
    if (n < (uint64_t)c->o->robot_min) return HABIT_OK;
    for (uint64_t e = begin; e < end; e++)
        if (clean_kept(c, e) && ++times[c->d->item[e]] > most) most = times[c->d->item[e]];
    for (uint64_t e = begin; e < end; e++) times[c->d->item[e]] = 0;
    if ((double)most > c->o->robot_repeat * (double)n) drop_user(c, begin, end);
    return HABIT_OK;
}

habit_status clean_robot_repeat(cleaning *c, habit_error *err)
{
    uint32_t *times = ZNEW(uint32_t, c->d->items);
    if (!times) return fail_memory(err, "item counts", c->d->items * sizeof *times);
    const habit_status st = clean_each_user(c, drop_obsessed, times, err);
    mem_free(times);
    return st;
}

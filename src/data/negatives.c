// negatives.c - items that somebody did not choose.
#include "data/negatives.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_SHARED = 41, STREAM_OWN = 42, STREAM_SEQUENCE = 43, TRIES = 64 };

struct negatives {
    uint32_t items, users;
    double uniform, popular; // shares; the rest is drawn from the batch
    float *log_share;        // [items]
    // Walker's alias method, as Vose builds it (IEEE Trans. Softw. Eng. 17(9), 1991): column i keeps
    // i with a chance of keep / 2^32, else gives alias.
    struct alias_table {
        uint32_t *keep, *alias; // [items]
    } power, count;
    uint64_t *history_at; // [users+1]
    int32_t *history;     // each user's items, ascending, each once; NULL: not avoided
};

// --- building ------------------------------------------------------------------------------------------

// weight [items], some of it positive, is used up.
static habit_status alias_make(struct alias_table *t, double *weight, uint32_t items,
                               habit_error *err)
{
    double sum = 0;
    t->keep = NEW(uint32_t, items);
    t->alias = NEW(uint32_t, items);
    uint32_t *small = NEW(uint32_t, items), *large = NEW(uint32_t, items);
    if (!t->keep || !t->alias || !small || !large) {
        mem_free(small);
        mem_free(large);
        return fail_memory(err, "alias table", items * sizeof *small);
    }
    size_t smalls = 0, larges = 0;
    for (uint32_t i = 0; i < items; i++) sum += weight[i];
    for (uint32_t i = 0; i < items; i++) {
        weight[i] *= items / sum; // 1 on average
        if (weight[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
        t->keep[i] = UINT32_MAX;
        t->alias[i] = i;
    }
    while (smalls && larges) { // the small one's column is filled up by the large one
        const uint32_t s = small[--smalls], l = large[larges - 1];
        t->keep[s] = (uint32_t)fmin(weight[s] * 0x1p32, 0x1p32 - 1);
        t->alias[s] = l;
        weight[l] -= 1 - weight[s];
        if (weight[l] < 1) {
            small[smalls++] = l;
            larges--;
        }
    }
    mem_free(small);
    mem_free(large);
    return HABIT_OK;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

size_t negatives_window(int32_t *item, size_t n)
{
    size_t kept = 0;
    qsort(item, n, sizeof *item, by_number);
    for (size_t i = 0; i < n; i++)
        if (!i || item[i] != item[i - 1]) item[kept++] = item[i];
    return kept;
}

static habit_status make_history(negatives *n, const log_view *log, habit_error *err)
{
    uint64_t at = 0;
    n->history_at = NEW(uint64_t, (size_t)log->users + 1);
    n->history = NEW(int32_t, log->events);
    if (!n->history_at || !n->history) return fail_memory(err, "histories", log->events * 4);
    for (uint32_t u = 0; u < log->users; u++) {
        uint64_t to = at;
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++)
            if (log->item[e] != ITEM_NONE) n->history[to++] = (int32_t)log->item[e];
        n->history_at[u] = at;
        at += negatives_window(n->history + at, (size_t)(to - at));
    }
    n->history_at[log->users] = at;
    return HABIT_OK;
}

// count^power, 0 for what never occurred; returns the sum.
static double weigh(double *to, const uint64_t *count, uint32_t items, double power)
{
    double sum = 0;
    for (uint32_t i = 0; i < items; i++) {
        to[i] = count[i] ? pow((double)count[i], power) : 0;
        sum += to[i];
    }
    return sum;
}

static habit_status make_shares(negatives *n, const uint64_t *count, const negatives_plan *plan,
                                double *weight, habit_error *err)
{
    const double all = plan->uniform + plan->popular + plan->batch;
    n->uniform = plan->uniform / all;
    n->popular = plan->popular / all;
    const double of_batch = plan->batch / all;
    for (uint32_t i = 0; i < n->items; i++)
        n->log_share[i] = (float)(n->uniform / (double)n->items);
    if (plan->popular > 0) {
        const double sum = weigh(weight, count, n->items, plan->power);
        for (uint32_t i = 0; i < n->items; i++)
            n->log_share[i] += (float)(n->popular * weight[i] / sum);
        TRY(alias_make(&n->power, weight, n->items, err));
    }
    if (plan->batch > 0) {
        const double sum = weigh(weight, count, n->items, 1);
        for (uint32_t i = 0; i < n->items; i++)
            n->log_share[i] += (float)(of_batch * weight[i] / sum);
        TRY(alias_make(&n->count, weight, n->items, err));
    }
    for (uint32_t i = 0; i < n->items; i++) n->log_share[i] = logf(n->log_share[i]);
    return HABIT_OK;
}

static habit_status make(negatives *n, const log_view *log, const negatives_plan *plan,
                         habit_error *err)
{
    habit_status st = HABIT_OK;
    n->items = log->items;
    n->users = log->users;
    uint64_t *count = ZNEW(uint64_t, n->items);
    double *weight = NEW(double, n->items);
    n->log_share = NEW(float, n->items);
    if (!count || !weight || !n->log_share) {
        st = fail_memory(err, "negatives", n->items * sizeof *weight);
        goto out;
    }
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++)
            if (log->item[e] != ITEM_NONE) count[log->item[e]]++;
    st = make_shares(n, count, plan, weight, err);
    if (st == HABIT_OK && plan->avoid) st = make_history(n, log, err);
out:
    mem_free(count);
    mem_free(weight);
    return st;
}

habit_status negatives_new(negatives **out, const log_view *log, const negatives_plan *plan,
                           habit_error *err)
{
    if (!log->events) return fail(err, HABIT_EINVAL, "a log without events has no negatives");
    if (!(plan->uniform >= 0 && plan->popular >= 0 && plan->batch >= 0) ||
        !(plan->uniform + plan->popular + plan->batch > 0))
        return fail(err, HABIT_EINVAL, "negatives: shares %g, %g, %g", plan->uniform, plan->popular,
                    plan->batch);
    negatives *n = ZNEW(negatives, 1);
    if (!n) return fail_memory(err, "negatives", sizeof *n);
    const habit_status st = make(n, log, plan, err);
    if (st != HABIT_OK) {
        negatives_free(n);
        return st;
    }
    *out = n;
    return HABIT_OK;
}

void negatives_free(negatives *n)
{
    if (!n) return;
    mem_free(n->log_share);
    mem_free(n->power.keep);
    mem_free(n->power.alias);
    mem_free(n->count.keep);
    mem_free(n->count.alias);
    mem_free(n->history_at);
    mem_free(n->history);
    mem_free(n);
}

const float *negatives_log_share(const negatives *n)
{
    return n->log_share;
}

// --- drawing -------------------------------------------------------------------------------------------

static uint32_t alias_draw(const struct alias_table *t, uint32_t items, rng *r)
{
    const uint64_t x = rng_u64(r); // upper half: the column, lower half: who of the two
    const uint32_t i = (uint32_t)((x >> 32) * items >> 32);
    return (uint32_t)x < t->keep[i] ? i : t->alias[i];
}

static int32_t draw(const negatives *n, const negatives_batch *b, rng *r)
{
    if (n->uniform < 1) {
        const double which = rng_uniform(r);
        if (which >= n->uniform + n->popular) {
            if (b && b->count) return b->target[rng_below(r, b->count)];
            return (int32_t)alias_draw(&n->count, n->items, r);
        }
        if (which >= n->uniform) return (int32_t)alias_draw(&n->power, n->items, r);
    }
    return (int32_t)rng_below(r, n->items);
}

void negatives_draw_shared(const negatives *n, uint64_t key, const negatives_batch *targets,
                           int32_t *to, size_t count)
{
    rng r = rng_at(key, STREAM_SHARED, 0);
    for (size_t i = 0; i < count; i++) to[i] = draw(n, targets, &r);
}

// A person's items, ascending, each once.
typedef struct owned {
    const int32_t *item;
    size_t count;
} owned;

static bool owns(const owned *o, int32_t item)
{
    size_t lo = 0, hi = o->count;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (o->item[mid] < item)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < o->count && o->item[lo] == item;
}

// Whoever owns nearly all that is ever drawn would wait long: after some tries any other item will
// do, each as likely.
static int32_t draw_other(const negatives *n, const negatives_batch *b, const owned *o, rng *r)
{
    int32_t item = 0;
    for (int i = 0; i < TRIES; i++) {
        item = draw(n, b, r);
        if (!owns(o, item)) return item;
    }
    if (o->count >= n->items) return item;
    item = (int32_t)rng_below(r, n->items - o->count);
    for (size_t i = 0; i < o->count && o->item[i] <= item; i++) item++;
    return item;
}

void negatives_draw_own(const negatives *n, uint64_t key, const batch *b,
                        const negatives_batch *targets, int32_t *to, size_t each)
{
    for (size_t s = 0; s < b->sequences; s++) {
        owned o = { NULL, 0 };
        if (n->history && b->user[s] < n->users) {
            const uint64_t at = n->history_at[b->user[s]];
            o = (owned){ n->history + at, (size_t)(n->history_at[b->user[s] + 1] - at) };
        }
        for (int32_t e = b->offset[s]; e < b->offset[s + 1]; e++) {
            rng r = rng_at(key, STREAM_OWN, b->first_event + (uint64_t)e);
            for (size_t i = 0; i < each; i++)
                to[(size_t)e * each + i] = draw_other(n, targets, &o, &r);
        }
    }
}

// Knuth, TAOCP 2, 3.4.2, algorithm S: each item in turn, with the chance of what is still wanted
// among what is still to come.
static void draw_set(const negatives *n, const owned *o, rng *r, int32_t *to, size_t each)
{
    size_t left = n->items - o->count, taken = 0, next = 0;
    for (int32_t i = 0; taken < each; i++) {
        if (next < o->count && o->item[next] == i) {
            next++;
            continue;
        }
        if (rng_below(r, left) < each - taken) to[taken++] = i;
        left--;
    }
}

static size_t window_of(const batch *b, size_t s, int32_t *room)
{
    const size_t from = (size_t)b->offset[s], events = (size_t)b->offset[s + 1] - from;
    size_t n = 0;
    for (size_t i = 0; i < events; i++) room[n++] = b->item[from + i];
    // every target but the last is the next event's item, unless the batch was made otherwise
    for (size_t i = 0; i < events; i++) {
        const int32_t target = b->target ? b->target[from + i] : -1;
        if (target >= 0 && (i + 1 == events || target != b->item[from + i + 1])) room[n++] = target;
    }
    return negatives_window(room, n);
}

void negatives_draw_sequences(const negatives *n, uint64_t key, const batch *b, int32_t *room,
                              int32_t *to, size_t each)
{
    for (size_t s = 0; s < b->sequences; s++, to += each) {
        const owned o = { room, window_of(b, s, room) };
        rng r = rng_at(key, STREAM_SEQUENCE, b->first_sequence + s);
        if (n->uniform == 1 && each * 16 >= n->items && o.count + each <= n->items) {
            draw_set(n, &o, &r, to, each);
            continue;
        }
        for (size_t i = 0; i < each; i++) to[i] = draw_other(n, NULL, &o, &r);
    }
}

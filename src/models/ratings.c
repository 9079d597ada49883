// ratings.c - the ratings of a log, by user and, in batches of users, by item.
#include "models/ratings.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH_MIN = 4, BATCH_OVERLAP = 8 };

static int by_item_then_slot(const void *a, const void *b)
{
    const rating *x = a, *y = b;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

// One user's events sorted by item, each item once with its last rating.  Returns how many.
static size_t take_user(rating *to, const log_view *log, uint32_t user)
{
    const uint64_t first = log->begin[user];
    const size_t n = (size_t)(log->end[user] - first);
    for (size_t e = 0; e < n; e++)
        to[e] = (rating){ log->item[first + e], (uint32_t)e, log->value[first + e] };
    qsort(to, n, sizeof *to, by_item_then_slot);
    size_t kept = 0;
    for (size_t e = 0; e < n; e++) {
        const bool again = kept && to[kept - 1].item == to[e].item;
        if (again && isnan(to[e].value)) continue;
        to[again ? kept - 1 : kept++] = to[e];
    }
    return kept;
}

static void sort_batch(void *ctx, size_t batch, int worker)
{
    (void)worker;
    const ratings *r = ctx;
    const size_t first = batch * r->width;
    const size_t end = first + r->width < r->users ? first + r->width : r->users;
    for (size_t k = first; k < end; k++)
        for (uint64_t e = r->begin[k]; e < r->begin[k + 1]; e++)
            r->by_item[e] =
                (rating){ r->by_user[e].item, (uint32_t)(k - first), r->by_user[e].value };
    qsort(r->by_item + r->begin[first], (size_t)(r->begin[end] - r->begin[first]),
          sizeof *r->by_item, by_item_then_slot);
}

// Mean and range of the ratings; refuses a log without any.
static habit_status measure(ratings *r, uint64_t events, habit_error *err)
{
    double sum = 0, n = 0;
    r->lowest = INFINITY;
    r->highest = -INFINITY;
    for (uint64_t e = 0; e < r->begin[r->users]; e++) {
        const float value = r->by_user[e].value;
        if (isnan(value)) continue;
        sum += (double)value;
        n++;
        if (value < r->lowest) r->lowest = value;
        if (value > r->highest) r->highest = value;
    }
    if (events == 0) r->lowest = r->highest = 0;
    if (!(n > 0) && events > 0)
        return fail(err, HABIT_EINVAL,
                    "this model learns from ratings, and no event to learn from has a value");
    r->rated = n;
    r->mu = (float)(sum / fmax(1, n));
    return HABIT_OK;
}

// Users of a batch all move the y_j they share, each as if alone: together they move z_u by as many
// steps as there are users, times the share of items that two of them have in common.  Beyond some
// ten that diverges, so the more users share, the fewer are taken at a time.
static habit_status choose_width(ratings *r, habit_error *err)
{
    uint64_t *had = ZNEW(uint64_t, r->items);
    if (!had) return fail_memory(err, "items", r->items * sizeof *had);
    const uint64_t count = r->begin[r->users];
    for (uint64_t e = 0; e < count; e++) had[r->by_user[e].item]++;
    double common = 0; // sum over all pairs u, v of |N(u) and N(v)|
    for (size_t i = 0; i < r->items; i++) common += (double)had[i] * (double)had[i];
    mem_free(had);
    const double share = count ? common / (double)r->users / (double)count : 0;
    const double width = BATCH_OVERLAP / fmax(share, 1e-9);
    r->width = width > BATCH_MAX ? BATCH_MAX : width < BATCH_MIN ? BATCH_MIN : (size_t)width;
    return HABIT_OK;
}

static habit_status take(ratings *r, const log_view *log, const run *call, habit_error *err)
{
    r->by_user = NEW(rating, (size_t)log->events);
    r->by_item = NEW(rating, (size_t)log->events);
    r->begin = NEW(uint64_t, r->users + 1);
    r->order = NEW(uint32_t, r->users);
    if (!r->by_user || !r->by_item || !r->begin || !r->order)
        return fail_memory(err, "ratings", 2 * (size_t)log->events * sizeof(rating));
    rng draw = rng_at(call ? call->seed : 0, r->users, 2);
    for (size_t u = 0; u < r->users; u++) r->order[u] = (uint32_t)u;
    for (size_t left = r->users; left > 1; left--) {
        const size_t k = (size_t)rng_below(&draw, left);
        const uint32_t swap = r->order[k];
        r->order[k] = r->order[left - 1];
        r->order[left - 1] = swap;
    }
    r->begin[0] = 0;
    for (size_t k = 0; k < r->users; k++)
        r->begin[k + 1] = r->begin[k] + take_user(r->by_user + r->begin[k], log, r->order[k]);
    TRY(choose_width(r, err));
    pool_run(run_pool(call), ratings_batches(r), sort_batch, r);
    return measure(r, log->events, err);
}

habit_status ratings_take(ratings *out, const log_view *log, const run *r, habit_error *err)
{
    ratings made = { .users = log->users, .items = log->items };
    const habit_status st = take(&made, log, r, err);
    if (st == HABIT_OK)
        *out = made;
    else
        ratings_free(&made);
    return st;
}

void ratings_free(ratings *r)
{
    mem_free(r->by_user);
    mem_free(r->by_item);
    mem_free(r->begin);
    mem_free(r->order);
    *r = (ratings){ 0 };
}

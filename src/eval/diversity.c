// diversity.c - intra-list diversity from tags or from co-occurrence.
#include "eval/diversity.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Co-occurrence needs each item's users in memory; of a larger log every n-th user is taken.
enum { EVENTS_MAX = 50 * 1000 * 1000 };

// --- which column tells what an item is ----------------------------------------------------------

static int column_worth(const column *c)
{
    static const char *const usual[] = { "tag", "genre", "categor" };
    if (c->of != OF_ITEMS || (c->kind != COLUMN_TAGS && c->kind != COLUMN_TAG)) return 0;
    int worth = c->kind == COLUMN_TAGS ? 2 : 1;
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        if (strstr(c->name, usual[i])) worth = 3 + (int)i;
    return worth;
}

static const column *tag_column(const dataset *d)
{
    const column *best = NULL;
    for (size_t i = 0; d && i < d->columns_count; i++) {
        const column *c = &d->columns[i];
        if (column_worth(c) > (best ? column_worth(best) : 0)) best = c;
    }
    return best;
}

// --- users of each item --------------------------------------------------------------------------

// Calls for each (user, item) of the log once, however often the user took the item: a user's
// events stand together, so remembering each item's last user is enough.
typedef struct walk {
    const log_view *log;
    uint32_t stride, items;
    uint32_t *last; // [items]
} walk;

static void walk_once(const walk *w, diversity *d, uint64_t *next)
{
    const log_view *v = w->log;
    for (uint32_t i = 0; i < w->items; i++) w->last[i] = USER_NONE;
    for (uint32_t u = 0; u < v->users; u += w->stride)
        for (uint64_t e = v->begin[u]; e < v->end[u]; e++) {
            const uint32_t item = v->item[e];
            if (item >= w->items || w->last[item] == u) continue;
            w->last[item] = u;
            if (d->user)
                d->user[next[item]++] = u;
            else
                next[item + 1]++;
        }
}

static habit_status invert(diversity *d, const log_view *v, habit_error *err)
{
    walk w = { v, (uint32_t)(v->events / EVENTS_MAX) + 1, d->items, NEW(uint32_t, d->items) };
    d->begin = ZNEW(uint64_t, (size_t)d->items + 2);
    if (d->begin && w.last) {
        uint64_t *next = d->begin + 1; // next[i] becomes the end of item i, where i + 1 begins
        walk_once(&w, d, next);
        for (uint32_t i = 0; i < d->items; i++) next[i + 1] += next[i];
        d->user = NEW(uint32_t, (size_t)next[d->items]);
        if (d->user) walk_once(&w, d, next);
    }
    mem_free(w.last);
    if (d->user) return HABIT_OK;
    return fail_memory(err, "users of items", (size_t)v->events * sizeof(uint32_t));
}

habit_status diversity_make(diversity *out, const log_view *train, uint32_t items, habit_error *err)
{
    diversity d = { .tags = tag_column(train->data), .items = items };
    if (!d.tags) {
        const habit_status st = invert(&d, train, err);
        if (st != HABIT_OK) {
            diversity_free(&d);
            return st;
        }
    }
    *out = d;
    if (d.tags)
        snprintf(out->text, sizeof out->text, "1 - Jaccard similarity of '%.40s'", d.tags->name);
    else
        snprintf(out->text, sizeof out->text, "1 - cosine of the items' sets of training users");
    return HABIT_OK;
}

void diversity_free(diversity *d)
{
    mem_free(d->begin);
    mem_free(d->user);
    *d = (diversity){ 0 };
}

// --- similarity ----------------------------------------------------------------------------------

static size_t tags_of(const column *c, uint32_t item, const uint32_t **tag)
{
    *tag = NULL;
    if (item >= c->rows) return 0;
    if (c->kind == COLUMN_TAG) {
        *tag = c->tag + item;
        return **tag != TAG_NONE;
    }
    *tag = c->tag + c->list[item];
    return (size_t)(c->list[item + 1] - c->list[item]);
}

static bool similarity_by_tags(const diversity *d, uint32_t a, uint32_t b, double *out)
{
    const uint32_t *x, *y;
    const size_t n = tags_of(d->tags, a, &x), m = tags_of(d->tags, b, &y);
    size_t both = 0;
    if (!n || !m) return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) both += x[i] == y[j];
    *out = (double)both / (double)(n + m - both);
    return true;
}

// Two ascending lists walked together; without branches that depend on which is smaller.
static size_t common(const uint32_t *x, size_t n, const uint32_t *y, size_t m)
{
    size_t both = 0, i = 0, j = 0;
    while (i < n && j < m) {
        const uint32_t a = x[i], b = y[j];
        both += a == b;
        i += a <= b;
        j += b <= a;
    }
    return both;
}

static bool similarity_by_users(const diversity *d, uint32_t a, uint32_t b, double *out)
{
    const size_t n = (size_t)(d->begin[a + 1] - d->begin[a]);
    const size_t m = (size_t)(d->begin[b + 1] - d->begin[b]);
    if (!n || !m) return false;
    const size_t both = common(d->user + d->begin[a], n, d->user + d->begin[b], m);
    *out = (double)both / sqrt((double)n * (double)m);
    return true;
}

bool diversity_of(const diversity *d, const uint32_t *list, size_t n, double *out)
{
    double sum = 0;
    size_t pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            double alike;
            const bool known = d->tags ? similarity_by_tags(d, list[i], list[j], &alike)
                                       : similarity_by_users(d, list[i], list[j], &alike);
            if (!known) continue;
            sum += 1 - alike;
            pairs++;
        }
    if (pairs) *out = sum / (double)pairs;
    return pairs > 0;
}

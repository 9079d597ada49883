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

static habit_status invert(diversity *d, const log_view *v, habit_error *err)
{
    const uint32_t stride = (uint32_t)(v->events / EVENTS_MAX) + 1;
    d->begin = ZNEW(uint64_t, (size_t)d->items + 2);
    if (!d->begin) return fail_memory(err, "users of items", ((size_t)d->items + 2) * 8);
    uint64_t *next = d->begin + 1; // next[i] becomes the end of item i, which begins item i + 1

    for (uint32_t u = 0; u < v->users; u += stride)
        for (uint64_t e = v->begin[u]; e < v->end[u]; e++)
            if (v->item[e] < d->items) next[v->item[e] + 1]++;
    for (uint32_t i = 0; i < d->items; i++) next[i + 1] += next[i];
    d->user = NEW(uint32_t, (size_t)next[d->items]);
    if (!d->user) return fail_memory(err, "users of items", (size_t)next[d->items] * 4);
    for (uint32_t u = 0; u < v->users; u += stride)
        for (uint64_t e = v->begin[u]; e < v->end[u]; e++)
            if (v->item[e] < d->items) d->user[next[v->item[e]]++] = u;
    return HABIT_OK;
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

// Users of an item may come several times in a row if they took it several times.
static bool similarity_by_users(const diversity *d, uint32_t a, uint32_t b, double *out)
{
    const uint32_t *x = d->user + d->begin[a], *x_end = d->user + d->begin[a + 1];
    const uint32_t *y = d->user + d->begin[b], *y_end = d->user + d->begin[b + 1];
    size_t both = 0, n = 0, m = 0;
    if (x == x_end || y == y_end) return false;
    while (x < x_end || y < y_end) {
        const uint32_t u = x == x_end ? *y : y == y_end ? *x : *x < *y ? *x : *y;
        const bool in_x = x < x_end && *x == u, in_y = y < y_end && *y == u;
        n += in_x, m += in_y, both += in_x && in_y;
        while (x < x_end && *x == u) x++;
        while (y < y_end && *y == u) y++;
    }
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

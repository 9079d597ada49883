// askers.c - histories translated for a model.
#include "eval/askers.h"

#include "base/clock.h"

static size_t history_events(const questions *q, size_t k)
{
    const log_view *h = &q->history;
    const uint32_t u = q->user[k];
    return u < h->users ? (size_t)(h->end[u] - h->begin[u]) : 0;
}

size_t askers_events(const questions *q, size_t rows)
{
    size_t most = 0;
    for (size_t first = 0; first < q->count; first += rows) {
        size_t events = 0;
        for (size_t k = first; k < q->count && k < first + rows; k++)
            events += history_events(q, k);
        if (events > most) most = events;
    }
    return most;
}

void asker_place(asker *a, const questions *q, size_t rows, size_t events, arena *mem)
{
    const log_view *h = &q->history;
    a->query = arena_new(mem, query, rows);
    a->item = arena_new(mem, uint32_t, events);
    a->time = h->time ? arena_new(mem, int64_t, events) : NULL;
    a->behaviour = h->behaviour ? arena_new(mem, uint8_t, events) : NULL;
    a->value = h->value ? arena_new(mem, float, events) : NULL;
}

// The model's number of a dataset user; a stranger to the log is a stranger to the model.
static uint32_t model_user(const contestant *c, const questions *q, uint32_t user)
{
    const dataset *d = q->history.data;
    if (d && user >= d->users) return USER_NONE;
    const uint32_t known = c->user_of ? c->user_of[user] : user;
    return known < c->model->users ? known : USER_NONE;
}

void asker_fill(asker *a, const questions *q, const contestant *c, size_t first, size_t n)
{
    const log_view *h = &q->history, *t = &q->targets;
    size_t at = 0;
    for (size_t r = 0; r < n; r++) {
        const uint32_t u = q->user[first + r];
        const size_t from = at;
        const uint64_t end = u < h->users ? h->end[u] : 0;
        for (uint64_t e = u < h->users ? h->begin[u] : 0; e < end; e++) {
            const uint32_t item = contestant_item(c, h->item[e]);
            if (item == ITEM_NONE) continue;
            a->item[at] = item;
            if (a->time) a->time[at] = h->time[e];
            if (a->behaviour) a->behaviour[at] = h->behaviour[e];
            if (a->value) a->value[at] = h->value[e];
            at++;
        }
        a->query[r] = (query){
            .user = model_user(c, q, u),
            .item = a->item + from,
            .time = a->time ? a->time + from : NULL,
            .behaviour = a->behaviour ? a->behaviour + from : NULL,
            .value = a->value ? a->value + from : NULL,
            .n = at - from,
            .now = t->time && t->begin[u] < t->end[u] ? t->time[t->begin[u]] : TIME_NONE,
        };
    }
}

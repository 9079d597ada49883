// served.c - from a person's events to the best items, by whatever kind of model.
#include "serve/served.h"
#include "base/memory.h"
#include "index/topk.h"
#include "models/live.h"

#include <math.h>
#include <string.h>

habit_status served_new(served **out, const model *m, uint64_t version, const uint32_t *from_model,
                        size_t items, pool *p, habit_error *err)
{
    served *s = ZNEW(served, 1);
    if (!s) return fail_memory(err, "model", sizeof *s);
    s->model = m, s->version = version, s->items = items;
    s->to_model = NEW(uint32_t, items);
    s->from_model = NEW(uint32_t, m->items);
    habit_status st = HABIT_OK;
    if (!s->to_model || !s->from_model) {
        st = fail_memory(err, "item numbers", (items + m->items) * sizeof *s->to_model);
        goto out;
    }
    for (int i = 0; i < 256; i++) s->behaviour[i] = (uint8_t)i;
    for (size_t i = 0; i < items; i++) s->to_model[i] = ITEM_NONE;
    for (uint32_t i = 0; i < m->items; i++) {
        s->from_model[i] = from_model[i];
        s->to_model[from_model[i]] = i;
    }
    if (m->class->encode) {
        const catalogue_items from = { m->item_vector, m->item_bias, s->to_model, (uint32_t)items,
                                       m->dim };
        st = shortlist_new(&s->list, &from, p, err);
    }
    if (st == HABIT_OK && m->class->network) {
        const network *n = (const network *)m;
        s->live_bytes = live_bytes(n);
        if (s->live_bytes) s->network = n, s->live_scratch = live_scratch(n);
    }
out:
    if (st == HABIT_OK)
        *out = s;
    else
        served_free(s);
    return st;
}

void served_free(served *s)
{
    if (!s) return;
    shortlist_free(s->list);
    mem_free(s->to_model);
    mem_free(s->from_model);
    mem_free(s);
}

// --- events the model knows -------------------------------------------------------------------------

// The person's events with the model's item numbers, without those it does not know; *since: how
// many of them are among the person's first `before`.
static size_t known_events(const served *s, const person *p, size_t before, live_event *out,
                           size_t *since)
{
    size_t n = 0;
    *since = 0;
    for (size_t i = 0; i < p->events; i++) {
        const person_event *e = &p->event[i];
        if (i == before) *since = n;
        if (e->item >= s->items || s->to_model[e->item] == ITEM_NONE) continue;
        out[n++] = (live_event){ .time = e->time,
                                 .item = s->to_model[e->item],
                                 .value = e->value,
                                 .behaviour = s->behaviour[e->behaviour] };
    }
    if (before >= p->events) *since = n;
    return n;
}

// The model's memory of the person, brought up to the latest event.  NULL when out of memory.
static const void *remember(const served *s, const served_ask *a, live_event *e, size_t *count,
                            arena *scratch)
{
    person *p = a->who;
    person_state *st = person_state_of(p, s->version, s->live_bytes);
    if (!st) return NULL;
    const uint64_t fresh = p->appended - st->taken;
    const bool again = st->model != s->version || st->rewrite != p->rewrite || fresh > p->events;
    size_t from;
    const size_t n = known_events(s, p, again ? 0 : p->events - (size_t)fresh, e, &from);
    if (again) {
        const size_t window = (size_t)s->network->options.max_len;
        live_start(s->network, st->bytes, a->user);
        from = n > window ? n - window : 0;
    }
    for (size_t i = from; i < n; i++) live_follow(s->network, st->bytes, e, i + 1, scratch);
    st->model = s->version, st->rewrite = p->rewrite, st->taken = p->appended;
    *count = n;
    return st->bytes;
}

// The query of a model that keeps nothing.
static query whole_query(const served_ask *a, const live_event *e, size_t n, arena *scratch)
{
    uint32_t *item = arena_new(scratch, uint32_t, n);
    int64_t *time = arena_new(scratch, int64_t, n);
    uint8_t *behaviour = arena_new(scratch, uint8_t, n);
    float *value = arena_new(scratch, float, n);
    for (size_t i = 0; i < n && !scratch->failed; i++) {
        item[i] = e[i].item, time[i] = e[i].time;
        behaviour[i] = e[i].behaviour, value[i] = e[i].value;
    }
    return (query){ .user = a->user,
                    .item = item,
                    .time = time,
                    .behaviour = behaviour,
                    .value = value,
                    .n = n,
                    .now = a->now };
}

// --- answers ----------------------------------------------------------------------------------------

static size_t best_of_scores(const served *s, const served_ask *a, const float *scores,
                             uint32_t *item, float *score)
{
    topk best = { .item = item, .score = score, .k = a->k };
    for (size_t i = 0; i < s->items; i++) {
        if (s->to_model[i] == ITEM_NONE) continue;
        if (a->allowed && !(a->allowed[i / 64] >> i % 64 & 1)) continue;
        const float x = scores[s->to_model[i]];
        if (x > topk_threshold(&best)) topk_offer(&best, (uint32_t)i, x);
    }
    topk_finish(&best);
    return best.n;
}

size_t served_best(const served *s, const served_ask *a, uint32_t *item, float *score,
                   arena *scratch)
{
    const model_class *c = s->model->class;
    const size_t mark = arena_mark(scratch);
    size_t n = 0, found = 0, from;
    live_event *e = arena_new(scratch, live_event, a->who->events);
    const void *state = NULL;
    if (scratch->failed) goto out;
    if (s->network)
        state = remember(s, a, e, &n, scratch);
    else
        n = known_events(s, a->who, 0, e, &from);
    if (n == 0 && a->user == USER_NONE) goto out;
    if (!s->list) {
        float *scores = arena_new(scratch, float, s->model->items);
        const query q = whole_query(a, e, n, scratch);
        if (scratch->failed) goto out;
        c->score(s->model, &q, 1, scores, scratch);
        found = best_of_scores(s, a, scores, item, score);
        goto out;
    }
    float *vector = arena_new(scratch, float, (size_t)s->model->dim);
    query q = { 0 };
    if (!state) q = whole_query(a, e, n, scratch);
    void *room = arena_alloc(scratch, shortlist_scratch(s->list, a->k), 1);
    if (scratch->failed) goto out;
    if (state)
        live_answer(s->network, state, a->now, vector, scratch);
    else
        c->encode(s->model, &q, 1, vector, scratch);
    found =
        shortlist_best(s->list, &(shortlist_query){ vector, a->allowed, a->k }, item, score, room);
out:
    if (scratch->failed) found = 0;
    arena_rewind(scratch, mark);
    return found;
}

size_t served_scratch(const served *s, size_t k, size_t ring)
{
    enum { SLACK = 4096 }; // alignment
    const model *m = s->model;
    size_t bytes = ring * (sizeof(live_event) + 32) + SLACK;
    if (s->network) bytes += s->live_scratch;
    if (m->class->scratch) bytes += m->class->scratch(m, 1);
    bytes += s->list ? shortlist_scratch(s->list, k) + (size_t)m->dim * sizeof(float)
                     : m->items * sizeof(float);
    return bytes;
}

// served.c - from a person's events to the best items, by whatever kind of model.
#include "serve/served.h"
#include "base/memory.h"
#include "index/topk.h"
#include "models/live.h"

#include <math.h>
#include <string.h>

// Where the vector stands in a state.
static size_t vector_at(const served *s)
{
    return (s->live_bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

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
    if (s->list) s->state_bytes = vector_at(s) + (size_t)m->dim * sizeof(float);
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

// Whether it has anything to go by: a network that keeps something goes by events alone.
static bool knows_any(const served *s, const served_ask *a)
{
    if (!s->network && a->user != USER_NONE) return true;
    for (size_t i = 0; i < a->who->events; i++) {
        const uint32_t item = a->who->event[i].item;
        if (item < s->items && s->to_model[item] != ITEM_NONE) return true;
    }
    return false;
}

// Whether the vector depends on the moment of the question.
static bool asks_time(const served *s)
{
    const struct network_class *n = s->model->class->network;
    return n && n->traits & NETWORK_ASKS_TIME;
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

static size_t best_of_scores(const served *s, const float *scores, const served_choice *c,
                             uint32_t *item, float *score)
{
    topk best = { .item = item, .score = score, .k = c->k };
    for (size_t i = 0; i < s->items; i++) {
        if (s->to_model[i] == ITEM_NONE) continue;
        if (c->allowed && !(c->allowed[i / 64] >> i % 64 & 1)) continue;
        const float x = scores[s->to_model[i]] + (c->extra ? c->extra[i] : 0);
        if (x > topk_threshold(&best)) topk_offer(&best, (uint32_t)i, x);
    }
    topk_finish(&best);
    return best.n;
}

size_t served_pick(const served *s, const served_view *v, const served_choice *c, uint32_t *item,
                   float *score, arena *scratch)
{
    if (!v->vector) return best_of_scores(s, v->scores, c, item, score);
    const size_t mark = arena_mark(scratch);
    void *room = arena_alloc(scratch, shortlist_scratch(s->list, c->k), 1);
    const shortlist_query q = { v->vector, c->allowed, c->k, c->extra, c->cosine };
    const size_t found = room ? shortlist_best(s->list, &q, item, score, room) : 0;
    arena_rewind(scratch, mark);
    return found;
}

// --- what the model thinks --------------------------------------------------------------------------

// The vector of somebody of whom nothing is kept: by one pass over all events.
static bool encode_passing(const served *s, const served_ask *a, float *vector, arena *scratch)
{
    size_t from;
    const model_class *c = s->model->class;
    live_event *e = arena_new(scratch, live_event, a->who->events);
    if (scratch->failed) return false;
    const size_t n = known_events(s, a->who, 0, e, &from);
    const query q = whole_query(a, e, n, scratch);
    if (scratch->failed) return false;
    if (c->encode)
        c->encode(s->model, &q, 1, vector, scratch);
    else
        c->score(s->model, &q, 1, vector, scratch);
    return true;
}

// Whether a state cannot be gone on with.
static bool begins_again(const served *s, const person *p, const person_state *st)
{
    return st->model != s->version || st->rewrite != p->rewrite || st->vector_only ||
           p->appended - st->taken > p->events;
}

// The network's memory of the person, brought up to the latest event: then its vector.
static bool remember(const served *s, const served_ask *a, person_state *st, float *vector,
                     arena *scratch)
{
    const person *p = a->who;
    const uint64_t fresh = p->appended - st->taken;
    const bool again = begins_again(s, p, st);
    live_event *e = arena_new(scratch, live_event, p->events);
    size_t from;
    if (scratch->failed) return false;
    const size_t n = known_events(s, p, again ? 0 : p->events - (size_t)fresh, e, &from);
    if (again) {
        const size_t window = (size_t)s->network->options.max_len;
        live_start(s->network, st->bytes, a->user);
        from = n > window ? n - window : 0;
    }
    for (size_t i = from; i < n; i++) live_follow(s->network, st->bytes, e, i + 1, scratch);
    live_answer(s->network, st->bytes, a->now, vector, scratch);
    st->vector_only = false;
    return true;
}

// One pass over all events costs as much as 10 to 25 steps do (bench/answers.c), so after a swap of
// models, when everybody begins again, many events are not walked through for one answer; only for
// those who come again.
static bool is_one_pass_cheaper(const served *s, const person *p, const person_state *st)
{
    enum { STEPS = 16, PASSES = 8 };
    return p->events > STEPS && begins_again(s, p, st) &&
           (st->model != s->version || st->passes < PASSES);
}

// The vector that is kept of a person, made anew where something has changed.
static bool encode_kept(const served *s, const served_ask *a, float *vector, arena *scratch)
{
    person *p = a->who;
    person_state *st = person_state_of(p, s->version, s->state_bytes);
    if (!st) return encode_passing(s, a, vector, scratch);
    float *last = (float *)(void *)((char *)st->bytes + vector_at(s));
    const size_t bytes = (size_t)s->model->dim * sizeof *vector;
    if (st->model == s->version && st->rewrite == p->rewrite && st->taken == p->appended &&
        !asks_time(s)) {
        memcpy(vector, last, bytes);
        return true;
    }
    if (st->model != s->version) st->passes = 0;
    if (s->network && !is_one_pass_cheaper(s, p, st)) {
        if (!remember(s, a, st, vector, scratch)) return false;
    } else {
        if (!encode_passing(s, a, vector, scratch)) return false;
        st->vector_only = true;
        st->passes++;
    }
    memcpy(last, vector, bytes);
    st->model = s->version, st->rewrite = p->rewrite, st->taken = p->appended;
    return true;
}

bool served_look(const served *s, const served_ask *a, served_view *v, arena *scratch)
{
    if (!knows_any(s, a)) return false;
    float *out = arena_floats(scratch, s->list ? (size_t)s->model->dim : s->model->items);
    const size_t mark = arena_mark(scratch);
    if (!out) return false;
    *v = (served_view){ 0 };
    *(s->list ? &v->vector : &v->scores) = out;
    const bool knows = s->list && !a->passing ? encode_kept(s, a, out, scratch)
                                              : encode_passing(s, a, out, scratch);
    const bool failed = scratch->failed;
    arena_rewind(scratch, mark);
    return knows && !failed;
}

size_t served_best(const served *s, const served_ask *a, uint32_t *item, float *score,
                   arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    served_view v;
    const served_choice c = { .allowed = a->allowed, .k = a->k };
    const size_t n =
        served_look(s, a, &v, scratch) ? served_pick(s, &v, &c, item, score, scratch) : 0;
    arena_rewind(scratch, mark);
    return n;
}

const float *served_item(const served *s, uint32_t item)
{
    if (!s->list || item >= s->items || s->to_model[item] == ITEM_NONE) return NULL;
    return s->model->item_vector + (size_t)s->to_model[item] * (size_t)s->model->dim;
}

const float *served_remembered(const served *s, const person *p)
{
    for (int i = 0; i < PERSON_STATES && s->list; i++) {
        const person_state *st = &p->state[i];
        if (st->model == s->version && st->rewrite == p->rewrite && st->taken == p->appended)
            return (const float *)(const void *)((const char *)st->bytes + vector_at(s));
    }
    return NULL;
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

// people.c - shards of people by the hash of their ids, each with its lock and its queue.
#include "serve/people.h"
#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

enum { SLOTS_LEAST = 64, EVENTS_LEAST = 8 };

void people_init(people *p, size_t ring, size_t memory)
{
    *p = (people){ .ring = ring, .shard_most = memory / PEOPLE_SHARDS };
    for (size_t i = 0; i < PEOPLE_SHARDS; i++) pthread_mutex_init(&p->shard[i].lock, NULL);
}

static void person_free(person *p)
{
    for (int i = 0; i < PERSON_STATES; i++) mem_free(p->state[i].bytes);
    mem_free(p->event);
    mem_free(p->shown);
    mem_free(p->id);
    mem_free(p);
}

void people_free(people *p)
{
    people_forget_all(p);
    for (size_t i = 0; i < PEOPLE_SHARDS; i++) {
        mem_free(p->shard[i].slot);
        pthread_mutex_destroy(&p->shard[i].lock);
    }
}

// --- a shard ----------------------------------------------------------------------------------------

static people_shard *shard_of(people *all, db_text id, uint64_t *hash)
{
    *hash = ids_hash(id.at, id.len);
    return &all->shard[*hash % PEOPLE_SHARDS];
}

static person **slot_of(const people_shard *s, uint64_t hash)
{
    return &s->slot[hash / PEOPLE_SHARDS % s->slots];
}

static person *find(const people_shard *s, uint64_t hash, db_text id)
{
    if (!s->slots) return NULL;
    person *p = *slot_of(s, hash);
    while (p && (p->id_len != id.len || memcmp(p->id, id.at, id.len) != 0)) p = p->chain;
    return p;
}

static habit_status make_room(people_shard *s, habit_error *err)
{
    if (s->count < s->slots) return HABIT_OK;
    const size_t slots = s->slots ? 2 * s->slots : SLOTS_LEAST;
    people_shard grown = { .slot = ZNEW(person *, slots), .slots = slots };
    if (!grown.slot) return fail_memory(err, "people", slots * sizeof *grown.slot);
    for (person *p = s->newest; p; p = p->older) {
        person **at = slot_of(&grown, ids_hash(p->id, p->id_len));
        p->chain = *at;
        *at = p;
    }
    mem_free(s->slot);
    s->slot = grown.slot, s->slots = slots;
    return HABIT_OK;
}

static void unqueue(people_shard *s, person *p)
{
    *(p->newer ? &p->newer->older : &s->newest) = p->older;
    *(p->older ? &p->older->newer : &s->oldest) = p->newer;
    p->newer = p->older = NULL;
}

static void queue_first(people_shard *s, person *p)
{
    p->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = p;
    s->newest = p;
}

static void drop(people_shard *s, person *p)
{
    person **at = slot_of(s, ids_hash(p->id, p->id_len));
    while (*at != p) at = &(*at)->chain;
    *at = p->chain;
    unqueue(s, p);
    s->bytes -= p->charged;
    s->count--;
    person_free(p);
}

static void charge(people_shard *s, person *p)
{
    size_t bytes =
        sizeof *p + p->id_len + p->cap * sizeof *p->event + p->shown_cap * sizeof *p->shown;
    for (int i = 0; i < PERSON_STATES; i++) bytes += p->state[i].size;
    s->bytes += bytes - p->charged;
    p->charged = bytes;
}

static habit_status add_person(people_shard *s, person **out, uint64_t hash, db_text id,
                               habit_error *err)
{
    TRY(make_room(s, err));
    person *p = ZNEW(person, 1);
    if (p) p->id = NEW(char, id.len);
    if (!p || !p->id) {
        mem_free(p);
        return fail_memory(err, "people", sizeof *p + id.len);
    }
    memcpy(p->id, id.at, id.len);
    p->id_len = id.len;
    p->shard = hash % PEOPLE_SHARDS;
    person **at = slot_of(s, hash);
    p->chain = *at;
    *at = p;
    queue_first(s, p);
    s->count++;
    *out = p;
    return HABIT_OK;
}

// --- everybody --------------------------------------------------------------------------------------

habit_status people_take(people *all, person **out, db_text id, person_load_fn *load, void *ctx,
                         habit_error *err)
{
    uint64_t hash;
    people_shard *s = shard_of(all, id, &hash);
    habit_status st = HABIT_OK;
    pthread_mutex_lock(&s->lock);
    person *p = find(s, hash, id);
    if (p && p->wake && clock_now() >= p->wake) {
        drop(s, p);
        p = NULL;
    }
    if (p) {
        unqueue(s, p);
        queue_first(s, p);
    } else {
        st = add_person(s, &p, hash, id, err);
        if (st == HABIT_OK && load) {
            st = load(ctx, p, err);
            if (st != HABIT_OK) drop(s, p);
        }
    }
    if (st == HABIT_OK)
        *out = p;
    else
        pthread_mutex_unlock(&s->lock);
    return st;
}

static bool before(const person_event *a, const person_event *b)
{
    return a->time != b->time ? a->time < b->time : a->place < b->place;
}

static uint32_t item_before(const person *p, const person_event *e)
{
    size_t at = p->events;
    while (at > 0 && !before(&p->event[at - 1], e)) at--;
    return at ? p->event[at - 1].item : IDS_NONE;
}

void people_give(people *all, person *p)
{
    people_shard *s = &all->shard[p->shard];
    charge(s, p);
    while (s->bytes > all->shard_most && s->oldest) drop(s, s->oldest);
    pthread_mutex_unlock(&s->lock);
}

static person_trail *trail_of(const people_shard *s, uint64_t hash)
{
    return s->trail ? &s->trail[hash / PEOPLE_SHARDS % PEOPLE_TRAIL] : NULL;
}

// The item of the event before, as far as the trail knows; the trail goes on from `e`.
static uint32_t follow_trail(people_shard *s, uint64_t hash, const person_event *e)
{
    if (!s->trail) s->trail = ZNEW(person_trail, PEOPLE_TRAIL);
    person_trail *t = trail_of(s, hash);
    if (!t) return IDS_NONE;
    const bool same = t->hash == hash;
    if (same && t->time > e->time) return IDS_NONE;
    const uint32_t last = same ? t->item : IDS_NONE;
    *t = (person_trail){ hash, e->time, e->item };
    return last;
}

uint32_t people_heard(people *all, db_text id, const person_event *e)
{
    uint64_t hash;
    people_shard *s = shard_of(all, id, &hash);
    pthread_mutex_lock(&s->lock);
    uint32_t last = follow_trail(s, hash, e);
    person *p = find(s, hash, id);
    if (p && e->place > p->loaded && person_add(p, e, all->ring, NULL) != HABIT_OK)
        drop(s, p); // to be loaded again
    else if (p)
        last = item_before(p, e);
    pthread_mutex_unlock(&s->lock);
    return last;
}

void people_shown(people *all, db_text id, uint32_t item)
{
    uint64_t hash;
    people_shard *s = shard_of(all, id, &hash);
    pthread_mutex_lock(&s->lock);
    person *p = find(s, hash, id);
    if (p && person_show(p, item, all->ring, NULL) != HABIT_OK) drop(s, p); // to be loaded again
    pthread_mutex_unlock(&s->lock);
}

void people_wake(people *all, db_text id, int64_t time)
{
    uint64_t hash;
    people_shard *s = shard_of(all, id, &hash);
    pthread_mutex_lock(&s->lock);
    person *p = find(s, hash, id);
    if (p && (!p->wake || time < p->wake)) p->wake = time;
    pthread_mutex_unlock(&s->lock);
}

void people_forget(people *all, db_text id)
{
    uint64_t hash;
    people_shard *s = shard_of(all, id, &hash);
    pthread_mutex_lock(&s->lock);
    person *p = find(s, hash, id);
    if (p) drop(s, p);
    person_trail *t = trail_of(s, hash);
    if (t && t->hash == hash) *t = (person_trail){ 0 };
    pthread_mutex_unlock(&s->lock);
}

void people_forget_all(people *all)
{
    for (size_t i = 0; i < PEOPLE_SHARDS; i++) {
        people_shard *s = &all->shard[i];
        pthread_mutex_lock(&s->lock);
        while (s->oldest) drop(s, s->oldest);
        mem_free(s->trail);
        s->trail = NULL;
        pthread_mutex_unlock(&s->lock);
    }
}

size_t people_count(people *all)
{
    size_t n = 0;
    for (size_t i = 0; i < PEOPLE_SHARDS; i++) {
        pthread_mutex_lock(&all->shard[i].lock);
        n += all->shard[i].count;
        pthread_mutex_unlock(&all->shard[i].lock);
    }
    return n;
}

void people_latest(people *all, size_t most, person_fn *fn, void *ctx)
{
    const size_t each = (most + PEOPLE_SHARDS - 1) / PEOPLE_SHARDS;
    for (size_t i = 0; i < PEOPLE_SHARDS; i++) {
        people_shard *s = &all->shard[i];
        size_t n = 0;
        pthread_mutex_lock(&s->lock);
        for (const person *p = s->newest; p && n < each; p = p->older, n++) fn(ctx, p);
        pthread_mutex_unlock(&s->lock);
    }
}

// --- one person -------------------------------------------------------------------------------------

habit_status person_add(person *p, const person_event *e, size_t ring, habit_error *err)
{
    size_t at = p->events;
    while (at > 0 && before(e, &p->event[at - 1])) at--;
    if (at > 0 && p->event[at - 1].place == e->place) return HABIT_OK;
    if (at == 0 && p->events == ring) return HABIT_OK; // older than all that is kept
    if (p->events == ring) {                           // the oldest leaves
        memmove(p->event, p->event + 1, (ring - 1) * sizeof *p->event);
        p->events--, at--;
    } else if (p->events == p->cap) {
        const size_t double_cap = p->cap ? 2 * p->cap : EVENTS_LEAST;
        TRY(mem_grow((void **)&p->event, &p->cap, double_cap < ring ? double_cap : ring,
                     sizeof *p->event, "events", err));
    }
    if (at == p->events)
        p->appended++;
    else
        p->rewrite++;
    memmove(p->event + at + 1, p->event + at, (p->events - at) * sizeof *p->event);
    p->event[at] = *e;
    p->events++;
    return HABIT_OK;
}

habit_status person_show(person *p, uint32_t item, size_t ring, habit_error *err)
{
    for (size_t i = 0; i < p->showns; i++)
        if (p->shown[i] == item) return HABIT_OK;
    if (p->showns == ring) // the oldest leaves
        memmove(p->shown, p->shown + 1, --p->showns * sizeof *p->shown);
    TRY(mem_grow((void **)&p->shown, &p->shown_cap, p->showns + 1, sizeof *p->shown, "events",
                 err));
    p->shown[p->showns++] = item;
    return HABIT_OK;
}

person_state *person_state_of(person *p, uint64_t model, size_t size)
{
    size_t at = 0;
    while (at < PERSON_STATES - 1 && p->state[at].model != model) at++;
    person_state s = p->state[at];
    if (s.model != model || s.size != size) {
        mem_free(s.bytes);
        s = (person_state){ .bytes = mem_alloc(size, 1), .size = size };
        if (!s.bytes) s.size = 0;
    }
    memmove(p->state + 1, p->state, at * sizeof *p->state); // the latest asked for stands first
    p->state[0] = s;
    return s.bytes ? &p->state[0] : NULL;
}

// batch.c - some people's events, packed, and the steps of an epoch.
#include "data/batch.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/session_batches.h"

#include <math.h>
#include <stdlib.h>

unsigned batch_columns_of(const log_view *log)
{
    return (log->time ? BATCH_TIME : 0u) | (log->behaviour ? BATCH_BEHAVIOUR : 0u) |
           (log->value ? BATCH_VALUE : 0u);
}

void batch_room_place(batch_room *r, size_t sequences, size_t events, unsigned columns, arena *mem)
{
    r->sequences = sequences;
    r->events = events;
    r->offset = arena_new(mem, int32_t, sequences + 1);
    r->user = arena_new(mem, uint32_t, sequences);
    r->last = arena_new(mem, int32_t, sequences);
    r->each = arena_new(mem, int32_t, sequences + 1);
    r->item = arena_new(mem, int32_t, events);
    r->position = arena_new(mem, int32_t, events);
    r->target = arena_new(mem, int32_t, events);
    r->time = columns & BATCH_TIME ? arena_new(mem, int64_t, events) : NULL;
    r->next_time = columns & BATCH_TIME ? arena_new(mem, int64_t, events) : NULL;
    r->behaviour = columns & BATCH_BEHAVIOUR ? arena_new(mem, uint8_t, events) : NULL;
    r->next_behaviour = columns & BATCH_BEHAVIOUR ? arena_new(mem, uint8_t, events) : NULL;
    r->value = columns & BATCH_VALUE ? arena_new(mem, float, events) : NULL;
    r->next_value = columns & BATCH_VALUE ? arena_new(mem, float, events) : NULL;
}

void batch_start(batch *b, const batch_room *r)
{
    *b = (batch){ .offset = r->offset,
                  .item = r->item,
                  .position = r->position,
                  .target = r->target,
                  .time = r->time,
                  .next_time = r->next_time,
                  .behaviour = r->behaviour,
                  .next_behaviour = r->next_behaviour,
                  .value = r->value,
                  .next_value = r->next_value,
                  .user = r->user };
    r->offset[0] = 0;
}

static void add_event(const batch *b, batch_room *r, const batch_sequence *s, size_t i,
                      bool targets)
{
    const size_t e = b->events + i;
    const bool more = i + 1 < s->n;
    r->item[e] = (int32_t)s->item[i];
    r->position[e] = (int32_t)i;
    r->target[e] = targets ? (int32_t)s->item[i + 1] : -1;
    if (r->time) {
        r->time[e] = s->time ? s->time[i] : TIME_NONE;
        r->next_time[e] = more && s->time ? s->time[i + 1] : s->now;
    }
    if (r->behaviour) {
        r->behaviour[e] = s->behaviour ? s->behaviour[i] : BEHAVIOUR_NONE;
        r->next_behaviour[e] = more && s->behaviour ? s->behaviour[i + 1] : BEHAVIOUR_NONE;
    }
    if (r->value) {
        r->value[e] = s->value ? s->value[i] : NAN;
        r->next_value[e] = targets && s->value ? s->value[i + 1] : NAN;
    }
}

static void add_mask(const batch *b, batch_room *r, const batch_sequence *s)
{
    const size_t e = b->events + s->n;
    r->item[e] = r->target[e] = -1;
    r->position[e] = (int32_t)s->n;
    if (r->time) r->time[e] = r->next_time[e] = s->now;
    if (r->behaviour) r->behaviour[e] = r->next_behaviour[e] = BEHAVIOUR_NONE;
    if (r->value) r->value[e] = r->next_value[e] = NAN;
}

bool batch_add(batch *b, batch_room *r, const batch_sequence *s, bool targets)
{
    const size_t n = targets ? s->n - 1 : s->n + s->mask;
    if (b->sequences == r->sequences || n > r->events - b->events) return false;
    for (size_t i = 0; i < n - s->mask; i++) add_event(b, r, s, i, targets);
    if (s->mask) add_mask(b, r, s);
    r->user[b->sequences++] = s->user;
    b->events += n;
    if (targets) b->targets += n;
    r->offset[b->sequences] = (int32_t)b->events;
    return true;
}

void batch_ask_last(batch *b, batch_room *r)
{
    for (size_t s = 0; s < b->sequences; s++) r->last[s] = r->offset[s + 1] - 1;
    for (size_t s = 0; s <= b->sequences; s++) r->each[s] = (int32_t)s;
    b->last = r->last;
    b->each = r->each;
}

// --- the steps of an epoch -------------------------------------------------------------------------

// Window `number` of a user, counted from the latest.
typedef struct window {
    uint32_t user, number;
} window;

struct batches {
    log_view log;
    batch_plan plan;
    window *window;  // [windows] that can be learned from, in the order of the epoch
    uint64_t *start; // [plan.users+1] of the present step
    size_t windows, cap;
    uint64_t targets;
    size_t step, sequences;    // the present step, and its windows
    session_batches *sessions; // instead of windows, or NULL
};

// Returns its number of events, the last target among them; 0 or 1: nothing to learn there.
static uint64_t window_events(const batches *b, window w, uint64_t *begin)
{
    const uint64_t first = b->log.begin[w.user], all = b->log.end[w.user] - first;
    const uint64_t most = (uint64_t)b->plan.max_len, after = w.number * most;
    if (all <= after) return 0;
    const uint64_t n = all - after < most + 1 ? all - after : most + 1;
    *begin = first + all - after - n;
    return n;
}

static habit_status add_windows(batches *b, uint32_t user, habit_error *err)
{
    uint64_t begin, n;
    for (window w = { user, 0 }; (n = window_events(b, w, &begin)) >= 2; w.number++) {
        TRY(mem_grow((void **)&b->window, &b->cap, b->windows + 1, sizeof *b->window, "batches",
                     err));
        b->window[b->windows++] = w;
        b->targets += n - 1;
        if (!b->plan.sliding) break;
    }
    return HABIT_OK;
}

habit_status batches_new(batches **out, const log_view *log, const batch_plan *plan,
                         habit_error *err)
{
    batches *b = ZNEW(batches, 1);
    if (!b) return fail_memory(err, "batches", sizeof *b);
    b->log = *log;
    b->plan = *plan;
    b->start = NEW(uint64_t, (size_t)plan->users + 1);
    habit_status st = b->start ? HABIT_OK : fail_memory(err, "batches", (size_t)plan->users * 8);
    if (st == HABIT_OK && plan->sessions)
        st = session_batches_new(&b->sessions, log, (size_t)plan->users, err);
    for (uint32_t u = 0; st == HABIT_OK && !plan->sessions && u < log->users; u++)
        st = add_windows(b, u, err);
    if (st != HABIT_OK) {
        batches_free(b);
        return st;
    }
    *out = b;
    return HABIT_OK;
}

void batches_free(batches *b)
{
    if (!b) return;
    mem_free(b->window);
    mem_free(b->start);
    session_batches_free(b->sessions);
    mem_free(b);
}

size_t batches_steps(const batches *b)
{
    if (b->sessions) return session_batches_steps(b->sessions);
    return (b->windows + (size_t)b->plan.users - 1) / (size_t)b->plan.users;
}

uint64_t batches_targets(const batches *b)
{
    return b->sessions ? session_batches_targets(b->sessions) : b->targets;
}

static int compare_windows(const void *a, const void *b)
{
    const window *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

// From the sorted order, so that an epoch does not depend on those before it.
void batches_shuffle(batches *b, uint64_t epoch)
{
    if (b->windows) qsort(b->window, b->windows, sizeof *b->window, compare_windows);
    rng r = rng_at(b->plan.seed, 0x5EED, epoch);
    for (size_t i = b->windows; i > 1; i--) {
        const size_t j = (size_t)rng_below(&r, i);
        const window w = b->window[i - 1];
        b->window[i - 1] = b->window[j];
        b->window[j] = w;
    }
}

static size_t turn_sessions(batches *b, size_t step, const uint64_t **start)
{
    const size_t n = session_batches_turn(b->sessions, step);
    for (size_t i = 0; i <= n; i++) b->start[i] = i;
    *start = b->start;
    return n;
}

size_t batches_turn(batches *b, size_t step, const uint64_t **start)
{
    if (b->sessions) return turn_sessions(b, step, start);
    const size_t first = step * (size_t)b->plan.users;
    const size_t left = b->windows - first;
    const size_t n = left < (size_t)b->plan.users ? left : (size_t)b->plan.users;
    b->step = step;
    b->sequences = n;
    b->start[0] = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t begin;
        b->start[i + 1] = b->start[i] + window_events(b, b->window[first + i], &begin) - 1;
    }
    *start = b->start;
    return n;
}

const int32_t *batches_before(const batches *b)
{
    return session_batches_before(b->sessions);
}

void batches_fill(const batches *b, size_t from, size_t to, batch_room *r, batch *out)
{
    if (b->sessions) {
        session_batches_fill(b->sessions, from, to, r, out);
        return;
    }
    const size_t first = b->step * (size_t)b->plan.users;
    batch_start(out, r);
    out->first_event = b->start[from];
    out->first_sequence = from;
    out->step_sequences = b->sequences;
    out->step_targets = b->start[b->sequences];
    for (size_t i = from; i < to; i++) {
        uint64_t e = 0;
        const window w = b->window[first + i];
        const size_t n = (size_t)window_events(b, w, &e);
        const log_view *l = &b->log;
        const batch_sequence s = { w.user,
                                   n,
                                   l->item + e,
                                   l->time ? l->time + e : NULL,
                                   l->behaviour ? l->behaviour + e : NULL,
                                   l->value ? l->value + e : NULL,
                                   TIME_NONE };
        batch_add(out, r, &s, true);
    }
}

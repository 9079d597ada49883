// live.c - one person's memory of a network.
#include "models/live.h"
#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

// A state: this, then the answer [dim] of networks that do not ask for the time, then what the ops
// keep.
typedef struct head {
    uint64_t events;
    int64_t before;  // time of the latest event that the ops have taken in
    live_event last; // of networks that ask for the time: not taken in by the ops yet
    uint32_t user;
} head;

static bool asks(const network *n)
{
    return n->base.class->network->traits & NETWORK_ASKS_TIME;
}

static size_t head_bytes(const network *n)
{
    const size_t bytes = sizeof(head) + (size_t)n->base.dim * sizeof(float);
    return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

static float *answer_of(const void *state)
{
    return (float *)(void *)((char *)(uintptr_t)state + sizeof(head));
}

// Runs the model's text over one event; the row that comes out.
static const float *run_row(const network *n, tape *t, kept *k, const head *h, const live_event *e,
                            int64_t next)
{
    static const int32_t offset[] = { 0, 1 };
    const int32_t item = (int32_t)e->item, position = (int32_t)k->events;
    const batch b = { .sequences = 1,
                      .events = 1,
                      .offset = offset,
                      .item = &item,
                      .position = &position,
                      .time = &e->time,
                      .next_time = &next,
                      .before = &h->before,
                      .behaviour = &e->behaviour,
                      .value = &e->value,
                      .user = &h->user };
    tape_begin(t, &(tape_pass){ .mode = TAPE_STEP, .kept = k });
    return tensor_data(network_answers(t, n, &b));
}

// --- sizes ------------------------------------------------------------------------------------------

// What a pass takes, by making one: with a full memory, which costs most.
static void measure(const network *n, size_t *kept_bytes, size_t *scratch)
{
    const live_event e = { .time = TIME_NONE };
    const head h = { .before = TIME_NONE, .user = USER_NONE };
    tape *t = NULL;
    kept k = { .events = 0 };
    *kept_bytes = *scratch = 0;
    if (tape_new(&t, n->params, NULL, NULL) != HABIT_OK) return;
    run_row(n, t, &k, &h, &e, TIME_NONE);
    *kept_bytes = tape_kept_bytes(t);
    k.bytes = mem_zalloc(*kept_bytes, 1);
    k.events = (uint64_t)n->options.max_len - 1;
    if (k.bytes) run_row(n, t, &k, &h, &e, TIME_NONE);
    *scratch = tape_used(t);
    mem_free(k.bytes);
    tape_free(t);
}

size_t live_bytes(const network *n)
{
    size_t kept_bytes, scratch;
    if (n->base.class->network->traits & NETWORK_RECOMPUTES) return 0;
    measure(n, &kept_bytes, &scratch);
    return head_bytes(n) + kept_bytes;
}

size_t live_scratch(const network *n)
{
    size_t kept_bytes, scratch;
    measure(n, &kept_bytes, &scratch);
    return scratch + scratch / 4 + (1 << 16); // and the tape itself
}

// --- taking in and asking ---------------------------------------------------------------------------

void live_start(const network *n, void *state, uint32_t user)
{
    memset(state, 0, head_bytes(n)); // ops look only at what the number of events says is there
    ((head *)state)->before = TIME_NONE;
    ((head *)state)->user = user;
    memset((char *)state + head_bytes(n), 0, live_bytes(n) - head_bytes(n));
}

uint64_t live_events(const void *state)
{
    return ((const head *)state)->events;
}

static kept kept_of(const network *n, const void *state, bool ask)
{
    const head *h = state;
    return (kept){ .bytes = (char *)(uintptr_t)state + head_bytes(n),
                   .events = asks(n) && h->events ? h->events - 1 : h->events,
                   .ask = ask };
}

bool live_extend(const network *n, void *state, const live_event *e, arena *scratch)
{
    head *h = state;
    const bool absolute = n->base.class->network->traits & NETWORK_ABSOLUTE;
    if (absolute && h->events >= (uint64_t)n->options.max_len) return false;
    const size_t mark = arena_mark(scratch);
    tape *t = NULL;
    kept k = kept_of(n, state, false);
    if (asks(n)) {
        if (h->events && tape_new(&t, n->params, scratch, NULL) == HABIT_OK)
            run_row(n, t, &k, h, &h->last, e->time);
        if (h->events) h->before = h->last.time;
        h->last = *e;
    } else if (tape_new(&t, n->params, scratch, NULL) == HABIT_OK) {
        const float *row = run_row(n, t, &k, h, e, TIME_NONE);
        if (row) memcpy(answer_of(state), row, (size_t)n->base.dim * sizeof *row);
        h->before = e->time;
    }
    h->events++;
    arena_rewind(scratch, mark);
    return true;
}

void live_answer(const network *n, const void *state, int64_t now, float *vector, arena *scratch)
{
    const head *h = state;
    const size_t bytes = (size_t)n->base.dim * sizeof *vector, mark = arena_mark(scratch);
    memset(vector, 0, bytes);
    if (h->events == 0) return;
    if (!asks(n)) {
        memcpy(vector, answer_of(state), bytes);
        return;
    }
    tape *t = NULL;
    kept k = kept_of(n, state, true);
    if (tape_new(&t, n->params, scratch, NULL) == HABIT_OK) {
        const float *row = run_row(n, t, &k, h, &h->last, now);
        if (row) memcpy(vector, row, bytes);
    }
    arena_rewind(scratch, mark);
}

void live_follow(const network *n, void *state, const live_event *events, size_t count,
                 arena *scratch)
{
    if (count == 0 || live_extend(n, state, &events[count - 1], scratch)) return;
    const size_t half = ((size_t)n->options.max_len + 1) / 2,
                 from = count > half ? count - half : 0;
    live_start(n, state, ((const head *)state)->user);
    for (size_t i = from; i < count; i++) live_extend(n, state, &events[i], scratch);
}

// session_batches.c - sessions side by side.
#include "data/session_batches.h"
#include "base/clock.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

typedef struct session {
    int64_t time; // of the first event
    uint64_t begin, end;
    uint32_t user;
} session;

typedef struct lane {
    const session *session;
    uint64_t at; // the event that goes in
} lane;

struct session_batches {
    log_view log;
    session *session; // [count] in their order
    size_t count, next;
    float *log_count; // [items]
    size_t steps;
    uint64_t targets;

    // The present step.
    size_t step, rows, lanes;
    lane *lane;      // [rows], of [lanes]
    int32_t *before; // [rows], of [lanes]
};

// --- which sessions ---------------------------------------------------------------------------------

static uint64_t session_end(const log_view *log, uint64_t begin, uint64_t end)
{
    uint64_t e = begin + 1;
    if (!log->session) return end;
    while (e < end && log->session[e] == log->session[begin]) e++;
    return e;
}

// Counts the sessions, or lists them.
static size_t find_sessions(const log_view *log, session *to)
{
    size_t n = 0;
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u], end; e < log->end[u]; e = end) {
            end = session_end(log, e, log->end[u]);
            if (end - e < 2) continue;
            if (to) to[n] = (session){ log->time ? log->time[e] : TIME_NONE, e, end, u };
            n++;
        }
    return n;
}

// By time, then as in the log.
static int compare_sessions(const void *a, const void *b)
{
    const session *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void count_items(const log_view *log, float *log_count)
{
    for (uint32_t i = 0; i < log->items; i++) log_count[i] = 0;
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++)
            if (log->item[e] < log->items) log_count[log->item[e]]++;
    for (uint32_t i = 0; i < log->items; i++)
        log_count[i] = log_count[i] > 0 ? logf(log_count[i]) : 0; // of those that never occur: any
}

// --- steps ------------------------------------------------------------------------------------------

static void begin(session_batches *s)
{
    s->step = s->next = s->rows = 0;
    while (s->rows < s->lanes && s->next < s->count) {
        const session *first = &s->session[s->next++];
        s->before[s->rows] = -1;
        s->lane[s->rows++] = (lane){ first, first->begin };
    }
}

static void advance(session_batches *s)
{
    size_t rows = 0;
    for (size_t i = 0; i < s->rows; i++) {
        lane l = { s->lane[i].session, s->lane[i].at + 1 };
        int32_t before = (int32_t)i;
        if (l.at + 1 == l.session->end) { // the last event is only a target
            if (s->next == s->count) continue;
            l.session = &s->session[s->next++];
            l.at = l.session->begin;
            before = -1;
        }
        s->before[rows] = before;
        s->lane[rows++] = l;
    }
    s->rows = rows;
    s->step++;
}

static void measure(session_batches *s)
{
    for (begin(s); s->rows; advance(s)) {
        s->steps++;
        s->targets += s->rows;
    }
    begin(s);
}

habit_status session_batches_new(session_batches **out, const log_view *log, size_t lanes,
                                 habit_error *err)
{
    session_batches *s = ZNEW(session_batches, 1);
    if (!s) return fail_memory(err, "sessions", sizeof *s);
    s->log = *log;
    s->count = find_sessions(log, NULL);
    s->lanes = lanes;
    s->session = NEW(session, s->count);
    s->log_count = NEW(float, log->items);
    s->lane = NEW(lane, lanes);
    s->before = NEW(int32_t, lanes);
    if (!s->session || !s->log_count || !s->lane || !s->before) {
        const size_t bytes = s->count * sizeof *s->session;
        session_batches_free(s);
        return fail_memory(err, "sessions", bytes);
    }
    find_sessions(log, s->session);
    qsort(s->session, s->count, sizeof *s->session, compare_sessions);
    count_items(log, s->log_count);
    measure(s);
    *out = s;
    return HABIT_OK;
}

void session_batches_free(session_batches *s)
{
    if (!s) return;
    mem_free(s->session);
    mem_free(s->log_count);
    mem_free(s->lane);
    mem_free(s->before);
    mem_free(s);
}

size_t session_batches_steps(const session_batches *s)
{
    return s->steps;
}

uint64_t session_batches_targets(const session_batches *s)
{
    return s->targets;
}

size_t session_batches_turn(session_batches *s, size_t step)
{
    if (step < s->step) begin(s);
    while (s->step < step) advance(s);
    return s->rows;
}

const int32_t *session_batches_before(const session_batches *s)
{
    return s->before;
}

void session_batches_fill(const session_batches *s, size_t from, size_t to, batch_room *r,
                          batch *out)
{
    const log_view *l = &s->log;
    batch_start(out, r);
    out->first_event = out->first_sequence = from;
    out->log_count = s->log_count;
    out->step_sequences = out->step_targets = s->rows;
    for (size_t i = from; i < to; i++) {
        const uint64_t e = s->lane[i].at;
        const batch_sequence pair = { s->lane[i].session->user,
                                      2,
                                      l->item + e,
                                      l->time ? l->time + e : NULL,
                                      l->behaviour ? l->behaviour + e : NULL,
                                      l->value ? l->value + e : NULL,
                                      TIME_NONE };
        batch_add(out, r, &pair, true);
        r->position[out->events - 1] = (int32_t)(e - s->lane[i].session->begin);
    }
}

// test_session_batches.c - which event of which session is learned at which step.
#include "tests/check.h"
#include "tests/tiny_log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/session_batches.h"

#include <math.h>

enum { SESSIONS = 60, LONGEST = 7, LANES_MOST = 100, PAIRS_MOST = SESSIONS * LONGEST };

// What a row is: the event that goes in, and the row of the step before.
typedef struct pair {
    uint64_t event;
    int32_t before;
} pair;

typedef struct expected {
    pair row[PAIRS_MOST][LANES_MOST];
    size_t rows[PAIRS_MOST], steps;
} expected;

// As the authors' iterator goes: all lanes run for as many steps as the shortest has left, then
// those at their end take the next sessions.  start, end: of the sessions, in order.
static void walk(expected *x, const uint64_t *start, const uint64_t *end, size_t count,
                 size_t lanes)
{
    uint64_t at[LANES_MOST], stop[LANES_MOST];
    int32_t before[LANES_MOST];
    size_t n = 0, next = 0;
    x->steps = 0;
    for (; n < lanes && next < count; n++, next++)
        at[n] = start[next], stop[n] = end[next], before[n] = -1;
    while (n) {
        uint64_t shortest = UINT64_MAX;
        for (size_t i = 0; i < n; i++)
            if (stop[i] - at[i] < shortest) shortest = stop[i] - at[i];
        for (uint64_t k = 0; k + 1 < shortest; k++, x->steps++) {
            x->rows[x->steps] = n;
            for (size_t i = 0; i < n; i++) {
                x->row[x->steps][i] = (pair){ at[i]++, before[i] };
                before[i] = (int32_t)i;
            }
        }
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            const bool over = stop[i] - at[i] <= 1;
            if (over && next == count) continue;
            at[kept] = over ? start[next] : at[i];
            stop[kept] = over ? end[next++] : stop[i];
            before[kept++] = over ? -1 : (int32_t)i;
        }
        n = kept;
    }
}

static void check_step(session_batches *s, const expected *x, size_t step, const tiny_log *log)
{
    arena plan = { 0 }, memory = { 0 };
    batch_room room;
    batch b;
    batch_room_place(&room, LANES_MOST, LANES_MOST, BATCH_TIME, &plan);
    CHECK_OK(arena_init(&memory, &plan, err));
    batch_room_place(&room, LANES_MOST, LANES_MOST, BATCH_TIME, &memory);
    const size_t rows = session_batches_turn(s, step);
    const int32_t *before = session_batches_before(s);
    session_batches_fill(s, 0, rows, &room, &b);
    CHECK(rows == x->rows[step] && b.events == rows && b.sequences == rows && b.targets == rows,
          "step %zu: %zu rows, want %zu", step, rows, x->rows[step]);
    for (size_t i = 0; i < rows && i < x->rows[step]; i++) {
        const uint64_t e = x->row[step][i].event;
        CHECK(b.item[i] == (int32_t)log->item[e] && b.target[i] == (int32_t)log->item[e + 1],
              "step %zu, row %zu: %d > %d", step, i, b.item[i], b.target[i]);
        CHECK(before[i] == x->row[step][i].before, "step %zu, row %zu: before %d, want %d", step, i,
              before[i], x->row[step][i].before);
        CHECK((b.position[i] == 0) == (before[i] < 0), "step %zu, row %zu: place %d", step, i,
              b.position[i]);
        CHECK(b.offset[i] == (int32_t)i && b.time[i] == log->time[e] &&
                  b.next_time[i] == log->time[e + 1],
              "step %zu, row %zu: columns", step, i);
    }
    arena_free(&memory);
}

// A user per session, of 1 to LONGEST events, beginning at random times; every item is its number.
static void make_log(tiny_log *log)
{
    static tiny_event e[SESSIONS * LONGEST];
    size_t n = 0;
    for (uint32_t u = 0; u < SESSIONS; u++) {
        rng r = rng_at(5, u, 0);
        const uint64_t length = 1 + rng_below(&r, LONGEST);
        const int64_t begin = (int64_t)rng_below(&r, 40); // some begin at once
        for (uint64_t k = 0; k < length; k++, n++)
            e[n] = (tiny_event){ u, (uint32_t)n, begin + (int64_t)k * 100, 0, 0 };
    }
    tiny_log_make(log, e, n, SESSIONS, (uint32_t)n, TINY_TIME);
}

// Sessions of at least two events by the time of their first event.
static size_t order_sessions(const log_view *log, uint64_t *start, uint64_t *end)
{
    size_t n = 0;
    for (int64_t t = 0; t < 40; t++)
        for (uint32_t u = 0; u < log->users; u++) {
            if (log->end[u] - log->begin[u] < 2 || log->time[log->begin[u]] != t) continue;
            start[n] = log->begin[u];
            end[n++] = log->end[u];
        }
    return n;
}

static void test_order(size_t lanes)
{
    static tiny_log log;
    static expected x;
    uint64_t start[SESSIONS], end[SESSIONS], targets = 0;
    session_batches *s = NULL;
    make_log(&log);
    const size_t count = order_sessions(&log.view, start, end);
    walk(&x, start, end, count, lanes);
    for (size_t i = 0; i < count; i++) targets += end[i] - start[i] - 1;
    CHECK_OK(session_batches_new(&s, &log.view, lanes, err));
    CHECK(session_batches_steps(s) == x.steps, "%zu lanes: %zu steps, want %zu", lanes,
          session_batches_steps(s), x.steps);
    CHECK(session_batches_targets(s) == targets, "%zu lanes: targets", lanes);
    for (size_t k = 0; k < x.steps; k++) check_step(s, &x, k, &log);
    for (size_t k = 0; k < 20; k++) check_step(s, &x, k * 37 % x.steps, &log); // in any order
    session_batches_free(s);
}

// By number within a user, and a log without sessions or time: users in their order.
static void test_numbers(void)
{
    static const tiny_event e[] = { { 0, 0, 50, 0, 0 },  { 0, 1, 60, 0, 0 },  { 0, 2, 900, 0, 3 },
                                    { 0, 3, 910, 0, 3 }, { 0, 4, 920, 0, 4 }, { 1, 5, 10, 0, 0 },
                                    { 1, 6, 20, 0, 0 },  { 1, 7, 30, 0, 0 } };
    static tiny_log log;
    session_batches *s = NULL;
    static expected x;
    static const uint64_t by_time[][2] = { { 5, 8 }, { 0, 2 }, { 2, 4 } };
    static const uint64_t by_user[][2] = { { 0, 5 }, { 5, 8 } };
    uint64_t start[3], end[3];
    for (int i = 0; i < 3; i++) start[i] = by_time[i][0], end[i] = by_time[i][1];
    tiny_log_make(&log, e, COUNT_OF(e), 2, 8, TINY_TIME | TINY_SESSION);
    walk(&x, start, end, 3, 2);
    CHECK_OK(session_batches_new(&s, &log.view, 2, err));
    CHECK(session_batches_steps(s) == x.steps, "numbers: %zu steps", session_batches_steps(s));
    for (size_t k = 0; k < x.steps; k++) check_step(s, &x, k, &log);
    session_batches_free(s);

    for (int i = 0; i < 2; i++) start[i] = by_user[i][0], end[i] = by_user[i][1];
    tiny_log_make(&log, e, COUNT_OF(e), 2, 8, TINY_TIME);
    walk(&x, start, end, 2, 1);
    log.view.time = NULL;
    CHECK_OK(session_batches_new(&s, &log.view, 1, err));
    CHECK(session_batches_steps(s) == x.steps, "users: %zu steps", session_batches_steps(s));
    for (size_t k = 0; k < x.steps; k++) {
        session_batches_turn(s, k);
        CHECK(session_batches_before(s)[0] == x.row[k][0].before, "users: step %zu", k);
    }
    session_batches_free(s);
}

static void test_counts(void)
{
    static const tiny_event e[] = { { 0, 2, 0, 0, 0 }, { 0, 0, 1, 0, 0 }, { 0, 2, 2, 0, 0 } };
    static tiny_log log;
    session_batches *s = NULL;
    arena plan = { 0 }, memory = { 0 };
    batch_room room;
    batch b;
    tiny_log_make(&log, e, COUNT_OF(e), 1, 4, 0);
    CHECK_OK(session_batches_new(&s, &log.view, 3, err));
    batch_room_place(&room, 3, 3, 0, &plan);
    CHECK_OK(arena_init(&memory, &plan, err));
    batch_room_place(&room, 3, 3, 0, &memory);
    session_batches_fill(s, 0, session_batches_turn(s, 0), &room, &b);
    CHECK(b.log_count[2] == logf(2) && b.log_count[0] == 0 && b.log_count[1] == 0, "counts");
    arena_free(&memory);
    session_batches_free(s);
}

int main(void)
{
    static const size_t lanes[] = { 1, 2, 3, 7, 20, LANES_MOST };
    for (size_t i = 0; i < COUNT_OF(lanes); i++) test_order(lanes[i]);
    test_numbers();
    test_counts();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

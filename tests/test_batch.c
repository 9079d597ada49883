// test_batch.c - batches of an epoch: every window once, every target where it belongs.
#include "tests/check.h"
#include "tests/tiny_log.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "data/batch.h"

#include <string.h>

enum { USERS = 5, EVENTS = 26, TYPES = 7 };
static uint8_t behaviour[EVENTS]; // event k is of type k % TYPES

// Users with 1, 2, 12, 0 and 11 events; event number k of all has item k.
static const size_t length[USERS] = { 1, 2, 12, 0, 11 };

static void make_log(tiny_log *t)
{
    static tiny_event e[EVENTS];
    size_t n = 0;
    for (uint32_t u = 0; u < USERS; u++)
        for (size_t k = 0; k < length[u]; k++, n++)
            e[n] = (tiny_event){ u, (uint32_t)n, (int64_t)n * 1000, (float)n };
    tiny_log_make(t, e, EVENTS, USERS, EVENTS, TINY_TIME | TINY_VALUE);
    for (size_t k = 0; k < EVENTS; k++) behaviour[k] = (uint8_t)(k % TYPES);
    t->view.behaviour = behaviour;
}

typedef struct seen {
    int target[EVENTS], input[EVENTS];
    size_t sequences, longest;
    uint32_t first_user; // of the epoch
} seen;

static void look(seen *s, const batch *b)
{
    for (size_t q = 0; q < b->sequences; q++) {
        const int32_t from = b->offset[q], end = b->offset[q + 1];
        CHECK(end > from, "a sequence without events");
        if (s->sequences++ == 0) s->first_user = b->user[q];
        if ((size_t)(end - from) > s->longest) s->longest = (size_t)(end - from);
        for (int32_t e = from; e < end; e++) {
            CHECK(b->target[e] == b->item[e] + 1, "after item %d: %d", b->item[e], b->target[e]);
            CHECK(b->position[e] == e - from, "position %d", b->position[e]);
            CHECK(b->time[e] == b->item[e] * 1000 && b->next_time[e] == b->target[e] * 1000,
                  "times of item %d", b->item[e]);
            CHECK(b->value[e] == (float)b->item[e] && b->next_value[e] == (float)b->target[e],
                  "values of item %d", b->item[e]);
            CHECK(b->behaviour[e] == b->item[e] % TYPES &&
                      b->next_behaviour[e] == b->target[e] % TYPES,
                  "types of item %d", b->item[e]);
            CHECK(e == from || b->item[e] == b->item[e - 1] + 1, "item %d", b->item[e]);
            s->target[b->target[e]]++;
            s->input[b->item[e]]++;
        }
    }
}

// All steps of an epoch, each cut in two.
static void run_epoch_of(batches *b, uint64_t epoch, seen *s)
{
    arena plan = { 0 }, memory = { 0 };
    batch_room room;
    *s = (seen){ .sequences = 0 };
    batch_room_place(&room, 8, 64, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &plan);
    CHECK_OK(arena_init(&memory, &plan, err));
    batch_room_place(&room, 8, 64, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &memory);
    batches_shuffle(b, epoch);
    uint64_t targets = 0;
    for (size_t step = 0; step < batches_steps(b); step++) {
        const uint64_t *start;
        const size_t n = batches_turn(b, step, &start), half = n / 2;
        for (size_t part = 0; part < 2; part++) {
            batch out;
            batches_fill(b, part ? half : 0, part ? n : half, &room, &out);
            CHECK(out.first_event == start[part ? half : 0], "first event");
            targets += out.targets;
            look(s, &out);
        }
    }
    CHECK(targets == batches_targets(b), "%llu targets", (unsigned long long)targets);
    arena_free(&memory);
}

// How often item k should be a target: in the last L events of its user but for the first of the
// L + 1 that are looked at, or, sliding, everywhere but at the first.
static void check_plan(int max_len, int users, bool sliding, size_t windows)
{
    static tiny_log log;
    const batch_plan plan = { max_len, users, 5, sliding };
    batches *b;
    seen s;
    size_t k = 0;
    make_log(&log);
    CHECK_OK(batches_new(&b, &log.view, &plan, err));
    run_epoch_of(b, 0, &s);
    CHECK(s.sequences == windows, "length %d: %zu windows, not %zu", max_len, s.sequences, windows);
    CHECK(s.longest <= (size_t)max_len, "length %d: a window of %zu", max_len, s.longest);
    for (uint32_t u = 0; u < USERS; u++)
        for (size_t i = 0; i < length[u]; i++, k++) {
            const bool late = sliding || i + (size_t)max_len >= length[u];
            CHECK(s.target[k] == (late && i > 0), "length %d: event %zu of %zu: %d times", max_len,
                  i, length[u], s.target[k]);
        }
    batches_free(b);
}

static void check_order(void)
{
    static tiny_log log;
    const batch_plan plan = { 3, 2, 5, true };
    batches *b;
    seen s;
    int different = 0;
    make_log(&log);
    CHECK_OK(batches_new(&b, &log.view, &plan, err));
    run_epoch_of(b, 7, &s);
    const uint32_t first = s.first_user;
    for (uint64_t epoch = 0; epoch < 12; epoch++) {
        run_epoch_of(b, epoch, &s);
        different += s.first_user != first;
    }
    CHECK(different > 0, "every epoch has the same order");
    run_epoch_of(b, 7, &s);
    CHECK(s.first_user == first, "an epoch's order depends on those before it");
    batches_free(b);
}

static void check_memory(void)
{
    static tiny_log log;
    const batch_plan plan = { 3, 2, 5, true };
    make_log(&log);
    for (long n = 0;; n++) {
        batches *b = NULL;
        const long before = mem_live();
        mem_fail_after(n);
        const habit_status st = batches_new(&b, &log.view, &plan, NULL);
        mem_fail_after(-1);
        CHECK((st == HABIT_OK) == (b != NULL), "allocation %ld", n);
        batches_free(b);
        CHECK(mem_live() == before, "allocation %ld leaks", n);
        if (st == HABIT_OK) break;
    }
}

int main(void)
{
    check_plan(20, 2, false, 3);
    check_plan(20, 8, true, 3);
    check_plan(4, 2, false, 3);
    check_plan(5, 3, true, 1 + 3 + 2); // 12 events: targets 5 + 5 + 1; 11: 5 + 5
    check_plan(1, 4, true, 1 + 11 + 10);
    check_order();
    check_memory();
    return CHECK_DONE();
}

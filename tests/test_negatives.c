// test_negatives.c - what is drawn, how often, and that it is the same again.
#include "base/memory.h"
#include "base/rng.h"
#include "data/negatives.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { V = 40, USERS = 4, EVENTS = 300, DRAWS = 200000 };

static uint64_t begin[USERS], end[USERS];
static uint32_t item[EVENTS];
static uint64_t count[V];

// User 0 has many events, 1 one, 2 none, 3 every item but one.  Item 5 never occurs.
static log_view make_log(void)
{
    rng r = rng_at(8, 0, 0);
    for (uint64_t e = 0; e < EVENTS; e++) {
        const double x = rng_uniform(&r);
        item[e] = e < 250 ? (uint32_t)(x * x * 20) : (uint32_t)(e - 250) % V;
        if (item[e] == 5) item[e] = 6;
        count[item[e]]++;
    }
    begin[0] = 0, end[0] = 249, begin[1] = 249, end[1] = 250, begin[2] = end[2] = 250;
    begin[3] = 250, end[3] = EVENTS;
    return (log_view){
        .users = USERS, .items = V, .begin = begin, .end = end, .item = item, .events = EVENTS
    };
}

static negatives *make(const negatives_plan *plan)
{
    const log_view log = make_log();
    negatives *n = NULL;
    memset(count, 0, sizeof count);
    make_log();
    CHECK_OK(negatives_new(&n, &log, plan, err));
    return n;
}

// Pearson's statistic against the shares; its mean is the degrees of freedom, its variance twice
// that.  The draws are fixed, so this passes or fails for good.
static void check_shares(const char *name, const int32_t *draw, size_t draws,
                         const float *log_share)
{
    double seen[V] = { 0 }, x2 = 0, sum = 0;
    int free = -1;
    for (size_t i = 0; i < draws; i++) seen[draw[i]]++;
    for (int i = 0; i < V; i++) {
        const double want = exp((double)log_share[i]) * (double)draws;
        sum += exp((double)log_share[i]);
        if (log_share[i] == -INFINITY) {
            CHECK(seen[i] == 0, "%s: item %d was drawn", name, i);
            continue;
        }
        x2 += (seen[i] - want) * (seen[i] - want) / want;
        free++;
    }
    CHECK(fabs(sum - 1) < 1e-6, "%s: shares add up to %.9g", name, sum);
    CHECK(x2 <= free + 4 * sqrt(2.0 * free), "%s: chi-square %.1f with %d degrees", name, x2, free);
}

static void check_plan(const char *name, const negatives_plan *plan)
{
    negatives *n = make(plan);
    static int32_t draw[DRAWS], again[DRAWS];
    negatives_draw_shared(n, 17, NULL, draw, DRAWS);
    negatives_draw_shared(n, 17, NULL, again, DRAWS);
    CHECK(memcmp(draw, again, sizeof draw) == 0, "%s: another draw for the same key", name);
    negatives_draw_shared(n, 18, NULL, again, DRAWS);
    CHECK(memcmp(draw, again, sizeof draw) != 0, "%s: the same draw for another key", name);
    check_shares(name, draw, DRAWS, negatives_log_share(n));
    negatives_free(n);
}

static void check_formula(void)
{
    negatives *n = make(&(negatives_plan){ 2, 1, 1, 0.5, false });
    double roots = 0;
    for (int i = 0; i < V; i++) roots += sqrt((double)count[i]);
    for (int i = 0; i < V; i++) {
        const double want =
            0.5 / V + 0.25 * sqrt((double)count[i]) / roots + 0.25 * (double)count[i] / EVENTS;
        const double got = exp((double)negatives_log_share(n)[i]);
        CHECK(fabs(got - want) < 1e-6 * want, "share of item %d: %g, want %g", i, got, want);
    }
    negatives_free(n);
}

// The batch's own targets: of two items drawn from, one stands there three times.
static void check_batch(void)
{
    negatives *n = make(&(negatives_plan){ .batch = 1 });
    static const int32_t target[] = { 9, 30, 9, 9 };
    static int32_t draw[DRAWS];
    float share[V];
    for (int i = 0; i < V; i++) share[i] = -INFINITY;
    share[9] = logf(0.75F), share[30] = logf(0.25F);
    negatives_draw_shared(n, 3, &(negatives_batch){ target, COUNT_OF(target) }, draw, DRAWS);
    check_shares("batch", draw, DRAWS, share);
    negatives_free(n);
}

static bool has(uint32_t user, int32_t i)
{
    for (uint64_t e = begin[user]; e < end[user]; e++)
        if (item[e] == (uint32_t)i) return true;
    return false;
}

static void check_own(void)
{
    enum { EACH = 5000 };
    static const uint32_t user[] = { 0, 1, 2, 3, USER_NONE };
    static const int32_t offset[] = { 0, 2, 3, 3, 5, 6 };
    static int32_t draw[6 * EACH], part[2 * EACH];
    negatives *n = make(&(negatives_plan){ .uniform = 1, .avoid = true });
    const batch all = { .sequences = 5, .offset = offset, .user = user, .first_event = 100 };
    negatives_draw_own(n, 7, &all, NULL, draw, EACH);
    for (size_t s = 0; s < 5; s++) {
        float share[V];
        size_t others = 0;
        for (int i = 0; i < V; i++) others += user[s] >= USERS || !has(user[s], i);
        for (int i = 0; i < V; i++)
            share[i] = user[s] < USERS && has(user[s], i) ? -INFINITY : -logf((float)others);
        for (int32_t e = offset[s]; e < offset[s + 1]; e++)
            check_shares("own", draw + (size_t)e * EACH, EACH, share);
    }
    CHECK(memcmp(draw, draw + EACH, EACH * sizeof *draw) != 0, "two events draw alike");
    // the last two events of the step drawn by themselves
    const int32_t tail[] = { 0, 1, 2 };
    const batch last = { .sequences = 2, .offset = tail, .user = user + 3, .first_event = 104 };
    negatives_draw_own(n, 7, &last, NULL, part, EACH);
    CHECK(memcmp(part, draw + (size_t)4 * EACH, sizeof part) == 0, "depends on the company");
    negatives_free(n);
}

static void check_sequence(void)
{
    enum { EACH = 12, TIMES = 20000 };
    static const int32_t of[] = { 7, 3, 7, 39, 0 }, next[] = { 3, 7, 39, 0, 3 };
    static const int32_t window[] = { 0, 3, 7, 39 };
    static int32_t draw[TIMES * EACH], offset[TIMES + 1], items[5 * TIMES], target[5 * TIMES];
    int32_t room[10], all[V], two[2 * EACH];
    float share[V];
    for (int i = 0; i < V; i++) share[i] = -logf(V - 4);
    for (size_t i = 0; i < COUNT_OF(window); i++) share[window[i]] = -INFINITY;
    for (int i = 0; i < 5 * TIMES; i++) items[i] = of[i % 5], target[i] = next[i % 5];
    for (int i = 0; i <= TIMES; i++) offset[i] = 5 * i;
    negatives *n = make(&(negatives_plan){ .uniform = 1 });
    batch b = { .sequences = TIMES, .offset = offset, .item = items, .target = target };
    negatives_draw_sequences(n, 5, &b, room, draw, EACH);
    check_shares("sequence", draw, COUNT_OF(draw), share);
    b.sequences = 2, b.first_sequence = 77;
    negatives_draw_sequences(n, 5, &b, room, two, EACH);
    CHECK(memcmp(two, draw + (size_t)77 * EACH, sizeof two) == 0, "depends on the company");
    for (size_t s = 0; s < TIMES; s++)
        CHECK(negatives_window(draw + s * EACH, EACH) == EACH, "an item is there twice");
    b.sequences = 1;
    negatives_draw_sequences(n, 5, &b, room, all, V - 4); // all there are
    CHECK(negatives_window(all, V - 4) == V - 4, "not all others were drawn");
    negatives_draw_sequences(n, 5, &b, room, all, V); // more than there are
    for (int i = 0; i < V; i++) CHECK(share[all[i]] > -INFINITY, "item %d of the window", all[i]);
    b.target = (const int32_t[]){ 3, 7, 39, 0, 11 }; // a new item after the last
    share[11] = -INFINITY;
    negatives_draw_sequences(n, 5, &b, room, all, V);
    for (int i = 0; i < V; i++) CHECK(share[all[i]] > -INFINITY, "item %d of the window", all[i]);
    negatives_free(n);
}

static void check_failures(void)
{
    const log_view log = make_log();
    log_view empty = log;
    habit_error err = { 0 };
    negatives *n = NULL;
    empty.events = 0;
    CHECK(negatives_new(&n, &empty, &(negatives_plan){ .uniform = 1 }, &err) == HABIT_EINVAL,
          "an empty log");
    CHECK(negatives_new(&n, &log, &(negatives_plan){ 0 }, &err) == HABIT_EINVAL, "no share");
    CHECK(negatives_new(&n, &log, &(negatives_plan){ .uniform = NAN }, &err) == HABIT_EINVAL,
          "a share that is no number");
    const long live = mem_live();
    habit_status st = HABIT_ENOMEM;
    for (long i = 0; st == HABIT_ENOMEM; i++) {
        mem_fail_after(i);
        st = negatives_new(&n, &log, &(negatives_plan){ 1, 1, 1, 0.5, true }, &err);
        mem_fail_after(-1);
        if (st != HABIT_OK) CHECK(mem_live() == live && !n, "allocation %ld leaks", i);
    }
    CHECK(st == HABIT_OK, "%s", err.message);
    negatives_free(n);
    CHECK(mem_live() == live, "freed");
}

int main(void)
{
    check_plan("uniform", &(negatives_plan){ .uniform = 1 });
    check_plan("popular", &(negatives_plan){ .popular = 1, .power = 0.75 });
    check_plan("by count", &(negatives_plan){ .popular = 3, .power = 1 });
    check_plan("mixed", &(negatives_plan){ .uniform = 1, .popular = 2, .batch = 1, .power = 0.5 });
    check_formula();
    check_batch();
    check_own();
    check_sequence();
    check_failures();
    return CHECK_DONE();
}

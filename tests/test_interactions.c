// test_interactions.c - sparse matrices, and logs as such.
#include "tests/check.h"
#include "tests/tiny_log.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "models/interactions.h"

#include <math.h>
#include <string.h>

enum { SECOND = 1000000 };

static tiny_log tiny; // large: not on the stack

// User 0 meets item 2 twice and item 0 once; user 1 nothing; user 2 items 1 and 2.
static const tiny_event events[] = {
    { 0, 2, 0, 3 },          { 0, 0, 10 * SECOND, NAN }, { 0, 2, 20 * SECOND, 0.5f },
    { 2, 2, 5 * SECOND, 2 }, { 2, 1, 15 * SECOND, 4 },
};

static void check_csr(const char *name, const csr *c, const uint64_t *start, const uint32_t *index,
                      const float *weight)
{
    CHECK(memcmp(c->start, start, (c->rows + 1) * sizeof *start) == 0, "%s: starts", name);
    CHECK(c->count == start[c->rows], "%s: %llu entries", name, (unsigned long long)c->count);
    for (uint64_t e = 0; e < c->count; e++)
        CHECK(c->index[e] == index[e] && fabsf(c->weight[e] - weight[e]) < 1e-6f,
              "%s[%llu]: column %u, weight %g", name, (unsigned long long)e, c->index[e],
              (double)c->weight[e]);
}

// The row of a user must come out the same when it is a question.
static void check_basket(const char *name, const csr *by_user, const interaction_options *options)
{
    arena scratch;
    basket b;
    CHECK_OK(arena_init_bytes(&scratch, basket_bytes(3), err));
    basket_open(&b, 3, &scratch);
    CHECK(b.weight != NULL && b.item != NULL, "%s: basket_bytes() is too small", name);
    for (uint32_t u = 0; u < 3; u++) {
        const uint64_t at = tiny.view.begin[u];
        const query q = { .user = u,
                          .item = tiny.item + at,
                          .time = tiny.view.time ? tiny.time + at : NULL,
                          .value = tiny.view.value ? tiny.value + at : NULL,
                          .n = tiny.view.end[u] - at,
                          .now = TIME_NONE };
        basket_fill(&b, &q, options);
        const uint64_t first = by_user->start[u];
        CHECK(b.n == by_user->start[u + 1] - first, "%s: user %u has %zu items", name, u, b.n);
        float sum = 0;
        for (uint32_t i = 0; i < 3; i++) sum += b.weight[i];
        for (size_t i = 0; i < b.n; i++) {
            const float want = by_user->weight[first + i];
            CHECK(b.item[i] == by_user->index[first + i], "%s: user %u item %u", name, u,
                  b.item[i]);
            CHECK(fabsf(b.weight[b.item[i]] - want) < 1e-6f, "%s: user %u item %u weighs %g", name,
                  u, b.item[i], (double)b.weight[b.item[i]]);
            sum -= want;
        }
        CHECK(fabsf(sum) < 1e-6f, "%s: user %u left %g behind", name, u, (double)sum);
    }
    arena_free(&scratch);
}

static void test_weights(void)
{
    static const struct {
        const char *name;
        interaction_options options;
        float weight[4]; // of the pairs (0,0) (0,2) (2,1) (2,2)
    } cases[] = {
        { "one", { "one", 0 }, { 1, 1, 1, 1 } },
        { "count", { "count", 0 }, { 1, 2, 1, 1 } },
        { "value", { "value", 0 }, { 1, 3.5f, 4, 2 } },
        { "one, decayed", { "one", 10 * SECOND }, { 0.5f, 1, 1, 0.5f } },
        { "count, decayed", { "count", 10 * SECOND }, { 0.5f, 1.25f, 1, 0.5f } },
        { "value, decayed", { "value", 10 * SECOND }, { 0.5f, 1.25f, 4, 1 } },
    };
    static const uint64_t start[] = { 0, 2, 2, 4 }, item_start[] = { 0, 1, 2, 4 };
    static const uint32_t index[] = { 0, 2, 1, 2 }, item_index[] = { 0, 2, 0, 2 };

    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 3, TINY_TIME | TINY_VALUE);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const float *w = cases[i].weight, item_weight[] = { w[0], w[2], w[1], w[3] };
        interactions x = { 0 };
        CHECK_OK(interactions_build(&x, &tiny.view, &cases[i].options, NULL, err));
        CHECK(x.users == 3 && x.items == 3, "%u x %u", x.users, x.items);
        check_csr(cases[i].name, &x.by_user, start, index, w);
        check_csr(cases[i].name, &x.by_item, item_start, item_index, item_weight);
        check_basket(cases[i].name, &x.by_user, &cases[i].options);
        interactions_free(&x);
    }
}

static void test_refusals(void)
{
    const interaction_options value = { "value", 0 }, decay = { "one", SECOND };
    habit_error err = { 0 };
    interactions x = { 0 };
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 3, 0);
    CHECK(interactions_build(&x, &tiny.view, &value, NULL, &err) == HABIT_EINVAL, "no value");
    CHECK(interactions_build(&x, &tiny.view, &decay, NULL, &err) == HABIT_EINVAL, "no time");
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 3, TINY_VALUE);
    tiny.value[2] = -1;
    CHECK(interactions_build(&x, &tiny.view, &value, NULL, &err) == HABIT_EINVAL, "value below 0");
    CHECK(x.by_user.start == NULL, "output touched on failure");
}

// A log without events, without users, without items.
static void test_empty(void)
{
    static const uint32_t sizes[][2] = { { 0, 0 }, { 0, 3 }, { 3, 0 }, { 3, 3 } };
    const interaction_options one = { "one", 0 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        interactions x = { 0 };
        tiny_log_make(&tiny, NULL, 0, sizes[i][0], sizes[i][1], 0);
        CHECK_OK(interactions_build(&x, &tiny.view, &one, NULL, err));
        CHECK(x.by_user.count == 0 && x.by_user.start[sizes[i][0]] == 0, "users %u", sizes[i][0]);
        CHECK(x.by_item.count == 0 && x.by_item.start[sizes[i][1]] == 0, "items %u", sizes[i][1]);
        interactions_free(&x);
    }
}

static void random_log(uint32_t users, uint32_t items, size_t n)
{
    static tiny_event e[TINY_EVENTS];
    for (size_t i = 0; i < n; i++) {
        rng r = rng_at(7, i, 0);
        e[i] = (tiny_event){ (uint32_t)(i * users / n), (uint32_t)rng_below(&r, items),
                             (int64_t)i * SECOND, (float)rng_uniform(&r) };
    }
    tiny_log_make(&tiny, e, n, users, items, TINY_TIME | TINY_VALUE);
}

static bool csr_same(const csr *a, const csr *b)
{
    return a->rows == b->rows && a->count == b->count &&
           memcmp(a->start, b->start, (a->rows + 1) * sizeof *a->start) == 0 &&
           memcmp(a->index, b->index, a->count * sizeof *a->index) == 0 &&
           memcmp(a->weight, b->weight, a->count * sizeof *a->weight) == 0;
}

static void test_threads(void)
{
    const interaction_options options = { "value", 3600 * (int64_t)SECOND };
    run four = { 0 };
    interactions alone = { 0 }, many = { 0 };
    csr back = { 0 };
    random_log(1000, 50, 20000);
    CHECK_OK(interactions_build(&alone, &tiny.view, &options, NULL, err));
    CHECK_OK(pool_new(&four.pool, 4, err));
    CHECK_OK(interactions_build(&many, &tiny.view, &options, &four, err));
    CHECK(csr_same(&alone.by_user, &many.by_user), "threads change the matrix");
    CHECK(csr_same(&alone.by_item, &many.by_item), "threads change the transpose");
    CHECK_OK(csr_transpose(&back, &many.by_item, err));
    CHECK(csr_same(&alone.by_user, &back), "transposed twice is not the same");
    for (uint64_t e = 1; e < alone.by_user.count; e++) {
        bool row_begins = false;
        for (uint64_t r = 0; r < alone.by_user.rows; r++)
            row_begins = row_begins || alone.by_user.start[r] == e;
        CHECK(row_begins || alone.by_user.index[e - 1] < alone.by_user.index[e], "order");
    }
    csr_free(&back);
    interactions_free(&alone);
    interactions_free(&many);
    pool_free(four.pool);
}

static const csr_entry unsorted[] = { { 4, 2 }, { 0, 2 }, { 7, -1 }, { 2, 5 }, { 9, 2 }, { 1, 0 } };

// Row r keeps its r best.
static void put_best(void *ctx, uint64_t row, int worker, csr_rows *out)
{
    csr_entry e[COUNT_OF(unsorted)];
    (void)ctx, (void)worker;
    memcpy(e, unsorted, sizeof e);
    csr_put(out, e, csr_best(e, COUNT_OF(e), (size_t)row));
}

static void test_best(void)
{
    static const uint64_t start[] = { 0, 6, 7, 9, 12, 16, 21, 27 };
    static const uint32_t index[] = {
        0, 1, 2, 4, 7, 9, // 0 keeps all
        2,                // the largest weight
        0, 2,             // of equal weights the smallest index
        0, 2, 4,          //
        0, 2, 4, 9,       //
        0, 1, 2, 4, 9,    //
        0, 1, 2, 4, 7, 9, // as many as there are
    };
    static const float weight_of[] = { 2, 0, 5, 0, 2, 0, 0, -1, 0, 2 };
    float weight[COUNT_OF(index)];
    for (size_t i = 0; i < COUNT_OF(index); i++) weight[i] = weight_of[index[i]];
    csr c = { 0 };
    CHECK_OK(csr_build(&c, 7, 10, put_best, NULL, "rows", NULL, err));
    check_csr("best", &c, start, index, weight);
    csr_free(&c);
}

static void test_ready(void)
{
    // clang-format off
    static const struct {
        const char *name;
        uint64_t start[4], loaded[3];
        uint32_t index[3];
        habit_status want;
    } cases[] = {
        { "good",               { 0, 1, 1, 3 }, { 4, 3, 3 }, { 0, 1, 4 }, HABIT_OK },
        { "column too large",   { 0, 1, 1, 3 }, { 4, 3, 3 }, { 0, 1, 5 }, HABIT_EFORMAT },
        { "starts go back",     { 0, 2, 1, 3 }, { 4, 3, 3 }, { 0, 1, 4 }, HABIT_EFORMAT },
        { "starts beyond",      { 0, 9, 9, 3 }, { 4, 3, 3 }, { 0, 1, 4 }, HABIT_EFORMAT },
        { "ends early",         { 0, 1, 1, 2 }, { 4, 3, 3 }, { 0, 1, 4 }, HABIT_EFORMAT },
        { "begins late",        { 1, 1, 1, 3 }, { 4, 3, 3 }, { 0, 1, 4 }, HABIT_EFORMAT },
        { "too few starts",     { 0, 1, 1, 3 }, { 3, 3, 3 }, { 0, 1, 4 }, HABIT_EFORMAT },
        { "too few weights",    { 0, 1, 1, 3 }, { 4, 3, 2 }, { 0, 1, 4 }, HABIT_EFORMAT },
    };
    // clang-format on
    static const float weight[3] = { 1, 1, 1 };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        csr c = { .start = cases[i].start, .index = cases[i].index, .weight = weight };
        memcpy(c.loaded, cases[i].loaded, sizeof c.loaded);
        const habit_status st = csr_ready(&c, 3, 5, "a test", NULL);
        CHECK(st == cases[i].want, "%s: %s", cases[i].name, habit_status_text(st));
        CHECK(st != HABIT_OK || (c.rows == 3 && c.columns == 5 && c.count == 3), "sizes");
    }
}

static void test_no_memory(void)
{
    const interaction_options options = { "count", 0 };
    random_log(100, 20, 1000);
    long n = 0;
    for (;; n++) {
        interactions x = { 0 };
        const long before = mem_live();
        mem_fail_after(n);
        const habit_status st = interactions_build(&x, &tiny.view, &options, NULL, NULL);
        mem_fail_after(-1);
        CHECK(st == HABIT_OK || st == HABIT_ENOMEM, "allocation %ld: %s", n, habit_status_text(st));
        CHECK(st == HABIT_OK || mem_live() == before, "allocation %ld leaks", n);
        interactions_free(&x);
        if (st == HABIT_OK) break;
    }
    CHECK(n > 5, "only %ld allocations", n);
}

int main(void)
{
    test_weights();
    test_refusals();
    test_empty();
    test_threads();
    test_best();
    test_ready();
    test_no_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

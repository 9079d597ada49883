// test_topk.c - exact top-k: ties, exclusions, what is not a number, and any tiling.
#include "tests/check.h"
#include "base/memory.h"
#include "base/rng.h"
#include "index/selection.h"
#include "index/topk.h"

#include <string.h>

// --- named cases ---------------------------------------------------------------------------------

#define X UINT32_MAX
// clang-format off
static const struct {
    const char *name;
    float scores[5];
    size_t k;
    uint32_t excluded[2];
    size_t excluded_count;
    uint32_t want[5]; // X ends the list
} cases[] = {
    { "ordered",          { 1, 5, 3, 4, 2 },                3, { 0 },    0, { 1, 3, 2, X } },
    { "all of them",      { 1, 5, 3, 4, 2 },                5, { 0 },    0, { 1, 3, 2, 4, 0 } },
    { "ties by number",   { 7, 7, 9, 7, 7 },                3, { 0 },    0, { 2, 0, 1, X } },
    { "constant",         { 0, 0, 0, 0, 0 },                2, { 0 },    0, { 0, 1, X } },
    { "excluded",         { 1, 5, 3, 4, 2 },                2, { 1, 3 }, 2, { 2, 4, X } },
    { "no NaN",           { NAN, 5, NAN, 4, 2 },            5, { 0 },    0, { 1, 3, 4, X } },
    { "no -inf",          { -INFINITY, 5, 1, 4, 2 },        5, { 0 },    0, { 1, 3, 4, 2, X } },
    { "inf is best",      { 0, 5, INFINITY, 4, INFINITY },  2, { 0 },    0, { 2, 4, X } },
    { "none wanted",      { 1, 2, 3, 4, 5 },                0, { 0 },    0, { X } },
    { "more than there",  { 1, 2, NAN, 3, 4 },              5, { 4 },    1, { 3, 1, 0, X } },
};
// clang-format on

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        float scores[5], best[5];
        uint32_t item[5];
        memcpy(scores, cases[i].scores, sizeof scores);
        topk_query q = { cases[i].excluded,
                         cases[i].excluded_count,
                         { item, best, 0, cases[i].k } };
        topk_scores(&q, scores, 5);
        size_t want = 0;
        while (want < 5 && cases[i].want[want] != X) want++;
        CHECK(q.answer.n == want, "%s: %zu answers, want %zu", cases[i].name, q.answer.n, want);
        for (size_t j = 0; j < want && j < q.answer.n; j++)
            CHECK(item[j] == cases[i].want[j], "%s: [%zu] is %u", cases[i].name, j, item[j]);
    }
}

// --- random catalogues against the plain definition -------------------------------------------

enum { MOST = 40 };

// The place of item i among all: how many stand before it.
static size_t place(const float *scores, const bool *out, uint32_t items, uint32_t i)
{
    size_t before = 0;
    for (uint32_t j = 0; j < items; j++)
        if (!out[j]) before += scores[j] > scores[i] || (scores[j] == scores[i] && j < i);
    return before;
}

static void check_answer(const topk *t, const float *scores, const bool *out, uint32_t items)
{
    size_t left = 0;
    for (uint32_t i = 0; i < items; i++) left += !out[i] && scores[i] > -INFINITY;
    CHECK(t->n == (left < t->k ? left : t->k), "%zu answers of %zu", t->n, left);
    for (size_t j = 0; j < t->n; j++) {
        CHECK(!out[t->item[j]], "item %u was excluded", t->item[j]);
        CHECK(place(scores, out, items, t->item[j]) == j, "item %u at place %zu", t->item[j], j);
        CHECK(t->score[j] == scores[t->item[j]], "item %u with a foreign score", t->item[j]);
    }
}

// Small whole numbers, so that ties abound and sums are exact in any order.
static void fill(float *x, size_t n, rng *r)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_below(r, 5) - 2;
}

static void test_catalogue(uint32_t items, int dim, size_t n, uint64_t seed)
{
    rng r = rng_at(seed, items, n);
    const size_t D = (size_t)dim;
    float *vector = NEW(float, items *D), *bias = NEW(float, items), *query = NEW(float, n *D);
    uint32_t *map = NEW(uint32_t, items), *excluded = NEW(uint32_t, items);
    float *scores = NEW(float, items), *best = NEW(float, n *MOST);
    uint32_t *item = NEW(uint32_t, n * MOST);
    bool *out = ZNEW(bool, items);
    topk_query *q = ZNEW(topk_query, n);
    fill(vector, items * D, &r);
    fill(bias, items, &r);
    fill(query, n * D, &r);
    size_t excluded_count = 0;
    for (uint32_t i = 0; i < items; i++) {
        map[i] = rng_below(&r, 10) ? (uint32_t)rng_below(&r, items) : CATALOGUE_NONE;
        out[i] = rng_below(&r, 7) == 0;
        if (out[i]) excluded[excluded_count++] = i;
    }
    for (size_t u = 0; u < n; u++)
        q[u] =
            (topk_query){ excluded, excluded_count, { item + u * MOST, best + u * MOST, 0, MOST } };

    catalogue *c = NULL;
    const catalogue_items from = { vector, bias, map, items, dim };
    CHECK_OK(catalogue_new(&c, &from, NULL, err));
    float *scratch = NEW(float, topk_dot_scratch(c, n));
    topk_dot(q, query, n, c, scratch);
    for (size_t u = 0; u < n; u++) {
        for (uint32_t i = 0; i < items; i++) {
            scores[i] = map[i] == CATALOGUE_NONE ? -INFINITY : bias[map[i]];
            for (size_t k = 0; k < D && map[i] != CATALOGUE_NONE; k++)
                scores[i] += query[u * D + k] * vector[map[i] * D + k];
            float one = 0;
            catalogue_dots(c, query + u * D, &i, 1, &one);
            CHECK(one == scores[i], "dot of item %u: %g, want %g", i, (double)one,
                  (double)scores[i]);
        }
        check_answer(&q[u].answer, scores, out, items);
    }
    catalogue_free(c);
    void *all[] = { vector, bias, query, map, excluded, scores, best, item, out, q, scratch };
    for (size_t i = 0; i < COUNT_OF(all); i++) mem_free(all[i]);
}

// By batches: the answers of the heap, whatever k, n and ties.
static void test_selection(void)
{
    static const size_t ks[] = { 0, 1, 2, 7, 50, 200, 1000 };
    static const uint32_t sizes[] = { 1, 5, 100, 700, 3416 };
    enum { MOST_ITEMS = 3416 };
    static float scores[MOST_ITEMS], copy[MOST_ITEMS];
    for (size_t a = 0; a < COUNT_OF(ks); a++)
        for (size_t b = 0; b < COUNT_OF(sizes); b++)
            for (int kind = 0; kind < 4; kind++) {
                const size_t k = ks[a];
                const uint32_t items = sizes[b];
                rng r = rng_at(k, items, (uint64_t)kind);
                for (uint32_t i = 0; i < items; i++) {
                    static const float odd[] = { NAN, -INFINITY, INFINITY, -0.0f, 0, -1, 1 };
                    scores[i] = kind == 0   ? (float)rng_normal(&r)
                                : kind == 1 ? (float)rng_below(&r, 9) - 4
                                : kind == 2 ? odd[rng_below(&r, COUNT_OF(odd))]
                                            : (float)i;
                }
                uint32_t *item = NEW(uint32_t, k), *got = NEW(uint32_t, k), where[SELECTION_SCAN];
                float *best = NEW(float, k);
                uint64_t *key = NEW(uint64_t, selection_room(k));
                selection s = selection_begin(key, k);
                for (uint32_t first = 0; first < items; first += 100)
                    selection_scan(&s, rank_pick(), first, scores + first,
                                   items - first < 100 ? items - first : 100, where);
                const size_t n = selection_finish(&s, got);
                topk_query q = { NULL, 0, { item, best, 0, k } };
                memcpy(copy, scores, sizeof copy);
                topk_scores(&q, copy, items);
                CHECK(n == q.answer.n && memcmp(item, got, n * sizeof *got) == 0,
                      "best %zu of %u, kind %d: %zu answers, want %zu", k, items, kind, n,
                      q.answer.n);
                mem_free(item), mem_free(got), mem_free(best), mem_free(key);
            }
}

// A range in the middle: what lies before it is passed over, what lies behind waits.
static void test_mask(void)
{
    static const uint32_t excluded[] = { 1, 3, 5, 6, 9 };
    float scores[4] = { 0 }; // of items 4 .. 7
    size_t at = 0;
    topk_mask(scores, 4, 4, excluded, 5, &at);
    CHECK(at == 4, "place %zu", at);
    for (size_t i = 0; i < 4; i++)
        CHECK((scores[i] == -INFINITY) == (i == 1 || i == 2), "item %zu: %g", 4 + i,
              (double)scores[i]);
}

static void test_no_memory(void)
{
    float vector[8] = { 0 };
    const catalogue_items from = { vector, NULL, NULL, 4, 2 };
    for (long n = 0; n < 3; n++) {
        catalogue *c = NULL;
        habit_error err = { 0 };
        mem_fail_after(n);
        CHECK(catalogue_new(&c, &from, NULL, &err) == HABIT_ENOMEM && !c, "allocation %ld", n);
        mem_fail_after(-1);
    }
}

int main(void)
{
    test_cases();
    test_mask();
    test_selection();
    static const uint32_t sizes[] = { 1, 3, 15, 16, 17, 100, 600 };
    static const size_t queries[] = { 1, 2, 6, 7, 13 };
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (size_t n = 0; n < COUNT_OF(queries); n++)
            test_catalogue(sizes[s], (int)(s * 5 + 1), queries[n], s + n);
    test_catalogue(1300, 64, 5, 9);
    test_no_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

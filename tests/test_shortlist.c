// test_shortlist.c - byte kernels against their reference, and shortlists against exact answers.
#include "tests/check.h"
#include "base/memory.h"
#include "base/rng.h"
#include "index/shortlist.h"
#include "index/topk.h"
#include "kernels/cpu.h"

#include <string.h>

// --- kernels ----------------------------------------------------------------------------------------

// The score by definition of the header.
static float score_of(const int8_t *query, const int8_t *byte, int quads, float scale, float by,
                      float bias)
{
    int32_t sum = 0;
    for (int k = 0; k < quads * 4; k++) sum += query[k] * byte[k];
    return fmaf((float)sum, scale * by, bias);
}

static void check_kernel(const int8_kernel *k, int quads, size_t panels, bool extreme)
{
    const size_t cols = (size_t)k->cols, items = panels * cols, dim = (size_t)quads * 4;
    rng r = rng_at(5, (uint64_t)quads, panels);
    int8_t *query = NEW(int8_t, dim), *byte = NEW(int8_t, items * dim),
           *panel = NEW(int8_t, items * dim);
    float *scale = NEW(float, items), *bias = NEW(float, items), *scores = NEW(float, items);
    for (size_t i = 0; i < dim; i++)
        query[i] =
            (int8_t)(extreme ? (rng_below(&r, 2) ? 127 : -127) : (int)rng_below(&r, 255) - 127);
    for (size_t i = 0; i < items * dim; i++)
        byte[i] =
            (int8_t)(extreme ? (rng_below(&r, 2) ? 127 : -127) : (int)rng_below(&r, 255) - 127);
    for (size_t i = 0; i < items; i++) {
        scale[i] = (float)rng_uniform(&r), bias[i] = (float)rng_normal(&r);
        for (size_t f = 0; f < dim; f++)
            panel[((i / cols * (size_t)quads + f / 4) * cols + i % cols) * 4 + f % 4] =
                byte[i * dim + f];
    }
    k->scores(scores, query, panel, scale, 0.37f, bias, panels, quads);
    for (size_t i = 0; i < items; i++) {
        const float want = score_of(query, byte + i * dim, quads, scale[i], 0.37f, bias[i]);
        CHECK(scores[i] == want, "%s, %d quads: [%zu] %.9g, want %.9g", k->name, quads, i,
              (double)scores[i], (double)want);
    }
    mem_free(query), mem_free(byte), mem_free(panel);
    mem_free(scale), mem_free(bias), mem_free(scores);
}

static void test_kernels(void)
{
    static const int quads[] = { 1, 2, 13, 16, 64, INT8_DIM / 4 };
    for (const int8_kernel *k = int8_kernels;; k++) {
        if ((k->needs & cpu_features()) == k->needs)
            for (size_t i = 0; i < COUNT_OF(quads); i++)
                for (size_t panels = 1; panels < 4; panels++) {
                    check_kernel(k, quads[i], panels, false);
                    check_kernel(k, quads[i], panels, true);
                }
        if (k->needs == 0) break;
    }
}

// --- answers ----------------------------------------------------------------------------------------

typedef struct world {
    uint32_t items;
    int dim;
    float *vector, *bias;
    uint32_t *map;
    uint64_t *allowed;
    float *extra; // NULL: none
    bool cosine;
} world;

static void world_make(world *w, uint32_t items, int dim, uint64_t seed)
{
    rng r = rng_at(seed, items, (uint64_t)dim);
    *w = (world){ .items = items, .dim = dim };
    w->vector = NEW(float, (size_t)items *(size_t)dim);
    w->bias = NEW(float, items);
    w->map = NEW(uint32_t, items);
    w->allowed = ZNEW(uint64_t, items / 64 + 1);
    for (uint32_t i = 0; i < items; i++) {
        const float size = (float)(0.2 + rng_uniform(&r));
        for (int k = 0; k < dim; k++)
            w->vector[i * (uint32_t)dim + (uint32_t)k] = size * (float)rng_normal(&r);
        w->bias[i] = (float)rng_normal(&r);
        w->map[i] = rng_below(&r, 50) ? items - 1 - i : CATALOGUE_NONE;
    }
}

static void world_free(world *w)
{
    mem_free(w->vector), mem_free(w->bias), mem_free(w->map), mem_free(w->allowed);
}

static float over_length(const float *v, int dim)
{
    double sum = 0;
    for (int k = 0; k < dim; k++) sum += (double)v[k] * (double)v[k];
    return (float)(1 / sqrt(sum));
}

// The exact answer, by the definition.
static size_t exact(const world *w, const catalogue_items *from, const float *query,
                    const uint64_t *allowed, size_t k, uint32_t *item)
{
    float *score = NEW(float, k + 1);
    topk t = { .item = item, .score = score, .k = k };
    for (uint32_t i = 0; i < w->items; i++) {
        const uint32_t v = from->map ? from->map[i] : i;
        if (v == CATALOGUE_NONE || (allowed && !(allowed[i / 64] >> i % 64 & 1))) continue;
        float s;
        rank_pick()->dots(&s, query, from->vector, w->cosine ? NULL : from->bias, &v, 1, w->dim);
        if (w->cosine)
            s *= over_length(from->vector + (size_t)v * (size_t)w->dim, w->dim) *
                 over_length(query, w->dim);
        if (w->extra) s += w->extra[i];
        topk_offer(&t, i, s);
    }
    topk_finish(&t);
    mem_free(score);
    return t.n;
}

// How many of the exact answers are found, of how many.
static void compare(const world *w, bool mapped, double share, size_t k, size_t *found, size_t *of)
{
    const catalogue_items from = { w->vector, w->bias, mapped ? w->map : NULL, w->items, w->dim };
    shortlist *s = NULL;
    rng r = rng_at(11, w->items, k);
    float *query = NEW(float, (size_t)w->dim), *score = NEW(float, k + 1);
    uint32_t *item = NEW(uint32_t, k + 1), *want = NEW(uint32_t, k + 1);
    CHECK_OK(shortlist_new(&s, &from, NULL, err));
    void *scratch = mem_alloc(shortlist_scratch(s, k), 1);
    for (uint32_t i = 0; i < w->items; i++) {
        w->allowed[i / 64] &= ~(UINT64_C(1) << i % 64);
        w->allowed[i / 64] |= (uint64_t)(rng_uniform(&r) < share) << i % 64;
    }
    const uint64_t *allowed = share < 1 ? w->allowed : NULL;
    for (int turn = 0; turn < 20; turn++) {
        for (int f = 0; f < w->dim; f++) query[f] = (float)rng_normal(&r);
        const shortlist_query q = { query, allowed, k, w->extra, w->cosine };
        const size_t n = shortlist_best(s, &q, item, score, scratch);
        const size_t n_want = exact(w, &from, query, allowed, k, want);
        CHECK(n == n_want, "%u items, share %g: %zu answers, want %zu", w->items, share, n, n_want);
        for (size_t i = 0; i < n; i++) {
            CHECK(!i || score[i] <= score[i - 1], "not in order");
            CHECK(!allowed || (allowed[item[i] / 64] >> item[i] % 64 & 1), "%u is not allowed",
                  item[i]);
            for (size_t j = 0; j < n_want; j++) *found += item[i] == want[j];
        }
        *of += n_want;
    }
    shortlist_free(s);
    mem_free(scratch), mem_free(query), mem_free(score), mem_free(item), mem_free(want);
}

static void test_answers(void)
{
    static const struct {
        uint32_t items;
        int dim;
        size_t k;
    } shapes[] = { { 1, 3, 1 }, { 5, 4, 10 }, { 700, 7, 10 }, { 6000, 50, 10 }, { 5000, 64, 100 } };
    static const double shares[] = { 1, 0.9, 0.5, 0.03, 0 };
    size_t found = 0, of = 0;
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        for (size_t j = 0; j < COUNT_OF(shares); j++)
            for (int mapped = 0; mapped < 2; mapped++) {
                world w;
                world_make(&w, shapes[i].items, shapes[i].dim, 3);
                compare(&w, mapped != 0, shares[j], shapes[i].k, &found, &of);
                world_free(&w);
            }
    CHECK((double)found >= 0.999 * (double)of, "%zu of %zu exact answers are found", found, of);
}

// With something added to the scores, and by the angle alone.
static void test_ways(void)
{
    for (int way = 0; way < 4; way++) {
        size_t found = 0, of = 0;
        world w;
        rng r = rng_at(17, (uint64_t)way, 0);
        world_make(&w, 6000, 32, 4);
        w.cosine = way / 2;
        if (way % 2) w.extra = NEW(float, w.items);
        for (uint32_t i = 0; i < w.items && w.extra; i++)
            w.extra[i] = rng_below(&r, 4) ? 0 : (float)(3 * rng_normal(&r));
        compare(&w, true, 0.9, 10, &found, &of);
        compare(&w, false, 1, 30, &found, &of);
        compare(&w, false, 0.03, 10, &found, &of);
        CHECK((double)found >= 0.998 * (double)of, "way %d: %zu of %zu", way, found, of);
        mem_free(w.extra);
        world_free(&w);
    }
}

static void test_odd(void)
{
    float vector[] = { 1, 2, NAN, 1, 3, 0 }, bias[] = { 0, 0, 0 }, score[3], query[] = { 1, 0 };
    uint32_t item[3];
    shortlist *s = NULL;
    CHECK_OK(shortlist_new(&s, &(catalogue_items){ vector, bias, NULL, 3, 2 }, NULL, err));
    void *scratch = mem_alloc(shortlist_scratch(s, 3), 1);
    size_t n = shortlist_best(s, &(shortlist_query){ query, NULL, 3 }, item, score, scratch);
    CHECK(n == 2 && item[0] == 2 && item[1] == 0, "an item that is not a number is answered");
    query[1] = INFINITY;
    n = shortlist_best(s, &(shortlist_query){ query, NULL, 3 }, item, score, scratch);
    CHECK(n == 0, "a query that is not finite has answers");
    query[0] = query[1] = 0;
    n = shortlist_best(s, &(shortlist_query){ query, NULL, 3 }, item, score, scratch);
    CHECK(n == 2 && item[0] == 0 && item[1] == 2, "ties do not go to the lower number");
    mem_free(scratch);
    shortlist_free(s);
    CHECK(shortlist_new(&s, &(catalogue_items){ vector, bias, NULL, 0, INT8_DIM + 1 }, NULL,
                        NULL) == HABIT_ELIMIT,
          "too wide");
}

int main(void)
{
    test_kernels();
    test_answers();
    test_ways();
    test_odd();
    return CHECK_DONE();
}

// recommend_world.h - a small service without a server: items with fields, categories and popularity,
// people, and models whose thoughts a test can compute for itself.
#ifndef TESTS_RECOMMEND_WORLD_H
#define TESTS_RECOMMEND_WORLD_H
#include "tests/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "serve/ranker.h"
#include "serve/recommend.h"

#include <math.h>
#include <string.h>

enum {
    WORLD_ITEMS = 700, // of them the model knows all but every seventh
    WORLD_DIM = 12,
    WORLD_CATEGORIES = 9,
    WORLD_RING = 40,
    WORLD_PEOPLE = 30,
};
#define WORLD_NOW INT64_C(1000000000000000)
#define WORLD_DAY INT64_C(86400000000)

static db_text world_text(const char *s)
{
    return (db_text){ s, strlen(s) };
}

// --- two models ---------------------------------------------------------------------------------------

// The vector of a person is the sum of the vectors of their items, the last one twice.
static void world_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        for (int d = 0; d < m->dim; d++) {
            float sum = 0;
            for (size_t k = 0; k < q[i].n; k++)
                sum += m->item_vector[q[i].item[k] * (uint32_t)m->dim + (uint32_t)d] *
                       (k + 1 == q[i].n ? 2 : 1);
            vectors[i * (size_t)m->dim + (size_t)d] = sum;
        }
}

// The score of an item: how near its number is to those of the history; 0 from 200 on.
static void world_score(const model *m, const query *q, size_t n, float *scores, arena *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < m->items; j++) {
            float sum = 0;
            for (size_t k = 0; k < q[i].n; k++) {
                const float far = fabsf((float)q[i].item[k] - (float)j);
                sum += far < 200 ? 200 - far : 0;
            }
            scores[i * m->items + j] = sum;
        }
}

static const model_class world_vectors = { .name = "vectors", .encode = world_encode };
static const model_class world_scores = { .name = "scores", .score = world_score };

// --- the world ----------------------------------------------------------------------------------------

typedef struct world {
    items table;
    people everybody;
    subsets *sets;
    model vectors, scores;
    served *by_vectors, *by_scores;
    float *item_vector, *item_bias;
    uint32_t *from_model;
    ranker *ranker;
} world;

static const char *world_category(int c)
{
    static const char *const text[] = { "red", "blue",  "green", "new", "old",
                                        "big", "small", "odd",   "even" };
    return text[c];
}

static void world_put(world *w, uint32_t i, rng *r)
{
    char id[16], fields[64], categories[64] = "[]";
    snprintf(id, sizeof id, "i%u", i);
    snprintf(fields, sizeof fields, "{\"price\":%d}", (int)rng_below(r, 100));
    if (i % 5)
        snprintf(categories, sizeof categories, "[\"%s\",\"%s\"]",
                 world_category((int)rng_below(r, WORLD_CATEGORIES)),
                 world_category((int)rng_below(r, WORLD_CATEGORIES)));
    const db_item one = { .id = world_text(id),
                          .fields = world_text(fields),
                          .categories = world_text(categories),
                          .time =
                              i % 4 ? WORLD_NOW - (int64_t)rng_below(r, 60) * WORLD_DAY : TIME_NONE,
                          .hidden = i % 11 == 3 };
    CHECK_OK(items_put(&w->table, &one, err));
}

static person *world_take(world *w, int who)
{
    char id[16];
    person *p = NULL;
    snprintf(id, sizeof id, "u%d", who);
    CHECK_OK(people_take(&w->everybody, &p, world_text(id), NULL, NULL, err));
    return p;
}

static void world_event(world *w, int who, uint32_t item, int64_t place)
{
    char id[16];
    person *p = world_take(w, who);
    const uint32_t before = p->events ? p->event[p->events - 1].item : IDS_NONE;
    people_give(&w->everybody, p);
    const person_event e = {
        .place = place, .time = WORLD_NOW + place, .item = item, .value = NAN
    };
    snprintf(id, sizeof id, "u%d", who);
    people_heard(&w->everybody, world_text(id), &e);
    items_count(&w->table, item, before, e.time);
}

static void world_make(world *w)
{
    rng r = rng_at(7, 8, 9);
    uint32_t known = 0;
    *w = (world){ 0 };
    CHECK_OK(items_init(&w->table, 7 * WORLD_DAY, err));
    people_init(&w->everybody, WORLD_RING, 1 << 22);
    w->sets = subsets_new();
    w->ranker = ranker_new();
    w->from_model = NEW(uint32_t, WORLD_ITEMS);
    for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
        world_put(w, i, &r);
        if (i % 7) w->from_model[known++] = i;
    }
    items_delete(&w->table, world_text("i50"));
    w->item_vector = NEW(float, known *WORLD_DIM);
    w->item_bias = NEW(float, known);
    for (uint32_t i = 0; i < known; i++) {
        w->item_bias[i] = (float)(0.3 * rng_normal(&r));
        for (int d = 0; d < WORLD_DIM; d++)
            w->item_vector[i * WORLD_DIM + (uint32_t)d] = (float)rng_normal(&r);
    }
    w->vectors = (model){ .class = &world_vectors,
                          .items = known,
                          .dim = WORLD_DIM,
                          .item_vector = w->item_vector,
                          .item_bias = w->item_bias };
    w->scores = (model){ .class = &world_scores, .items = known };
    CHECK_OK(served_new(&w->by_vectors, &w->vectors, 5, w->from_model, WORLD_ITEMS, NULL, err));
    CHECK_OK(served_new(&w->by_scores, &w->scores, 6, w->from_model, WORLD_ITEMS, NULL, err));
    for (int i = 0; i < 600; i++)
        world_event(w, 1 + (int)rng_below(&r, WORLD_PEOPLE - 1),
                    (uint32_t)(rng_uniform(&r) * rng_uniform(&r) * WORLD_ITEMS), i + 1);
    for (int i = 0; i < 3; i++) world_event(w, WORLD_PEOPLE, (uint32_t)i * 7, 700 + i);
}

static void world_free(world *w)
{
    ranker_free(w->ranker);
    served_free(w->by_vectors);
    served_free(w->by_scores);
    subsets_free(w->sets);
    people_free(&w->everybody);
    items_free(&w->table);
    mem_free(w->item_vector), mem_free(w->item_bias), mem_free(w->from_model);
}

// The answer to person `who`; -1: nobody is heard.
static answer world_ask(world *w, const served *m, const wish *x, int who)
{
    CHECK_OK(ranker_begin(w->ranker, x, &w->table, m, WORLD_RING, err));
    if (who >= 0) {
        person *p = world_take(w, who);
        ranker_hear(w->ranker, p, USER_NONE, false);
        people_give(&w->everybody, p);
    }
    const answer a = ranker_answer(w->ranker);
    CHECK(!w->ranker->memory.failed, "the ranker has asked for too little memory");
    return a;
}

static const subset *world_subset(world *w, subset_kind kind, const char *text)
{
    const subset *s = NULL;
    CHECK_OK(subsets_take(w->sets, &s, kind, world_text(text), &w->table, err));
    return s;
}

// Gives back all sets of a wish.
static void world_drop(world *w, wish *x)
{
    subsets_give(w->sets, x->where);
    for (size_t i = 0; i < x->categories; i++) subsets_give(w->sets, x->category[i].set);
    for (size_t i = 0; i < x->boosts; i++) subsets_give(w->sets, x->boost[i].set);
}

static bool world_knows(const served *m, uint32_t item)
{
    return m && item < m->items && m->to_model[item] != ITEM_NONE;
}

#endif

// test_subsets.c - sets of items that are kept up to date, and lists of leaders, against plain loops.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "serve/filter.h"
#include "serve/subsets.h"
#include "serve/tally.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

static db_text text(const char *s)
{
    return (db_text){ s, strlen(s) };
}

// --- leaders ----------------------------------------------------------------------------------------

enum { RUNNERS = 60, LEADING = 10 };

static bool stands_before(double a_key, uint32_t a, double b_key, uint32_t b)
{
    return a_key > b_key || (a_key == b_key && a > b);
}

// The list is in order and holds exactly what stands above its floor.
static void check_leaders(const leaders *l, const double *key, const char *when)
{
    size_t above = 0;
    for (size_t i = 0; i < l->n; i++) {
        const leader *x = &l->at[i];
        CHECK(x->key == key[x->item], "%s: an old key", when);
        CHECK(i == 0 || stands_before(x[-1].key, x[-1].item, x->key, x->item), "%s: order", when);
    }
    for (uint32_t i = 0; i < RUNNERS; i++)
        above += key[i] > -INFINITY &&
                 (!l->left_out || stands_before(key[i], i, l->floor.key, l->floor.item));
    CHECK(l->n == above && l->n <= LEADING, "%s: %zu listed, %zu above the floor", when, l->n,
          above);
}

static void test_leaders(void)
{
    leaders l = { .most = LEADING };
    double key[RUNNERS];
    rng r = rng_at(1, 2, 3);
    for (int i = 0; i < RUNNERS; i++) key[i] = -INFINITY;
    for (int turn = 0; turn < 5000; turn++) {
        const uint32_t i = (uint32_t)rng_below(&r, RUNNERS);
        const double old = key[i];
        const bool leaves = turn > 2000 && rng_below(&r, 10) == 0;
        key[i] = leaves ? -INFINITY : (old > -INFINITY ? old : 0) + (double)rng_below(&r, 4);
        leaders_move(&l, i, old, key[i]);
        check_leaders(&l, key, leaves ? "one leaves" : "one goes up");
        if (turn < 2000) {
            size_t keyed = 0;
            for (int k = 0; k < RUNNERS; k++) keyed += key[k] > -INFINITY;
            CHECK(l.n == (keyed < LEADING ? keyed : LEADING), "keys that go up: %zu", l.n);
        }
    }
    leaders_clear(&l);
    for (uint32_t i = 0; i < RUNNERS; i++) leaders_move(&l, i, -INFINITY, key[i]);
    check_leaders(&l, key, "begun again");
    CHECK(l.n == LEADING, "begun again: %zu", l.n);
    leaders_free(&l);
}

// --- tally --------------------------------------------------------------------------------------------

static void test_tally(void)
{
    arena plan = { 0 }, a = { 0 };
    tally t;
    tally_place(&t, &plan);
    CHECK_OK(arena_init(&a, &plan, err));
    tally_place(&t, &a);
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < 3 * TALLY_MOST; i++) {
            float *w = tally_of(&t, i % TALLY_MOST * 8192); // all in the same slot at first
            if (i > 300) break;
            if (w) ++*w;
        }
        for (uint32_t i = 0; i < TALLY_MOST; i++)
            if (tally_of(&t, i)) ++*tally_of(&t, i);
        CHECK(*tally_of(&t, 8192) == 1 && *tally_of(&t, 0) == 2 && *tally_of(&t, 7) == 1,
              "weights");
        CHECK(t.n == TALLY_MOST && !tally_of(&t, 1u << 31), "more than there is room for");
        tally_clear(&t);
        CHECK(t.n == 0, "cleared");
    }
    arena_free(&a);
}

// --- subsets ------------------------------------------------------------------------------------------

static items table;
static subsets *all;

static const char *const conditions[] = { "price < 3", "not price < 3", "new", "price == null" };

static habit_status put(uint32_t i, rng *r)
{
    char id[16], fields[64], categories[32];
    snprintf(id, sizeof id, "i%u", i);
    snprintf(fields, sizeof fields, "{\"price\":%d,\"new\":%s}", (int)rng_below(r, 6),
             rng_below(r, 2) ? "true" : "false");
    snprintf(categories, sizeof categories, "[\"c%d\",\"c%d\"]", (int)rng_below(r, 3),
             (int)rng_below(r, 3));
    const db_item one = {
        .id = text(id), .fields = text(fields), .categories = text(categories), .time = TIME_NONE
    };
    return items_put(&table, &one, NULL);
}

static void check_condition(const char *condition)
{
    const subset *s = NULL;
    filter *f = NULL;
    CHECK_OK(filter_parse(&f, condition, strlen(condition), err));
    CHECK_OK(subsets_take(all, &s, SUBSET_FILTER, text(condition), &table, err));
    if (!s || !f) return;
    for (uint32_t i = 0; i < table.names.count; i++) {
        json_t *o = table.at[i].fields ? json_loads(table.at[i].fields, 0, NULL) : NULL;
        const bool want = filter_holds(f, o);
        CHECK(subset_has(s, i) == want && (subset_word(s, i / 64) >> i % 64 & 1) == want,
              "%s: item %u", condition, i);
        json_decref(o);
    }
    subsets_give(all, s);
    filter_free(f);
}

static void check_category(const char *category)
{
    const subset *s = NULL;
    CHECK_OK(subsets_take(all, &s, SUBSET_CATEGORY, text(category), &table, err));
    const uint32_t c = ids_get(&table.categories, category, strlen(category));
    for (uint32_t i = 0; s && i < table.names.count; i++)
        CHECK(subset_has(s, i) == items_has_category(&table, i, c), "%s: item %u", category, i);
    subsets_give(all, s);
}

// Sets follow the items: a few changes, more than are remembered, new ones, deleted ones.
static void test_changes(void)
{
    static const int changes[] = { 300, 0, 1, 5, ITEMS_CHANGED - 1, ITEMS_CHANGED + 1, 2 };
    rng r = rng_at(4, 5, 6);
    uint32_t made = 0;
    for (size_t turn = 0; turn < COUNT_OF(changes); turn++) {
        for (int k = 0; k < changes[turn]; k++)
            CHECK(put((uint32_t)rng_below(&r, 300), &r) == HABIT_OK, "put");
        made += 70; // by events alone: nothing is known of them
        for (uint32_t k = made - 70; k < made; k++) {
            char id[16];
            snprintf(id, sizeof id, "e%u", k);
            items_number(&table, text(id));
        }
        if (turn % 2) items_delete(&table, text("i7"));
        for (int again = 0; again < 2; again++) {
            for (size_t k = 0; k < COUNT_OF(conditions); k++) check_condition(conditions[k]);
            check_category("c0"), check_category("c2"), check_category("none");
        }
    }
}

static void test_cost(void)
{
    const subset *s = NULL;
    check_condition("price > 4");
    const long before = mem_count();
    for (int i = 0; i < 100; i++) {
        CHECK_OK(subsets_take(all, &s, SUBSET_FILTER, text("price > 4"), &table, err));
        subsets_give(all, s);
    }
    CHECK(mem_count() == before, "%ld allocations for a set that is there", mem_count() - before);
    // A set that is taken outlives its place and its items.
    CHECK_OK(subsets_take(all, &s, SUBSET_FILTER, text("price > 4"), &table, err));
    const subset was = *s;
    const uint64_t word = s->bit[0];
    for (int i = 0; i < 2 * SUBSETS; i++) {
        char other[32];
        const subset *o = NULL;
        snprintf(other, sizeof other, "price > %d", i + 10);
        CHECK_OK(subsets_take(all, &o, SUBSET_FILTER, text(other), &table, err));
        subsets_give(all, o);
    }
    CHECK(s->bit == was.bit && s->bit[0] == word, "a set that is taken has changed");
    subsets_give(all, s);
    habit_error e = { 0 };
    CHECK(subsets_take(all, &s, SUBSET_FILTER, text("price >"), &table, &e) == HABIT_EINVAL &&
              strstr(e.message, "character"),
          "%s", e.message);
}

static atomic_int troubles;

static void *ask_and_change(void *ctx)
{
    rng r = rng_at(9, (uint64_t)(size_t)ctx, 1);
    for (int i = 0; i < 300; i++) {
        const subset *s = NULL;
        const char *c = conditions[rng_below(&r, COUNT_OF(conditions))];
        if (i % 3 == 0) troubles += put((uint32_t)rng_below(&r, 400), &r) != HABIT_OK;
        troubles += subsets_take(all, &s, SUBSET_FILTER, text(c), &table, NULL) != HABIT_OK;
        subsets_give(all, s);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t t[3];
    for (size_t i = 0; i < COUNT_OF(t); i++) pthread_create(&t[i], NULL, ask_and_change, (void *)i);
    for (size_t i = 0; i < COUNT_OF(t); i++) pthread_join(t[i], NULL);
    CHECK(troubles == 0, "%d calls failed", (int)troubles);
    for (size_t k = 0; k < COUNT_OF(conditions); k++) check_condition(conditions[k]);
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    test_leaders();
    test_tally();
    CHECK_OK(items_init(&table, 1000, err));
    all = subsets_new();
    test_changes();
    test_cost();
    test_threads();
    subsets_free(all);
    items_free(&table);
    CHECK(mem_live() == 0, "%ld blocks are left", mem_live());
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}

// test_diversity.c - how unlike the items of a list are, by the words of diversity.h; and what
// follows from how often items come.
#include "tests/check.h"
#include "tests/eval_fakes.h"
#include "eval/diversity.h"
#include "eval/popularity.h"

#include <math.h>

enum { USERS = 60, ITEMS = 25 };

static bool has(const log_view *v, uint32_t u, uint32_t item)
{
    for (uint64_t e = v->begin[u]; e < v->end[u]; e++)
        if (v->item[e] == item) return true;
    return false;
}

// Repeats in the log must not count.
static void test_users(void)
{
    log_view v = log_random(USERS, ITEMS, 40, 3);
    diversity d = { 0 };
    CHECK_OK(diversity_make(&d, &v, ITEMS + 1, err)); // one item nobody has
    for (uint32_t a = 0; a < ITEMS; a++)
        for (uint32_t b = 0; b < ITEMS; b++) {
            double n = 0, m = 0, both = 0, got = -1;
            for (uint32_t u = 0; u < USERS; u++) {
                n += has(&v, u, a), m += has(&v, u, b);
                both += has(&v, u, a) && has(&v, u, b);
            }
            CHECK(diversity_of(&d, (uint32_t[]){ a, b }, 2, &got), "items %u, %u", a, b);
            CHECK(fabs(got - (1 - both / sqrt(n * m))) < 1e-12, "items %u, %u: %g", a, b, got);
        }
    double ab, bc, ac, all = -1;
    diversity_of(&d, (uint32_t[]){ 1, 2 }, 2, &ab);
    diversity_of(&d, (uint32_t[]){ 2, 3 }, 2, &bc);
    diversity_of(&d, (uint32_t[]){ 1, 3 }, 2, &ac);
    CHECK(diversity_of(&d, (uint32_t[]){ 1, 2, 3, ITEMS }, 4, &all) &&
              fabs(all - (ab + bc + ac) / 3) < 1e-12,
          "a list of three and a stranger: %g", all);
    CHECK(!diversity_of(&d, (uint32_t[]){ 1 }, 1, &all), "one item");
    CHECK(!diversity_of(&d, (uint32_t[]){ 1, ITEMS }, 2, &all), "an item without users");
    CHECK(strstr(d.text, "cosine"), "%s", d.text);
    diversity_free(&d);
    log_free(&v);
}

static void test_tags(void)
{
    static const uint64_t list[] = { 0, 2, 4, 4, 5 };
    static const uint32_t tags[] = { 0, 1, 1, 2, 0 }, one[] = { 7, 7, 8, TAG_NONE };
    const column columns[] = {
        { .name = "brand", .of = OF_ITEMS, .kind = COLUMN_TAG, .rows = 4, .tag = one },
        { .name = "genres",
          .of = OF_ITEMS,
          .kind = COLUMN_TAGS,
          .rows = 4,
          .tag = tags,
          .list = list },
        { .name = "country", .of = OF_USERS, .kind = COLUMN_TAG, .rows = 4, .tag = one },
    };
    dataset data = { .users = 1, .items = 4, .columns = columns, .columns_count = 3 };
    const log_view v = { .data = &data, .items = 4 };
    diversity d = { 0 };
    double x = -1;
    CHECK_OK(diversity_make(&d, &v, 4, err));
    CHECK(strstr(d.text, "'genres'"), "%s", d.text);
    CHECK(diversity_of(&d, (uint32_t[]){ 0, 1 }, 2, &x) && fabs(x - 2.0 / 3) < 1e-12, "%g", x);
    CHECK(diversity_of(&d, (uint32_t[]){ 0, 3 }, 2, &x) && x == 0.5, "%g", x);
    CHECK(diversity_of(&d, (uint32_t[]){ 1, 3 }, 2, &x) && x == 1, "%g", x);
    CHECK(!diversity_of(&d, (uint32_t[]){ 0, 2 }, 2, &x), "an item without tags");
    diversity_free(&d);

    data.columns_count = 1;
    CHECK_OK(diversity_make(&d, &v, 4, err));
    CHECK(diversity_of(&d, (uint32_t[]){ 0, 1 }, 2, &x) && x == 0, "one brand: %g", x);
    CHECK(diversity_of(&d, (uint32_t[]){ 1, 2 }, 2, &x) && x == 1, "two brands: %g", x);
    diversity_free(&d);
}

static void test_popularity(void)
{
    // item i comes 20 - i times for i < 12 of 20; the rest never
    uint32_t item[200], n = 0;
    for (uint32_t i = 0; i < 12; i++)
        for (uint32_t k = 0; k < 20 - i; k++) item[n++] = i;
    const uint64_t begin = 0, end = n;
    const log_view v = { .users = 1, .items = 20, .begin = &begin, .end = &end, .item = item };
    popularity p = { 0 };
    CHECK_OK(popularity_make(&p, &v, 20, err));
    static const struct {
        uint32_t item;
        item_slice slice;
        uint32_t group;
    } rows[] = { { 0, ITEM_HEAD, 9 }, { 3, ITEM_HEAD, 8 },  { 4, ITEM_MID, 7 },
                 { 9, ITEM_MID, 5 },  { 10, ITEM_TAIL, 4 }, { 12, ITEM_COLD, 3 },
                 { 19, ITEM_COLD, 0 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK(popularity_slice(&p, rows[i].item) == rows[i].slice &&
                  popularity_group(&p, rows[i].item) == rows[i].group,
              "item %u: slice %d, group %u", rows[i].item, (int)popularity_slice(&p, rows[i].item),
              popularity_group(&p, rows[i].item));
    CHECK(fabs(popularity_novelty(&p, 0) + log2(21.0 / (n + 20))) < 1e-12, "novelty");
    CHECK(isfinite(popularity_novelty(&p, 19)), "novelty of a cold item");
    popularity_free(&p);
}

int main(void)
{
    test_users();
    test_tags();
    test_popularity();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

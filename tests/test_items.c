// test_items.c - the service's table of items: numbers, categories, what is popular.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/clock.h"
#include "serve/items.h"

#include <math.h>
#include <string.h>

#define DAY INT64_C(86400000000)

static db_text text(const char *s)
{
    return s ? (db_text){ s, strlen(s) } : (db_text){ 0 };
}

static items table;

static void put(const char *id, const char *categories, bool hidden)
{
    const db_item i = { .id = text(id),
                        .categories = text(categories),
                        .fields = text("{\"x\":1}"),
                        .time = TIME_NONE,
                        .hidden = hidden };
    CHECK_OK(items_put(&table, &i, err));
}

static void test_numbers(void)
{
    CHECK(items_number(&table, text("a")) == 0 && items_number(&table, text("b")) == 1 &&
              items_number(&table, text("a")) == 0,
          "numbers");
    CHECK(items_number(&table, (db_text){ "a\0x", 3 }) == 2, "an id of any bytes");
    CHECK(items_find(&table, text("none")) == IDS_NONE, "an id that is none");
}

static void test_facts(void)
{
    uint64_t allowed[1];
    put("b", "[\"red\",\"new\",7]", false);
    put("h", "[]", true);
    const uint32_t red = ids_get(&table.categories, "red", 3), b = items_find(&table, text("b"));
    CHECK(items_has_category(&table, b, red) && table.at[b].categories == 2, "categories");
    CHECK(!items_has_category(&table, 0, red), "a category of somebody else");
    items_visible(&table, allowed, table.names.count);
    CHECK(allowed[0] == 7, "visible %llx", (unsigned long long)allowed[0]);
    const uint64_t version = table.version;
    put("b", "not json", false);
    CHECK(table.at[b].categories == 0 && table.version > version, "what is known is replaced");
    put("b", "[\"red\"]", false);
    items_delete(&table, text("b"));
    items_visible(&table, allowed, table.names.count);
    CHECK(allowed[0] == 5 && !table.at[b].fields, "deleted: %llx", (unsigned long long)allowed[0]);
    put("b", NULL, false);
    items_visible(&table, allowed, table.names.count);
    CHECK(allowed[0] == 7, "and put again");
}

static void test_popularity(void)
{
    for (int i = 0; i < 4; i++) items_count(&table, 0, IDS_NONE, 0);
    items_count(&table, 1, 0, 14 * DAY);
    items_count(&table, 1, 0, 14 * DAY);
    items_count(&table, 0, IDS_NONE, 7 * DAY);
    items_count(&table, 0, IDS_NONE, 0); // late
    CHECK(fabs(items_popularity(&table, 0, 14 * DAY) - (5. / 4 + 1. / 2)) < 1e-12, "halved: %g",
          items_popularity(&table, 0, 14 * DAY));
    items_refresh(&table, 14 * DAY);
    CHECK(table.popular_count == 2 && table.popular[0] == 1 && table.popular[1] == 0, "popular");
    CHECK(table.at[0].next[0] == 1 && table.at[0].next_weight[0] == 2 && table.at[1].next[0] == 0,
          "what is taken together");
    CHECK(table.at[0].events == 6 && table.at[1].events == 2, "counts");
    items_count(&table, 1000, 1001, 0); // numbers nobody has
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    CHECK_OK(items_init(&table, 7 * DAY, err));
    test_numbers();
    test_facts();
    test_popularity();
    items_free(&table);
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}

// test_items.c - the service's table of items: numbers, categories, what is popular.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/clock.h"
#include "serve/items.h"

#include <math.h>
#include <stdio.h>
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
    put("b", "[\"red\",\"new\",7]", false);
    put("h", "[]", true);
    const uint32_t red = ids_get(&table.categories, "red", 3), b = items_find(&table, text("b"));
    CHECK(items_has_category(&table, b, red) && table.at[b].categories == 2, "categories");
    CHECK(!items_has_category(&table, 0, red), "a category of somebody else");
    CHECK(table.visible[0] == 7, "visible %llx", (unsigned long long)table.visible[0]);
    const uint64_t version = table.version;
    put("b", "not json", false);
    CHECK(table.at[b].categories == 0 && table.version > version, "what is known is replaced");
    put("b", "[\"red\"]", false);
    items_delete(&table, text("b"));
    CHECK(table.visible[0] == 5 && !table.at[b].fields, "deleted: %llx",
          (unsigned long long)table.visible[0]);
    put("b", NULL, false);
    CHECK(table.visible[0] == 7, "and put again");
}

static void check_leaders(const char *what, const leaders *l, const char *want)
{
    char got[200] = "";
    for (size_t i = 0; l && i < l->n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%u ", l->at[i].item);
    CHECK(strcmp(got, want) == 0, "%s: %s", what, got);
}

static const leaders *of_category(const char *name)
{
    return items_of_category(&table, ids_get(&table.categories, name, strlen(name)));
}

// Lists follow events, changes of categories, deletion and coming back.
static void test_lists(void)
{
    items_delete(&table, text("h"));
    put("x", "[\"p\",\"p\",\"q\"]", false);
    put("y", "[\"p\"]", false);
    const uint32_t x = items_number(&table, text("x")), y = items_number(&table, text("y"));
    CHECK(x == 4 && y == 5, "numbers %u %u", x, y);
    for (int i = 0; i < 9; i++) items_count(&table, x, IDS_NONE, 14 * DAY);
    for (int i = 0; i < 8; i++) items_count(&table, y, IDS_NONE, 14 * DAY);
    check_leaders("all", &table.popular, "4 5 1 0 ");
    check_leaders("p", of_category("p"), "4 5 ");
    check_leaders("q", of_category("q"), "4 ");
    for (int i = 0; i < 2; i++) items_count(&table, y, IDS_NONE, 14 * DAY);
    check_leaders("p, overtaken", of_category("p"), "5 4 ");
    put("x", "[\"q\"]", false);
    check_leaders("p, without x", of_category("p"), "5 ");
    check_leaders("q, with x", of_category("q"), "4 ");
    items_delete(&table, text("y"));
    check_leaders("all, without y", &table.popular, "4 1 0 ");
    check_leaders("p, without y", of_category("p"), "");
    for (int i = 0; i < 3; i++) items_count(&table, y, IDS_NONE, 14 * DAY);
    check_leaders("all, y is deleted", &table.popular, "4 1 0 ");
    put("y", "[\"p\"]", false);
    check_leaders("all, y is back", &table.popular, "4 5 1 0 ");
    check_leaders("p, y is back", of_category("p"), "5 ");
    check_leaders("none", of_category("never"), "");
}

// What deletions took out of the lists comes back from all items.
static void test_filling(void)
{
    items many;
    char id[16];
    CHECK_OK(items_init(&many, DAY, err));
    for (uint32_t i = 0; i < ITEMS_LISTED + 500; i++) {
        snprintf(id, sizeof id, "%u", i);
        const db_item one = { .id = text(id), .time = i * DAY };
        CHECK_OK(items_put(&many, &one, err));
        items_count(&many, i, IDS_NONE, i * 1000);
    }
    CHECK(many.popular.n == ITEMS_LISTED && many.latest.n == ITEMS_LISTED, "full lists");
    for (uint32_t i = ITEMS_LISTED + 499; i >= 900; i--) {
        snprintf(id, sizeof id, "%u", i);
        items_delete(&many, text(id));
    }
    CHECK(many.popular.n == 900 && many.latest.n == 900 && many.popular.at[0].item == 899,
          "%zu and %zu are left", many.popular.n, many.latest.n);
    items_free(&many);
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
    CHECK(table.popular.n == 2 && table.popular.at[0].item == 1 && table.popular.at[1].item == 0,
          "popular");
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
    test_lists();
    test_filling();
    items_free(&table);
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}

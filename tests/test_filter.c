// test_filter.c - conditions on items: what holds, and what is told of mistakes.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/memory.h"
#include "base/rng.h"
#include "serve/filter.h"

#include <string.h>

#define ITEM                                                                                       \
    "{\"price\":12.5,\"brand\":\"Acme\",\"tags\":[\"new\",\"red\",3],\"sold\":false,\"n\":0,"      \
    "\"size\":{\"width\":2},\"empty\":\"\",\"a.b\":1,\"nothing\":null,\"ähre\":1,\"order\":5}"

// clang-format off
static const struct {
    const char *text;
    int holds; // -1: does not parse
    const char *says;
} cases[] = {
    { "price < 20", 1 }, { "price < 12.5", 0 }, { "price <= 12.5", 1 }, { "price > 12", 1 },
    { "price >= 13", 0 }, { "price == 12.5", 1 }, { "price != 12.5", 0 }, { "n == 0.0", 1 },
    { "brand == \"Acme\"", 1 }, { "brand < \"B\"", 1 }, { "brand < \"Acm\"", 0 }, { "brand > \"Acm\"", 1 },
    { "brand < 3", 0 }, { "brand >= 3", 0 }, { "tags < 3", 0 },
    { "tags has \"red\"", 1 }, { "tags has 3", 1 }, { "tags has \"blue\"", 0 }, { "brand has \"A\"", 0 },
    { "brand in [\"x\", \"Acme\"]", 1 }, { "brand in []", 0 }, { "price in [1,2,12.5]", 1 },
    { "brand", 1 }, { "sold", 0 }, { "n", 0 }, { "empty", 0 }, { "nothing", 0 }, { "missing", 0 }, { "tags", 1 },
    { "not sold", 1 }, { "not not brand", 1 }, { "missing == null", 1 }, { "nothing == null", 1 },
    { "missing != 3", 1 }, { "missing < 3", 0 }, { "brand != null", 1 }, { "sold == false", 1 },
    { "size.width >= 1.5", 1 }, { "size.height", 0 }, { "price.width", 0 }, { "a.b == 1", 1 }, { "ähre", 1 },
    { "sold or brand and n", 0 }, { "brand or sold and n", 1 }, { "(brand or sold) and n", 0 },
    { "order > 4 and notice == null", 1 },
    { "price<20and brand==\"Acme\"", -1, "character 7" },
    { "price < 20 and", -1, "a field is wanted" }, { "", -1, "a field is wanted" }, { "price <", -1, "a value" },
    { "price = 3", -1, "the end is wanted" }, { "(price", -1, ") is wanted" }, { "price in 3", -1, "[ is wanted" },
    { "price in [3", -1, "] is wanted" }, { "brand == \"Acme", -1, "a value" }, { "brand == Acme", -1, "a value" },
    { "price < 20 extra", -1, "the end is wanted" }, { "== 3", -1, "a field" }, { "price == \"\\", -1, "a value" },
};
// clang-format on

static void test_cases(void)
{
    json_t *item = json_loads(ITEM, 0, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        filter *f = NULL;
        habit_error err = { 0 };
        const habit_status st = filter_parse(&f, cases[i].text, strlen(cases[i].text), &err);
        CHECK((st == HABIT_OK) == (cases[i].holds >= 0), "%s: %s", cases[i].text, err.message);
        if (st == HABIT_OK)
            CHECK(filter_holds(f, item) == cases[i].holds, "%s", cases[i].text);
        else
            CHECK(cases[i].says && strstr(err.message, cases[i].says), "%s: %s", cases[i].text,
                  err.message);
        filter_free(f);
    }
    json_decref(item);
}

static void test_limits(void)
{
    char text[6000];
    filter *f = NULL;
    memset(text, '(', 100);
    memcpy(text + 100, "a", 2);
    CHECK(filter_parse(&f, text, 101, NULL) == HABIT_EINVAL, "a hundred brackets");
    size_t n = 0;
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", i ? " or a" : "a");
    CHECK(filter_parse(&f, text, n, NULL) == HABIT_EINVAL, "a hundred conditions");
    memset(text, ' ', sizeof text);
    CHECK(filter_parse(&f, text, sizeof text, NULL) == HABIT_ELIMIT, "six thousand characters");
    CHECK(filter_parse(&f, "a", 1, NULL) == HABIT_OK && !filter_holds(f, NULL), "no fields");
    filter_free(f);
}

// Pieces of filters in any order: no crash, and what parses can be asked.
static void test_noise(void)
{
    static const char *const piece[] = { "a",    " ",     "==",   "<",    "(",     ")",
                                         "not ", " and ", " or ", "in",   "[1,2]", "\"",
                                         "\\",   "has",   "3",    "null", ".",     "\xff" };
    json_t *item = json_loads("{\"a\":[1]}", 0, NULL);
    rng r = rng_at(4, 4, 4);
    int parsed = 0;
    for (int i = 0; i < 20000; i++) {
        char text[64] = "";
        filter *f = NULL;
        for (uint64_t k = rng_below(&r, 8); k > 0; k--)
            strncat(text, piece[rng_below(&r, COUNT_OF(piece))], sizeof text - strlen(text) - 1);
        if (filter_parse(&f, text, strlen(text), NULL) != HABIT_OK) continue;
        parsed++;
        filter_holds(f, item);
        filter_free(f);
    }
    CHECK(parsed > 100, "only %d parsed", parsed);
    json_decref(item);
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    test_cases();
    test_limits();
    test_noise();
    CHECK(mem_live() == 0, "%ld blocks leak", mem_live());
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}

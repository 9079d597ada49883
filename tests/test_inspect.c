// test_inspect.c - the counts of a log, against a log small enough to count by hand, and the
// statistics against naive ones.
#include "base/clock.h"
#include "base/rng.h"
#include "data/import.h"
#include "tests/make_dataset.h"

#include <math.h>

#define HOUR INT64_C(3600000000)

static double number(const json_t *o, const char *key)
{
    const json_t *x = json_object_get(o, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static bool is(const json_t *o, const char *key, double want)
{
    return fabs(number(o, key) - want) < 1e-9;
}

static const json_t *find(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *s = json_string_value(json_object_get(one, "name"));
        if (s && strcmp(s, name) == 0) return one;
    }
    return NULL;
}

static double element(const json_t *o, const char *key, size_t at)
{
    return json_number_value(json_array_get(json_object_get(o, key), at));
}

static void test_by_hand(void)
{
    // 1970-01-05 was a Monday; user 2 has one event
    static const uint64_t offset[] = { 0, 4, 7, 8 };
    static const uint32_t item[] = { 0, 1, 1, 0, 2, 2, 0, 1 };
    const int64_t monday = 4 * 24 * HOUR;
    const int64_t when[] = { monday,
                             monday,
                             monday,
                             monday + 3 * HOUR,
                             monday + HOUR,
                             monday + 25 * HOUR,
                             monday + 26 * HOUR,
                             clock_now() + 10000 * HOUR };
    static const uint8_t behaviour[] = { 1, 1, 1, 0, 1, 1, 1, 1 };
    static const char *const behaviours[] = { "buy", "view", NULL };
    static const float value[] = { 1, 2, 2, NAN, 3, 4, 5, 5 };
    static const uint32_t session[] = { 0, 0, 0, 1, 0, 1, 1, 0 };
    static const uint32_t tag[] = { 0, TAG_NONE, 0, 1, 1, 1, 1, 1 };
    static const uint64_t starts[] = { 0, 3, 6 };
    static const double price[] = { 5, NAN, 7 };
    const column columns[] = {
        { .name = "platform",
          .of = OF_EVENTS,
          .kind = COLUMN_TAG,
          .rows = 8,
          .tag = tag,
          .names = { 2, starts, "appweb" } },
        { .name = "price", .of = OF_ITEMS, .kind = COLUMN_NUMBER, .rows = 3, .number = price },
    };
    dataset *d = make_dataset(&(made){ .users = 3,
                                       .items = 3,
                                       .offset = offset,
                                       .item = item,
                                       .time = when,
                                       .behaviour = behaviour,
                                       .behaviours = behaviours,
                                       .value = value,
                                       .session = session,
                                       .columns = columns,
                                       .columns_count = 2 });
    json_t *r = NULL;
    CHECK_OK(data_inspect(&r, d, NULL, err));
    CHECK(is(r, "users", 3) && is(r, "items", 3) && is(r, "events", 8), "totals");
    CHECK(is(r, "density", 5.0 / 9), "density %g", number(r, "density"));
    CHECK(is(r, "repeat_share", 3.0 / 8), "repeats %g", number(r, "repeat_share"));
    CHECK(is(r, "sessions", 5), "sessions %g", number(r, "sessions"));
    CHECK(element(r, "hours", 0) == 3 && element(r, "hours", 1) == 2, "hours");
    CHECK(element(r, "weekdays", 0) >= 5 && element(r, "weekdays", 1) >= 2, "weekdays");
    const char *from = json_string_value(json_object_get(json_object_get(r, "span"), "from"));
    CHECK(from && strcmp(from, "1970-01-05T00:00:00Z") == 0, "from %s", from ? from : "?");

    const json_t *users = json_object_get(r, "events_per_user");
    CHECK(is(users, "min", 1) && is(users, "median", 3) && is(users, "max", 4), "per user");
    CHECK(is(users, "mean", 8.0 / 3), "mean %g", number(users, "mean"));
    const json_t *histogram = json_object_get(users, "histogram");
    CHECK(json_array_size(histogram) == 3, "%zu buckets", json_array_size(histogram));
    CHECK(is(json_array_get(histogram, 1), "from", 2) && is(json_array_get(histogram, 1), "to", 3),
          "bucket of 2 and 3");

    const json_t *buy = find(json_object_get(r, "behaviours"), "buy");
    CHECK(is(buy, "events", 1), "buys");
    const json_t *v = json_object_get(r, "value");
    CHECK(is(v, "missing", 1) && is(v, "min", 1) && is(v, "max", 5), "value");
    CHECK(is(v, "mean", 22.0 / 7) && is(v, "median", 3) && is(v, "p25", 2), "value");
    CHECK(fabs(number(v, "deviation") - sqrt(84.0 / 7 - 22.0 * 22 / 49)) < 1e-9, "deviation %g",
          number(v, "deviation"));
    const json_t *twos = json_array_get(json_object_get(v, "histogram"), 1);
    CHECK(is(twos, "from", 2) && is(twos, "count", 2), "two twos");

    const json_t *platform = find(json_object_get(r, "columns"), "platform");
    CHECK(is(platform, "missing", 1) && is(platform, "different", 2), "platform");
    CHECK(is(find(json_object_get(r, "columns"), "price"), "missing", 1), "price");

    const json_t *problems = json_object_get(r, "problems");
    CHECK(is(find(problems, "ties"), "count", 2), "ties");
    CHECK(is(find(problems, "duplicates"), "count", 1), "duplicates");
    CHECK(is(find(problems, "single-event-users"), "count", 1), "single");
    CHECK(is(find(problems, "future-times"), "count", 1), "future");
    CHECK(is(find(problems, "early-times"), "count", 7), "early");
    CHECK(is(find(problems, "missing-values"), "count", 1), "missing");
    CHECK(!find(problems, "no-time") && !find(problems, "unordered"), "there is time");
    json_decref(r);
    dataset_close(d);
}

static void test_bare(void)
{
    uint64_t offset[13];
    uint32_t item[36];
    for (uint64_t u = 0; u < 13; u++) offset[u] = 3 * u;
    for (uint32_t e = 0; e < 36; e++) item[e] = e % 3;
    dataset *d = make_dataset(&(made){ .users = 12, .items = 3, .offset = offset, .item = item });
    json_t *r = NULL;
    CHECK_OK(data_inspect(&r, d, NULL, err));
    const json_t *problems = json_object_get(r, "problems");
    CHECK(find(problems, "no-time") && find(problems, "unordered"), "no time and no order");
    CHECK(json_is_null(json_object_get(r, "span")), "a span without time");
    CHECK(is(r, "item_gini", 0), "gini %g", number(r, "item_gini"));
    json_decref(r);
    dataset_close(d);
}

// Gini by its definition: the mean difference of all pairs, over twice the mean.
static double naive_gini(const double *x, int n)
{
    double sum = 0, differences = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i];
        for (int k = 0; k < n; k++) differences += fabs(x[i] - x[k]);
    }
    return differences / (2 * n * sum);
}

static void test_gini(void)
{
    enum { ITEMS = 40 };
    rng r = rng_at(3, 0, 0);
    for (int round = 0; round < 20; round++) {
        uint64_t offset[2] = { 0, 300 };
        uint32_t item[300];
        double count[ITEMS] = { 0 };
        for (int e = 0; e < 300; e++) {
            item[e] = e < ITEMS ? (uint32_t)e
                                : (uint32_t)(rng_below(&r, ITEMS) * rng_below(&r, ITEMS) / ITEMS);
            count[item[e]]++;
        }
        dataset *d =
            make_dataset(&(made){ .users = 1, .items = ITEMS, .offset = offset, .item = item });
        json_t *report = NULL;
        CHECK_OK(data_inspect(&report, d, NULL, err));
        CHECK(is(report, "item_gini", naive_gini(count, ITEMS)), "gini %g, want %g",
              number(report, "item_gini"), naive_gini(count, ITEMS));
        CHECK(is(report, "repeat_share", 260.0 / 300), "repeats");
        json_decref(report);
        dataset_close(d);
    }
}

// Our own allocations may fail, one by one: no crash, no leak.
static void test_memory(void)
{
    static const uint64_t offset[] = { 0, 2, 3 };
    static const uint32_t item[] = { 0, 1, 1 };
    static const int64_t when[] = { 1, 1, 2 };
    static const float value[] = { 1, 2, NAN };
    dataset *d = make_dataset(&(made){
        .users = 2, .items = 2, .offset = offset, .item = item, .time = when, .value = value });
    const long live = mem_live();
    habit_status st = HABIT_ENOMEM;
    long n = 0;
    for (; st == HABIT_ENOMEM && n < 100; n++) {
        json_t *r = NULL;
        mem_fail_after(n);
        st = data_inspect(&r, d, NULL, NULL);
        mem_fail_after(-1);
        CHECK((st == HABIT_OK) == (r != NULL), "a report of a failure");
        json_decref(r);
        CHECK(mem_live() == live, "allocation %ld: %ld blocks leaked", n, mem_live() - live);
    }
    CHECK(st == HABIT_OK && n > 5, "%ld allocations, then %s", n, habit_status_text(st));
    dataset_close(d);
}

int main(void)
{
    test_by_hand();
    test_bare();
    test_gini();
    test_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

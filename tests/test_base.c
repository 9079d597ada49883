// test_base.c - the base layer.
#include "tests/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/opt.h"
#include "base/pool.h"

#include <string.h>

static void test_ids(void)
{
    ids t = { 0 };
    for (uint32_t i = 0; i < 5000; i++) {
        char s[32];
        uint32_t k = 0;
        const int n = snprintf(s, sizeof s, "%u", i * 7919u % 5003u);
        CHECK_OK(ids_add(&t, s, (size_t)n, &k, err));
        CHECK(k == i, "number %u for row %u", k, i);
        CHECK(ids_get(&t, s, (size_t)n) == i, "lost %s", s);
    }
    uint32_t *order = NULL;
    CHECK_OK(ids_sort(&t, &order, err));
    for (uint32_t k = 1; k < t.count; k++) {
        size_t a_len, b_len;
        const char *a = ids_at(&t, order[k - 1], &a_len), *b = ids_at(&t, order[k], &b_len);
        CHECK(ids_compare(a, a_len, b, b_len) < 0, "%.*s before %.*s", (int)a_len, a, (int)b_len,
              b);
    }
    mem_free(order);
    ids_free(&t);
}

static void test_time(void)
{
    // clang-format off
    static const struct { const char *text; int64_t want; } cases[] = {
        { "1970-01-01", 0 },
        { "2000-03-01T00:00:00Z", INT64_C(951868800000000) },
        { "2021-10-24T06:42:20.207Z", INT64_C(1635057740207000) },
        { "2021-10-24 08:42:20.207+02:00", INT64_C(1635057740207000) },
        { "1969-12-31 23:59:59", -1000000 },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t t = 0;
        CHECK(time_parse_iso(cases[i].text, strlen(cases[i].text), &t) && t == cases[i].want,
              "%s: %lld", cases[i].text, (long long)t);
    }
    static const char *const bad[] = { "",
                                       "2021",
                                       "2021-13-01",
                                       "2021-02-29",
                                       "2021-01-01T",
                                       "x",
                                       "2021-01-01T25:00:00",
                                       "2021-01-01 10:00:00 " };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t t;
        CHECK(!time_parse_iso(bad[i], strlen(bad[i]), &t), "accepted '%s'", bad[i]);
    }
    char text[32];
    time_format_iso(text, INT64_C(1635057740207000));
    CHECK(strcmp(text, "2021-10-24T06:42:20.207000Z") == 0, "%s", text);
}

static void add_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    ((size_t *)ctx)[piece] += piece;
}

static void test_pool(void)
{
    pool *p = NULL;
    CHECK_OK(pool_new(&p, 4, err));
    size_t sum[1000] = { 0 };
    for (int round = 0; round < 50; round++) pool_run(p, 1000, add_piece, sum);
    for (size_t i = 0; i < 1000; i++) CHECK(sum[i] == 50 * i, "piece %zu: %zu", i, sum[i]);
    pool_free(p);
}

int main(void)
{
    test_ids();
    test_time();
    test_pool();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

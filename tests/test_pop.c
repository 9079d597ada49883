// test_pop.c - popularity, counted by hand.
#include "tests/model_check.h"

#define DAYS(n) ((int64_t)((n)*86400e6))

static tiny_log tiny;

// The log ends at day 10.  Item 0: three times user 0, long ago.  Item 1: twice, days 3 and 9 (so
// exactly 7 days and 1 day before the end).  Item 2: at the end.  Item 3: never.
static const tiny_event events[] = {
    { 0, 0, DAYS(0), 1 }, { 0, 0, DAYS(1), 1 },  { 0, 0, DAYS(2), 1 },
    { 1, 1, DAYS(3), 1 }, { 1, 2, DAYS(10), 1 }, { 2, 1, DAYS(9), 1 },
};

static void test_counts(void)
{
    // clang-format off
    static const struct {
        const char *options;
        float want[4];
    } cases[] = {
        { "",                                   { 3, 2, 1, 0 } },
        { "count=users",                        { 1, 2, 1, 0 } },
        { "days=7",                             { 0, 1, 1, 0 } }, // day 3 is 7 days ago: outside
        { "days=8",                             { 0, 2, 1, 0 } },
        { "days=8 half-life=1d",                { 0, 0.5f + 1 / 128.0f, 1, 0 } },
        { "half-life=1d count=users",           { 1 / 256.0f, 0.5f + 1 / 128.0f, 1, 0 } },
    };
    // clang-format on
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 4, TINY_TIME);
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        fitted f;
        float got[4];
        fit_model(&f, "pop", cases[c].options, &tiny.view, NULL);
        const query q = query_of(&tiny.view, 0);
        scores_of(f.model, &q, 1, got);
        for (size_t i = 0; i < 4; i++)
            CHECK(fabsf(got[i] - cases[c].want[i]) < 1e-6f, "'%s': item %zu counts %g",
                  cases[c].options, i, (double)got[i]);
        fitted_free(&f);
    }
}

static void test_ties(void)
{
    static const tiny_event e[] = {
        { 0, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 3, 0, 0 }, { 1, 3, 0, 0 }, { 1, 2, 0, 0 }
    };
    float got[5];
    fitted f;
    const query q = { .user = USER_NONE };
    tiny_log_make(&tiny, e, COUNT_OF(e), 2, 5, 0);

    fit_model(&f, "pop", "equal=larger", &tiny.view, NULL);
    scores_of(f.model, &q, 1, got);
    CHECK(got[3] > got[2] && got[2] > got[1] && got[1] > got[0] && got[0] > got[4], "larger");
    fitted_free(&f);
    fit_model(&f, "pop", "equal=smaller", &tiny.view, NULL);
    scores_of(f.model, &q, 1, got);
    CHECK(got[3] > got[0] && got[0] > got[1] && got[1] > got[2] && got[2] > got[4], "smaller");
    CHECK(fabsf(got[0] - 1) < 1e-5f, "ties move a count to %g", (double)got[0]);
    fitted_free(&f);
}

static void test_refusals(void)
{
    static const char *const options[] = { "days=7", "half-life=1d" };
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 4, 0);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        fitted f;
        CHECK(fit_status(&f, "pop", options[i], &tiny.view, NULL, NULL) == HABIT_EINVAL,
              "'%s' without timestamps", options[i]);
        CHECK(!f.model, "output touched on failure");
    }
}

int main(void)
{
    test_counts();
    test_ties();
    test_refusals();
    model_check("pop", "");
    model_check("pop", "days=2 half-life=1d count=users equal=larger");
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

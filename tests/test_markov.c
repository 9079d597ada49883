// test_markov.c - transitions counted by hand.
#include "tests/model_check.h"

static tiny_log tiny;

// User 0: 0 1 2 1;  user 1: 0 1;  user 2: 3 alone.  Popularity 2 3 1 1 of 7 events.
static const tiny_event events[] = {
    { 0, 0, 0, 0 }, { 0, 1, 1, 0 }, { 0, 2, 2, 0 }, { 0, 1, 3, 0 },
    { 1, 0, 0, 0 }, { 1, 1, 1, 0 }, { 2, 3, 0, 0 },
};

static const double popular[] = { 2 / 7.0, 3 / 7.0, 1 / 7.0, 1 / 7.0 };

static void check_answer(const char *options, const uint32_t *had, size_t n, const double want[4])
{
    const query q = { .user = USER_NONE, .item = had, .n = n, .now = TIME_NONE };
    float got[4];
    fitted f;
    fit_model(&f, "markov", options, &tiny.view, NULL);
    scores_of(f.model, &q, 1, got);
    for (int i = 0; i < 4; i++)
        CHECK(fabs((double)got[i] - want[i]) < 1e-6, "'%s' after %u: item %d has %g, want %g",
              options, n ? had[n - 1] : 99, i, (double)got[i], want[i]);
    fitted_free(&f);
}

static void test_by_hand(void)
{
    static const uint32_t after_0[] = { 3, 0 }, after_1[] = { 0, 1 }, after_3[] = { 3 };
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 4, 0);

    // 0 -> 1 twice.  1 -> 2 once.  2 -> 1 once.  3 -> nothing.
    check_answer("backoff=0", after_0, 2, (const double[]){ 0, 1, 0, 0 });
    check_answer("backoff=0", after_1, 2, (const double[]){ 0, 0, 1, 0 });
    check_answer("backoff=0", after_3, 1, popular);
    double want[4];
    for (int i = 0; i < 4; i++) want[i] = ((i == 1 ? 2 : 0) + 3 * popular[i]) / (2 + 3);
    check_answer("backoff=3", after_0, 2, want);

    // Window 2: 0 -> 1 twice, 0 -> 2 half, 1 -> 2 once, 1 -> 1 half, 2 -> 1 once.
    // Asked after 0 1: 1 at gap 1, 0 at gap 2, so 2/3 of 1's row and 1/3 of 0's.
    want[0] = want[3] = 0;
    want[1] = 2 / 3.0 * (0.5 / 1.5) + 1 / 3.0 * (2 / 2.5);
    want[2] = 2 / 3.0 * (1 / 1.5) + 1 / 3.0 * (0.5 / 2.5);
    check_answer("window=2 backoff=0", after_1, 2, want);

    check_answer("", NULL, 0, (const double[]){ 2, 3, 1, 1 }); // nothing known: counts
}

// The same log where user 0 pauses after 0 1, so that 1 -> 2 goes from one session to the next.
static void test_sessions(void)
{
    static const uint32_t after_0[] = { 0 }, after_1[] = { 0, 1 }, after_2[] = { 2 };
    tiny_event e[COUNT_OF(events)];
    memcpy(e, events, sizeof e);
    e[2].session = e[3].session = 1;
    tiny_log_make(&tiny, e, COUNT_OF(e), 3, 4, TINY_SESSION);

    check_answer("backoff=0", after_1, 2, (const double[]){ 0, 0, 1, 0 });
    check_answer("backoff=0 within-session=true", after_0, 1, (const double[]){ 0, 1, 0, 0 });
    check_answer("backoff=0 within-session=true", after_1, 2, popular); // followed by nothing
    check_answer("backoff=0 within-session=true", after_2, 1, (const double[]){ 0, 1, 0, 0 });
    // window 9: neither 0 -> 2 nor 1 -> 1 over the pause
    check_answer("backoff=0 window=9 within-session=true", after_0, 1,
                 (const double[]){ 0, 1, 0, 0 });

    fitted f;
    habit_error error = { 0 };
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 4, 0);
    CHECK(fit_status(&f, "markov", "within-session=true", &tiny.view, NULL, &error) ==
                  HABIT_EINVAL &&
              strstr(error.message, "--session-gap"),
          "no sessions: %s", error.message);
}

// Probabilities of what comes next: they add up to 1 whatever the history.
static void test_adds_up(void)
{
    static structured_log s;
    static const char *const options[] = { "", "window=5 backoff=2.5", "window=3 backoff=0" };
    structured_log_make(&s);
    for (size_t k = 0; k < COUNT_OF(options); k++) {
        fitted f;
        float got[CHECK_ITEMS];
        fit_model(&f, "markov", options[k], &s.tiny.view, NULL);
        for (uint32_t u = 0; u < CHECK_USERS; u += 17) {
            const query q = query_of(&s.tiny.view, u);
            double sum = 0;
            scores_of(f.model, &q, 1, got);
            for (size_t i = 0; i < CHECK_ITEMS; i++) sum += (double)got[i];
            CHECK(fabs(sum - 1) < 1e-5, "'%s': user %u: %g", options[k], u, sum);
        }
        fitted_free(&f);
    }
}

// Only what lies within one user's events counts, and only forward.
static void test_order_matters(void)
{
    static tiny_log backwards;
    static tiny_event e[COUNT_OF(events)];
    for (size_t i = 0; i < 4; i++) e[i] = (tiny_event){ 0, events[3 - i].item, (int64_t)i, 0 };
    e[4] = (tiny_event){ 1, 1, 0, 0 };
    e[5] = (tiny_event){ 1, 0, 1, 0 };
    e[6] = events[6];
    tiny_log_make(&backwards, e, COUNT_OF(e), 3, 4, 0);
    tiny_log_make(&tiny, events, COUNT_OF(events), 3, 4, 0);
    static const uint32_t had[] = { 1 };
    const query q = { .user = USER_NONE, .item = had, .n = 1, .now = TIME_NONE };
    fitted f, b;
    float there[4], back[4];
    fit_model(&f, "markov", "backoff=0", &tiny.view, NULL);
    fit_model(&b, "markov", "backoff=0", &backwards.view, NULL);
    scores_of(f.model, &q, 1, there);
    scores_of(b.model, &q, 1, back);
    CHECK(there[0] == 0 && back[0] > 0.5f, "0 after 1: %g there, %g back", (double)there[0],
          (double)back[0]);
    fitted_free(&f);
    fitted_free(&b);
}

int main(void)
{
    test_by_hand();
    test_sessions();
    test_adds_up();
    test_order_matters();
    model_check("markov", "");
    model_check("markov", "window=4 backoff=0.5");
    check_beats_popularity("markov", "", 0.2);
    check_beats_popularity("markov", "window=4", 0.2);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

// test_hstu.c - HSTU keeps the promises of every network, is what PyTorch computes, and makes use of
// when.
#include "tests/network_fixture.h"

static const fixture_name arrays[] = {
    { "item", "item" },
    { "position", "position" },
    { "block.%d.uvqk", "block.%d.uvqk" },
    { "block.%d.position_w", "block.%d.position_bias" },
    { "block.%d.time_w", "block.%d.time_bias" },
    { "block.%d.wo", "block.%d.merge" },
    { "block.%d.bo", "block.%d.merge_bias" },
};

// --- the moment of the question --------------------------------------------------------------------

enum { HOUR = 3600, CHAIN = 10, HOMES = 10 };

// Within a session people go along a chain of items; after a long while they begin with their home.
static void timed_log_make(tiny_log *t)
{
    static tiny_event e[CHECK_USERS * CHECK_EVENTS];
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        rng r = rng_at(17, u, 0);
        int64_t now = 1000000LL * HOUR * (int64_t)u;
        const uint32_t home = CHAIN + (uint32_t)rng_below(&r, HOMES);
        uint32_t at = home;
        for (uint32_t k = 0; k < CHECK_EVENTS; k++) {
            const bool late = at < CHAIN && rng_u64(&r) >> 63;
            now += 1000000LL * (late ? 30 * HOUR : 30) + (int64_t)rng_below(&r, 1000000);
            at = late || k == 0 ? home
                 : at < CHAIN   ? (at + 1) % CHAIN
                                : (uint32_t)rng_below(&r, CHAIN);
            e[u * CHECK_EVENTS + k] = (tiny_event){ u, at, now, 1 };
        }
    }
    tiny_log_make(t, e, COUNT_OF(e), CHECK_USERS, CHAIN + HOMES, TINY_TIME);
}

static uint32_t best_item(const model *m, const query *q)
{
    float scores[CHAIN + HOMES];
    uint32_t best = 0;
    scores_of(m, q, 1, scores);
    for (uint32_t i = 1; i < CHAIN + HOMES; i++)
        if (scores[i] > scores[best]) best = i;
    return best;
}

static void check_moment(const char *options, double least, double most)
{
    static tiny_log log;
    fitted f;
    double asked = 0, right = 0;
    timed_log_make(&log);
    fit_model(&f, "hstu", options, &log.view, NULL);
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        query q = query_of(&log.view, u);
        const uint32_t last = q.item[q.n - 1];
        if (last >= CHAIN) continue;
        q.now = q.time[q.n - 1] + 1000000LL * 30;
        right += best_item(f.model, &q) == (last + 1) % CHAIN;
        q.now = q.time[q.n - 1] + 1000000LL * 30 * HOUR;
        right += best_item(f.model, &q) == q.item[0];
        asked += 2;
    }
    CHECK(right > least * asked && right < most * asked, "%s: %.0f of %.0f right", options, right,
          asked);
    fitted_free(&f);
}

// Without times, or with some of them unknown, answers are finite and the moment changes nothing.
static void check_unknown(void)
{
    static structured_log log;
    fitted f;
    float a[CHECK_ITEMS], b[CHECK_ITEMS];
    structured_log_make(&log);
    log.tiny.view.time = NULL;
    fit_model(&f, "hstu", "dim=8 epochs=2 max-len=8", &log.tiny.view, NULL);
    query q = query_of(&log.tiny.view, 1);
    scores_of(f.model, &q, 1, a);
    q.now = 1000000LL * HOUR;
    scores_of(f.model, &q, 1, b);
    CHECK(memcmp(a, b, sizeof a) == 0, "the moment changes what has no times");
    const int64_t times[] = { TIME_NONE, 5000000, TIME_NONE };
    q.time = times;
    q.n = 3;
    scores_of(f.model, &q, 1, b);
    for (size_t i = 0; i < CHECK_ITEMS; i++) CHECK(isfinite(b[i]), "score %zu", i);
    fitted_free(&f);
}

#define TIMED "dim=16 epochs=60 batch=32 lr=0.02 max-len=12 loss=softmax dropout=0.1"

int main(void)
{
    network_fixture_check(&(network_fixture){
        .file = "hstu",
        .model = "hstu",
        .options = "dim=8 heads=2 max-len=6 dropout=0 value-width=4 key-width=3 "
                   "time-buckets=25 loss=softmax",
        .names = arrays,
        .names_count = COUNT_OF(arrays) });
    network_check_gradient("hstu", "dim=6 max-len=8 cosine=no temperature=1 loss=softmax");
    network_check("hstu", "dim=8 heads=2 max-len=8 negatives=3", NETWORK_CAUSAL);
    network_check("hstu", "dim=8 max-len=8 negatives=3 time-bias=no", NETWORK_CAUSAL);
    check_moment(TIMED, 0.9, 1.1);
    check_moment(TIMED " time-bias=no", 0.2, 0.6);
    check_unknown();
    check_beats_popularity(
        "hstu", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01 negatives=32 heads=2", 0.2);
    return CHECK_DONE();
}

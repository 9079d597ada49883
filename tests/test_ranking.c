// test_ranking.c - ranks against the plain definition, however they are computed.
#include "tests/check.h"
#include "tests/eval_fakes.h"
#include "eval/askers.h"
#include "eval/ranking.h"
#include "index/topk.h"

#include <math.h>

#define NONE ITEM_NONE
#define INF INFINITY

// --- named cases: one user, five items -----------------------------------------------------------

// clang-format off
static const struct {
    const char *name;
    float scores[5];
    uint32_t history[3]; size_t history_n;
    uint32_t targets[3]; size_t targets_n;
    int seen;             // 0: filtered, 1: kept, 2: filtered, and repeats are misses
    uint32_t position[3]; // of the distinct targets, ascending by item, unknown ones last
    bool tied;            // of the first
} cases[] = {
    { "best",                 { 9, 1, 2, 3, 4 },     { 0 },    0, { 0 },       1, 0, { 1 },       0 },
    { "last",                 { 0, 1, 2, 3, 4 },     { 0 },    0, { 0 },       1, 0, { 5 },       0 },
    { "tie loses",            { 4, 1, 2, 3, 4 },     { 0 },    0, { 0 },       1, 0, { 2 },       1 },
    { "tie loses, reversed",  { 4, 1, 2, 3, 4 },     { 0 },    0, { 4 },       1, 0, { 2 },       1 },
    { "constant model",       { 0, 0, 0, 0, 0 },     { 0 },    0, { 2 },       1, 0, { 5 },       1 },
    { "NaN target",           { NAN, 1, 2, 3, 4 },   { 0 },    0, { 0 },       1, 0, { 5 },       0 },
    { "-inf target",          { -INF, 1, 2, 3, -INF },{ 0 },   0, { 0 },       1, 0, { 5 },       0 },
    { "all NaN",              { NAN, NAN, NAN, NAN, NAN }, { 0 }, 0, { 1 },    1, 0, { 5 },       0 },
    { "NaN rival",            { 9, NAN, 2, 3, 4 },   { 0 },    0, { 0 },       1, 0, { 2 },       0 },
    { "infinite rival",       { 9, INF, 2, 3, 4 },   { 0 },    0, { 0 },       1, 0, { 2 },       0 },
    { "infinite target",      { INF, 1, 2, 3, 4 },   { 0 },    0, { 0 },       1, 0, { 1 },       0 },
    { "two infinities",       { INF, INF, 2, 3, 4 }, { 0 },    0, { 0 },       1, 0, { 2 },       1 },
    { "-0 ties with 0",       { 0, -0.0f, -2, -3, -4 }, { 0 }, 0, { 0 },       1, 0, { 2 },       1 },
    { "seen left out",        { 1, 9, 8, 0, 0.5f },  { 1, 2 }, 2, { 0 },       1, 0, { 1 },       0 },
    { "seen kept",            { 1, 9, 8, 0, 0.5f },  { 1, 2 }, 2, { 0 },       1, 1, { 3 },       0 },
    { "seen tie left out",    { 1, 1, 0, 0, 0 },     { 1, 1 }, 2, { 0 },       1, 0, { 1 },       0 },
    { "seen NaN left out",    { 1, NAN, 0, 0, 0 },   { 1 },    1, { 0 },       1, 0, { 1 },       0 },
    { "NaN target, seen out", { NAN, 1, 2, 3, 4 },   { 1, 2 }, 2, { 0 },       1, 0, { 3 },       0 },
    { "target seen before",   { 5, 9, 2, 3, 4 },     { 0, 1 }, 2, { 0 },       1, 0, { 1 },       0 },
    { "repeat is a miss",     { 5, 9, 2, 3, 4 },     { 0, 1 }, 2, { 0 },       1, 2, { 0 },       0 },
    { "one repeat, one new",  { 9, 8, 2, 3, 4 },     { 0, 1 }, 2, { 0, 4 },    2, 2, { 1, 0 },    0 },
    { "two targets",          { 9, 1, 8, 3, 4 },     { 0 },    0, { 0, 2 },    2, 0, { 1, 2 },    0 },
    { "two, one between",     { 9, 8.5f, 8, 3, 4 },  { 0 },    0, { 0, 2 },    2, 0, { 1, 3 },    0 },
    { "two tied targets",     { 5, 1, 5, 3, 4 },     { 0 },    0, { 2, 0 },    2, 0, { 1, 2 },    0 },
    { "two tied, one rival",  { 5, 5, 5, 3, 4 },     { 0 },    0, { 2, 0 },    2, 0, { 2, 3 },    1 },
    { "NaN among targets",    { NAN, 1, 5, 3, 4 },   { 0 },    0, { 0, 2 },    2, 0, { 5, 1 },    0 },
    { "both targets NaN",     { NAN, 1, NAN, 3, 4 }, { 0 },    0, { 0, 2 },    2, 0, { 4, 5 },    0 },
    { "repeated target",      { 9, 1, 2, 3, 4 },     { 0 },    0, { 4, 4, 4 }, 3, 0, { 2 },       0 },
    { "unknown target",       { 9, 1, 2, 3, 4 },     { 0 },    0, { NONE },    1, 0, { 0 },       0 },
    { "known and unknown",    { 9, 1, 2, 3, 4 },     { 0 },    0, { NONE, 3, NONE }, 3, 0, { 3, 0, 0 }, 0 },
    { "nothing else",         { 1, 2, 3, 4, 5 },     { 1, 2, 3 }, 3, { 0, 4 }, 2, 0, { 1, 2 },    0 },
};
// clang-format on

static void test_case(size_t i, bool by_vectors)
{
    const uint64_t zero = 0, history_end = cases[i].history_n, targets_end = cases[i].targets_n;
    const log_view h = { .users = 1,
                         .items = 5,
                         .begin = &zero,
                         .end = &history_end,
                         .item = cases[i].history,
                         .events = history_end };
    const log_view t = { .users = 1,
                         .items = 5,
                         .begin = &zero,
                         .end = &targets_end,
                         .item = cases[i].targets,
                         .events = targets_end };
    const float one = 1;
    const table_model table = { { .class = &table_class, .users = 1, .items = 5 },
                                cases[i].scores };
    const factor_model factors = { { .class = &factor_class,
                                     .users = 1,
                                     .items = 5,
                                     .dim = 1,
                                     .item_vector = cases[i].scores },
                                   &one };
    const contestant c = { .name = "fixed", .model = by_vectors ? &factors.base : &table.base };
    const questions_options o = { .filter_seen = cases[i].seen != 1,
                                  .repeats_miss = cases[i].seen == 2 };
    questions q;
    ranking r;
    CHECK_OK(questions_make(&q, &h, &t, &o, NULL, err));
    CHECK_OK(ranking_make(&r, &q, &c, &(ranking_plan){ .list = 5 }, NULL, err));
    for (size_t j = 0; j < questions_targets(&q); j++)
        CHECK(r.position[j] == cases[i].position[j], "%s%s: target %zu at %u, want %u",
              cases[i].name, by_vectors ? " (vectors)" : "", j, r.position[j],
              cases[i].position[j]);
    CHECK(r.tied[0] == cases[i].tied, "%s: tied %d", cases[i].name, r.tied[0]);
    ranking_free(&r);
    questions_free(&q);
}

// --- random data against the definition ----------------------------------------------------------

typedef struct setting {
    uint32_t users, items;
    int dim;
    bool coarse, keep, map;
    uint32_t candidates;
} setting;

// rank.h: bias, then features in order.
static float chain(const float *user, const float *item, float bias, int dim)
{
    float s = bias;
    for (int k = 0; k < dim; k++) s = fmaf(user[k], item[k], s);
    return s;
}

static bool contains(const uint32_t *list, size_t n, uint32_t item)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == item) return true;
    return false;
}

// Question k by the words of ranking.h; s[items] are all scores.
static void check_question(const setting *x, const questions *q, const ranking *r, size_t k,
                           const float *s)
{
    const log_view *h = &q->history;
    const uint32_t u = q->user[k];
    const size_t begin = (size_t)q->target_begin[k], known = questions_known(q, k);
    const uint32_t *target = q->target + begin;
    const size_t seen_n = u < h->users ? (size_t)(h->end[u] - h->begin[u]) : 0;
    const uint32_t *seen = h->item + (u < h->users ? h->begin[u] : 0);
    uint32_t sample[64];
    const size_t sample_n = x->candidates ? questions_negatives(q, k, sample) : 0;

    size_t rivals[64], negatives = 0;
    for (size_t t = 0; t < known; t++) {
        rivals[t] = negatives = 0;
        for (uint32_t i = 0; i < x->items; i++) {
            const bool seen_out = !x->keep && contains(seen, seen_n, i);
            if (contains(target, known, i)) continue;
            if (x->candidates ? !contains(sample, sample_n, i) : seen_out) continue;
            negatives++;
            const float mine = s[target[t]];
            rivals[t] += !(mine > -INF) || !(s[i] < mine);
        }
    }
    for (size_t t = 0; t < known; t++) {
        size_t want = 1 + rivals[t];
        for (size_t o = 0; o < known; o++)
            want += rivals[o] < rivals[t] || (rivals[o] == rivals[t] && target[o] < target[t]);
        CHECK(r->position[begin + t] == want, "user %u target %u: position %u, want %zu", u,
              target[t], r->position[begin + t], want);
    }
    CHECK(!known || r->against[k] == negatives, "user %u: %u candidates, want %zu", u,
          r->against[k], negatives);
}

static void check_list(const setting *x, const questions *q, const ranking *r, size_t k, float *s)
{
    if (!r->list) return;
    uint32_t item[64];
    float best[64];
    const size_t from = (size_t)q->excluded_begin[k];
    topk_query want = { q->excluded + from,
                        (size_t)q->excluded_begin[k + 1] - from,
                        { item, best, 0, r->list } };
    topk_scores(&want, s, x->items);
    for (size_t i = 0; i < r->list; i++) {
        const uint32_t expected = i < want.answer.n ? item[i] : ITEM_NONE;
        CHECK(r->listed[k * r->list + i] == expected, "list of %u, place %zu: %u, want %u",
              q->user[k], i, r->listed[k * r->list + i], expected);
    }
}

static void test_random(const setting *x, uint64_t seed)
{
    const size_t D = (size_t)x->dim;
    log_view h = log_random(x->users, x->items, 30, seed);
    log_view t = log_random(x->users, x->items, 6, seed + 1);
    float *(*const floats)(size_t, uint64_t) = x->coarse ? floats_coarse : floats_random;
    float *user = floats(x->users * D, seed), *item = floats(x->items * D, seed + 1);
    float *bias = floats(x->items, seed + 2), *all = NEW(float, (size_t)x->users * x->items);
    uint32_t *map = NEW(uint32_t, x->items);
    rng r = rng_at(seed, 5, 5);
    for (uint32_t i = 0; i < x->items; i++)
        map[i] = rng_below(&r, 9) ? (i * 7 + 3) % x->items : ITEM_NONE;
    for (uint32_t u = 0; u < x->users; u++)
        for (uint32_t i = 0; i < x->items; i++)
            all[(size_t)u * x->items + i] = chain(user + u * D, item + i * D, bias[i], x->dim);

    const factor_model f = { { .class = &factor_class,
                               .users = x->users,
                               .items = x->items,
                               .dim = x->dim,
                               .item_vector = item,
                               .item_bias = bias },
                             user };
    const table_model d = { { .class = &table_class, .users = x->users, .items = x->items }, all };
    const questions_options o = { .filter_seen = !x->keep,
                                  .candidates = x->candidates,
                                  .seed = seed };
    questions q;
    CHECK_OK(questions_make(&q, &h, &t, &o, NULL, err));
    float *s = NEW(float, x->items);
    for (int direct = 0; direct < 2; direct++) {
        const contestant c = { .name = "random",
                               .model = direct ? &d.base : &f.base,
                               .item_of = x->map ? map : NULL };
        ranking got;
        CHECK_OK(ranking_make(&got, &q, &c, &(ranking_plan){ .list = 20 }, NULL, err));
        for (size_t k = 0; k < q.count; k++) {
            const float *row = all + (size_t)q.user[k] * x->items;
            for (uint32_t i = 0; i < x->items; i++)
                s[i] = !x->map ? row[i] : map[i] == ITEM_NONE ? -INF : row[map[i]];
            check_question(x, &q, &got, k, s);
            check_list(x, &q, &got, k, s);
        }
        ranking_free(&got);
    }
    questions_free(&q);
    log_free(&h), log_free(&t);
    void *blocks[] = { user, item, bias, all, map, s };
    for (size_t i = 0; i < COUNT_OF(blocks); i++) mem_free(blocks[i]);
}

// --- the same bits at any thread count -------------------------------------------------------------

static void test_threads(void)
{
    enum { USERS = 700, ITEMS = 900, DIM = 17 };
    log_view h = log_random(USERS, ITEMS, 50, 1), t = log_random(USERS, ITEMS, 3, 2);
    float *user = floats_random(USERS * DIM, 3), *item = floats_random(ITEMS * DIM, 4);
    const factor_model f = {
        { .class = &factor_class, .users = USERS, .items = ITEMS, .dim = DIM, .item_vector = item },
        user
    };
    const contestant c = { .name = "factors", .model = &f.base };
    const questions_options o = { .filter_seen = true, .seed = 3 };
    ranking first = { 0 };
    questions first_q = { 0 };
    for (int threads = 1; threads <= 4; threads *= 2) {
        run rn = { 0 };
        questions q;
        ranking r;
        CHECK_OK(pool_new(&rn.pool, threads, err));
        CHECK_OK(questions_make(&q, &h, &t, &o, &rn, err));
        CHECK_OK(ranking_make(&r, &q, &c, &(ranking_plan){ .list = 10 }, &rn, err));
        pool_free(rn.pool);
        if (threads == 1) {
            first = r, first_q = q;
            first.of = &first_q;
            continue;
        }
        const size_t n = questions_targets(&q);
        CHECK(n == questions_targets(&first_q), "%d threads: %zu targets", threads, n);
        CHECK(memcmp(q.probe, first_q.probe, n * 4) == 0, "%d threads: other probes", threads);
        CHECK(memcmp(r.position, first.position, n * 4) == 0, "%d threads: positions", threads);
        CHECK(memcmp(r.score, first.score, n * 4) == 0, "%d threads: other scores", threads);
        CHECK(memcmp(r.listed, first.listed, q.count * 10 * 4) == 0, "%d threads: lists", threads);
        ranking_free(&r);
        questions_free(&q);
    }
    ranking_free(&first);
    questions_free(&first_q);
    log_free(&h), log_free(&t);
    mem_free(user), mem_free(item);
}

// --- questions -----------------------------------------------------------------------------------

static void test_questions(void)
{
    enum { USERS = 300, ITEMS = 400 };
    log_view h = log_random(USERS, ITEMS, 40, 11), t = log_random(USERS, ITEMS, 4, 12);
    const questions_options all = { .filter_seen = true, .candidates = 30, .seed = 1 };
    questions_options some = all;
    some.users = 50;
    questions q, part;
    CHECK_OK(questions_make(&q, &h, &t, &all, NULL, err));
    CHECK_OK(questions_make(&part, &h, &t, &some, NULL, err));
    CHECK(part.count == 50, "%zu users sampled", part.count);
    for (size_t k = 0, full = 0; k < part.count; k++) {
        uint32_t a[30], b[30];
        while (full < q.count && q.user[full] < part.user[k]) full++;
        CHECK(full < q.count && q.user[full] == part.user[k], "user %u is not asked", part.user[k]);
        const size_t n = questions_negatives(&part, k, a);
        CHECK(n == 30 && questions_negatives(&q, full, b) == n, "%zu negatives", n);
        CHECK(memcmp(a, b, sizeof a) == 0, "user %u: other negatives in a sample", part.user[k]);
        for (size_t i = 0; i < n; i++) {
            const uint32_t u = part.user[k];
            CHECK(i == 0 || a[i] > a[i - 1], "negatives repeat");
            CHECK(!contains(h.item + h.begin[u], (size_t)(h.end[u] - h.begin[u]), a[i]) &&
                      !contains(t.item + t.begin[u], (size_t)(t.end[u] - t.begin[u]), a[i]),
                  "negative %u is a positive", a[i]);
        }
        for (uint64_t j = part.target_begin[k]; j < part.target_begin[k + 1]; j++)
            CHECK(part.probe[j] < ITEMS, "probe %u", part.probe[j]);
    }
    questions_free(&q);
    questions_free(&part);
    log_free(&h), log_free(&t);
}

// --- queries ---------------------------------------------------------------------------------------

static void test_askers(void)
{
    static const uint64_t begin[] = { 0, 4, 4 }, end[] = { 4, 4, 6 };
    static const uint64_t target_begin[] = { 0, 1, 2 }, target_end[] = { 1, 2, 3 };
    static const uint32_t item[] = { 2, 0, NONE, 1, 3, 2 }, target[] = { 4, 4, 4 };
    static const int64_t time[] = { 10, 20, 30, 40, 50, 60 }, target_time[] = { 70, 80, 90 };
    static const uint32_t item_of[] = { 7, NONE, 5, 100, 0 }, user_of[] = { 1, NONE, 0 };
    const dataset d = { .users = 2, .items = 5 }; // the third user is a stranger to it
    const log_view h = { .data = &d,
                         .users = 3,
                         .items = 5,
                         .begin = begin,
                         .end = end,
                         .item = item,
                         .time = time,
                         .events = 6 };
    const log_view t = { .data = &d,
                         .users = 3,
                         .items = 5,
                         .begin = target_begin,
                         .end = target_end,
                         .item = target,
                         .time = target_time,
                         .events = 3 };
    const table_model m = { { .class = &table_class, .users = 2, .items = 8 }, NULL };
    const contestant c = { .name = "x", .model = &m.base, .item_of = item_of, .user_of = user_of };
    const questions_options o = { .filter_seen = true };
    questions q;
    asker a;
    arena plan = { 0 }, mem;
    CHECK_OK(questions_make(&q, &h, &t, &o, NULL, err));
    CHECK(askers_events(&q, 3) == 6 && askers_events(&q, 2) == 4, "events of blocks");
    asker_place(&a, &q, 3, 6, &plan);
    CHECK_OK(arena_init(&mem, &plan, err));
    asker_place(&a, &q, 3, 6, &mem);
    asker_fill(&a, &q, &c, 0, 3);
    const query *first = &a.query[0], *last = &a.query[2];
    CHECK(first->n == 2 && first->item[0] == 5 && first->item[1] == 7, "%zu known items", first->n);
    CHECK(first->time[0] == 10 && first->time[1] == 20, "times of other events");
    CHECK(first->user == 1 && first->now == 70 && !first->value, "who and when");
    CHECK(a.query[1].n == 0 && a.query[1].user == USER_NONE, "a user the model does not know");
    CHECK(last->n == 1 && last->item[0] == 5 && last->time[0] == 60, "items out of range");
    CHECK(last->user == USER_NONE && last->now == 90, "a stranger");
    arena_free(&mem);
    questions_free(&q);
}

static void test_no_memory(void)
{
    log_view h = log_random(20, 30, 5, 1), t = log_random(20, 30, 3, 2);
    float *score = floats_random(20 * 30, 3);
    const table_model d = { { .class = &table_class, .users = 20, .items = 30 }, score };
    const contestant c = { .name = "table", .model = &d.base };
    const questions_options o = { .filter_seen = true };
    const long before = mem_live();
    long n = 0;
    for (bool done = false; !done && n < 100; n++) {
        questions q = { 0 };
        ranking r = { 0 };
        mem_fail_after(n);
        habit_status st = questions_make(&q, &h, &t, &o, NULL, NULL);
        if (st == HABIT_OK) st = ranking_make(&r, &q, &c, &(ranking_plan){ .list = 5 }, NULL, NULL);
        mem_fail_after(-1);
        CHECK(st == HABIT_OK || st == HABIT_ENOMEM, "allocation %ld: status %d", n, st);
        done = st == HABIT_OK;
        ranking_free(&r);
        questions_free(&q);
        CHECK(mem_live() == before, "allocation %ld: %ld blocks leaked", n, mem_live() - before);
    }
    CHECK(n > 10 && n < 100, "%ld allocations tried", n);
    log_free(&h), log_free(&t);
    mem_free(score);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        test_case(i, false);
        test_case(i, true);
    }
    // clang-format off
    static const setting settings[] = {
        { 50, 40, 3, false, false, false, 0 },   { 50, 40, 3, true, false, false, 0 },
        { 200, 700, 16, true, false, false, 0 }, { 200, 700, 64, false, false, true, 0 },
        { 50, 130, 5, true, true, true, 0 },     { 97, 33, 2, true, false, true, 0 },
        { 60, 500, 8, true, false, false, 20 },  { 60, 500, 8, true, true, true, 20 },
        { 60, 45, 8, false, false, false, 40 },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(settings); i++) test_random(&settings[i], i + 1);
    test_threads();
    test_questions();
    test_askers();
    test_no_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

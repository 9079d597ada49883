// test_split.c - no protocol lets a model see what it must predict.
#include "base/rng.h"
#include "data/split.h"
#include "tests/make_dataset.h"

#include <math.h>

// --- helpers -------------------------------------------------------------------------------------

static opt_values defaults(void)
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, split_table, sizeof(split_options), err));
    return v;
}

// Options from "name=value" pairs, ending in NULL.
static opt_values options(const char *const *pairs)
{
    opt_values v = defaults();
    for (; *pairs; pairs++) {
        char name[40];
        const char *value = strchr(*pairs, '=');
        snprintf(name, sizeof name, "%.*s", (int)(value - *pairs), *pairs);
        const int row = opt_find(&v, name);
        CHECK(row >= 0, "no option %s", name);
        CHECK_OK(opt_set(&v, row, value + 1, err));
    }
    return v;
}

static split *make(const dataset *d, const dataset *test, bool sessions, const opt_values *v)
{
    split *s = NULL;
    CHECK_OK(split_make(&s, d, test, sessions, v->values, NULL, err));
    if (!s) abort();
    return s;
}

// A random log whose value column numbers the events, so that any copy of them can be recognised.
typedef struct toy {
    uint64_t offset[64];
    uint32_t item[64 * 16];
    int64_t time[64 * 16];
    float value[64 * 16];
    uint32_t session[64 * 16]; // a silence of 3 ends it
} toy;

static dataset *random_log(toy *t, rng *r, bool with_time)
{
    const uint32_t users = 12 + (uint32_t)rng_below(r, 50), items = 1 + (uint32_t)rng_below(r, 30);
    uint64_t n = 0;
    for (uint32_t u = 0; u < users; u++) {
        int64_t at = (int64_t)rng_below(r, 50) - 10;
        t->offset[u] = n;
        for (uint64_t k = rng_below(r, 14) + (u < 2 ? 5 : 0); k > 0 && n < 64 * 15; k--, n++) {
            t->item[n] = (uint32_t)rng_below(r, items);
            t->time[n] = at += (int64_t)rng_below(r, 4); // ties happen
            t->value[n] = (float)n;
            const bool first = n == t->offset[u];
            t->session[n] = first ? 0 : t->session[n - 1] + (t->time[n] - t->time[n - 1] == 3);
        }
    }
    t->offset[users] = n;
    return make_dataset(&(made){ .users = users,
                                 .items = items,
                                 .offset = t->offset,
                                 .item = t->item,
                                 .time = with_time ? t->time : NULL,
                                 .value = t->value,
                                 .session = t->session });
}

// --- properties ----------------------------------------------------------------------------------

enum { SEEN_TRAIN = 1, SEEN_HISTORY = 2, SEEN_TARGET = 4 };

// Marks the events of a view; each must be of its user and stand with its own columns.
static void mark(uint8_t *seen, const log_view *v, uint8_t bit, const char *what)
{
    const dataset *d = v->data;
    uint64_t events = 0;
    for (uint32_t u = 0; u < v->users; u++)
        for (uint64_t k = v->begin[u]; k < v->end[u]; k++, events++) {
            const uint64_t e = (uint64_t)v->value[k];
            CHECK(e >= d->offset[u] && e < d->offset[u + 1], "%s: not an event of user %u", what,
                  u);
            CHECK(v->item[k] == d->item[e], "%s: the wrong item", what);
            CHECK(!d->time || v->time[k] == d->time[e], "%s: the wrong time", what);
            CHECK(v->session[k] == d->session[e], "%s: the wrong session", what);
            CHECK(!(seen[e] & bit), "%s: event %llu twice", what, (unsigned long long)e);
            CHECK(k == v->begin[u] || v->value[k] > v->value[k - 1], "%s: out of order", what);
            seen[e] |= bit;
        }
    CHECK(events == v->events, "%s: %llu events, the view says %llu", what,
          (unsigned long long)events, (unsigned long long)v->events);
}

static void check_leaks(const split *s, const dataset *d, const char *what)
{
    const log_view train = split_train(s);
    uint8_t *all = ZNEW(uint8_t, (size_t)d->events);
    mark(all, &train, SEEN_TRAIN, what);
    for (int st = STAGE_VALID; st <= STAGE_TEST; st++) {
        const log_view history = split_history(s, st), targets = split_targets(s, st);
        uint8_t *seen = ZNEW(uint8_t, (size_t)d->events);
        mark(seen, &train, SEEN_TRAIN, what);
        mark(seen, &history, SEEN_HISTORY, what);
        mark(seen, &targets, SEEN_TARGET, what);
        for (uint64_t e = 0; e < d->events; e++) {
            CHECK(!(seen[e] & SEEN_TARGET) || seen[e] == SEEN_TARGET,
                  "%s: target %llu of stage %d was seen (%d)", what, (unsigned long long)e, st,
                  seen[e]);
            all[e] |= seen[e];
        }
        mem_free(seen);
    }
    // what is asked at test is known neither in training nor at validation
    const log_view asked = split_targets(s, STAGE_TEST), known = split_history(s, STAGE_VALID);
    uint8_t *seen = ZNEW(uint8_t, (size_t)d->events);
    mark(seen, &known, SEEN_HISTORY, what);
    mark(seen, &asked, SEEN_TARGET, what);
    for (uint64_t e = 0; e < d->events; e++) {
        CHECK(seen[e] != (SEEN_HISTORY | SEEN_TARGET), "%s: test target known at validation", what);
        CHECK(all[e], "%s: event %llu is lost", what, (unsigned long long)e);
    }
    mem_free(seen);
    mem_free(all);
}

static void check_time_order(const split *s, const char *what)
{
    const log_view parts[] = { split_train(s), split_targets(s, STAGE_VALID),
                               split_targets(s, STAGE_TEST) };
    int64_t latest = INT64_MIN;
    for (size_t p = 0; p < COUNT_OF(parts); p++) {
        int64_t earliest = INT64_MAX, last = latest;
        for (uint32_t u = 0; u < parts[p].users; u++)
            for (uint64_t k = parts[p].begin[u]; k < parts[p].end[u]; k++) {
                if (parts[p].time[k] < earliest) earliest = parts[p].time[k];
                if (parts[p].time[k] > last) last = parts[p].time[k];
            }
        CHECK(latest == INT64_MIN || earliest > latest, "%s: part %zu begins too early", what, p);
        latest = last;
    }
}

static const char *const ways[][5] = {
    { "protocol=leave-one-out" },
    { "protocol=leave-one-out", "min-history=5" },
    { "protocol=leave-one-out", "min-history=2" },
    { "protocol=time-split" },
    { "protocol=time-split", "test-share=0.3", "valid-share=0" },
    { "protocol=time-split", "test-share=0.02", "valid-share=0.4" },
    { "protocol=user-holdout", "test-share=0.3" },
    { "protocol=user-holdout", "test-share=0.3", "split-seed=2" },
    { "protocol=user-holdout", "test-share=0.5", "valid-share=0.3" },
    { "protocol=ratio" },
    { "protocol=ratio", "split-order=random" },
    { "protocol=ratio", "split-order=random", "split-seed=2" },
    { "protocol=ratio", "test-share=0.5", "valid-share=0.3" },
    { "protocol=all" },
};

static bool same_events(const log_view *a, const log_view *b)
{
    if (a->events != b->events || a->users != b->users) return false;
    for (uint32_t u = 0; u < a->users; u++) {
        if (a->end[u] - a->begin[u] != b->end[u] - b->begin[u]) return false;
        for (uint64_t k = 0; k < a->end[u] - a->begin[u]; k++)
            if (a->value[a->begin[u] + k] != b->value[b->begin[u] + k]) return false;
    }
    return true;
}

static bool same_split(const split *a, const split *b)
{
    bool same = strcmp(split_protocol(a), split_protocol(b)) == 0;
    const log_view x = split_train(a), y = split_train(b);
    same = same && same_events(&x, &y);
    for (int st = STAGE_VALID; st <= STAGE_TEST; st++) {
        const log_view p = split_history(a, st), q = split_history(b, st);
        const log_view t = split_targets(a, st), w = split_targets(b, st);
        same = same && same_events(&p, &q) && same_events(&t, &w);
    }
    return same;
}

// Made twice: the same.  Made another way: the fingerprint differs unless nothing else does.
static void check_fingerprints(split *const *s, split *const *again, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CHECK(split_fingerprint(s[i]) == split_fingerprint(again[i]), "way %zu: other fingerprint",
              i);
        CHECK(same_split(s[i], again[i]), "way %zu: not reproducible", i);
        for (size_t k = 0; k < i; k++)
            CHECK(split_fingerprint(s[i]) != split_fingerprint(s[k]) || same_split(s[i], s[k]),
                  "ways %zu and %zu share a fingerprint", k, i);
    }
}

static void test_properties(void)
{
    toy *t = NEW(toy, 1);
    rng r = rng_at(7, 0, 0);
    for (int round = 0; round < 60; round++) {
        dataset *d = random_log(t, &r, true);
        split *s[COUNT_OF(ways)], *again[COUNT_OF(ways)];
        for (size_t w = 0; w < COUNT_OF(ways); w++) {
            opt_values v = options(ways[w]);
            s[w] = make(d, NULL, false, &v);
            again[w] = make(d, NULL, false, &v);
            check_leaks(s[w], d, ways[w][0]);
            if (strcmp(split_protocol(s[w]), "time-split") == 0) check_time_order(s[w], ways[w][0]);
            opt_values_free(&v);
        }
        check_fingerprints(s, again, COUNT_OF(ways));
        for (size_t w = 0; w < COUNT_OF(ways); w++) split_free(s[w]), split_free(again[w]);
        dataset_close(d);
    }
    mem_free(t);
}

// --- protocols, case by case ---------------------------------------------------------------------

static void test_leave_one_out(void)
{
    static const uint64_t offset[] = { 0, 4, 6, 7 };
    static const uint32_t item[] = { 3, 1, 0, 2, 1, 0, 2 };
    dataset *d = make_dataset(&(made){ .users = 3, .items = 4, .offset = offset, .item = item });
    opt_values v = defaults();
    split *s = make(d, NULL, false, &v);
    CHECK(strcmp(split_protocol(s), "leave-one-out") == 0, "%s", split_protocol(s));
    const log_view train = split_train(s), test = split_targets(s, STAGE_TEST);
    const log_view valid = split_targets(s, STAGE_VALID), known = split_history(s, STAGE_TEST);
    CHECK(train.events == 5 && train.end[0] == 2 && train.end[1] == 6, "train");
    CHECK(valid.events == 1 && valid.item[valid.begin[0]] == 0, "valid");
    CHECK(test.events == 1 && test.item[test.begin[0]] == 2, "test");
    CHECK(known.end[0] == 3, "history at test");
    split_free(s);
    opt_values_free(&v);

    v = options((const char *const[]){ "min-history=2", NULL });
    s = make(d, NULL, false, &v);
    CHECK(split_targets(s, STAGE_TEST).events == 2, "two users with two events");
    CHECK(split_train(s).end[1] == 5, "one event left to learn from");
    split_free(s);
    opt_values_free(&v);
    dataset_close(d);
}

static void test_time_spans(void)
{
    static const uint64_t offset[] = { 0, 3, 5, 6 };
    static const uint32_t item[] = { 0, 1, 2, 0, 1, 2 };
    static const int64_t day = INT64_C(86400000000);
    const int64_t when[] = { 0, 5 * day, 9 * day, day, 10 * day, 8 * day };
    dataset *d = make_dataset(
        &(made){ .users = 3, .items = 3, .offset = offset, .item = item, .time = when });
    opt_values v = options(
        (const char *const[]){ "protocol=time-split", "test-span=1d", "valid-span=4d", NULL });
    split *s = make(d, NULL, false, &v);
    const log_view test = split_targets(s, STAGE_TEST), valid = split_targets(s, STAGE_VALID);
    CHECK(test.events == 2 && test.begin[0] == 2 && test.begin[1] == 4, "from day 9 on");
    CHECK(valid.events == 2 && valid.begin[0] == 1 && valid.begin[2] == 5, "from day 5 on");
    CHECK(split_history(s, STAGE_VALID).end[2] == 5, "a cold user is asked without history");
    CHECK(split_train(s).events == 2, "train");
    split_free(s);
    opt_values_free(&v);
    dataset_close(d);
}

static void count_log(void *ctx, int level, const char *text)
{
    if (level <= 1 && strstr(text, "--test FILE")) ++*(int *)ctx;
}

static void test_auto(void)
{
    uint64_t offset[13];
    uint32_t item[36];
    for (uint64_t u = 0; u < 13; u++) offset[u] = 3 * u;
    for (uint32_t e = 0; e < 36; e++) item[e] = e % 3;
    dataset *d = make_dataset(&(made){ .users = 12, .items = 3, .offset = offset, .item = item });
    int warnings = 0;
    const run r = { .hooks = { .size = sizeof(habit_hooks), .ctx = &warnings, .log = count_log } };
    opt_values v = defaults();
    split *s = NULL;
    CHECK_OK(split_make(&s, d, NULL, false, v.values, &r, err));
    CHECK(strcmp(split_protocol(s), "all") == 0, "%s", split_protocol(s));
    CHECK(warnings == 1, "%d warnings", warnings);
    CHECK(split_train(s).events == 36, "all");
    habit_error error = { 0 };
    CHECK(split_check_unseen(s, "all", split_fingerprint(s), d->fingerprint, &error) ==
                  HABIT_EINVAL &&
              strstr(error.message, "--test"),
          "%s", error.message);
    split_free(s);
    opt_values_free(&v);
    dataset_close(d);
}

static void test_refusals(void)
{
    static const uint64_t offset[] = { 0, 2, 4 };
    static const uint32_t item[] = { 0, 1, 1, 0 };
    static const int64_t same[] = { 5, 5, 5, 5 };
    // clang-format off
    static const struct { const char *pairs[4]; bool time; const char *says; } cases[] = {
        { { "protocol=time-split" }, false, "needs time" },
        { { "protocol=time-split" }, true, "no event to learn from" },
        { { "protocol=leave-one-out" }, true, "--min-history" },
        { { "protocol=ratio", "test-share=0.5", "valid-share=0.5" }, true, "nothing to learn" },
        { { "protocol=ratio", "test-share=0" }, true, "--test-share" },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        dataset *d = make_dataset(&(made){ .users = 2,
                                           .items = 2,
                                           .offset = offset,
                                           .item = item,
                                           .time = cases[i].time ? same : NULL });
        opt_values v = options(cases[i].pairs);
        split *s = NULL;
        habit_error error = { 0 };
        const habit_status st = split_make(&s, d, NULL, false, v.values, NULL, &error);
        CHECK(st == HABIT_EINVAL && !s && strstr(error.message, cases[i].says), "case %zu: %s", i,
              error.message);
        opt_values_free(&v);
        dataset_close(d);
    }
}

// --- a test file ---------------------------------------------------------------------------------

static const char *const log_users[] = { "anna", "bert" }, *const log_items[] = { "1", "2", "3" };
static const uint64_t log_offset[] = { 0, 2, 4 };
static const uint32_t log_item[] = { 0, 1, 2, 1 };
static const int64_t log_time[] = { 1, 2, 3, 4 };
static const uint8_t log_behaviour[] = { 0, 1, 0, 0 };
static const char *const log_behaviours[] = { "buy", "view", NULL };

static dataset *given_log(void)
{
    return make_dataset(&(made){ .users = 2,
                                 .items = 3,
                                 .offset = log_offset,
                                 .item = log_item,
                                 .time = log_time,
                                 .behaviour = log_behaviour,
                                 .behaviours = log_behaviours,
                                 .user_ids = log_users,
                                 .item_ids = log_items });
}

static dataset *given_test(void)
{
    // aron is a stranger; item 9 is unknown; bert has item 1 twice; "share" is no known behaviour
    static const char *const users[] = { "aron", "bert" }, *const items[] = { "1", "3", "9" };
    static const uint64_t offset[] = { 0, 3, 6 };
    static const uint32_t item[] = { 2, 1, 0, 0, 2, 0 };
    static const int64_t when[] = { 5, 6, 7, 8, 9, 10 };
    static const uint8_t behaviour[] = { 0, 1, 1, 1, 1, 1 };
    static const char *const behaviours[] = { "share", "view", NULL };
    static const uint32_t session[] = { 0, 0, 1, 0, 1, 1 };
    return make_dataset(&(made){ .users = 2,
                                 .items = 3,
                                 .offset = offset,
                                 .item = item,
                                 .time = when,
                                 .session = session,
                                 .behaviour = behaviour,
                                 .behaviours = behaviours,
                                 .user_ids = users,
                                 .item_ids = items });
}

static void test_given(void)
{
    dataset *d = given_log(), *t = given_test();
    opt_values v = defaults();
    split *s = make(d, t, false, &v);
    const log_view targets = split_targets(s, STAGE_TEST), history = split_history(s, STAGE_TEST);
    CHECK(strcmp(split_protocol(s), "given") == 0, "%s", split_protocol(s));
    CHECK(targets.users == 3 && history.users == 3, "%u users", targets.users);
    CHECK(targets.begin[0] == targets.end[0], "anna is not asked");
    CHECK(targets.end[1] - targets.begin[1] == 2, "bert: each item once");
    const uint64_t b = targets.begin[1], a = targets.begin[2];
    CHECK(targets.item[b] == 0 && targets.item[b + 1] == ITEM_NONE, "bert's items");
    CHECK(targets.time[b] == 8 && targets.behaviour[b] == 1, "bert's columns");
    CHECK(targets.end[2] - a == 3 && targets.item[a] == ITEM_NONE && targets.item[a + 1] == 2,
          "aron's items");
    CHECK(targets.behaviour[a] == UINT8_MAX, "an unknown behaviour");
    CHECK(targets.session[a + 1] == 0 && targets.session[a + 2] == 1, "aron's sessions");
    CHECK(!history.session, "the log has no sessions");
    CHECK(targets.events == 5, "%llu targets", (unsigned long long)targets.events);
    CHECK(history.begin[2] == history.end[2] && history.events == 4, "aron has no history");
    CHECK(history.end[1] == 4 && history.item[3] == 1, "bert's history");
    CHECK(split_train(s).users == 2 && split_train(s).events == 4, "train");
    CHECK(split_targets(s, STAGE_VALID).events == 0, "no validation targets");

    // whoever learned from this log may be asked, whatever it held out; others may not
    habit_error error = { 0 };
    CHECK_OK(split_check_unseen(s, "all", 1, d->fingerprint, err));
    CHECK_OK(split_check_unseen(s, "leave-one-out", 1, d->fingerprint, err));
    CHECK(split_check_unseen(s, "all", 1, t->fingerprint, &error) == HABIT_ELEAK, "other data");
    const uint64_t fingerprint = split_fingerprint(s);
    split_free(s);

    s = make(d, t, true, &v);
    CHECK(split_fingerprint(s) != fingerprint, "sessions do not count");
    const log_view last = split_targets(s, STAGE_TEST), before = split_history(s, STAGE_TEST);
    CHECK(last.users == 4 && last.events == 2, "%u users", last.users);
    CHECK(last.item[last.begin[2]] == 0 && last.item[last.begin[3]] == 0, "the last items");
    CHECK(before.end[2] - before.begin[2] == 1 && before.item[before.begin[2]] == 2,
          "the unknown item is no history");
    CHECK(before.end[3] - before.begin[3] == 1 && before.item[before.begin[3]] == 0, "bert");
    CHECK(before.begin[0] == before.end[0], "users of the log are not asked");
    split_free(s);

    // the log as its own test file
    CHECK(split_make(&s, d, d, false, v.values, NULL, &error) == HABIT_ELEAK, "%s", error.message);
    opt_values_free(&v);
    dataset_close(d);
    dataset_close(t);
}

static void test_unseen(void)
{
    static const uint64_t offset[] = { 0, 4, 8 };
    static const uint32_t item[] = { 3, 1, 0, 2, 1, 0, 2, 3 };
    dataset *d = make_dataset(&(made){ .users = 2, .items = 4, .offset = offset, .item = item });
    opt_values v = defaults(), w = options((const char *const[]){ "protocol=ratio", NULL });
    split *s = make(d, NULL, false, &v), *other = make(d, NULL, false, &w);
    const uint64_t learned = split_fingerprint(s), data = d->fingerprint;
    // clang-format off
    const struct { const char *name, *protocol; uint64_t learned, data; habit_status want; } cases[] = {
        { "same split", "leave-one-out", learned, data, HABIT_OK },
        { "other data", "leave-one-out", learned, data + 1, HABIT_ELEAK },
        { "all", "all", learned, data, HABIT_ELEAK },
        { "other protocol", "ratio", split_fingerprint(other), data, HABIT_ELEAK },
        { "other cuts", "leave-one-out", learned + 1, data, HABIT_ELEAK },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        habit_error error = { 0 };
        CHECK(split_check_unseen(s, cases[i].protocol, cases[i].learned, cases[i].data, &error) ==
                  cases[i].want,
              "%s: %s", cases[i].name, error.message);
    }
    split_free(s);
    split_free(other);
    opt_values_free(&v);
    opt_values_free(&w);
    dataset_close(d);
}

static void test_memory(void)
{
    toy *t = NEW(toy, 1);
    rng r = rng_at(9, 0, 0);
    dataset *d = random_log(t, &r, true), *test = given_test();
    for (size_t w = 0; w <= COUNT_OF(ways); w++) {
        opt_values v = w < COUNT_OF(ways) ? options(ways[w]) : defaults();
        const long live = mem_live();
        habit_status st = HABIT_ENOMEM;
        for (long n = 0; st == HABIT_ENOMEM && n < 100; n++) {
            split *s = NULL;
            mem_fail_after(n);
            st = split_make(&s, d, w < COUNT_OF(ways) ? NULL : test, false, v.values, NULL, NULL);
            mem_fail_after(-1);
            split_free(s);
            CHECK(mem_live() == live, "way %zu: %ld blocks leaked", w, mem_live() - live);
        }
        CHECK(st == HABIT_OK, "way %zu: %s", w, habit_status_text(st));
        opt_values_free(&v);
    }
    dataset_close(d);
    dataset_close(test);
    mem_free(t);
}

int main(void)
{
    test_properties();
    test_leave_one_out();
    test_time_spans();
    test_auto();
    test_refusals();
    test_given();
    test_unseen();
    test_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

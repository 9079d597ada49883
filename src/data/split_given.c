// split_given.c - targets from a test file, matched to the log by id.
//
// The test file is a dataset of its own, with its own numbers: users and items are looked up by
// id.  Users the log does not know are strangers, numbered after its users; items it does not know
// stay as ITEM_NONE, since no model can recommend them and leaving them out would flatter all.
#include "base/memory.h"
#include "data/split_parts.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

// Numbers of the test file in numbers of the log.
typedef struct translation {
    uint32_t *item;      // [test items], ITEM_NONE if unknown
    uint32_t *user;      // [test users], data->users + k for strangers
    uint32_t *test_user; // [users], the inverse; USER_NONE if not in the test file
    uint32_t *stamp;     // [test items], last user who had it, + 1
    uint8_t behaviour[256];
    uint32_t users, strangers;
} translation;

static void translation_free(translation *t)
{
    mem_free(t->item);
    mem_free(t->user);
    mem_free(t->test_user);
    mem_free(t->stamp);
}

// UINT8_MAX for behaviours the log does not know: codes end below it.
static void translate_behaviours(translation *t, const dataset *d, const dataset *test)
{
    memset(t->behaviour, UINT8_MAX, sizeof t->behaviour);
    for (uint32_t b = 0; b < test->behaviours.count; b++)
        for (uint32_t k = 0; k < d->behaviours.count; k++) {
            size_t b_len, k_len;
            const char *x = names_at(&test->behaviours, b, &b_len);
            const char *y = names_at(&d->behaviours, k, &k_len);
            if (b_len == k_len && memcmp(x, y, b_len) == 0) t->behaviour[b] = (uint8_t)k;
        }
}

static habit_status translate(translation *t, const dataset *d, const dataset *test, bool sessions,
                              habit_error *err)
{
    if ((uint64_t)d->users + test->users >= USER_NONE)
        return fail(err, HABIT_ELIMIT, "more than 4294967294 users with those of the test file");
    t->item = NEW(uint32_t, test->items);
    t->user = NEW(uint32_t, test->users);
    t->stamp = ZNEW(uint32_t, test->items);
    t->test_user = NEW(uint32_t, (size_t)d->users + test->users);
    if (!t->item || !t->user || !t->stamp || !t->test_user)
        return fail_memory(err, "test file", (size_t)test->items * 8 + (size_t)test->users * 8);
    for (uint32_t i = 0; i < test->items; i++) {
        size_t len;
        const char *id = names_at(&test->item_ids, i, &len);
        t->item[i] = names_find(&d->item_ids, id, len);
    }
    for (uint32_t u = 0; u < d->users; u++) t->test_user[u] = USER_NONE;
    for (uint32_t u = 0; u < test->users; u++) {
        size_t len;
        const char *id = names_at(&test->user_ids, u, &len);
        uint32_t known = sessions ? USER_NONE : names_find(&d->user_ids, id, len);
        if (known == USER_NONE) known = d->users + t->strangers++;
        t->user[u] = known;
        t->test_user[known] = u;
    }
    t->users = d->users + t->strangers;
    translate_behaviours(t, d, test);
    return HABIT_OK;
}

// Appends event e of the test file to the split's columns.
static void append(split *s, const translation *t, const dataset *test, uint64_t e, uint64_t *to)
{
    s->item[*to] = t->item[test->item[e]];
    if (s->time) s->time[*to] = test->time[e];
    if (s->behaviour) s->behaviour[*to] = t->behaviour[test->behaviour[e]];
    if (s->value) s->value[*to] = test->value[e];
    if (s->session) s->session[*to] = test->session[e];
    (*to)++;
}

// Whether the log already holds this event of this user: at the same time where both have time.
static bool already_known(const dataset *d, uint32_t u, uint32_t item, const dataset *test,
                          uint64_t e)
{
    if (u >= d->users || item == ITEM_NONE) return false;
    for (uint64_t k = d->offset[u]; k < d->offset[u + 1]; k++)
        if (d->item[k] == item && (!d->time || !test->time || d->time[k] == test->time[e]))
            return true;
    return false;
}

// Targets of every user: the test file's events, each item once.
static uint64_t fill_targets(split *s, translation *t, const dataset *test, uint64_t *known)
{
    uint64_t to = 0;
    for (uint32_t u = 0; u < t->users; u++) {
        const uint32_t theirs = t->test_user[u];
        s->cut[0][u] = to;
        if (theirs != USER_NONE)
            for (uint64_t e = test->offset[theirs]; e < test->offset[theirs + 1]; e++) {
                const uint32_t item = test->item[e];
                if (t->stamp[item] == u + 1) continue;
                t->stamp[item] = u + 1;
                *known += already_known(s->data, u, t->item[item], test, e);
                append(s, t, test, e, &to);
            }
        s->cut[1][u] = to;
    }
    return to;
}

static habit_status check_overlap(const split *s, uint64_t known, uint64_t total, const run *r,
                                  habit_error *err)
{
    const dataset *d = s->data;
    if (known == total && total > 0)
        return fail(err, HABIT_ELEAK,
                    "every event of the test file is in the log itself: a model that learned from "
                    "the log has seen all it must predict");
    if (known > 0)
        run_log(r, LOG_WARN, "%llu of %llu test targets are %s in the log too",
                (unsigned long long)known, (unsigned long long)total,
                d->time ? "events that stand" : "items that their user already has");
    return HABIT_OK;
}

// Known users have all their events as history; strangers none.
static habit_status files_targets(split *s, translation *t, const dataset *test, const run *r,
                                  habit_error *err)
{
    const dataset *d = s->data;
    uint64_t known = 0;
    for (int k = 0; k < 4; k++) TRY(split_cut_new(s, k, t->users, err));
    const uint64_t total = fill_targets(s, t, test, &known);
    TRY(check_overlap(s, known, total, r, err));
    memcpy(s->cut[2], d->offset, d->users * sizeof(uint64_t));
    memcpy(s->cut[3], d->offset + 1, d->users * sizeof(uint64_t));
    s->history[STAGE_TEST] = split_view(s, false, t->users, s->cut[2], s->cut[3]);
    s->targets[STAGE_TEST] = split_view(s, true, t->users, s->cut[0], s->cut[1]);
    snprintf(s->describe, sizeof s->describe,
             "given: the %llu targets of the test file (%u users, %u of them not in the log), each "
             "item once per user; all of the log is history",
             (unsigned long long)total, test->users, t->strangers);
    return HABIT_OK;
}

// Every user of the file is a stranger: the last event is the target, earlier ones the history,
// without the items that the log does not know.
static habit_status session_targets(split *s, translation *t, const dataset *test, habit_error *err)
{
    uint64_t to = 0;
    for (int k = 0; k < 3; k++) TRY(split_cut_new(s, k, t->users, err));
    for (uint32_t u = 0; u < t->users; u++) {
        const uint32_t theirs = t->test_user[u];
        const uint64_t begin = theirs == USER_NONE ? 0 : test->offset[theirs];
        const uint64_t end = theirs == USER_NONE ? 0 : test->offset[theirs + 1];
        s->cut[0][u] = to;
        for (uint64_t e = begin; e + 1 < end; e++)
            if (t->item[test->item[e]] != ITEM_NONE) append(s, t, test, e, &to);
        s->cut[1][u] = to;
        if (begin < end) append(s, t, test, end - 1, &to);
        s->cut[2][u] = to;
    }
    s->history[STAGE_TEST] = split_view(s, true, t->users, s->cut[0], s->cut[1]);
    s->targets[STAGE_TEST] = split_view(s, true, t->users, s->cut[1], s->cut[2]);
    snprintf(s->describe, sizeof s->describe,
             "given: the last event of each of the %u sessions of the test file is the target, its "
             "earlier events are the history",
             test->users);
    return HABIT_OK;
}

habit_status split_given(split *s, const dataset *test, bool sessions, const run *r,
                         habit_error *err)
{
    const dataset *d = s->data;
    translation t = { 0 };
    habit_status st = translate(&t, d, test, sessions, err);
    if (st == HABIT_OK) st = split_columns_new(s, test, test->events, err);
    if (st == HABIT_OK && !d->behaviours.count) { // codes of the log would mean nothing
        mem_free(s->behaviour);
        s->behaviour = NULL;
    }
    if (st == HABIT_OK)
        st = sessions ? session_targets(s, &t, test, err) : files_targets(s, &t, test, r, err);
    translation_free(&t);
    if (st != HABIT_OK) return st;
    if (s->targets[STAGE_TEST].events == 0)
        return fail(err, HABIT_EINVAL, "the test file has no events");

    s->train = log_view_all(d);
    s->history[STAGE_VALID] = s->train;
    s->targets[STAGE_VALID] = split_view(s, false, d->users, d->offset, d->offset);
    s->fingerprint = XXH3_64bits_withSeed(&test->fingerprint, 8, sessions);
    return HABIT_OK;
}

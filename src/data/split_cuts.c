// split_cuts.c - the protocols that cut one log: where each user's history ends.
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/split_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

// The common case: | train .. train_end | valid .. valid_end | test .. end | in each user's events.
static void set_three_parts(split *s, bool own)
{
    const dataset *d = s->data;
    const uint64_t *begin = d->offset, *end = d->offset + 1;
    const uint64_t *train_end = s->cut[0], *valid_end = s->cut[1];
    s->train = split_view(s, own, d->users, begin, train_end);
    s->history[STAGE_VALID] = s->train;
    s->targets[STAGE_VALID] = split_view(s, own, d->users, train_end, valid_end);
    s->history[STAGE_TEST] = split_view(s, own, d->users, begin, valid_end);
    s->targets[STAGE_TEST] = split_view(s, own, d->users, valid_end, end);
}

static uint32_t users_asked(const log_view *targets)
{
    uint32_t n = 0;
    for (uint32_t u = 0; u < targets->users; u++) n += targets->end[u] > targets->begin[u];
    return n;
}

static habit_status two_cuts(split *s, habit_error *err)
{
    TRY(split_cut_new(s, 0, s->data->users, err));
    return split_cut_new(s, 1, s->data->users, err);
}

static habit_status must_ask(const split *s, const char *mend, habit_error *err)
{
    if (s->targets[STAGE_TEST].events > 0) return HABIT_OK;
    return fail(err, HABIT_EINVAL, "protocol %s finds nothing to hold out: %s", s->protocol, mend);
}

// --- leave-one-out -------------------------------------------------------------------------------

habit_status split_leave_one_out(split *s, const split_options *o, habit_error *err)
{
    const dataset *d = s->data;
    TRY(two_cuts(s, err));
    for (uint32_t u = 0; u < d->users; u++) {
        const uint64_t end = d->offset[u + 1], n = end - d->offset[u];
        const bool asked = n >= (uint64_t)o->min_history && n >= 2;
        s->cut[1][u] = asked ? end - 1 : end;
        s->cut[0][u] = asked ? end - (n > 2 ? 2 : 1) : end; // one event must be left to learn from
    }
    set_three_parts(s, false);
    snprintf(s->describe, sizeof s->describe,
             "leave-one-out: of each user with at least %d events (%u of %u), the last is the test "
             "target and the one before it the validation target",
             o->min_history, users_asked(&s->targets[STAGE_TEST]), d->users);
    return must_ask(s, "no user has that many events (--min-history)", err);
}

// --- time-split ----------------------------------------------------------------------------------

// The k-th smallest time, k from 0, by radix selection: four passes over the column, 16 bits each,
// counting those that agree with what is settled so far.
static habit_status nth_time(const dataset *d, uint64_t k, int64_t *out, habit_error *err)
{
    enum { BITS = 16, BINS = 1 << BITS, BLOCK = 1 << 20 };
    const uint64_t sign = UINT64_C(1) << 63; // makes unsigned order the order of times
    uint64_t *count = NEW(uint64_t, BINS), prefix = 0;
    if (!count) return fail_memory(err, "time histogram", BINS * sizeof *count);
    for (int shift = 64 - BITS; shift >= 0; shift -= BITS) {
        const uint64_t settled = shift + BITS == 64 ? 0 : ~UINT64_C(0) << (shift + BITS);
        memset(count, 0, BINS * sizeof *count);
        for (uint64_t from = 0; from < d->events; from += BLOCK) {
            const uint64_t to = d->events - from < BLOCK ? d->events : from + BLOCK;
            for (uint64_t e = from; e < to; e++) {
                const uint64_t key = (uint64_t)d->time[e] ^ sign;
                if ((key & settled) == prefix) count[key >> shift & (BINS - 1)]++;
            }
            dataset_forget(d, d->time + from, (size_t)(to - from) * sizeof *d->time);
        }
        uint64_t bin = 0;
        while (k >= count[bin]) k -= count[bin++];
        prefix |= bin << shift;
    }
    mem_free(count);
    *out = (int64_t)(prefix ^ sign);
    return HABIT_OK;
}

static int64_t last_time(const dataset *d)
{
    int64_t last = INT64_MIN;
    for (uint32_t u = 0; u < d->users; u++) {
        const uint64_t end = d->offset[u + 1];
        if (end > d->offset[u] && d->time[end - 1] > last) last = d->time[end - 1];
    }
    return last;
}

// The first event of the user at or after `moment`.
static uint64_t first_at(const dataset *d, uint32_t u, int64_t moment)
{
    uint64_t low = d->offset[u], high = d->offset[u + 1];
    while (low < high) {
        const uint64_t mid = low + (high - low) / 2;
        if (d->time[mid] < moment)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

// cut[k][u] becomes the first event at or after `moment`; *before counts the events before it.
static void cut_at(split *s, int k, int64_t moment, uint64_t *before)
{
    *before = 0;
    for (uint32_t u = 0; u < s->data->users; u++) {
        s->cut[k][u] = first_at(s->data, u, moment);
        *before += s->cut[k][u] - s->data->offset[u];
    }
}

// The moment from which on lie the last of the first `before` events: as many as `share` of all.
static habit_status share_moment(const dataset *d, uint64_t before, double share, int64_t *moment,
                                 habit_error *err)
{
    uint64_t held = (uint64_t)llround(share * (double)d->events);
    if (held == 0) held = 1;
    return nth_time(d, before > held ? before - held : 0, moment, err);
}

// The two moments; targets of each stage are the events at or after its moment.
static habit_status find_moments(split *s, const split_options *o, int64_t *valid_at,
                                 int64_t *test_at, habit_error *err)
{
    const dataset *d = s->data;
    const int64_t last = last_time(d);
    uint64_t before = 0;
    *test_at = o->test_span > 0 ? last - o->test_span : last + 1;
    if (o->test_span <= 0 && o->test > 0) TRY(share_moment(d, d->events, o->test, test_at, err));
    cut_at(s, 1, *test_at, &before);
    *valid_at = o->valid_span > 0 ? *test_at - o->valid_span : *test_at;
    if (o->valid_span <= 0 && o->valid > 0) TRY(share_moment(d, before, o->valid, valid_at, err));
    if (*valid_at > *test_at) *valid_at = *test_at;
    cut_at(s, 0, *valid_at, &before);
    return HABIT_OK;
}

habit_status split_time(split *s, const split_options *o, habit_error *err)
{
    const dataset *d = s->data;
    int64_t valid_at, test_at;
    if (!d->time)
        return fail(err, HABIT_EINVAL,
                    "protocol time-split needs time, and this log has none: use --protocol "
                    "leave-one-out if the log is in order, else --protocol ratio");
    if (d->events == 0) return fail(err, HABIT_EINVAL, "the log has no events");
    TRY(two_cuts(s, err));
    TRY(find_moments(s, o, &valid_at, &test_at, err));
    set_three_parts(s, false);

    char valid_text[32], test_text[32];
    time_format_iso(valid_text, valid_at);
    time_format_iso(test_text, test_at);
    snprintf(s->describe, sizeof s->describe,
             "time-split: events from %s on are test targets (%llu of %u users), those from %s "
             "until then validation targets (%llu), all earlier ones (%llu) train",
             test_text, (unsigned long long)s->targets[STAGE_TEST].events,
             users_asked(&s->targets[STAGE_TEST]), valid_text,
             (unsigned long long)s->targets[STAGE_VALID].events,
             (unsigned long long)s->train.events);
    return must_ask(s, "--test-share or --test-span is too small", err);
}

// --- user-holdout --------------------------------------------------------------------------------

static double user_uniform(const dataset *d, uint32_t u, int64_t seed)
{
    size_t len;
    const char *id = names_at(&d->user_ids, u, &len);
    return (double)(XXH3_64bits_withSeed(id, len, (uint64_t)seed) >> 11) * 0x1p-53;
}

// A held-out user's last fifth is asked for, from the rest as history.
static const double holdout_targets = 0.2;

habit_status split_user_holdout(split *s, const split_options *o, habit_error *err)
{
    const dataset *d = s->data;
    for (int k = 0; k < 4; k++) TRY(split_cut_new(s, k, d->users, err));
    uint64_t *train_end = s->cut[0], *valid_cut = s->cut[1], *valid_stop = s->cut[2],
             *test_cut = s->cut[3];
    for (uint32_t u = 0; u < d->users; u++) {
        const uint64_t begin = d->offset[u], end = d->offset[u + 1], n = end - begin;
        const double x = user_uniform(d, u, o->split_seed);
        const bool long_enough = n >= (uint64_t)o->min_history && n >= 2;
        const bool test = long_enough && x < o->test;
        const bool valid = long_enough && !test && x < o->test + o->valid;
        uint64_t asked = (uint64_t)llround(holdout_targets * (double)n);
        if (asked == 0) asked = 1;

        train_end[u] = test || valid ? begin : end;
        test_cut[u] = test ? end - asked : end;
        valid_cut[u] = valid || test ? end - asked : end;
        valid_stop[u] = test ? valid_cut[u] : end; // a test user's targets stay out of validation
    }
    const uint64_t *begin = d->offset, *end = d->offset + 1;
    s->train = split_view(s, false, d->users, begin, train_end);
    s->history[STAGE_VALID] = split_view(s, false, d->users, begin, valid_cut);
    s->targets[STAGE_VALID] = split_view(s, false, d->users, valid_cut, valid_stop);
    s->history[STAGE_TEST] = split_view(s, false, d->users, begin, test_cut);
    s->targets[STAGE_TEST] = split_view(s, false, d->users, test_cut, end);
    snprintf(s->describe, sizeof s->describe,
             "user-holdout: %u of %u users are kept from training for testing and %u for "
             "validation; the last fifth of their events are targets, the rest is their history",
             users_asked(&s->targets[STAGE_TEST]), d->users, users_asked(&s->targets[STAGE_VALID]));
    return must_ask(s, "--test-share is too small, or no user has --min-history events", err);
}

// --- ratio ---------------------------------------------------------------------------------------

static uint64_t share_of(uint64_t n, double share)
{
    const uint64_t k = (uint64_t)llround(share * (double)n);
    return share > 0 && k == 0 ? 1 : k;
}

// Which part each of a user's n events goes to: part[i] is 0 train, 1 valid, 2 test.  A random
// permutation (Fisher and Yates) gives its first places to train, its last to test.
static void draw_parts(uint8_t *part, uint32_t *place, uint64_t n, uint64_t train, uint64_t valid,
                       rng *r)
{
    for (uint64_t i = 0; i < n; i++) place[i] = (uint32_t)i;
    for (uint64_t i = n; i > 1; i--) {
        const uint64_t k = rng_below(r, i);
        const uint32_t swap = place[i - 1];
        place[i - 1] = place[k];
        place[k] = swap;
    }
    for (uint64_t i = 0; i < n; i++) part[place[i]] = i < train ? 0 : i < train + valid ? 1 : 2;
}

// Appends the user's events of the parts first..last to the split's columns, in their order.
static void append_parts(split *s, uint32_t u, const uint8_t *part, int first, int last,
                         uint64_t *to)
{
    const dataset *d = s->data;
    const uint64_t begin = d->offset[u], end = d->offset[u + 1];
    for (uint64_t e = begin; e < end; e++) {
        if (part[e - begin] < first || part[e - begin] > last) continue;
        s->item[*to] = d->item[e];
        if (d->time) s->time[*to] = d->time[e];
        if (d->behaviour) s->behaviour[*to] = d->behaviour[e];
        if (d->value) s->value[*to] = d->value[e];
        if (d->session) s->session[*to] = d->session[e];
        ++*to;
    }
}

// The split's own columns: all events part after part, then once more train and valid together,
// so that the history known at test is in order too.
static habit_status shuffle(split *s, int64_t seed, habit_error *err)
{
    const dataset *d = s->data;
    uint64_t longest = 0;
    for (uint32_t u = 0; u < d->users; u++)
        if (d->offset[u + 1] - d->offset[u] > longest) longest = d->offset[u + 1] - d->offset[u];
    if (longest > UINT32_MAX) return fail(err, HABIT_ELIMIT, "a user with more than 2^32 events");
    uint64_t known = 0, to = 0, again = d->events;
    for (uint32_t u = 0; u < d->users; u++) known += s->cut[1][u] - d->offset[u];
    TRY(split_cut_new(s, 2, d->users, err));
    TRY(split_cut_new(s, 3, d->users, err));
    TRY(split_columns_new(s, d, d->events + known, err));
    uint8_t *part = NEW(uint8_t, (size_t)longest);
    uint32_t *place = NEW(uint32_t, (size_t)longest);
    habit_status st = HABIT_OK;
    if (!part || !place) st = fail_memory(err, "split", (size_t)longest * 5);
    for (uint32_t u = 0; st == HABIT_OK && u < d->users; u++) {
        size_t len;
        const char *id = names_at(&d->user_ids, u, &len);
        rng r = rng_at((uint64_t)seed, ids_hash(id, len), 0);
        const uint64_t begin = d->offset[u], train = s->cut[0][u] - begin;
        draw_parts(part, place, d->offset[u + 1] - begin, train, s->cut[1][u] - s->cut[0][u], &r);
        for (int p = 0; p < 3; p++) append_parts(s, u, part, p, p, &to);
        s->cut[2][u] = again;
        append_parts(s, u, part, 0, 1, &again);
        s->cut[3][u] = again;
    }
    mem_free(part);
    mem_free(place);
    s->fingerprint = XXH3_64bits_withSeed("random", 6, (uint64_t)seed);
    return st;
}

habit_status split_ratio(split *s, const split_options *o, habit_error *err)
{
    const dataset *d = s->data;
    const bool random = strcmp(o->order, "random") == 0;
    TRY(two_cuts(s, err));
    for (uint32_t u = 0; u < d->users; u++) {
        const uint64_t end = d->offset[u + 1], n = end - d->offset[u];
        uint64_t test = share_of(n, o->test), valid = share_of(n, o->valid);
        if (n < (uint64_t)o->min_history || n < 2) test = valid = 0;
        if (test + valid >= n && n > 0) { // one event must be left to learn from
            test = test < n ? test : n - 1;
            valid = n - 1 - test;
        }
        s->cut[1][u] = end - test;
        s->cut[0][u] = end - test - valid;
    }
    if (random) TRY(shuffle(s, o->split_seed, err));
    set_three_parts(s, random);
    if (random) s->history[STAGE_TEST] = split_view(s, true, d->users, s->cut[2], s->cut[3]);
    snprintf(s->describe, sizeof s->describe,
             "ratio: of each user with at least %d events, %s %g %% are test targets and %g %% "
             "validation targets (%u of %u users)",
             o->min_history, random ? "a random" : "the last", 100 * o->test, 100 * o->valid,
             users_asked(&s->targets[STAGE_TEST]), d->users);
    return must_ask(s, "--test-share is 0, or no user has --min-history events", err);
}

// --- all -----------------------------------------------------------------------------------------

habit_status split_all(split *s, const split_options *o, habit_error *err)
{
    const dataset *d = s->data;
    (void)o;
    TRY(two_cuts(s, err));
    memcpy(s->cut[0], d->offset + 1, d->users * sizeof(uint64_t));
    memcpy(s->cut[1], d->offset + 1, d->users * sizeof(uint64_t));
    set_three_parts(s, false);
    snprintf(s->describe, sizeof s->describe, "all: every event is learned from, none is held out");
    return HABIT_OK;
}

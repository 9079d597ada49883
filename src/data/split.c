// split.c - choosing a protocol, freezing it, and saying which models may take part.
#include "base/memory.h"
#include "data/split_parts.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

// clang-format off
const opt split_table[] = {
#define AT(field) offsetof(split_options, field)
    { "protocol", "NAME", OPT_CHOICE, AT(protocol), "auto", 0, 0,
      "auto|leave-one-out|time-split|user-holdout|ratio|all",
      "what is held out: each user's last event (leave-one-out), all that happens after a moment (time-split), whole users (user-holdout), a share of each user's events (ratio), nothing (all); auto takes leave-one-out if the log has an order, else all" },
    { "valid-share", "R", OPT_REAL, AT(valid), "0.1", 0, 0.9, NULL,
      "share held out for validation: of events (time-split, ratio) or users (user-holdout)" },
    { "test-share", "R", OPT_REAL, AT(test), "0.1", 0, 0.9, NULL,
      "share held out for testing: of events (time-split, ratio) or users (user-holdout)" },
    { "valid-span", "SPAN", OPT_SPAN, AT(valid_span), "0s", 0, 9e15, NULL,
      "time-split: length of the validation period, before the test period; 0 goes by share" },
    { "test-span", "SPAN", OPT_SPAN, AT(test_span), "0s", 0, 9e15, NULL,
      "time-split: length of the test period, up to the last event; 0 goes by share" },
    { "split-order", "ORDER", OPT_CHOICE, AT(order), "time", 0, 0, "time|random",
      "ratio: hold out each user's last events, or random ones" },
    { "split-seed", "N", OPT_LONG, AT(split_seed), "1", 0, 9e15, NULL,
      "seed of what a split draws at random: users held out, random order" },
    { "min-history", "N", OPT_INT, AT(min_history), "3", 2, 1e9, NULL,
      "users with fewer events are kept whole in train (not for time-split)" },
#undef AT
    OPT_END,
};
// clang-format on

log_view log_view_all(const dataset *d)
{
    return (log_view){ .data = d,
                       .users = d->users,
                       .items = d->items,
                       .begin = d->offset,
                       .end = d->offset + 1,
                       .item = d->item,
                       .time = d->time,
                       .behaviour = d->behaviour,
                       .value = d->value,
                       .session = d->session,
                       .events = d->events };
}

// --- parts ---------------------------------------------------------------------------------------

habit_status split_cut_new(split *s, int k, uint64_t n, habit_error *err)
{
    s->cut[k] = ZNEW(uint64_t, (size_t)n + 1);
    return s->cut[k] ? HABIT_OK : fail_memory(err, "split", (size_t)n * sizeof(uint64_t));
}

habit_status split_columns_new(split *s, const dataset *like, uint64_t n, habit_error *err)
{
    const size_t count = (size_t)n;
    s->item = NEW(uint32_t, count);
    if (like->time) s->time = NEW(int64_t, count);
    if (like->behaviour) s->behaviour = NEW(uint8_t, count);
    if (like->value) s->value = NEW(float, count);
    if (like->session) s->session = NEW(uint32_t, count);
    if (s->item && !s->time == !like->time && !s->behaviour == !like->behaviour &&
        !s->value == !like->value && !s->session == !like->session)
        return HABIT_OK;
    return fail_memory(err, "split", count * (sizeof *s->item + sizeof *s->time));
}

log_view split_view(const split *s, bool own, uint32_t users, const uint64_t *begin,
                    const uint64_t *end)
{
    log_view v = log_view_all(s->data);
    if (own) {
        v.item = s->item;
        v.time = s->time;
        v.behaviour = s->behaviour;
        v.value = s->value;
        v.session = s->session;
    }
    v.users = users;
    v.begin = begin;
    v.end = end;
    v.events = 0;
    for (uint32_t u = 0; u < users; u++) v.events += end[u] - begin[u];
    return v;
}

// --- making --------------------------------------------------------------------------------------

// Every view's cuts and sizes, after what the protocol has put into the fingerprint already.
static void freeze(split *s)
{
    uint64_t h = XXH3_64bits_withSeed(s->protocol, strlen(s->protocol), s->data->fingerprint);
    h = XXH3_64bits_withSeed(&s->fingerprint, sizeof s->fingerprint, h);
    const log_view *views[] = { &s->train, &s->history[0], &s->history[1], &s->targets[0],
                                &s->targets[1] };
    for (size_t i = 0; i < COUNT_OF(views); i++) {
        const size_t bytes = views[i]->users * sizeof(uint64_t);
        h = XXH3_64bits_withSeed(views[i]->begin, bytes, h);
        h = XXH3_64bits_withSeed(views[i]->end, bytes, h);
    }
    s->fingerprint = h;
}

static const char *resolve(const dataset *d, const split_options *o, const run *r)
{
    const bool by_order = strcmp(o->protocol, "leave-one-out") == 0 ||
                          (strcmp(o->protocol, "ratio") == 0 && strcmp(o->order, "time") == 0);
    if (by_order && !d->ordered)
        run_log(r, LOG_WARN,
                "the log has no time and each user's items stand sorted: the last items held out "
                "are those of the highest number, not the latest");
    if (strcmp(o->protocol, "auto") != 0) return o->protocol;
    if (d->ordered) return "leave-one-out";
    run_log(r, LOG_WARN,
            "the log has no time and each user's items stand sorted, so there is no last item to "
            "hold out; all of it is used for training, and evaluate needs --test FILE (or pass "
            "--protocol ratio --split-order random)");
    return "all";
}

static habit_status apply(split *s, const split_options *o, habit_error *err)
{
    static const struct {
        const char *name;
        habit_status (*fn)(split *, const split_options *, habit_error *);
    } protocols[] = {
        { "leave-one-out", split_leave_one_out },
        { "time-split", split_time },
        { "user-holdout", split_user_holdout },
        { "ratio", split_ratio },
        { "all", split_all },
    };
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (strcmp(s->protocol, protocols[i].name) == 0) {
            s->protocol = protocols[i].name; // a constant: outlives the options
            return protocols[i].fn(s, o, err);
        }
    return fail(err, HABIT_EINVAL, "--protocol: '%s' is not known", s->protocol);
}

habit_status split_make(split **out, const dataset *d, const dataset *test, bool test_sessions,
                        const split_options *o, const run *r, habit_error *err)
{
    split *s = ZNEW(split, 1);
    if (!s) return fail_memory(err, "split", sizeof *s);
    s->data = d;
    habit_status st;
    if (test) {
        if (strcmp(o->protocol, "auto") != 0 && strcmp(o->protocol, "all") != 0)
            run_log(r, LOG_WARN, "the test file brings its own targets: --protocol %s is not used",
                    o->protocol);
        s->protocol = "given";
        st = split_given(s, test, test_sessions, r, err);
    } else if (o->valid + o->test >= 1) {
        st = fail(err, HABIT_EINVAL, "--valid-share %g and --test-share %g leave nothing to learn",
                  o->valid, o->test);
    } else {
        s->protocol = resolve(d, o, r);
        st = apply(s, o, err);
    }
    if (st == HABIT_OK && s->train.events == 0)
        st = fail(err, HABIT_EINVAL, "protocol %s leaves no event to learn from: %s", s->protocol,
                  s->describe);
    if (st != HABIT_OK) {
        split_free(s);
        return st;
    }
    freeze(s);
    run_log(r, LOG_DETAIL, "split: %s", s->describe);
    *out = s;
    return HABIT_OK;
}

void split_free(split *s)
{
    if (!s) return;
    for (int k = 0; k < SPLIT_CUTS; k++) mem_free(s->cut[k]);
    mem_free(s->item);
    mem_free(s->time);
    mem_free(s->behaviour);
    mem_free(s->value);
    mem_free(s->session);
    mem_free(s);
}

// --- asking --------------------------------------------------------------------------------------

log_view split_train(const split *s)
{
    return s->train;
}
log_view split_history(const split *s, stage st)
{
    return s->history[st];
}
log_view split_targets(const split *s, stage st)
{
    return s->targets[st];
}
const char *split_protocol(const split *s)
{
    return s->protocol;
}
const char *split_describe(const split *s)
{
    return s->describe;
}
uint64_t split_fingerprint(const split *s)
{
    return s->fingerprint;
}

habit_status split_check_unseen(const split *s, const char *protocol, uint64_t learned,
                                uint64_t data, habit_error *err)
{
    if (s->targets[STAGE_TEST].events == 0)
        return fail(err, HABIT_EINVAL,
                    "protocol %s holds nothing out, so there is nothing to measure: give --test "
                    "FILE, or train and evaluate with another --protocol",
                    s->protocol);
    if (data != s->data->fingerprint)
        return fail(err, HABIT_ELEAK,
                    "the model learned from other data (fingerprint %016llx, this is %016llx), "
                    "which may hold what it must predict: train it on this data",
                    (unsigned long long)data, (unsigned long long)s->data->fingerprint);
    if (strcmp(s->protocol, "given") == 0) return HABIT_OK; // all of the data is history
    if (strcmp(protocol, s->protocol) != 0)
        return fail(err, HABIT_ELEAK,
                    "the model was trained with --protocol %s and so may have seen what %s asks: "
                    "train it with --protocol %s",
                    protocol, s->protocol, s->protocol);
    if (learned != s->fingerprint)
        return fail(err, HABIT_ELEAK,
                    "the model was trained with another %s split (shares, spans, seed or minimum "
                    "history differ): use the options it was trained with, or train it again",
                    s->protocol);
    return HABIT_OK;
}

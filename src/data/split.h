// split.h - who may see what: every protocol as cut points in each user's history.
//
//     user u:   | train ............. | valid | test |
//             begin            train_end  valid_end  end
//
// A protocol never needs more than that: leave-one-out cuts off the last two events, a time split
// cuts at two moments, a user hold-out moves whole users to the right, a ratio cuts by count, and
// a random order (for logs without time) permutes each user's events first.  A test file brings
// its own targets.  The split is frozen by its fingerprint: same data, protocol and seed, same
// split.
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H
#include "base/opt.h"
#include "base/run.h"
#include "data/dataset.h"

// One stretch of each user's events: what a model may learn from, or is asked about.  Borrowed
// from a dataset and a split, which must outlive it.  Event e of user u: begin[u] <= e < end[u].
typedef struct log_view {
    const dataset *data;
    uint32_t users, items;       // users may exceed data->users: strangers of a test file come last
    const uint64_t *begin, *end; // [users], indices into the columns below
    const uint32_t *item;        // targets of a test file may hold ITEM_NONE: not in the log
    const int64_t *time;         // or NULL, as in dataset
    const uint8_t *behaviour;    // or NULL
    const float *value;          // or NULL
    const uint32_t *session;     // or NULL; ascends within a user, but may leave numbers out
    uint64_t events;             // sum of end - begin
} log_view;

// The whole dataset as one view.  begin/end are borrowed from data->offset.
log_view log_view_all(const dataset *d);

typedef enum stage { STAGE_VALID, STAGE_TEST } stage;

typedef struct split_options {
    const char *protocol;          // auto | leave-one-out | time-split | user-holdout | ratio | all
    double valid, test;            // shares of events or users; for ratio, user-holdout, time-split
    int64_t valid_span, test_span; // time-split by length of time instead, e.g. the last 7 days
    const char *order;             // time | random: which of a user's events a ratio takes as last
    int64_t split_seed;
    int min_history; // users with fewer events keep all of them in train; not for time-split
} split_options;

// --protocol --valid-share --test-share --valid-span --test-span --split-order --split-seed
// --min-history
extern const opt split_table[];

typedef struct split split;

// `test` is the dataset of a given test file, or NULL; its rows are the test targets, matched by
// id, and all of `d` is history; the options then do not matter.  A user's targets are a set: an
// item that stands there twice counts once.  Users `d` does not know are strangers without
// history.  A test file whose every event is in `d` is refused (HABIT_ELEAK).  If
// `test_sessions`, each of its users is a stranger whose last event is the target and whose
// earlier events, as far as `d` knows the items, are the history.
habit_status split_make(split **out, const dataset *d, const dataset *test, bool test_sessions,
                        const split_options *opt, const run *run, habit_error *err);
void split_free(split *s);

// What `train` learns from; what is known when stage `st` is asked; what must be predicted then.
// A user whose targets view is empty is not asked; one whose history is empty is asked as a cold
// user.  Every view is in time order within a user.  Views borrow from the split.
log_view split_train(const split *s);
log_view split_history(const split *s, stage st);
log_view split_targets(const split *s, stage st);

const char *split_protocol(const split *s); // the resolved name, never "auto"; "given" for a file
const char *split_describe(const split *s); // one sentence for people
uint64_t split_fingerprint(const split *s); // of data, protocol, cuts
// HABIT_OK if a model that learned from the train view of the split with fingerprint `learned`,
// made with `protocol` on data with fingerprint `data`, cannot have seen any test target of s.
//
//   - other data: HABIT_ELEAK, since nothing is known about what that data held
//   - a test file: the same data is enough; every train view is part of it, and all of it counts
//     as history
//   - else: the same protocol and the same fingerprint, that is the same cuts
//
// HABIT_EINVAL if s has no test targets at all (protocol all), with words that say what to do.
habit_status split_check_unseen(const split *s, const char *protocol, uint64_t learned,
                                uint64_t data, habit_error *err);

#endif

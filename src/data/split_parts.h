// split_parts.h - what the files of the split share; for data/split*.c only.
#ifndef DATA_SPLIT_PARTS_H
#define DATA_SPLIT_PARTS_H
#include "data/split.h"

enum { SPLIT_CUTS = 4 };

struct split {
    const dataset *data;
    const char *protocol;
    char describe[400];
    uint64_t fingerprint;
    log_view train, history[2], targets[2]; // by enum stage
    uint64_t *cut[SPLIT_CUTS];              // owned; what the views' begin and end point to
    // Owned columns, where the dataset's own cannot serve: a random order, or a test file.
    uint32_t *item;
    int64_t *time;
    uint8_t *behaviour;
    float *value;
    uint32_t *session;
};

// Makes cut[k] an array of n.
habit_status split_cut_new(split *s, int k, uint64_t n, habit_error *err);
// Columns of n events beside the dataset's; all but item only if `like` has them.
habit_status split_columns_new(split *s, const dataset *like, uint64_t n, habit_error *err);

// A view over the dataset's columns, or over the split's own.
log_view split_view(const split *s, bool own, uint32_t users, const uint64_t *begin,
                    const uint64_t *end);

// --- the protocols: each fills the five views, describe and, of the fingerprint, what its cuts do
// not show -----------------------------------------------------------------------------------------

habit_status split_leave_one_out(split *s, const split_options *o, habit_error *err);
habit_status split_time(split *s, const split_options *o, habit_error *err);
habit_status split_user_holdout(split *s, const split_options *o, habit_error *err);
habit_status split_ratio(split *s, const split_options *o, habit_error *err);
habit_status split_all(split *s, const split_options *o, habit_error *err);
habit_status split_given(split *s, const dataset *test, bool sessions, const run *r,
                         habit_error *err);

#endif

// questions.h - what the models are asked: for each user, what happened next.
//
// Made once from two log_views and shared by all models, so that all of them answer the same
// questions with the same candidates and the same random negatives.
//
//     candidate   an item of the catalogue that is not excluded
//     excluded    items of the user's history, unless seen items are kept; a target is never
//                 excluded, so what a user takes again can be found, except where repeats are
//                 asked to be misses
//     target      a distinct item of the user's targets; ITEM_NONE (not in the catalogue) is a
//                 miss of every model, one for each event
//     probe       one uniform random item per target that the user neither has nor will take
#ifndef EVAL_QUESTIONS_H
#define EVAL_QUESTIONS_H
#include "base/run.h"
#include "data/split.h"

typedef struct questions_options {
    bool filter_seen;
    bool repeats_miss;   // with filter_seen: a target that is in the history is ITEM_NONE, as in
                         // evaluations that strike out all seen items
    uint32_t candidates; // 0: all; N: targets are ranked among N uniform unseen items
    uint32_t users;      // 0: all; N: a random N of them, by their ids
    uint64_t seed;
} questions_options;

typedef struct questions {
    log_view history, targets;
    questions_options options;
    uint32_t items;
    size_t count;             // users asked
    uint32_t *user;           // [count] ascending
    uint64_t *target_begin;   // [count+1]
    uint32_t *target;         // ascending within a user; ITEM_NONE last
    uint32_t *probe;          // [targets] or ITEM_NONE where there is none to draw
    uint64_t *excluded_begin; // [count+1]
    uint32_t *excluded;       // ascending within a user
} questions;

// The views must outlive the questions.  Users without a target event are not asked.
habit_status questions_make(questions *out, const log_view *history, const log_view *targets,
                            const questions_options *options, const run *rn, habit_error *err);
void questions_free(questions *q);

static inline size_t questions_targets(const questions *q)
{
    return (size_t)q->target_begin[q->count];
}

// Targets of question k that are in the catalogue; the rest are misses.
size_t questions_known(const questions *q, size_t k);

// The negatives of question k under the sampled protocol: distinct, unseen, no targets, ascending;
// at most options.candidates, fewer if there are not so many.  Returns how many.
size_t questions_negatives(const questions *q, size_t k, uint32_t *out);

// A number of its own for each user, the same in every dataset that has the user.
uint64_t question_key(const log_view *v, uint32_t user);

// Sorts and makes distinct, except that ITEM_NONE is kept as often as it comes; returns how many
// are left.
size_t items_distinct(uint32_t *item, size_t n);
bool items_contain(const uint32_t *item, size_t n, uint32_t i); // ascending

#endif

// ratings.h - the ratings of a log, by user and, in batches of users, by item.
//
//     by_user  |user order[0]   |user order[1]|...   each user's ratings ascend by item
//     by_item  |batch 0                    |...      each batch's ratings ascend by item, then slot
//
// A user and an item have one rating, the last; NAN where they met but nothing was rated.
#ifndef MODELS_RATINGS_H
#define MODELS_RATINGS_H
#include "base/run.h"
#include "data/split.h"

enum { BATCH_MAX = 64 };

typedef struct rating {
    uint32_t item;
    uint32_t slot; // of the user in the batch
    float value;
} rating;

typedef struct ratings {
    size_t users, items;
    uint32_t *order;           // [users] shuffled by the seed; `width` at a time are a batch
    uint64_t *begin;           // [users+1] of user order[k] in by_user; of a batch in by_item too
    rating *by_user, *by_item; // [begin[users]]
    size_t width;              // users in a batch, at most BATCH_MAX
    double rated;              // ratings that are not NAN
    float mu, lowest, highest; // of them
} ratings;

// Refuses a log that has events but no rating among them.
habit_status ratings_take(ratings *out, const log_view *log, const run *r, habit_error *err);
void ratings_free(ratings *r);

static inline size_t ratings_batches(const ratings *r)
{
    return (r->users + r->width - 1) / r->width;
}

#endif

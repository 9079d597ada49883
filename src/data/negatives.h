// negatives.h - items that somebody did not choose, for losses that compare.
//
// An item is drawn from a mixture: uniformly, by a power of its popularity, or from the targets of
// the present step.  What is drawn depends on the key of the step and on what it is for, never on
// who draws it or when, so any thread may draw any part.
//
//     chance of item i  =  uniform / V + popular * count_i^power / sum_j count_j^power
//                                      + batch   * count_i       / sum_j count_j
//
// (A target of a random step is item i in proportion to its count.)  The logarithm of this is what
// the logQ correction needs.
#ifndef DATA_NEGATIVES_H
#define DATA_NEGATIVES_H
#include "data/batch.h"

typedef struct negatives_plan {
    double uniform, popular, batch; // shares, not negative; divided by their sum
    double power;                   // 0: alike, all that ever occurred; 1: by count
    bool avoid;                     // own negatives are never of the user's history
} negatives_plan;

typedef struct negatives negatives;

// Counts and histories are those of the view, which is not kept.
habit_status negatives_new(negatives **out, const log_view *log, const negatives_plan *plan,
                           habit_error *err);
void negatives_free(negatives *n);

// [items] logarithm of each item's chance of being drawn; -INFINITY for what never is.
const float *negatives_log_share(const negatives *n);

// The targets that a share of `batch` is drawn from; none: that share is drawn by count instead.
typedef struct negatives_batch {
    const int32_t *target; // none of them negative
    size_t count;
} negatives_batch;

// `count` items for all rows of the step `key`, independent of each other.
void negatives_draw_shared(const negatives *n, uint64_t key, const negatives_batch *targets,
                           int32_t *to, size_t count);

// to [events][each]: for every event of `b` its own.  With `avoid`, none of them is in its user's
// history, as in SASRec's code (kang205/SASRec sampler.py); who had everything gets anything.
void negatives_draw_own(const negatives *n, uint64_t key, const batch *b,
                        const negatives_batch *targets, int32_t *to, size_t each);

// to [sequences][each]: for all events of a sequence, none of which is an item or a target of it: the
// negatives of SASRec+ 3000 (antklen/sasrec-bert4rec-recsys23 datasets.py).  As there all are
// different and every set is as likely as any other, where items are drawn uniformly and `each` is
// at least a sixteenth of them; else they are independent.  room: twice the
// events of the longest sequence.
void negatives_draw_sequences(const negatives *n, uint64_t key, const batch *b, int32_t *room,
                              int32_t *to, size_t each);

// Sorts items and removes what is there twice; returns how many are left.  `n` is small.
size_t negatives_window(int32_t *item, size_t n);

#endif

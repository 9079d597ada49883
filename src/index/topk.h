// topk.h - the k best items, exactly.
//
// Best is the highest score; of equal scores the lowest item number.  A score of -inf or NaN is
// never an answer, so fewer than k may come back.  The same scores give the same answer whatever
// the threads and tiles.
#ifndef INDEX_TOPK_H
#define INDEX_TOPK_H
#include "index/catalogue.h"

#include <math.h>
#include <stdbool.h>

// The best so far: a heap with the worst of them at the root.  Arrays of `k` are the caller's.
typedef struct topk {
    uint32_t *item;
    float *score;
    size_t n, k;
} topk;

// Only what is above this can enter, when items are offered in ascending order.
static inline float topk_threshold(const topk *t)
{
    return t->n < t->k ? -INFINITY : t->k ? t->score[0] : INFINITY;
}

void topk_offer(topk *t, uint32_t item, float score); // in ascending order of items
void topk_finish(topk *t);                            // sorts best first; offer nothing afterwards

// Offers scores[i] of item first + i, i < n, to the heap.  where: room for n numbers.
void topk_scan(topk *t, const rank_kernel *k, uint32_t first, const float *scores, size_t n,
               uint32_t *where);

// One question: which items must not be in the answer (ascending), and room for the answer.
typedef struct topk_query {
    const uint32_t *excluded;
    size_t excluded_count;
    topk answer; // item and score: room for k; n is set; best first afterwards
} topk_query;

// From a row of scores of all items, which is overwritten where items are excluded.
void topk_scores(topk_query *q, float *scores, uint32_t items);

// From query vectors [n][dim] and a packed catalogue.  Thread-safe; scratch is the thread's own,
// topk_dot_scratch() floats.
void topk_dot(topk_query *q, const float *vectors, size_t n, const catalogue *c, float *scratch);
size_t topk_dot_scratch(const catalogue *c, size_t n);

// Overwrites with -inf the scores of those among excluded[*at ..] that lie in [first, first + n),
// and moves *at past them.
void topk_mask(float *scores, uint32_t first, size_t n, const uint32_t *excluded, size_t count,
               size_t *at);

#endif

// selection.h - the k best items by batches: the same answers as topk.h, twice as fast for long
// lists, but it needs room for the candidates of a batch.
//
// An answer is one 64-bit number: the score, in bits that compare as whole numbers do, above the
// item number, inverted.  So a greater number is a better answer, ties and all.  Candidates above
// the level of the k-th best are gathered; when the room is full the k best of them stay and the
// level rises.
#ifndef INDEX_SELECTION_H
#define INDEX_SELECTION_H
#include "kernels/rank.h"

enum { SELECTION_SCAN = 512 }; // most scores of one selection_scan()

typedef struct selection {
    uint64_t *key; // [selection_room(k)]
    size_t n, k;
    float level; // nothing at or below it can enter
} selection;

size_t selection_room(size_t k);                    // numbers that key[] must hold
selection selection_begin(uint64_t *key, size_t k); // nothing gathered yet

// Offers scores[i] of item first + i, i < n <= SELECTION_SCAN; items in ascending order.
void selection_scan(selection *s, const rank_kernel *kernel, uint32_t first, const float *scores,
                    size_t n, uint32_t *where);

// The best items, best first; returns how many, at most k.
size_t selection_finish(selection *s, uint32_t *item);

#endif

// tally.h - weights of a few thousand numbers at most, in memory of the caller.
#ifndef SERVE_TALLY_H
#define SERVE_TALLY_H
#include "base/arena.h"

enum { TALLY_SLOTS = 8192, TALLY_MOST = 6000 };

typedef struct tally {
    uint32_t *slot;   // [TALLY_SLOTS] place + 1 in the lists; 0: free
    uint32_t *number; // [TALLY_MOST] in order of arrival
    float *weight;
    size_t n;
} tally;

void tally_place(tally *t, arena *a);
void tally_clear(tally *t);
// The weight of a number, 0 at first; NULL if there are too many.
float *tally_of(tally *t, uint32_t number);

#endif

// shortlist.h - the best items of one person out of many, in a fraction of a millisecond.
//
// Item vectors are kept rounded to bytes, an eighth of a cache line each at 64 features and a
// quarter of what floats take; a scan of those gives a shortlist, and its exact scores the answer:
//
//     vector[i] ~ scale[i] * byte[i]      scale[i] = max |vector[i]| / 127
//
// The answer is nearly always that of an exact scan (bench/serve measures how often); its scores
// are exact, with the bits of catalogue.h.
#ifndef INDEX_SHORTLIST_H
#define INDEX_SHORTLIST_H
#include "index/catalogue.h"
#include "kernels/int8.h"

#include <stdbool.h>

typedef struct shortlist shortlist; // constant once made: share freely

// Packs the vectors; `from` is borrowed for the exact scores.  Refuses vectors of more than
// INT8_DIM features.
habit_status shortlist_new(shortlist **out, const catalogue_items *from, pool *p, habit_error *err);
void shortlist_free(shortlist *s); // NULL is fine
size_t shortlist_memory(const shortlist *s);

// What may be answered: bit i % 64 of word i / 64 is item i.
typedef struct shortlist_query {
    const float *vector;     // [dim]
    const uint64_t *allowed; // NULL: all items
    size_t k;                // how many are wanted
    const float *extra;      // [items] added to the scores, or NULL
    bool cosine;             // scores are cosines, without biases; 0 of a vector of zeros
} shortlist_query;

// item[k] and score[k], best first, ties by the lower item number; returns how many there are, 0 if
// the query is not finite.
// scratch: shortlist_scratch() bytes, 64-byte aligned, of this thread.
size_t shortlist_best(const shortlist *s, const shortlist_query *q, uint32_t *item, float *score,
                      void *scratch);
size_t shortlist_scratch(const shortlist *s, size_t k);

#endif

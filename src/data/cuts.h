// cuts.h - consecutive ranges of users that hold about equally many events.
//
// Records are brought in order by distributing them: first over partitions that fit the memory,
// then over buckets that fit a cache; both are ranges of user ranks found from exact counts.
#ifndef DATA_CUTS_H
#define DATA_CUTS_H
#include "base/pool.h"
#include "base/status.h"

#include <stdbool.h>

typedef struct cuts {
    uint32_t count;
    uint32_t *first; // [count+1] range c has users first[c] .. first[c+1]
    uint32_t *guess; // by (user - first[0]) >> shift: no range before this one has the user
    int shift;
} cuts;

// Cuts the users from..to, whose events are offset[u] .. offset[u+1], into ranges of at most
// `limit` events each, or of one user.
habit_status cuts_make(cuts *out, const uint64_t *offset, uint32_t from, uint32_t to,
                       uint64_t limit, habit_error *err);
void cuts_free(cuts *c);

static inline uint32_t cuts_find(const cuts *c, uint32_t user)
{
    uint32_t k = c->guess[(user - c->first[0]) >> c->shift];
    while (user >= c->first[k + 1]) k++;
    return k;
}

// Distributes n records, of `width` bytes and with their user's rank first, over the ranges: each
// goes to dst + next[range] * width, and next[range] moves on.  The order within a range is kept.
enum { SCATTER_PIECES = 8 };

typedef struct scatter {
    const cuts *cuts;
    const unsigned char *src;
    size_t n, width;
    unsigned char *dst;
    bool packed;      // next[] is found here: range stands after range in dst, from 0
    uint64_t *next;   // [count]
    uint64_t *counts; // [SCATTER_PIECES][count] work
    uint32_t *range;  // [n_max] work
} scatter;

// Allocates next (all 0) and the work arrays for calls of at most n_max records.
habit_status scatter_init(scatter *s, const cuts *c, size_t n_max, size_t width, habit_error *err);
void scatter_free(scatter *s);
void scatter_run(const scatter *s, pool *p);

#endif

// ranker.h - a request in the making, for the files that make it: recommend.c, allowed.c, refine.c,
// fallback.c, arrange.c.
#ifndef SERVE_RANKER_H
#define SERVE_RANKER_H
#include "base/arena.h"
#include "serve/recommend.h"
#include "serve/tally.h"

enum {
    RANKER_RECENT = 20, // last events that fallbacks look at
    RANKER_CHUNK = 400, // candidates put in order together
    RANKER_STEP = 64,   // a model is asked for so many more at a time, so that pages agree
    RANKER_MOST = (WISH_DEEP + RANKER_STEP - 1) / RANKER_STEP * RANKER_STEP,
};

// Candidates of one source, best first.
typedef struct chunk {
    uint32_t *item; // [RANKER_MOST]
    float *score;
    size_t n;
    source from;
} chunk;

struct ranker {
    arena memory;
    size_t fixed; // bytes of what stays from request to request
    chunk chunk;
    tally weights, counts; // of fallbacks; of categories in the answer
    answered *out;         // [want]
    chunk fresh;           // items that the model does not know, for their places
    // of the request
    const wish *wish;
    items *table;
    const served *model;
    size_t count;                   // items of the table when the request began
    uint64_t *allowed;              // [count] may still be answered
    uint32_t recent[RANKER_RECENT]; // newest first
    size_t recents;
    served_view view;
    bool knows;                   // there is a view
    bool only_fresh;              // fallbacks look for what the model does not know
    bool has_fresh;               // there may be such
    size_t fresh_at, fresh_stage; // in the chunk; sources tried
    size_t n, want;
};

// --- allowed.c ----------------------------------------------------------------------------------------

void ranker_allow(ranker *r); // under the table's lock: r->allowed by the wish
void ranker_forbid(ranker *r, uint32_t item);
static inline bool ranker_may(const ranker *r, uint32_t item)
{
    return item < r->count && r->allowed[item / 64] >> item % 64 & 1;
}
// Factors of all boosts of an item, multiplied.
double ranker_boost(const ranker *r, uint32_t item);

// --- refine.c -----------------------------------------------------------------------------------------

// Moves the view by more and less; makes one of those alone if there is none.
void ranker_refine(ranker *r);
size_t refine_scratch(const served *s);

// --- fallback.c: under the table's lock ---------------------------------------------------------------

// The next candidates of a source that may still be answered, at most RANKER_CHUNK; false: no more.
bool fallback_next(ranker *r, source from);
// The next item for the places of fresh ones; false: there are no more.
bool fallback_fresh(ranker *r, answered *out);

// --- arrange.c ----------------------------------------------------------------------------------------

// Takes from the chunk, in an order that heeds diversity, until the answer is full; what was looked
// at is not allowed any more.
void arrange(ranker *r);
bool arrange_is_plain(const wish *w);
size_t arrange_scratch(const served *s);

#endif

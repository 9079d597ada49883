// simulate_market.h - what is on offer on one day, laid out so that drawing an item is a search.
//
// An item is browsed with probability
//     taste[category] * decay[home][cell] * weight(item, day) / the sum of that over the shelf,
// a shelf being all items of a (platform, category).  So per shelf and home the running sum over
// cells of decay * mass is kept, and per bucket the running sum over its items: two binary
// searches draw an item.
#ifndef DATA_SIMULATE_MARKET_H
#define DATA_SIMULATE_MARKET_H
#include "base/pool.h"
#include "data/simulate_world.h"

typedef struct market {
    const world *w;
    int day;
    uint32_t *order; // [items] by bucket
    uint32_t *first; // [buckets+1] into order
    double *running; // [items] sum of weights within the bucket, up to and with this item
    double *mass;    // [buckets] weight of all born items
    double *shelf;   // [CELLS homes][platforms * categories][CELLS] running sum of decay * mass
    double *fade;    // [ages]
    int ages;
} market;

// days: the last day that will be asked for, plus one.
habit_status market_new(market *out, const world *w, int days, habit_error *err);
void market_free(market *m);

// Sets out the shelves for a day, 0 <= day < days.
void market_open(market *m, int day, pool *p);

// An item of this platform and category as a person living in cell `home` picks it.
uint32_t market_draw(const market *m, int home, int platform, uint32_t category, rng *r);

#endif

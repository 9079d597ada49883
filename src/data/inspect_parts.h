// inspect_parts.h - what one pass over a log finds out; for data/inspect*.c only.
#ifndef DATA_INSPECT_PARTS_H
#define DATA_INSPECT_PARTS_H
#include "data/clean_parts.h"

enum { DISTINCT_MAX = 20, VALUE_BINS = 20 };

typedef struct survey {
    // of all events
    int64_t first, last; // times
    uint64_t ties;       // at the same time as the user's event before
    uint64_t future, early;
    uint64_t hour[24], weekday[7]; // Monday first, UTC
    uint64_t behaviour[256];
    uint64_t repeats;  // of an item the user had before
    uint64_t sessions; // begun
    // of values
    uint64_t values;
    double low, high, mean, squares; // squares: of deviations from the mean (Welford 1962)
    double distinct[DISTINCT_MAX];   // the first so many different values
    uint64_t distinct_count[DISTINCT_MAX];
    int distinct_n; // DISTINCT_MAX + 1: more than that
    uint64_t bin[VALUE_BINS];
    // per item and user
    uint64_t *of_item, *of_user; // events; owned
    uint32_t *seen_by;           // last user of an item, + 1; owned
    int64_t now;
} survey;

// Each returns a new reference, or NULL when out of memory.
json_t *inspect_counts(uint64_t *count, uint32_t n); // sorts `count`
json_t *inspect_columns(const dataset *d);
double inspect_gini(const uint64_t *sorted, uint32_t n);

#endif

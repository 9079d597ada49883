// ids.h - a set of strings numbered 0, 1, 2, ... in order of first appearance.
//
//     slot[]   open addressing, linear probing: 32 bits of hash, 32 bits of number
//     start[]  where each string begins in bytes[]; start[n] is the end
//     bytes[]  all strings end to end, no terminators
//
// Made for tens of millions of ids: 16 bytes each beside the string itself.  Not thread-safe;
// ids_get() alone may be called from several threads while nobody adds.
#ifndef BASE_IDS_H
#define BASE_IDS_H
#include "base/status.h"

#include <stdbool.h>

#define IDS_NONE UINT32_MAX

typedef struct ids {
    uint64_t *slot;
    size_t slots; // a power of two, or 0
    uint64_t *start;
    size_t start_cap;
    char *bytes;
    size_t bytes_cap;
    uint32_t count;
} ids; // zero-initialise to use

uint64_t ids_hash(const char *s, size_t len); // XXH3, 64 bits

// The number of `s`, added if new.
habit_status ids_add(ids *t, const char *s, size_t len, uint32_t *number, habit_error *err);
// The same with ids_hash(s, len) at hand; pair with ids_prefetch() some rows ahead.
habit_status ids_add_hashed(ids *t, uint64_t hash, const char *s, size_t len, uint32_t *number,
                            habit_error *err);
void ids_prefetch(const ids *t, uint64_t hash);

uint32_t ids_get(const ids *t, const char *s, size_t len);      // IDS_NONE if absent
const char *ids_at(const ids *t, uint32_t number, size_t *len); // not NUL-terminated
size_t ids_memory(const ids *t);                                // bytes held
void ids_free(ids *t);

// The canonical order of ids, the same whatever the order of the log: all-digit ids first, by
// value as far as length tells (shorter first, then bytes), then all others by bytes.
int ids_compare(const char *a, size_t a_len, const char *b, size_t b_len);

// order[k] is the number of the k-th id in canonical order; `count` entries, owned by the caller
// (mem_free).
habit_status ids_sort(const ids *t, uint32_t **order, habit_error *err);

#endif

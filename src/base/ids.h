// ids.h - a set of strings numbered 0, 1, 2, ... in order of first appearance.
//
//     slot[]   open addressing, linear probing, 16 bytes a slot, four to a cache line
//     start[]  where each string begins in bytes[]; start[n] is the end
//     bytes[]  all strings end to end, no terminators
//
// Strings of up to 11 bytes (most ids) are compared inside their slot: finding one touches one
// cache line.  Of longer ones the slot has the 64-bit hash, and equal hashes are settled by the
// string itself.  Made for tens of millions of ids: 29 to 51 bytes each beside the string.  Not
// thread-safe; ids_get() and ids_get_hashed() may be called from several threads while nobody
// adds.
#ifndef BASE_IDS_H
#define BASE_IDS_H
#include "base/status.h"

#include <stdbool.h>

#define IDS_NONE UINT32_MAX

typedef struct id_slot {
    uint64_t low;    // bytes 0..7 of a short string, or the hash of a long one
    uint32_t high;   // bytes 8..10, and in the top byte the length; 255 for a long one
    uint32_t number; // + 1; 0 is an empty slot
} id_slot;

typedef struct ids {
    id_slot *slot;
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

uint32_t ids_get(const ids *t, const char *s, size_t len); // IDS_NONE if absent
uint32_t ids_get_hashed(const ids *t, uint64_t hash, const char *s, size_t len);
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

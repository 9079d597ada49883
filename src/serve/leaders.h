// leaders.h - the few items with the greatest keys, in order, while keys change one at a time.
//
// For keys that go up most of the time, as those of popularity do (items.h): each change costs a
// binary search and a move within the list.  The list holds exactly the items above `floor`, the
// greatest that ever had to stay out; so it gets shorter when keys go down or items leave, and
// whoever holds all keys may begin again.
#ifndef SERVE_LEADERS_H
#define SERVE_LEADERS_H
#include "base/status.h"

#include <stdbool.h>

typedef struct leader {
    double key;
    uint32_t item;
} leader;

typedef struct leaders {
    leader *at; // greatest first; of equal keys the higher number: it is newer
    size_t n, cap, most;
    leader floor;
    bool left_out; // something has been: there is a floor
} leaders;         // { .most = how many }; leaders_free() when done

// The key of `item` was `old` and is `key` now; -INFINITY: none.  Out of memory the list gets
// shorter.
void leaders_move(leaders *l, uint32_t item, double old, double key);
void leaders_clear(leaders *l);
void leaders_free(leaders *l);

#endif

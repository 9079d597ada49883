// live.h - one person's memory of a network: each event is taken in once, at the cost of one row.
//
//     void *state = ...;                       // live_bytes(n), anywhere; bounded, no pointers
//     live_start(n, state, user);
//     live_extend(n, state, &event, scratch);  // as events come
//     live_answer(n, state, now, vector, scratch);
//
// What comes out equals the full forward over the same window to rounding.  The window:
//
//   - recurrences       all events ever taken in
//   - attention with relative positions, or none
//                       each event sees max_len events, itself included, in every layer
//   - attention with positions counted from the window's first event (NETWORK_ABSOLUTE)
//                       the events since live_start(): at most max_len.  When they are used up,
//                       live_extend() refuses, and the caller starts over from some of the latest
//                       events that it has kept (live_follow() from half of them)
//   - bidirectional networks keep nothing: live_bytes() is 0, and every answer is computed anew
#ifndef MODELS_LIVE_H
#define MODELS_LIVE_H
#include "models/network.h"

typedef struct live_event {
    int64_t time; // or TIME_NONE
    uint32_t item;
    float value;
    uint8_t behaviour;
} live_event;

size_t live_bytes(const network *n);   // of a state; 0: the network recomputes
size_t live_scratch(const network *n); // bytes that extend and answer need in their arena
void live_start(const network *n, void *state, uint32_t user); // USER_NONE: a stranger
uint64_t live_events(const void *state);                       // taken in since live_start()

// False: the state is full and has not changed.
bool live_extend(const network *n, void *state, const live_event *e, arena *scratch);
// What is wanted at the moment `now` (TIME_NONE: no matter): vector[dim]; zeros before the first
// event.
void live_answer(const network *n, const void *state, int64_t now, float *vector, arena *scratch);

// Takes in the last of `count` events, all known of a person, oldest first: starting over from the
// latest half window if the state was full.
void live_follow(const network *n, void *state, const live_event *events, size_t count,
                 arena *scratch);

#endif

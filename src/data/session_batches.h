// session_batches.h - sessions side by side: the order in which GRU4Rec learns them.
//
//     lane 0   a0>a1 a1>a2 a2>a3 | d0>d1 d1>d2 | g0>g1 ...        one event a step and lane, and
//     lane 1   b0>b1 | c0>c1 c1>c2 c2>c3 c3>c4 | ...              what came next as its target
//
// Sessions go in the order of their first events, never shuffled: each lane that comes to an end
// takes the next one, and a lane that finds none is closed.  Whatever a network carries from one
// event to the next is carried from one step to the next, row by row: before()[i] is the row of the
// step before that row i goes on from.
//
// A session is a stretch of a user's log with one session number; without such numbers, all of it.
//
// B. Hidasi et al., arXiv:1511.06939, 3.1.1; hidasib/GRU4Rec_PyTorch_Official, SessionDataIterator.
#ifndef DATA_SESSION_BATCHES_H
#define DATA_SESSION_BATCHES_H
#include "data/batch.h"

typedef struct session_batches session_batches;

// Sessions with at least two events, at most `lanes` at a time.  Borrows the log.
habit_status session_batches_new(session_batches **out, const log_view *log, size_t lanes,
                                 habit_error *err);
void session_batches_free(session_batches *s);
size_t session_batches_steps(const session_batches *s);     // of an epoch, all of which are alike
uint64_t session_batches_targets(const session_batches *s); // of an epoch

// Turns to a step: how many rows it has.  The next one is near; others are walked to from the first.
size_t session_batches_turn(session_batches *s, size_t step);
// [rows] of the present step: the row of the step before, or -1: a session begins.
const int32_t *session_batches_before(const session_batches *s);
// Rows from .. to-1 of the present step, each a sequence of one event.
void session_batches_fill(const session_batches *s, size_t from, size_t to, batch_room *r,
                          batch *out);

#endif

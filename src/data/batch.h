// batch.h - what a sequence model is trained on, and asked with: some people's events, packed.
//
//     offset   |0        |3    |5              sequence s owns events offset[s] .. offset[s+1]-1
//     item     |a  b  c  |d  e |f  g  h  i     oldest first, no padding
//     target   |b  c  x  |e  y |g  h  i  z     what came next; -1: nothing to learn here
//     position |0  1  2  |0  1 |0  1  2  3     from the left, so that it never changes later
//
// One training step takes `batch` users; their sequences are cut into shards and those into
// portions that fit the cache.  A portion is a batch of its own, which knows where it stands in the
// step (first_event), so that nothing random depends on the cuts.
#ifndef DATA_BATCH_H
#define DATA_BATCH_H
#include "base/arena.h"
#include "data/split.h"

#define BEHAVIOUR_NONE 255 // a log has fewer types

typedef struct batch {
    size_t sequences, events, targets; // targets: rows with target >= 0
    const int32_t *offset;             // [sequences+1]
    const int32_t *item, *position;    // [events]; an item of -1: hidden, to be told
    const int32_t *target;             // [events]; NULL when only asking
    const int64_t *time;               // [events] of the event, or NULL; TIME_NONE where unknown
    const int64_t *next_time;          // [events] of what comes next: the moment of the question
    const int64_t *before;             // [sequences] of what came before the first event; or NULL
    const uint8_t *behaviour;          // [events] or NULL; BEHAVIOUR_NONE where unknown
    const uint8_t *next_behaviour;     // [events] of what comes next, or NULL; likewise
    const float *value;                // [events] or NULL; NAN where unknown
    const float *next_value;           // [events] of the target, alike
    const uint32_t *user;              // [sequences]; USER_NONE for strangers
    const int32_t *last;               // [sequences] their last rows, and
    const int32_t *each;     // [sequences+1] 0, 1, 2, ...: set if only those are asked for
    uint64_t key;            // of the training step
    uint64_t first_event;    // number of events[0] in the step
    uint64_t first_sequence; // number of sequence 0 in the step
    uint64_t step_sequences, step_targets; // of the whole step

    // Negatives, where the loss takes some: the same for every target, or for those of a sequence,
    // or each target's own.
    const int32_t *negative; // [negatives], [sequences][negatives] or [events][negatives]
    size_t negatives;
    const float *log_share; // [items] log-probability of being drawn, or NULL

    // Sessions side by side (data/session_batches.h): what sequences go on from, as the step before
    // left it; where the next step finds it; and the logarithm of how often items occur.
    const float *carried; // [sequences][as the network says], or NULL
    float *carry;
    const float *log_count; // [items]
} batch;

// Arrays of one batch; one per worker.
typedef struct batch_room {
    size_t sequences, events; // how many fit
    int32_t *offset, *item, *position, *target;
    int32_t *last, *each;
    int64_t *time, *next_time;
    uint8_t *behaviour, *next_behaviour;
    float *value, *next_value;
    uint32_t *user;
} batch_room;

// With a measuring arena, how much it needs.  Columns that are not wanted stay NULL.
typedef enum batch_columns { BATCH_TIME = 1, BATCH_BEHAVIOUR = 2, BATCH_VALUE = 4 } batch_columns;
void batch_room_place(batch_room *r, size_t sequences, size_t events, unsigned columns, arena *mem);
unsigned batch_columns_of(const log_view *log);

// Adds one sequence of n <= room events, the last of which is asked at `now`.  Targets: the event
// after each; `target` [n] or NULL.
typedef struct batch_sequence {
    uint32_t user;
    size_t n;
    const uint32_t *item;
    const int64_t *time;      // or NULL
    const uint8_t *behaviour; // or NULL
    const float *value;       // or NULL
    int64_t now;              // or TIME_NONE
    bool mask;                // a hidden event at `now` stands at the end; not with targets
} batch_sequence;

void batch_start(batch *b, const batch_room *r); // empty
// True if it fits; `targets`: item[1..n-1] are targets of events 0..n-2, and the last event is not
// an input.
bool batch_add(batch *b, batch_room *r, const batch_sequence *s, bool targets);
// From here on only the last row of every sequence is asked for: a model may give those alone.
void batch_ask_last(batch *b, batch_room *r);

// --- the steps of an epoch -------------------------------------------------------------------------

typedef struct batch_plan {
    int max_len; // events of a window: what a model looks at
    int users;   // windows of a step
    uint64_t seed;
    bool sliding;  // learn from all windows of a history, not from the latest alone
    bool sessions; // side by side, `users` at a time; the others then do not matter
} batch_plan;

typedef struct batches batches;

// Windows of at least two events, of one more than a model looks at since the last is a target.  With
// `sliding` a window ends with the first event of the next, so that every event but a user's first
// is a target once.  Borrows the log.
habit_status batches_new(batches **out, const log_view *log, const batch_plan *plan,
                         habit_error *err);
void batches_free(batches *b);
size_t batches_steps(const batches *b);     // of an epoch
uint64_t batches_targets(const batches *b); // of an epoch

// Another order of windows for every epoch: a function of the seed and the epoch alone.
void batches_shuffle(batches *b, uint64_t epoch);
// Turns to a step: its sequences, and the running number of its events: start[sequences+1].
size_t batches_turn(batches *b, size_t step, const uint64_t **start);
// Sequences from .. to-1 of the present step.  Thread-safe; the room must hold them.
void batches_fill(const batches *b, size_t from, size_t to, batch_room *r, batch *out);
// Of sessions: the sequence of the step before that each sequence goes on from, or -1.
const int32_t *batches_before(const batches *b);

#endif

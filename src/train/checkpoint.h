// checkpoint.h - a training that can be gone on with.
//
//     state.safetensors   "now.<param>", "best.<param>", "first.<param>", "second.<param>"; and
//                         "progress" f64[PROGRESS] (exact for all counts below 2^53); "epochs"
//                         f64[epochs][EPOCH_COLUMNS], what each epoch was like; "fingerprint" u64;
//                         "carried" f32, if sessions bring states from step to step
//
// Written as a whole to a temporary name and renamed: a crash leaves the one before.
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H
#include "base/run.h"
#include "train/optimiser.h"

typedef struct progress {
    uint64_t epoch, step; // of the next step: epoch from 0, step within it
    uint64_t steps;       // taken in all
    double loss, targets; // so far in this epoch
    double seconds;       // of training in this epoch
    double best;          // value of the metric; NAN: none yet
    uint64_t best_epoch;  // from 1; 0: none yet
    uint64_t stale;       // validations since the best
    uint64_t fingerprint;
} progress;

// What there is to keep.  best: [store_count] arrays; NULL while there are none.
typedef struct checkpoint {
    store *params;
    float *const *best;
    optimiser *optimiser;
    progress *progress;
    epoch_note *epochs; // [progress->epoch] of those that are over; `again` is set when read
    size_t epochs_cap;  // room for so many when reading
    float *carried;     // [carried_count] of the stepper
    size_t carried_count;
} checkpoint;

habit_status checkpoint_write(const char *folder, const checkpoint *c, habit_error *err);
// Refused as malformed if it has more epochs than there is room for.
habit_status checkpoint_read(const char *folder, checkpoint *c, habit_error *err);
bool checkpoint_exists(const char *folder);
void checkpoint_remove(const char *folder);

#endif

// checkpoint.h - a training that can be gone on with.
//
//     state.safetensors   "now.<param>", "best.<param>", "first.<param>", "second.<param>"; and
//                         "progress" f64[PROGRESS] (exact for all counts below 2^53)
//
// Written as a whole to a temporary name and renamed: a crash leaves the one before.
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H
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

// best: [store_count] arrays, or NULL while there are none.
habit_status checkpoint_write(const char *folder, const store *params, float *const *best,
                              optimiser *o, const progress *p, habit_error *err);
habit_status checkpoint_read(const char *folder, store *params, float *const *best, optimiser *o,
                             progress *p, habit_error *err);
bool checkpoint_exists(const char *folder);
void checkpoint_remove(const char *folder);

#endif

// step.h - one step of training: S fixed shards, each with its gradient sink, then the optimiser.
//
//     users of the step   |  shard 0  |  shard 1  | ... |  shard S-1  |     about equal in events
//     each shard          portions of whole sequences that fit the cache, one after the other
//
// The cuts depend on the step alone, never on threads, so neither do the bits of the result.
//
// Where sessions go side by side (network_carries), a step is one shard: its rows are each other's
// negatives.  What they carry is kept here from step to step.
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H
#include "base/run.h"
#include "data/batch.h"
#include "data/negatives.h"
#include "models/network.h"
#include "train/optimiser.h"

typedef struct stepper stepper;

// Borrows all; `negatives` may be NULL if the loss takes none.
habit_status stepper_new(stepper **out, network *n, batches *b, const negatives *neg, optimiser *o,
                         const run *r, habit_error *err);
void stepper_free(stepper *s);

// Learns from the users of step `step` of the present epoch.  `number`: steps taken before, which
// with the seed decides all that is random.  *loss: the sum over *targets.
habit_status stepper_run(stepper *s, size_t step, uint64_t number, double lr, double *loss,
                         uint64_t *targets, habit_error *err);

// What the last step has left for the next: stepper_carried() numbers, part of an exact resume.
size_t stepper_carried(const stepper *s);
float *stepper_carry(stepper *s);

#endif

// schedule.h - the learning rate of every step.
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H
#include <stdint.h>

typedef enum schedule_kind {
    SCHEDULE_CONSTANT,
    SCHEDULE_COSINE,
    SCHEDULE_STEP,
    SCHEDULE_LINEAR
} schedule_kind;

typedef struct schedule {
    schedule_kind kind;
    double lr;       // the highest
    double end;      // cosine and linear: share of lr at the last step; step: factor of every drop
    uint64_t warmup; // steps in which lr rises from nothing
    uint64_t steps;  // of the whole training
    uint64_t every;  // step: steps between drops
} schedule;

double schedule_at(const schedule *s, uint64_t step); // of step 0, 1, ...

#endif

// trainer.h - the epochs of a network: steps, validation, early stopping, checkpoints.
//
// A checkpoint holds all that the rest of the training depends on: parameters, the optimiser's
// averages, the place in the epoch, and the best parameters so far.  Since everything random is a
// function of the seed and the step's number, a training that was stopped and resumed gives the
// same bits as one that was not.
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H
#include "base/run.h"
#include "models/network.h"

// Measures the model on the validation events.
typedef habit_status validate_fn(void *ctx, double *value, const model *m, habit_error *err);

typedef struct training_plan {
    validate_fn *validate; // NULL: all epochs are run and the last parameters are kept
    void *validate_ctx;
    const char *metric; // its name, for the words
    bool lower_is_better;
    const char *checkpoint; // folder; NULL: none is kept
    bool resume;            // go on from the checkpoint, if there is one
    uint64_t fingerprint;   // of data, split and options: another checkpoint is refused
} training_plan;

// HABIT_ESTOPPED when asked to stop: the step is finished and the checkpoint written.
// HABIT_EDIVERGED when the loss is no longer finite: the last good checkpoint stays.
habit_status trainer_fit(model **out, const model_class *c, const void *options,
                         const log_view *log, const training_plan *plan, const run *r,
                         habit_error *err);

#endif

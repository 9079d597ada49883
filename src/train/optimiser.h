// optimiser.h - from the gradients of a step's shards to new parameters.
//
// The shards' gradients are added up in their order, row by row, and each row is updated at once:
// no summed gradient is stored.  Rows are shared out to threads; a row's result does not depend on
// which thread had it.
//
// Lazy: where a parameter's gradient is a set of rows, only those are updated, and the averages of
// the others stand still meanwhile (as SparseAdam of PyTorch does).  `dense` turns that off.
#ifndef TRAIN_OPTIMISER_H
#define TRAIN_OPTIMISER_H
#include "base/pool.h"
#include "nn/sink.h"

typedef enum optimiser_kind {
    OPTIMISER_ADAM,
    OPTIMISER_ADAMW,
    OPTIMISER_ADAGRAD,
    OPTIMISER_SGD
} optimiser_kind;

typedef struct optimiser_options {
    optimiser_kind kind;
    double beta1, beta2, eps; // SGD, Adagrad: beta1 is the momentum
    double weight_decay;      // Adam: L2 in the gradient; AdamW: decoupled; vectors are left alone
    double clip;              // largest norm of the whole gradient; 0: any
    bool dense;
} optimiser_options;

typedef struct optimiser optimiser;

// Borrows the parameters, which are f32.
habit_status optimiser_new(optimiser **out, store *params, const optimiser_options *o,
                           habit_error *err);
void optimiser_free(optimiser *o);

// Parameters move by the sum of `shards` gradients, times lr.  *norm: of the summed gradient, only
// computed when clipping; may be NULL.  HABIT_EDIVERGED if it is not finite: parameters then stay.
habit_status optimiser_step(optimiser *o, sink *const *shard, size_t shards, double lr, pool *p,
                            double *norm, habit_error *err);

// What must be kept for an exact resume: steps taken, and two arrays per parameter.
uint64_t optimiser_steps(const optimiser *o);
void optimiser_set_steps(optimiser *o, uint64_t steps);
float *optimiser_first(optimiser *o, size_t i);  // [rows][cols], or NULL if not used
float *optimiser_second(optimiser *o, size_t i); // [rows][cols], or NULL if not used

#endif

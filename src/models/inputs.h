// inputs.h - what a network is told of an event beside its item.
//
//     --inputs behaviour,value,time-gap,item:genres
//
//     behaviour    what was done: a vector for each type
//     value        a rating, a time spent: (log(1 + |v|) with its sign, 1) through a matrix [2][D]
//     time-gap     since the event before: a vector for each of 64 lengths, a factor of 1.35 apart
//     item:COLUMN  what a column of the log says of the item, tags or a number (models/features.h)
//
// All are added to the item's vector.  What is not known of an event adds nothing.  Of a hidden event
// (item -1) only the time is known.
#ifndef MODELS_INPUTS_H
#define MODELS_INPUTS_H
#include "data/batch.h"
#include "models/features.h"
#include "nn/tape.h"

typedef struct inputs {
    param *behaviour; // [256][D], or NULL, as the next
    param *value;     // [2][D]
    param *gap;       // [64][D]
    features items;   // of columns
} inputs;

// Adds the parameters.  `list` as above, "" for none.  `log`: what is learned from, or NULL when a
// file will be read: sizes are then taken from there.
habit_status inputs_declare(inputs *in, store *s, const char *list, size_t dim, double spread,
                            const log_view *log, habit_error *err);
void inputs_free(inputs *in, bool loaded);
// Arrays that are not parameters, for files.  Returns how many.
size_t inputs_fields(inputs *in, model_field *out);
// After loading: sizes and numbers fit.
habit_status inputs_check(const inputs *in, uint32_t items, habit_error *err);

// x [N,D] and all that is told of the batch's events.
tensor *inputs_add(tape *t, const inputs *in, const batch *b, tensor *x);

#endif

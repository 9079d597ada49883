// inputs.h - what a network is told of an event beside its item.
//
//     --inputs behaviour,value,time-gap,item:genres
//
//     behaviour    what was done: a vector for each type
//     value        a rating, a time spent: (log(1 + |v|) with its sign, 1) through a matrix [2][D]
//     time-gap     since the event before: a vector for each of 64 lengths, a factor of 1.35 apart
//     item:COLUMN  the item's tags in a column of the log, say a category: the sum of a vector each
//
// All are added to the item's vector.  What is not known of an event adds nothing.  Of a hidden event
// (item -1) only the time is known.  Tags are kept with the model, since whoever asks has no log.
#ifndef MODELS_INPUTS_H
#define MODELS_INPUTS_H
#include "data/batch.h"
#include "models/model.h"
#include "nn/tape.h"

enum { INPUT_TAGS = 8 }; // columns at most, and tags of one item that are looked at

typedef struct input_tags {
    char name[40], of_name[48]; // of the table and of the list, in files
    param *table;               // [tags][D]
    const int32_t *of;          // [items][each] tags of an item, -1 past the last
    uint64_t items, each;
} input_tags;

typedef struct inputs {
    param *behaviour; // [256][D], or NULL, as the next
    param *value;     // [2][D]
    param *gap;       // [64][D]
    input_tags tags[INPUT_TAGS];
    size_t tags_count;
} inputs;

// Adds the parameters.  `list` as above, "" for none.  `log`: what is learned from, or NULL when a
// file will be read: sizes are then taken from there.
habit_status inputs_declare(inputs *in, store *s, const char *list, size_t dim, double spread,
                            const log_view *log, habit_error *err);
void inputs_free(inputs *in, bool loaded);
// Arrays that are not parameters, for files.  Returns how many.
size_t inputs_fields(inputs *in, model_field *out);
// The table of tags whose rows are known only from the file, if p is one.
bool inputs_sizes(const inputs *in, const param *p);
// After loading: sizes and numbers fit.
habit_status inputs_check(const inputs *in, uint32_t items, habit_error *err);

// x [N,D] and all that is told of the batch's events.
tensor *inputs_add(tape *t, const inputs *in, const batch *b, tensor *x);

#endif

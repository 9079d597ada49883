// features.h - what is known of items or people beside the log: columns of tags and of numbers.
//
//     genres,year    tags      the sum of a vector for each of a row's tags               [tags][D]
//                    numbers   (standardised, 1) through a matrix, 4 deviations at most   [2][D]
//
// What is not known of a row adds nothing.  Columns are kept with the model, with the names of tags,
// since whoever asks has no log, and new items come that the log has not.
#ifndef MODELS_FEATURES_H
#define MODELS_FEATURES_H
#include "models/model.h"
#include "nn/tape.h"

enum {
    FEATURES_MOST = 16,
    FEATURE_TAGS = 8,
    FEATURE_NAME = 64
}; // columns; tags of a row looked at

typedef struct feature {
    char name
        [FEATURE_NAME]; // of the table in files: the prefix, and from `column` on that of the column
    size_t column;
    char part[5][FEATURE_NAME + 8]; // names of the arrays below
    param *table;                   // [tags][D], or [2][D] of numbers
    const int32_t *of;              // [rows][each] tags of a row, -1 past the last; NULL: numbers
    const float *number;            // [rows] standardised, NAN where it is not known
    const float *scale;             // [2] mean and standard deviation of the column
    const uint64_t *start;          // [starts] names of tags, as in `names`, in canonical order
    const uint8_t *bytes;           // [length]
    uint64_t rows, each, starts, length, two;
} feature;

typedef struct features {
    feature list[FEATURES_MOST];
    size_t count;
} features;

// What columns are declared for.
typedef struct features_plan {
    const char *option; // for messages, up to the column's name: "--inputs item:"
    const char *prefix; // of arrays: "input.item"
    column_of of;       // OF_ITEMS or OF_USERS
    size_t dim;
    double spread; // of tables, at the start
} features_plan;

// Adds columns and their parameters: one, or a list "a,b,c".  `log`: what is learned from, or NULL
// when a file will be read: kinds and sizes are then taken from there.
habit_status features_declare_one(features *f, store *s, const features_plan *p, const char *name,
                                  const log_view *log, habit_error *err);
habit_status features_declare(features *f, store *s, const features_plan *p, const char *list,
                              const log_view *log, habit_error *err);
void features_free(features *f, bool loaded);
// Arrays that are not parameters, for files.  Returns how many.
size_t features_fields(features *f, model_field *out);
// After loading: kinds, sizes and numbers fit `rows` items or people.
habit_status features_check(const features *f, uint64_t rows, habit_error *err);

// x [n,D] plus what is known of row[n]; negative rows: nothing.  x may be NULL: from zero.
tensor *features_add(tape *t, const features *f, const int32_t *row, size_t n, tensor *x);

// One thing known of somebody or something that the columns do not hold.
typedef struct feature_value {
    const char *column;
    const char *tag; // a column of tags: one of them; NULL: `number`
    double number;
} feature_value;

// A table of one row, 0, that may stand in for `f`: its columns, filled with `value`.  Tags that
// nobody had when the model learned are left out; columns that the model does not know are refused.
// Freed by features_free(); `f` must outlive it.
habit_status features_of(features *out, const features *f, const feature_value *value, size_t count,
                         habit_error *err);

#endif

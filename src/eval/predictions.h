// predictions.h - what models foretell of pairs, beside how the pairs happened: ratings, likes.
#ifndef EVAL_PREDICTIONS_H
#define EVAL_PREDICTIONS_H
#include "eval/evaluate.h"
#include "eval/questions.h"

// One target event with a value, whose item the model knows.
typedef struct prediction {
    size_t question;
    uint64_t event; // of the targets' view
    float guess, value;
} prediction;

// Calls take() for every one, repeats too; from several threads, but all of a question's from one
// of them.
habit_status predictions_each(const questions *q, const contestant *c,
                              void (*take)(void *ctx, const prediction *p), void *ctx,
                              const run *rn, habit_error *err);

// Where the sums of each question go.
typedef struct predictions_columns {
    double *value; // [questions][columns]
    size_t columns;
    int square, absolute, count;
} predictions_columns;

// True if the model foretells values and the targets have any.
bool predictions_possible(const questions *q, const contestant *c);

// Errors of foretold values.  One that is not a number makes the sums, and so the metric, not a
// number.
habit_status predictions_make(const predictions_columns *to, const questions *q,
                              const contestant *c, const run *rn, habit_error *err);

#endif

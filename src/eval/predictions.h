// predictions.h - errors of predicted values: ratings, watch shares, ...
#ifndef EVAL_PREDICTIONS_H
#define EVAL_PREDICTIONS_H
#include "eval/evaluate.h"
#include "eval/questions.h"

// Where the sums of each question go.
typedef struct predictions_columns {
    double *value; // [questions][columns]
    size_t columns;
    int square, absolute, count;
} predictions_columns;

// True if the model predicts values and the targets have any.
bool predictions_possible(const questions *q, const contestant *c);

// Every target event with a value whose item the model knows counts once, repeats too.  A
// prediction that is not a number makes the sums, and so the metric, not a number.
habit_status predictions_make(const predictions_columns *to, const questions *q,
                              const contestant *c, const run *rn, habit_error *err);

#endif

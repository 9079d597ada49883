// fit.h - fitting one model, shared by train, tune and the baselines of evaluate.
#ifndef LIB_FIT_H
#define LIB_FIT_H
#include "base/run.h"
#include "data/split.h"
#include "eval/evaluate.h"
#include "models/model.h"

// Refuses a log that lacks what the class needs, then fits.  *seconds may be NULL.
habit_status fit_model(model **out, const model_class *c, const void *options, const log_view *log,
                       const run *run, double *seconds, habit_error *err);

// The metric on the validation events.
habit_status fit_validate(double *out, const model *m, const split *s, const char *metric,
                          const evaluate_options *opt, const run *run, habit_error *err);

#endif

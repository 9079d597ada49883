// fit.h - fitting one model, shared by train, tune and the baselines of evaluate.
#ifndef LIB_FIT_H
#define LIB_FIT_H
#include "base/run.h"
#include "data/split.h"
#include "eval/evaluate.h"
#include "models/model.h"

// How a network's training is watched: it stops early by a metric on the validation events of
// `split`, and can be gone on with from its checkpoint.
typedef struct fit_plan {
    const split *split;
    const char *metric; // NULL: NDCG@10; LogLoss or RMSE where that is what is learned
    const evaluate_options *evaluation;
    const char *checkpoint; // folder, or NULL
    bool resume;
    uint64_t fingerprint; // of all that the result depends on
} fit_plan;

// Refuses a log that lacks what the class needs, then fits.  `plan` and `seconds` may be NULL;
// classes that are not learned by gradients do not look at the plan.
habit_status fit_model(model **out, const model_class *c, const void *options, const log_view *log,
                       const fit_plan *plan, const run *run, double *seconds, habit_error *err);

// The metric on the validation events.
habit_status fit_validate(double *out, const model *m, const split *s, const char *metric,
                          const evaluate_options *opt, const run *run, habit_error *err);

#endif

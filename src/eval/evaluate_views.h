// evaluate_views.h - evaluation of log views: what evaluate_models() does once a split has said who
// may see what.
#ifndef EVAL_EVALUATE_VIEWS_H
#define EVAL_EVALUATE_VIEWS_H
#include "eval/evaluate.h"
#include "eval/measures.h"

typedef struct evaluation_views {
    log_view train;            // for popularity and co-occurrence
    log_view history, targets; // what is known when asked, and what came
    // Other questions, to fit probabilities on; targets.events == 0: none.
    log_view calibration_history, calibration_targets;
} evaluation_views;

habit_status evaluate_views(json_t **result, const evaluation_views *v, const contestant *c,
                            size_t n, const evaluate_options *how, const run *rn, habit_error *err);

habit_status evaluate_views_metric(double *out, const evaluation_views *v, const contestant *c,
                                   const char *metric, const evaluate_options *how, const run *rn,
                                   habit_error *err);

// "1,5,10" into ascending distinct cut-offs of 1..1000, and the main one: 10 if it is among them,
// else the first given.
habit_status evaluate_cuts(measures_plan *out, const char *list, habit_error *err);

// "NDCG@10" into what must be measured to know it; an unknown name is an error that names the
// nearest known one.
habit_status evaluate_plan_metric(measures_plan *out, const char *metric, habit_error *err);

#endif

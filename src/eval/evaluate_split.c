// evaluate_split.c - evaluation at a stage of a split.
#include "eval/evaluate_views.h"
#include "eval/probabilities.h"

#include <string.h>

// Probabilities shown on the test stage are fitted on the validation stage, if there is one.
static evaluation_views views_of(const split *s, stage st)
{
    evaluation_views v = { .train = split_train(s),
                           .history = split_history(s, st),
                           .targets = split_targets(s, st) };
    if (st == STAGE_TEST) {
        v.calibration_history = split_history(s, STAGE_VALID);
        v.calibration_targets = split_targets(s, STAGE_VALID);
    }
    return v;
}

habit_status evaluate_models(json_t **result, const split *s, const contestant *c, size_t n,
                             const evaluate_options *how, const run *rn, habit_error *err)
{
    const bool valid = strcmp(how->stage, "valid") == 0;
    const evaluation_views v = views_of(s, valid ? STAGE_VALID : STAGE_TEST);
    return evaluate_views(result, &v, c, n, how, rn, err);
}

habit_status evaluate_metric(double *out, const split *s, const contestant *c, const char *metric,
                             stage st, const evaluate_options *how, const run *rn, habit_error *err)
{
    const evaluation_views v = views_of(s, st);
    return evaluate_views_metric(out, &v, c, metric, how, rn, err);
}

habit_status evaluate_calibration(double *a, double *b, bool *found, const split *s,
                                  const contestant *c, const run *rn, habit_error *err)
{
    const evaluation_views v = views_of(s, STAGE_VALID);
    const questions_options ask = { .filter_seen = true, .seed = 1 };
    questions q;
    *found = false;
    if (v.targets.events == 0) return HABIT_OK;
    TRY(questions_make(&q, &v.history, &v.targets, &ask, rn, err));
    const habit_status st = probabilities_fit(a, b, found, &q, c, rn, err);
    questions_free(&q);
    return st;
}

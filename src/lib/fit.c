// fit.c - fitting one model.
#include "lib/fit.h"
#include "base/clock.h"
#include "train/trainer.h"

typedef struct watch {
    const fit_plan *plan;
    const run *run;
    const char *metric;
} watch;

static habit_status validate(void *ctx, double *value, const model *m, habit_error *err)
{
    const watch *w = ctx;
    return fit_validate(value, m, w->plan->split, w->metric, w->plan->evaluation, w->run, err);
}

// Probabilities are set right on the validation events.
static habit_status calibrate(model *m, const split *s, const run *r, habit_error *err)
{
    const contestant c = { .name = m->class->name, .model = m };
    double a = 1, b = 0;
    bool found = false;
    if (model_says(m) != ANSWERS_PROBABILITY) return HABIT_OK;
    TRY(evaluate_calibration(&a, &b, &found, s, &c, r, err));
    if (found && network_calibrate((network *)m, a, b))
        run_log(r, LOG_NOTE, "%s: probabilities are sigmoid(%.3f x %+.3f), by Platt scaling",
                m->class->name, a, b);
    else
        run_log(r, LOG_WARN, "%s: too little validation data to calibrate probabilities",
                m->class->name);
    return HABIT_OK;
}

static habit_status fit_network(model **out, const model_class *c, const void *options,
                                const log_view *log, const fit_plan *plan, const run *r,
                                habit_error *err)
{
    training_plan t = { 0 };
    watch w = { plan, r, plan && plan->metric ? plan->metric : network_metric(options) };
    if (plan && plan->split && split_targets(plan->split, STAGE_VALID).events > 0) {
        t.validate = validate;
        t.validate_ctx = &w;
        t.metric = w.metric;
        t.lower_is_better = evaluate_lower_is_better(w.metric);
    }
    if (plan) {
        t.checkpoint = plan->checkpoint;
        t.resume = plan->resume;
        t.fingerprint = plan->fingerprint;
    }
    TRY(trainer_fit(out, c, options, log, &t, r, err));
    const habit_status st = t.validate ? calibrate(*out, plan->split, r, err) : HABIT_OK;
    if (st != HABIT_OK) {
        model_free(*out);
        *out = NULL;
    }
    return st;
}

habit_status fit_model(model **out, const model_class *c, const void *options, const log_view *log,
                       const fit_plan *plan, const run *r, double *seconds, habit_error *err)
{
    if (log->events == 0)
        return fail(
            err, HABIT_EFORMAT,
            "nothing to learn from: the protocol holds out every event; try --protocol all");
    if ((c->needs & NEEDS_TIME) && !log->time)
        return fail(err, HABIT_EFORMAT,
                    "%s needs times, and the log has none; name the column: --columns time=NAME",
                    c->name);
    if ((c->needs & NEEDS_VALUE) && !log->value)
        return fail(
            err, HABIT_EFORMAT,
            "%s needs values such as ratings, and the log has none; name the column: --value",
            c->name);
    if ((c->needs & NEEDS_ORDER) && !log->data->ordered)
        run_log(r, LOG_WARN, "%s learns from order, and this log has no known order", c->name);
    if ((c->needs & USES_TIME) && !log->time)
        run_log(r, LOG_WARN, "%s learns from times, and this log has none: it goes without",
                c->name);
    const double began = clock_wall();
    TRY(c->network ? fit_network(out, c, options, log, plan, r, err)
                   : c->fit(out, log, options, r, err));
    if (seconds) *seconds = clock_wall() - began;
    return HABIT_OK;
}

habit_status fit_validate(double *out, const model *m, const split *s, const char *metric,
                          const evaluate_options *options, const run *r, habit_error *err)
{
    const contestant c = { .name = m->class->name, .model = m };
    return evaluate_metric(out, s, &c, metric, STAGE_VALID, options, r, err);
}

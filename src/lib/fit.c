// fit.c - fitting one model.
#include "lib/fit.h"
#include "base/clock.h"

habit_status fit_model(model **out, const model_class *c, const void *options, const log_view *log,
                       const run *r, double *seconds, habit_error *err)
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
    const double began = clock_wall();
    TRY(c->fit(out, log, options, r, err));
    if (seconds) *seconds = clock_wall() - began;
    return HABIT_OK;
}

habit_status fit_validate(double *out, const model *m, const split *s, const char *metric,
                          const evaluate_options *options, const run *r, habit_error *err)
{
    const contestant c = { .name = m->class->name, .model = m };
    return evaluate_metric(out, s, &c, metric, STAGE_VALID, options, r, err);
}

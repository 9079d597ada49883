// run.c - words and progress of a long call.
#include "base/run.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void run_log(const run *r, enum log_level level, const char *fmt, ...)
{
    if (!r || !r->hooks.log) return;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->hooks.log(r->hooks.ctx, (int)level, text);
}

habit_status run_progress(const run *r, const char *what, uint64_t done, uint64_t total,
                          habit_error *err)
{
    if (!r || !r->hooks.progress) return HABIT_OK;
    if (r->hooks.progress(r->hooks.ctx, what, done, total))
        return fail(err, HABIT_ESTOPPED, "stopped on request while %s", what);
    return HABIT_OK;
}

void run_epoch(const run *r, const char *what, const epoch_note *note)
{
    if (!r) return;
    if (r->epoch) r->epoch(r->epoch_ctx, note);
    if (note->again) return;
    if (isnan(note->loss))
        run_log(r, LOG_DETAIL, "%s: epoch %d of %d: %.4f s", what, note->epoch, note->epochs,
                note->seconds);
    else if (note->metric)
        run_log(r, LOG_DETAIL, "%s: epoch %d of %d: loss %.4f, %.2f s, %s %.4f%s", what,
                note->epoch, note->epochs, note->loss, note->seconds, note->metric, note->valid,
                note->best ? ", the best so far" : "");
    else
        run_log(r, LOG_DETAIL, "%s: epoch %d of %d: loss %.4f, %.4f s", what, note->epoch,
                note->epochs, note->loss, note->seconds);
}

// status.c - statuses, their texts and exit codes, and the one way to record a failure.
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    habit_status status;
    int exit;
    const char *text;
} statuses[] = {
#define X(name, value, http, exit, text) { HABIT_##name, exit, text },
    HABIT_STATUS_MAP(X)
#undef X
};

const char *habit_status_text(habit_status st)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].status == st) return statuses[i].text;
    return "unknown status";
}

int habit_status_exit(habit_status st)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].status == st) return statuses[i].exit;
    return 70;
}

habit_status fail(habit_error *err, habit_status st, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->status = st;
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
    }
    return st;
}

habit_status fail_memory(habit_error *err, const char *what, size_t bytes)
{
    return fail(err, HABIT_ENOMEM, "out of memory: %s needs %.1f MB", what, (double)bytes / 1e6);
}

habit_status fail_io(habit_error *err, const char *verb, const char *path)
{
    const int code = errno;
    habit_status st = HABIT_EIO;
    if (code == ENOENT || code == ENOTDIR) st = HABIT_ENOTFOUND;
    if (code == ENOMEM) st = HABIT_ENOMEM;
    return fail(err, st, "cannot %s %s: %s", verb, path, strerror(code));
}

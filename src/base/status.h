// status.h - how anything in habit fails.
//
// A fallible function returns habit_status and takes `habit_error *err` last; err may be NULL.
// fail() records the reason and returns the code, so the failure site is one line:
//
//     return fail(err, HABIT_EFORMAT, "%s:%zu: expected 3 fields, got %zu", path, line, n);
//
// Say what was seen and where, and how to mend it; the caller already knows which call it made.
#ifndef BASE_STATUS_H
#define BASE_STATUS_H
#include "habit.h"

#if defined(__GNUC__)
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PRINTF_LIKE(fmt, args)
#endif

habit_status fail(habit_error *err, habit_status st, const char *fmt, ...) PRINTF_LIKE(3, 4);

// "out of memory: <what>", with the bytes that were wanted.
habit_status fail_memory(habit_error *err, const char *what, size_t bytes);

// A failed system call on `path`: "cannot <verb> <path>: <strerror>"; ENOENT becomes
// HABIT_ENOTFOUND, ENOMEM HABIT_ENOMEM, the rest HABIT_EIO.  Reads errno.
habit_status fail_io(habit_error *err, const char *verb, const char *path);

// Passes a failure up unchanged.  Only for functions that own nothing yet; once something must be
// released, use `goto out`.
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        habit_status try_st_ = (expr);                                                             \
        if (try_st_ != HABIT_OK) return try_st_;                                                   \
    } while (0)

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

#endif

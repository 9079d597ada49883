// scratch.h - a file for intermediate bytes that has no name and is gone when it is closed, also
// after a crash.
#ifndef BASE_SCRATCH_H
#define BASE_SCRATCH_H
#include "base/status.h"

#include <stdbool.h>

typedef struct scratch {
    bool open;
    int fd;
    char *dir;      // for messages
    uint64_t bytes; // written by scratch_append()
} scratch;          // zero-initialise to use

habit_status scratch_open(scratch *s, const char *dir, habit_error *err);
habit_status scratch_append(scratch *s, const void *bytes, size_t len, habit_error *err);
habit_status scratch_write(scratch *s, uint64_t at, const void *bytes, size_t len,
                           habit_error *err);
// Exactly `len` bytes; fewer there are an error.
habit_status scratch_read(const scratch *s, uint64_t at, void *bytes, size_t len, habit_error *err);
void scratch_close(scratch *s); // fine on zero and twice

#endif

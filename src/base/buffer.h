// buffer.h - bytes that grow: text being written, lines being collected.
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H
#include "base/status.h"

#include <stdbool.h>

// Zero-initialise to use.  Once an allocation fails `failed` stays set and later calls do
// nothing: write everything, check once with buffer_check().
typedef struct buffer {
    char *data; // always ends in NUL once anything was added
    size_t len, cap;
    bool failed;
} buffer;

void buffer_add(buffer *b, const void *bytes, size_t len);
void buffer_text(buffer *b, const char *text);
void buffer_format(buffer *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buffer_clear(buffer *b); // keeps the memory
void buffer_free(buffer *b);
habit_status buffer_check(const buffer *b, habit_error *err);

#endif

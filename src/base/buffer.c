// buffer.c - bytes that grow.
#include "base/buffer.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool buffer_room(buffer *b, size_t more)
{
    if (b->failed || more > SIZE_MAX / 2 - b->len) b->failed = true;
    void *data = b->data;
    if (!b->failed && mem_grow(&data, &b->cap, b->len + more + 1, 1, "text", NULL) != HABIT_OK)
        b->failed = true;
    b->data = data;
    return !b->failed;
}

void buffer_add(buffer *b, const void *bytes, size_t len)
{
    if (!buffer_room(b, len)) return;
    if (len) memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buffer_text(buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_format(buffer *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && buffer_room(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

void buffer_clear(buffer *b)
{
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

void buffer_free(buffer *b)
{
    mem_free(b->data);
    *b = (buffer){ 0 };
}

habit_status buffer_check(const buffer *b, habit_error *err)
{
    return b->failed ? fail_memory(err, "text", b->len) : HABIT_OK;
}

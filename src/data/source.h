// source.h - bytes out of a file, a pipe, a compressed stream, a database or memory.
//
// Whatever it is, a source is read front to back, and its beginning may be looked at before:
//
//     source *s;
//     TRY(source_open(&s, "log.csv.gz", err));          // gzip and zstd are seen through
//     source_peek(s, 1 << 20, &sample, &len, err);      // for sniffing; nothing is consumed
//     while ((st = source_read(s, block, cap, &got, err)) == HABIT_OK && got) ...
//     source_close(s);
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H
#include "base/status.h"

#include <stdbool.h>

typedef struct source source;

// What a kind of source must do: read up to `want` bytes (*got == 0 only at the end), and close.
typedef struct source_ops {
    habit_status (*read)(source *s, char *to, size_t want, size_t *got, habit_error *err);
    void (*close)(void *state);
} source_ops;

struct source {
    const source_ops *ops;
    void *state;
    char *name;          // for messages
    const char *format;  // "sqlite", "postgres": the bytes are CSV from a database; or NULL
    uint64_t size, done; // bytes in all (0: unknown) and consumed, before decompression
    char *ahead;         // bytes peeked at and not yet read: ahead[ahead_at .. ahead_len)
    size_t ahead_at, ahead_len, ahead_cap;
};

// A path, or "-" for standard input.
habit_status source_open(source **out, const char *path, habit_error *err);
// Bytes in memory, which must outlive the source; compressed ones are seen through, too.
habit_status source_memory(source **out, const char *name, const void *bytes, size_t len,
                           habit_error *err);
// Any other kind.  Takes ownership of `state`, which ops->close() gives back, even on failure.
habit_status source_new(source **out, const char *name, const source_ops *ops, void *state,
                        habit_error *err);
// Wraps `inner` (and takes it over, even on failure) if its bytes are gzip or zstd.
habit_status source_decompress(source **out, source *inner, habit_error *err);

// The next bytes without consuming them: *len == want unless the source ends before.  The bytes
// are valid until the next call.
habit_status source_peek(source *s, size_t want, const char **bytes, size_t *len, habit_error *err);
// Fills `to` with exactly `want` bytes unless the source ends before.
habit_status source_read(source *s, char *to, size_t want, size_t *got, habit_error *err);
void source_close(source *s); // NULL is fine

#endif

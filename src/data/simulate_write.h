// simulate_write.h - a simulated world as the files that people have: events, items, users.
#ifndef DATA_SIMULATE_WRITE_H
#define DATA_SIMULATE_WRITE_H
#include "base/buffer.h"
#include "base/file.h"
#include "base/run.h"
#include "data/simulate_walk.h"

// The part of an event's line that only its item decides, written once per item.
typedef struct log_lines {
    const world *w;
    bool full;
    uint64_t *start; // [items+1]
    char *tail;      // ",harbour,52.1034,9.2201,camping"
} log_lines;

habit_status log_lines_new(log_lines *out, const world *w, bool full, habit_error *err);
void log_lines_free(log_lines *l);
const char *log_lines_header(const log_lines *l);

// The lines of n rows; thread-safe for different buffers.
void log_lines_format(buffer *out, const log_lines *l, const log_row *row, size_t n);

habit_status write_items(const world *w, const char *path, habit_error *err);
habit_status write_users(const world *w, const char *path, habit_error *err);

#endif

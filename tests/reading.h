// reading.h - what a reader makes of a text, written out for tests.
#ifndef TESTS_READING_H
#define TESTS_READING_H
#include "base/memory.h"
#include "data/reader_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct reading {
    habit_status status;
    habit_error err;
    buffer rows;    // "user item [time] [value] [behaviour] [name=value ...]" a line
    buffer rejects; // what reader_rejects() collected
    buffer log;
    uint64_t n, bad;
    schema schema;
    char format[32], unit[8], value_name[64];
} reading;

static inline void reading_log(void *ctx, int level, const char *text)
{
    (void)level;
    buffer_format(ctx, "%s\n", text);
}

static inline void reading_add(buffer *b, const schema *s, const rows *r, size_t i)
{
    buffer_add(b, r->user[i].s, r->user[i].len);
    buffer_text(b, " ");
    buffer_add(b, r->item[i].s, r->item[i].len);
    if (r->time && r->time[i] == TIME_NONE) buffer_text(b, " never");
    if (r->time && r->time[i] != TIME_NONE) {
        char text[32];
        time_format_iso(text, r->time[i]);
        buffer_format(b, " %s", text);
    }
    if (r->value) buffer_format(b, " %g", (double)r->value[i]);
    if (r->behaviour) {
        buffer_text(b, " ");
        buffer_add(b, r->behaviour[i].s, r->behaviour[i].len);
    }
    for (int k = 0; k < s->extras; k++) {
        buffer_format(b, " %s=", s->extra_name[k]);
        if (r->number[k])
            buffer_format(b, "%g", r->number[k][i]);
        else
            buffer_add(b, r->tag[k][i].s, r->tag[k][i].len);
    }
    buffer_text(b, "\n");
}

// Checks of every batch, whatever is in it.
static inline void reading_check(const schema *s, const rows *r, size_t i)
{
    CHECK(r->user[i].len && r->item[i].len, "row %zu has an empty id", i);
    CHECK(r->user_hash[i] == ids_hash(r->user[i].s, r->user[i].len), "hash of user %zu", i);
    CHECK(r->item_hash[i] == ids_hash(r->item[i].s, r->item[i].len), "hash of item %zu", i);
    (void)s;
}

// Reads the source to its end; takes it over.
static inline void reading_source(reading *out, source *src, size_t block, size_t part,
                                  const import_options *options, pool *threads)
{
    *out = (reading){ 0 };
    run job = { .pool = threads };
    job.hooks = (habit_hooks){ .size = sizeof job.hooks, .ctx = &out->log, .log = reading_log };
    reader *r = NULL;
    out->status = reader_open_source(&r, src, block, part, options, &job, &out->err);
    if (out->status != HABIT_OK) return;
    reader_rejects(r, &out->rejects);
    const schema *s = reader_schema(r);
    out->schema = *s;
    snprintf(out->format, sizeof out->format, "%s", s->format);
    snprintf(out->unit, sizeof out->unit, "%s", s->time_unit);
    snprintf(out->value_name, sizeof out->value_name, "%s", s->value_name);
    for (;;) {
        rows b;
        out->status = reader_next(r, &b, &job, &out->err);
        if (out->status != HABIT_OK) break;
        out->bad += b.bad;
        if (!b.n) break;
        for (size_t i = 0; i < b.n; i++) {
            reading_check(s, &b, i);
            reading_add(&out->rows, s, &b, i);
        }
        out->n += b.n;
    }
    reader_close(r);
}

static inline void reading_text(reading *out, const char *text, size_t len, size_t block,
                                size_t part, const import_options *options, pool *threads)
{
    *out = (reading){ 0 };
    source *s = NULL;
    out->status = source_memory(&s, "log", text, len, &out->err);
    if (out->status == HABIT_OK) reading_source(out, s, block, part, options, threads);
}

static inline void reading_free(reading *r)
{
    buffer_free(&r->rows);
    buffer_free(&r->rejects);
    buffer_free(&r->log);
}

#endif

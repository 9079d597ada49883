// lines.c - rows as JSON.
#include "store/lines.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

void lines_text(buffer *to, db_text t)
{
    if (t.at)
        json_quote(to, t.at, t.len);
    else
        buffer_text(to, "null");
}

void lines_time(buffer *to, int64_t time)
{
    char text[32];
    if (time == TIME_NONE) {
        buffer_text(to, "null");
        return;
    }
    time_format_iso(text, time);
    buffer_format(to, "\"%s\"", text);
}

// JSON as it was stored.
static void add_stored(buffer *to, db_text t, const char *none)
{
    if (t.at)
        buffer_add(to, t.at, t.len);
    else
        buffer_text(to, none);
}

static void add_if(buffer *to, const char *name, db_text t)
{
    if (!t.at) return;
    buffer_format(to, ",\"%s\":", name);
    lines_text(to, t);
}

void lines_user(buffer *to, const db_user *u)
{
    buffer_text(to, "\"user\":");
    lines_text(to, u->id);
    buffer_text(to, ",\"fields\":");
    add_stored(to, u->fields, "null");
    add_if(to, "comment", u->comment);
}

void lines_item(buffer *to, const db_item *i)
{
    buffer_text(to, "\"item\":");
    lines_text(to, i->id);
    buffer_text(to, ",\"categories\":");
    add_stored(to, i->categories, "[]");
    buffer_text(to, ",\"fields\":");
    add_stored(to, i->fields, "null");
    add_if(to, "comment", i->comment);
    buffer_format(to, ",\"hidden\":%s,\"time\":", i->hidden ? "true" : "false");
    lines_time(to, i->time);
}

void lines_event(buffer *to, const db_event *e, bool with_user)
{
    if (with_user) {
        buffer_text(to, "\"user\":");
        lines_text(to, e->user);
        buffer_text(to, ",");
    }
    buffer_text(to, "\"item\":");
    lines_text(to, e->item);
    add_if(to, "behaviour", e->behaviour);
    buffer_text(to, ",\"time\":");
    lines_time(to, e->time);
    if (!isnan(e->value)) buffer_format(to, ",\"value\":%.15g", e->value);
    add_if(to, "event_id", e->id);
    add_if(to, "recommendation_id", e->recommendation);
    if (!e->fields.at) return;
    buffer_text(to, ",\"fields\":");
    buffer_add(to, e->fields.at, e->fields.len);
}

void lines_answer(buffer *to, const db_answer *a)
{
    buffer_text(to, "\"recommendation_id\":");
    lines_text(to, a->id);
    add_if(to, "user", a->user);
    add_if(to, "model", a->model);
    add_if(to, "source", a->source);
    buffer_text(to, ",\"time\":");
    lines_time(to, a->time);
    buffer_text(to, ",\"items\":[");
    for (size_t i = 0; i < a->items; i++) {
        if (i) buffer_text(to, ",");
        lines_text(to, a->item[i]);
    }
    buffer_text(to, "]");
}

// --- everything -------------------------------------------------------------------------------------

typedef struct exporting {
    file_writer file;
    buffer line;
    db_counts count;
} exporting;

static bool begin(exporting *x, const char *kind)
{
    buffer_clear(&x->line);
    buffer_format(&x->line, "{\"kind\":\"%s\",", kind);
    return true;
}

static bool end(exporting *x, uint64_t *count)
{
    buffer_text(&x->line, "}\n");
    ++*count;
    return !x->line.failed && fwrite(x->line.data, 1, x->line.len, x->file.stream) == x->line.len;
}

static bool export_user(void *ctx, const db_user *u)
{
    exporting *x = ctx;
    begin(x, "user");
    lines_user(&x->line, u);
    return end(x, &x->count.users);
}

static bool export_item(void *ctx, const db_item *i)
{
    exporting *x = ctx;
    begin(x, "item");
    lines_item(&x->line, i);
    return end(x, &x->count.items);
}

static bool export_event(void *ctx, const db_event *e)
{
    exporting *x = ctx;
    begin(x, "event");
    lines_event(&x->line, e, true);
    return end(x, &x->count.events);
}

static bool export_answer(void *ctx, const db_answer *a)
{
    exporting *x = ctx;
    begin(x, "answer");
    lines_answer(&x->line, a);
    return end(x, &x->count.answers);
}

static habit_status export_all(db_reader *r, exporting *x, habit_error *err)
{
    const db_events_of all = { .since = TIME_NONE, .until = TIME_NONE };
    TRY(db_users(r, (db_text){ 0 }, 0, export_user, x, err));
    TRY(db_items(r, (db_text){ 0 }, 0, export_item, x, err));
    TRY(db_events(r, &all, export_event, x, err));
    TRY(db_answers(r, export_answer, x, err));
    return buffer_check(&x->line, err);
}

habit_status lines_export(const char *store, const char *file, db_counts *count, habit_error *err)
{
    exporting x = { 0 };
    db_reader *r = NULL;
    TRY(db_reader_open(&r, store, err));
    habit_status st = file_create(&x.file, file, err);
    if (st == HABIT_OK) {
        st = export_all(r, &x, err);
        if (st == HABIT_OK)
            st = file_commit(&x.file, err); // tells of a disk that was full
        else
            file_abandon(&x.file);
    }
    if (st == HABIT_OK) *count = x.count;
    buffer_free(&x.line);
    db_reader_free(r);
    return st;
}

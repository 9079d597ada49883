// gorse_body.c - what is put, and what is given back.
#include "serve/gorse_body.h"
#include "base/clock.h"
#include "base/memory.h"
#include "data/objects.h"
#include "serve/gorse_time.h"
#include "serve/reply.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// A member that is being read, for what is said when it is bad.
typedef struct member {
    gorse_body *body;
    const char *noun; // "item"
    size_t index;     // in the array
    habit_error *err;
} member;

// --- JSON as it came ---------------------------------------------------------------------------------

// The shortest text that reads back as the same number.
static void write_number(buffer *to, double x, bool real)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    buffer_text(to, text);
    if (real && !strpbrk(text, ".e")) buffer_text(to, ".0"); // not to come back as an integer
}

static void write_json(buffer *to, const json_t *v)
{
    const char *key;
    json_t *one;
    size_t i, n = 0;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        buffer_text(to, "{");
        // jansson reads only; its macro wants no const
        json_object_foreach((json_t *)(uintptr_t)v, key, one)
        {
            if (n++) buffer_text(to, ",");
            reply_text(to, (db_text){ key, strlen(key) });
            buffer_text(to, ":");
            write_json(to, one);
        }
        buffer_text(to, "}");
        return;
    case JSON_ARRAY:
        buffer_text(to, "[");
        json_array_foreach(v, i, one)
        {
            if (i) buffer_text(to, ",");
            write_json(to, one);
        }
        buffer_text(to, "]");
        return;
    case JSON_STRING:
        reply_text(to, (db_text){ json_string_value(v), json_string_length(v) });
        return;
    case JSON_INTEGER:
        buffer_format(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return;
    case JSON_REAL:
        write_number(to, json_real_value(v), true);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        buffer_text(to, json_is_null(v) ? "null" : json_is_true(v) ? "true" : "false");
    }
}

// Text made while reading, which lives as long as the body.
static habit_status keep(const member *m, buffer *text, db_text *out)
{
    habit_status st = buffer_check(text, m->err);
    json_t *s =
        st == HABIT_OK ? json_stringn_nocheck(text->data ? text->data : "", text->len) : NULL;
    if (st == HABIT_OK && (!s || json_array_append(m->body->kept, s)))
        st = fail_memory(m->err, "a body", text->len);
    if (st == HABIT_OK) *out = (db_text){ json_string_value(s), json_string_length(s) };
    json_decref(s);
    buffer_free(text);
    return st;
}

// --- members ----------------------------------------------------------------------------------------

static habit_status bad(const member *m, const char *name, const char *what)
{
    return fail(m->err, HABIT_EFORMAT, "%s %zu: %s %s", m->noun, m->index, name, what);
}

// Go's reader does not mind capitals.  NULL: not there, or null.
static json_t *get(const json_t *o, const char *name)
{
    const char *key;
    json_t *v = json_object_get(o, name), *one;
    if (!v)
        json_object_foreach((json_t *)(uintptr_t)o, key, one) if (!v && strcasecmp(key, name) == 0)
            v = one;
    return json_is_null(v) ? NULL : v;
}

static habit_status get_text(const member *m, const json_t *o, const char *name, db_text *out)
{
    const json_t *v = get(o, name);
    if (v && !json_is_string(v)) return bad(m, name, "is not a string");
    if (v) *out = (db_text){ json_string_value(v), json_string_length(v) };
    return HABIT_OK;
}

static habit_status get_id(const member *m, const json_t *o, const char *name, bool needed,
                           db_text *out)
{
    const json_t *v = get(o, name);
    if (json_is_integer(v)) {
        buffer text = { 0 };
        buffer_format(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return keep(m, &text, out);
    }
    TRY(get_text(m, o, name, out));
    if (needed && !out->len) return bad(m, name, v ? "is empty" : "is missing");
    if (out->len > ID_MOST) return bad(m, name, "is too long");
    return HABIT_OK;
}

static habit_status get_time(const member *m, const json_t *o, int64_t fallback, int64_t *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    const json_t *v = get(o, "Timestamp");
    const char *s = v && !json_is_boolean(v) ? object_text(v, number, &len) : "";
    if (json_is_boolean(v) || !s || !gorse_time_parse(s, len, out))
        return bad(m, "Timestamp", "is not a time");
    if (*out == TIME_NONE) *out = fallback;
    return HABIT_OK;
}

// True of what stands for something else: {"labels":...} or {"labels":...,"subscribe":...}.
static bool is_wrapped(const json_t *o)
{
    const size_t known =
        (json_object_get(o, "labels") != NULL) + (json_object_get(o, "subscribe") != NULL);
    return json_object_get(o, "labels") && json_object_size(o) == known;
}

static habit_status labels_of(const member *m, const json_t *labels, const json_t *subscribe,
                              db_text *fields)
{
    buffer text = { 0 };
    if (!labels && !subscribe) return HABIT_OK;
    if (!subscribe && json_is_object(labels) && !is_wrapped(labels)) {
        write_json(&text, labels);
        return keep(m, &text, fields);
    }
    buffer_text(&text, "{\"labels\":");
    if (labels)
        write_json(&text, labels);
    else
        buffer_text(&text, "null");
    if (subscribe) {
        buffer_text(&text, ",\"subscribe\":");
        write_json(&text, subscribe);
    }
    buffer_text(&text, "}");
    return keep(m, &text, fields);
}

static habit_status categories_of(const member *m, const json_t *o, db_text *out)
{
    const json_t *v = get(o, "Categories");
    buffer text = { 0 };
    json_t *one;
    size_t i;
    if (!v) return HABIT_OK;
    if (!json_is_array(v)) return bad(m, "Categories", "is not a list");
    json_array_foreach(v, i, one) if (!json_is_string(one)) return bad(
        m, "Categories", "has a member that is not a string");
    write_json(&text, v);
    return keep(m, &text, out);
}

// before: fields that a patch leaves in part, or NULL.
static habit_status read_user(const member *m, const json_t *o, const json_t *before, db_user *u)
{
    const json_t *labels = get(o, "Labels"), *subscribe = get(o, "Subscribe");
    TRY(get_text(m, o, "Comment", &u->comment));
    if (!labels && !subscribe) return HABIT_OK;
    if (!labels) labels = is_wrapped(before) ? json_object_get(before, "labels") : before;
    if (!subscribe && is_wrapped(before)) subscribe = json_object_get(before, "subscribe");
    return labels_of(m, labels, subscribe, &u->fields);
}

static habit_status read_item(const member *m, const json_t *o, db_item *i)
{
    const json_t *hidden = get(o, "IsHidden");
    if (hidden && !json_is_boolean(hidden)) return bad(m, "IsHidden", "is neither true nor false");
    i->hidden = json_is_true(hidden);
    i->keep_hidden = !hidden;
    TRY(get_time(m, o, TIME_NONE, &i->time));
    TRY(get_text(m, o, "Comment", &i->comment));
    TRY(categories_of(m, o, &i->categories));
    return labels_of(m, get(o, "Labels"), NULL, &i->fields);
}

// Comment and labels, as the fields of the event.
static habit_status event_fields(const member *m, const json_t *o, db_text *out)
{
    const json_t *labels = get(o, "Labels");
    db_text comment = { 0 };
    buffer text = { 0 };
    TRY(get_text(m, o, "Comment", &comment));
    if (!labels && !comment.len) return HABIT_OK;
    buffer_text(&text, "{");
    if (comment.len) {
        buffer_text(&text, "\"comment\":");
        reply_text(&text, comment);
    }
    if (labels) {
        buffer_text(&text, comment.len ? ",\"labels\":" : "\"labels\":");
        write_json(&text, labels);
    }
    buffer_text(&text, "}");
    return keep(m, &text, out);
}

static habit_status read_feedback(const member *m, const json_t *o, bool whole, int64_t now,
                                  db_event *e)
{
    const json_t *value = get(o, "Value");
    buffer id = { 0 };
    TRY(get_id(m, o, "FeedbackType", whole, &e->behaviour));
    TRY(get_id(m, o, "UserId", whole, &e->user));
    TRY(get_id(m, o, "ItemId", true, &e->item));
    TRY(get_time(m, o, now, &e->time));
    if (value && !json_is_number(value)) return bad(m, "Value", "is not a number");
    // clients send 0 where there is none, and get 0 back for none
    e->value = value && json_number_value(value) != 0 ? json_number_value(value) : NAN;
    TRY(event_fields(m, o, &e->fields));
    gorse_feedback_id(&id, e->behaviour, e->user, e->item);
    return keep(m, &id, &e->id);
}

// --- bodies -----------------------------------------------------------------------------------------

static habit_status read_one(const member *m, gorse_noun noun, const json_t *o, int64_t now)
{
    gorse_body *b = m->body;
    db_op op = { .kind = DB_PUT_EVENT };
    if (!json_is_object(o)) return bad(m, "that", "is not an object");
    if (noun == GORSE_USER) {
        op = (db_op){ .kind = DB_PUT_USER };
        TRY(get_id(m, o, "UserId", true, &op.user.id));
        TRY(read_user(m, o, NULL, &op.user));
    } else if (noun == GORSE_ITEM) {
        op = (db_op){ .kind = DB_PUT_ITEM };
        TRY(get_id(m, o, "ItemId", true, &op.item.id));
        TRY(read_item(m, o, &op.item));
    } else {
        TRY(read_feedback(m, o, noun == GORSE_FEEDBACK, now, &op.event));
    }
    TRY(mem_grow((void **)&b->op, &b->cap, b->ops + 1, sizeof *b->op, "a body", m->err));
    b->op[b->ops++] = op;
    return HABIT_OK;
}

static habit_status open_body(gorse_body *b, const char *bytes, size_t len, habit_error *err)
{
    json_error_t e;
    if (len == 0) return fail(err, HABIT_EFORMAT, "the body is empty");
    if (!(b->kept = json_array())) return fail_memory(err, "a body", len);
    if (!(b->root = json_loadb(bytes, len, JSON_DECODE_ANY, &e)))
        return fail(err, HABIT_EFORMAT, "the body is not JSON: line %d, column %d: %s", e.line,
                    e.column, e.text);
    return HABIT_OK;
}

static const char *const nouns[] = { "user", "item", "feedback", "feedback" };

habit_status gorse_body_read(gorse_body *out, gorse_noun noun, const char *bytes, size_t len,
                             int64_t now, habit_error *err)
{
    member m = { out, nouns[noun], 0, err };
    json_t *one;
    TRY(open_body(out, bytes, len, err));
    if (json_is_object(out->root)) return read_one(&m, noun, out->root, now);
    if (!json_is_array(out->root))
        return fail(err, HABIT_EFORMAT, "the body is neither an object nor a list of them");
    json_array_foreach(out->root, m.index, one) TRY(read_one(&m, noun, one, now));
    return HABIT_OK;
}

habit_status gorse_patch_read(gorse_body *out, gorse_noun noun, db_text id, const json_t *before,
                              const char *bytes, size_t len, habit_error *err)
{
    const member m = { out, nouns[noun], 0, err };
    db_op op = { .kind = noun == GORSE_USER ? DB_PATCH_USER : DB_PATCH_ITEM };
    TRY(open_body(out, bytes, len, err));
    if (!json_is_object(out->root)) return fail(err, HABIT_EFORMAT, "the body is not an object");
    if (noun == GORSE_USER) {
        op.user.id = id;
        TRY(read_user(&m, out->root, before, &op.user));
    } else {
        op.item.id = id;
        TRY(read_item(&m, out->root, &op.item));
    }
    TRY(mem_grow((void **)&out->op, &out->cap, 1, sizeof *out->op, "a body", err));
    out->op[out->ops++] = op;
    return HABIT_OK;
}

habit_status gorse_body_add(gorse_body *b, db_text type, db_text user, db_text item, int64_t time,
                            habit_error *err)
{
    const member m = { b, "feedback", b->ops, err };
    db_op op = { .kind = DB_PUT_EVENT,
                 .event = { .user = user, .behaviour = type, .time = time, .value = NAN } };
    buffer id = { 0 }, name = { 0 };
    if (!b->kept && !(b->kept = json_array())) return fail_memory(err, "a body", 0);
    gorse_feedback_id(&id, type, user, item);
    buffer_add(&name, item.at, item.len);
    TRY(keep(&m, &id, &op.event.id));
    TRY(keep(&m, &name, &op.event.item));
    TRY(mem_grow((void **)&b->op, &b->cap, b->ops + 1, sizeof *b->op, "a body", err));
    b->op[b->ops++] = op;
    return HABIT_OK;
}

void gorse_body_free(gorse_body *b)
{
    json_decref(b->root);
    json_decref(b->kept);
    mem_free(b->op);
    *b = (gorse_body){ 0 };
}

void gorse_feedback_id(buffer *to, db_text type, db_text user, db_text item)
{
    buffer_text(to, "[");
    reply_text(to, type);
    buffer_text(to, ",");
    reply_text(to, user);
    buffer_text(to, ",");
    reply_text(to, item);
    buffer_text(to, "]");
}

// --- rows -------------------------------------------------------------------------------------------

static void write_comment(buffer *to, db_text comment)
{
    buffer_text(to, ",\"Comment\":");
    reply_text(to, comment.at ? comment : (db_text){ "", 0 });
}

static void write_member(buffer *to, const char *name, const json_t *v)
{
    buffer_format(to, ",\"%s\":", name);
    if (v)
        write_json(to, v);
    else
        buffer_text(to, "null");
}

// The reverse of labels_of().
static void write_labels(buffer *to, db_text fields)
{
    json_t *o = fields.at ? json_loadb(fields.at, fields.len, 0, NULL) : NULL;
    if (is_wrapped(o)) {
        write_member(to, "Labels", json_object_get(o, "labels"));
        const json_t *subscribe = json_object_get(o, "subscribe");
        if (subscribe) write_member(to, "Subscribe", subscribe);
    } else {
        write_member(to, "Labels", o);
    }
    json_decref(o);
}

void gorse_write_user(buffer *to, const db_user *u)
{
    buffer_text(to, "{\"UserId\":");
    reply_text(to, u->id);
    write_labels(to, u->fields);
    write_comment(to, u->comment);
    buffer_text(to, "}");
}

void gorse_write_item(buffer *to, const db_item *i)
{
    buffer_text(to, "{\"ItemId\":");
    reply_text(to, i->id);
    buffer_format(to, ",\"IsHidden\":%s,\"Categories\":", i->hidden ? "true" : "false");
    if (i->categories.at)
        buffer_add(to, i->categories.at, i->categories.len);
    else
        buffer_text(to, "null");
    buffer_text(to, ",\"Timestamp\":");
    gorse_time_write(to, i->time);
    write_labels(to, i->fields);
    write_comment(to, i->comment);
    buffer_text(to, "}");
}

void gorse_write_feedback(buffer *to, const db_event *e)
{
    json_t *fields = e->fields.at ? json_loadb(e->fields.at, e->fields.len, 0, NULL) : NULL;
    const json_t *comment = json_object_get(fields, "comment"),
                 *labels = json_object_get(fields, "labels");
    buffer_text(to, "{\"FeedbackType\":");
    reply_text(to, e->behaviour);
    buffer_text(to, ",\"UserId\":");
    reply_text(to, e->user);
    buffer_text(to, ",\"ItemId\":");
    reply_text(to, e->item);
    buffer_text(to, ",\"Value\":");
    write_number(to, isnan(e->value) ? 0 : e->value, false);
    buffer_text(to, ",\"Timestamp\":");
    gorse_time_write(to, e->time);
    if (labels) write_member(to, "Labels", labels);
    write_comment(to, (db_text){ json_string_value(comment), json_string_length(comment) });
    buffer_text(to, "}");
    json_decref(fields);
}

// body.c - batches of JSON objects, and what their members have in common.
#include "serve/body.h"
#include "base/clock.h"
#include "base/memory.h"
#include "data/numbers.h"
#include "data/objects.h"
#include "serve/reply.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Text made while reading; freed with the body.
typedef struct body_text {
    struct body_text *next;
    char bytes[];
} body_text;

void body_refuse(body *b, size_t index, const char *fmt, ...)
{
    va_list ap;
    if (b->refusals++ >= BODY_REFUSALS) return;
    if (mem_grow((void **)&b->refused, &b->refused_cap, b->refusals, sizeof *b->refused, "refusals",
                 NULL) != HABIT_OK)
        return;
    refusal *r = &b->refused[b->refusals - 1];
    r->index = index;
    va_start(ap, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, ap);
    va_end(ap);
}

db_text body_keep(body *b, const char *s, size_t len)
{
    body_text *t = mem_alloc(1, sizeof *t + len + 1);
    if (!t) return (db_text){ 0 };
    t->next = b->texts;
    b->texts = t;
    memcpy(t->bytes, s, len);
    t->bytes[len] = '\0';
    return (db_text){ t->bytes, len };
}

// --- members ----------------------------------------------------------------------------------------

json_t *body_take(body *b, json_t *o, const char *const *names)
{
    for (; *names; names++) {
        json_t *v = json_object_get(o, *names);
        if (!v) continue;
        if (json_array_append(b->roots, v)) {
            b->failed = true;
            return NULL;
        }
        json_object_del(o, *names);
        return json_is_null(v) ? NULL : v;
    }
    return NULL;
}

bool body_id(body *b, size_t index, const json_t *v, const char *what, db_text *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    if (json_is_string(v)) {
        *out = (db_text){ json_string_value(v), json_string_length(v) };
    } else if (json_is_number(v)) {
        const char *s = object_text(v, number, &len);
        *out = body_keep(b, s, len);
    } else {
        body_refuse(b, index, "%s is neither a string nor a number", what);
        return false;
    }
    if (!out->at)
        body_refuse(b, index, "out of memory");
    else if (out->len == 0)
        body_refuse(b, index, "%s is empty", what);
    else if (out->len > ID_MOST)
        body_refuse(b, index, "%s is longer than %d bytes", what, ID_MOST);
    else
        return true;
    return false;
}

bool body_time(body *b, size_t index, const json_t *v, int64_t *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    double x;
    const char *s = json_is_boolean(v) ? NULL : object_text(v, number, &len);
    if (!s) {
        body_refuse(b, index, "time is neither a string nor a number");
        return false;
    }
    const bool is_number = parse_number(s, len, &x);
    if (parse_time(is_number ? time_unit_guess(fabs(x)) : UNIT_ISO, s, len, out)) return true;
    body_refuse(b, index, "time '%.40s' is neither ISO-8601 nor a number", s);
    return false;
}

bool body_fields(body *b, size_t index, json_t *o, db_text *out)
{
    static const char *const nests[] = { "fields", "properties", "labels", "Labels" };
    for (size_t i = 0; i < COUNT_OF(nests); i++) {
        json_t *inner = json_object_get(o, nests[i]);
        if (!json_is_object(inner)) continue;
        json_incref(inner);
        json_object_del(o, nests[i]);
        json_object_update_missing(o, inner);
        json_decref(inner);
    }
    if (json_object_size(o) == 0) return true;
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text) *out = body_keep(b, text, strlen(text));
    free(text);
    if (!out->at) body_refuse(b, index, "out of memory");
    return out->at != NULL;
}

// --- batches ----------------------------------------------------------------------------------------

static habit_status add(body *b, size_t index, json_t *o, body_fn *one, habit_error *err)
{
    db_op op = { 0 };
    if (!json_is_object(o)) {
        body_refuse(b, index, "not a JSON object");
        return HABIT_OK;
    }
    if (!one(b, index, o, &op)) return HABIT_OK;
    TRY(mem_grow((void **)&b->op, &b->op_cap, b->ops + 1, sizeof *b->op, "writes", err));
    b->op[b->ops++] = op;
    return HABIT_OK;
}

static habit_status read_lines(body *b, const char *s, size_t len, body_fn *one, habit_error *err)
{
    const char *const end = s + len;
    habit_status st = HABIT_OK;
    for (size_t line = 0; s < end && st == HABIT_OK; line++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        if (!stop) stop = end;
        json_error_t bad;
        json_t *o = NULL;
        if (!object_parse(s, (size_t)(stop - s), &o, &bad))
            body_refuse(b, line, "%s", bad.text);
        else if (o)
            st = add(b, line, o, one, err);
        json_decref(o);
        s = stop + 1;
    }
    return st;
}

habit_status body_read(body *out, const char *bytes, size_t len, body_fn *one, habit_error *err)
{
    json_error_t bad;
    json_t *member;
    size_t i;
    if (len == 0) return fail(err, HABIT_EFORMAT, "the body is empty: send JSON");
    if (!(out->roots = json_array())) return fail_memory(err, "the body", len);
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &bad);
    if (!root) { // perhaps lines
        if (memchr(bytes, '\n', len)) TRY(read_lines(out, bytes, len, one, err));
        if (out->ops == 0)
            return fail(err, HABIT_EFORMAT, "the body is not JSON: line %d, column %d: %s",
                        bad.line, bad.column, bad.text);
        return HABIT_OK;
    }
    habit_status st = HABIT_OK;
    out->single = json_is_object(root);
    if (out->single)
        st = add(out, 0, root, one, err);
    else if (!json_is_array(root))
        st = fail(err, HABIT_EFORMAT, "the body is neither an object nor an array of them");
    json_array_foreach(root, i, member)
    {
        if (st == HABIT_OK) st = add(out, i, member, one, err);
    }
    json_decref(root);
    return st == HABIT_OK && out->failed ? fail_memory(err, "the body", len) : st;
}

void body_free(body *b)
{
    while (b->texts) {
        body_text *next = b->texts->next;
        mem_free(b->texts);
        b->texts = next;
    }
    json_decref(b->roots);
    mem_free(b->op);
    mem_free(b->refused);
    *b = (body){ 0 };
}

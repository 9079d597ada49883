// event_body.c - members by their many names, and how they become an event.
#include "serve/event_body.h"
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

#define DAY INT64_C(86400000000)
#define DEFAULT_BEHAVIOUR "view"

// Text made while reading; freed with the body.
typedef struct event_text {
    struct event_text *next;
    char bytes[];
} event_text;

enum role { USER, ITEM, BEHAVIOUR, TIME, VALUE, ID, RECOMMENDATION, ROLES };

// The names that people use, most telling first.
static const char *const names[ROLES][10] = {
    [USER] = { "user", "user_id", "userId", "UserId", "uid", "userid", "visitorid" },
    [ITEM] = { "item", "item_id", "itemId", "ItemId", "iid", "itemid", "product_id", "productId" },
    [BEHAVIOUR] = { "behaviour", "behavior", "event_type", "eventType", "FeedbackType", "event",
                    "type", "action" },
    [TIME] = { "time", "timestamp", "Timestamp", "ts", "datetime", "sentAt", "date" },
    [VALUE] = { "value", "Value", "rating", "weight", "eventValue", "event_value", "score" },
    [ID] = { "event_id", "eventId", "id", "uuid" },
    [RECOMMENDATION] = { "recommendation_id", "recommendationId", "RecommendationId" },
};

static const char *find_name(const json_t *o, enum role role)
{
    for (size_t i = 0; i < COUNT_OF(names[role]) && names[role][i]; i++)
        if (json_object_get(o, names[role][i])) return names[role][i];
    return NULL;
}

static void refuse(event_body *b, size_t index, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void refuse(event_body *b, size_t index, const char *fmt, ...)
{
    va_list ap;
    if (b->refusals++ >= EVENT_REFUSALS) return;
    if (mem_grow((void **)&b->refused, &b->refused_cap, b->refusals, sizeof *b->refused,
                 "refused events", NULL) != HABIT_OK) {
        b->refused_cap = 0;
        return;
    }
    event_refusal *r = &b->refused[b->refusals - 1];
    r->index = index;
    va_start(ap, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, ap);
    va_end(ap);
}

static char *keep_text(event_body *b, const char *s, size_t len)
{
    event_text *t = mem_alloc(1, sizeof *t + len + 1);
    if (!t) return NULL;
    t->next = b->texts;
    b->texts = t;
    memcpy(t->bytes, s, len);
    t->bytes[len] = '\0';
    return t->bytes;
}

// --- members ----------------------------------------------------------------------------------------

// A string or a number as text; what: for the refusal.
static bool text_of(event_body *b, size_t index, const json_t *v, const char *what, db_text *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    if (json_is_string(v)) {
        *out = (db_text){ json_string_value(v), json_string_length(v) };
    } else if (json_is_number(v)) {
        const char *s = object_text(v, number, &len);
        *out = (db_text){ keep_text(b, s, len), len };
    } else {
        refuse(b, index, "%s is neither a string nor a number", what);
        return false;
    }
    if (out->len == 0 || out->len > ID_MOST || !out->at)
        refuse(b, index, out->len ? "%s is longer than %d bytes" : "%s is empty", what, ID_MOST);
    return out->len > 0 && out->len <= ID_MOST && out->at;
}

static bool time_of(event_body *b, size_t index, const json_t *v, int64_t now, int64_t *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    double x;
    const char *s = object_text(v, number, &len);
    if (!s) {
        refuse(b, index, "time is neither a string nor a number");
        return false;
    }
    const bool is_number = parse_number(s, len, &x);
    const time_unit unit = is_number ? time_unit_guess(fabs(x)) : UNIT_ISO;
    if (json_is_boolean(v) || !parse_time(unit, s, len, out)) {
        refuse(b, index, "time '%.40s' is neither ISO-8601 nor a number", s);
        return false;
    }
    if (*out > now + DAY) {
        refuse(b, index, "time '%.40s' is more than a day from now", s);
        return false;
    }
    return true;
}

static bool value_of(event_body *b, size_t index, const json_t *v, double *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    const char *s = object_text(v, number, &len);
    if (s && parse_number(s, len, out)) return true;
    refuse(b, index, "value is not a number");
    return false;
}

// What has no role, as a JSON object; the members of "fields" and "properties" beside the others.
static bool fields_of(event_body *b, size_t index, json_t *o, db_text *out)
{
    static const char *const nests[] = { "fields", "properties" };
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
    const size_t len = text ? strlen(text) : 0;
    *out = (db_text){ text ? keep_text(b, text, len) : NULL, len };
    free(text);
    if (!out->at) refuse(b, index, "out of memory");
    return out->at != NULL;
}

// Takes the members with roles out of `o`, which stays in b->roots.
static bool take_members(event_body *b, size_t index, json_t *o, json_t *taken, int64_t now,
                         db_event *e)
{
    static const char *const what[ROLES] = { "user",  "item",     "behaviour",        "time",
                                             "value", "event_id", "recommendation_id" };
    db_text *const text[ROLES] = { &e->user, &e->item, &e->behaviour,     NULL,
                                   NULL,     &e->id,   &e->recommendation };
    for (int role = 0; role < ROLES; role++) {
        const char *name = find_name(o, role);
        json_t *v = name ? json_object_get(o, name) : NULL;
        if (v && json_array_append(taken, v)) { // lives on
            refuse(b, index, "out of memory");
            return false;
        }
        if (v && json_is_null(v)) v = NULL;
        if (name) json_object_del(o, name);
        if (!v && (role == USER || role == ITEM)) {
            refuse(b, index, "no %s", what[role]);
            return false;
        }
        if (!v) continue;
        if (text[role] && !text_of(b, index, v, what[role], text[role])) return false;
        if (role == TIME && !time_of(b, index, v, now, &e->time)) return false;
        if (role == VALUE && !value_of(b, index, v, &e->value)) return false;
    }
    return fields_of(b, index, o, &e->fields);
}

static habit_status add_event(event_body *b, size_t index, json_t *o, int64_t now, habit_error *err)
{
    db_op op = { .kind = DB_PUT_EVENT,
                 .event = { .behaviour = { DEFAULT_BEHAVIOUR, sizeof DEFAULT_BEHAVIOUR - 1 },
                            .time = now,
                            .value = NAN } };
    if (!json_is_object(o)) {
        refuse(b, index, "not a JSON object");
        return HABIT_OK;
    }
    if (!take_members(b, index, o, b->roots, now, &op.event)) return HABIT_OK;
    TRY(mem_grow((void **)&b->op, &b->op_cap, b->ops + 1, sizeof *b->op, "events", err));
    b->op[b->ops++] = op;
    return HABIT_OK;
}

// --- bodies -----------------------------------------------------------------------------------------

static habit_status read_lines(event_body *b, const char *s, size_t len, int64_t now,
                               habit_error *err)
{
    const char *const end = s + len;
    for (size_t line = 0; s < end; line++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        if (!stop) stop = end;
        json_error_t bad;
        json_t *o = NULL;
        if (!object_parse(s, (size_t)(stop - s), &o, &bad))
            refuse(b, line, "%s", bad.text);
        else if (o)
            TRY(add_event(b, line, o, now, err));
        json_decref(o);
        s = stop + 1;
    }
    return HABIT_OK;
}

habit_status event_body_read(event_body *out, const char *bytes, size_t len, int64_t now,
                             habit_error *err)
{
    json_error_t bad;
    if (len == 0) return fail(err, HABIT_EFORMAT, "the body is empty: send events as JSON");
    if (!(out->roots = json_array())) return fail_memory(err, "events", len);
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &bad), *one;
    if (!root) {
        const bool lines = memchr(bytes, '\n', len) != NULL;
        habit_status st = lines ? read_lines(out, bytes, len, now, err) : HABIT_OK;
        if (st == HABIT_OK && out->ops == 0)
            st = fail(err, HABIT_EFORMAT, "the body is not JSON: line %d, column %d: %s", bad.line,
                      bad.column, bad.text);
        return st;
    }
    habit_status st = HABIT_OK;
    out->single = json_is_object(root);
    if (out->single) {
        st = add_event(out, 0, root, now, err);
    } else {
        size_t i;
        json_array_foreach(root, i, one) if (st == HABIT_OK) st = add_event(out, i, one, now, err);
    }
    if (!json_is_object(root) && !json_is_array(root))
        st = fail(err, HABIT_EFORMAT, "the body is neither an object nor an array of them");
    json_decref(root);
    return st;
}

void event_body_free(event_body *b)
{
    while (b->texts) {
        event_text *next = b->texts->next;
        mem_free(b->texts);
        b->texts = next;
    }
    json_decref(b->roots);
    mem_free(b->op);
    mem_free(b->refused);
    *b = (event_body){ 0 };
}

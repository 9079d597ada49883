// reply.c - reading requests and writing answers.
#include "serve/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- answers ----------------------------------------------------------------------------------------

void reply_error(http_request *r, int status, const char *fmt, ...)
{
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    http_error(r, status, text);
}

int reply_status_of(habit_status st)
{
    static const struct {
        habit_status status;
        int http;
    } statuses[] = {
#define X(name, value, http, exit, text) { HABIT_##name, http },
        HABIT_STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].status == st) return statuses[i].http;
    return 500;
}

void reply_failure(http_request *r, habit_status st, const habit_error *err)
{
    http_error(r, reply_status_of(st), err && *err->message ? err->message : habit_status_text(st));
}

static int add_text(const char *bytes, size_t len, void *ctx)
{
    buffer_add(ctx, bytes, len);
    return 0;
}

void reply_json(http_request *r, int status, json_t *value)
{
    if (!value || json_dump_callback(value, add_text, &r->reply,
                                     JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY)) {
        http_error(r, 503, "out of memory");
    } else {
        buffer_text(&r->reply, "\n");
        http_answer(r, status);
    }
    json_decref(value);
}

// --- requests ---------------------------------------------------------------------------------------

bool request_id(http_request *r, http_text piece, const char *what, db_text *out)
{
    *out = (db_text){ piece.at, piece.len };
    if (piece.len == 0)
        reply_error(r, 400, "the id of the %s is empty", what);
    else if (memchr(piece.at, '\0', piece.len))
        reply_error(r, 400, "the id of the %s has a NUL in it", what);
    else if (piece.len > ID_MOST)
        reply_error(r, 400, "the id of the %s has %zu bytes, at most %d are taken", what, piece.len,
                    ID_MOST);
    else
        return true;
    return false;
}

bool request_number(http_request *r, const char *name, long least, long most, long fallback,
                    long *out)
{
    const http_text t = http_param(r, name);
    char *end;
    *out = fallback;
    if (!t.at) return true;
    const long n = strtol(t.at, &end, 10);
    if (t.len == 0 || *end || end != t.at + t.len || n < least || n > most) {
        reply_error(r, 400, "%s=%s: not a whole number in [%ld, %ld]", name, t.at, least, most);
        return false;
    }
    *out = n;
    return true;
}

bool request_flag(http_request *r, const char *name, bool fallback, bool *out)
{
    static const char *const yes[] = { "", "1", "true", "yes" }, *const no[] = { "0", "false",
                                                                                 "no" };
    const http_text t = http_param(r, name);
    *out = fallback;
    if (!t.at) return true;
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (strcmp(t.at, yes[i]) == 0) return *out = true, true;
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (strcmp(t.at, no[i]) == 0) return *out = false, true;
    reply_error(r, 400, "%s=%s: true or false", name, t.at);
    return false;
}

bool page_begin(page *p, http_request *r, const char *name)
{
    enum { PAGE = 100, PAGE_MOST = 10000 };
    const http_text after = http_param(r, "after");
    long n;
    if (!request_number(r, "n", 1, PAGE_MOST, PAGE, &n)) return false;
    *p = (page){ .request = r,
                 .to = &r->reply,
                 .after = { after.len ? after.at : NULL, after.len },
                 .most = (size_t)n };
    buffer_format(p->to, "{\"%s\":[", name);
    return true;
}

bool page_next(page *p, db_text id)
{
    p->more = p->count == p->most;
    if (p->more) return false;
    if (p->count++) buffer_text(p->to, ",");
    buffer_clear(&p->last);
    buffer_add(&p->last, id.at, id.len);
    return true;
}

void page_end(page *p, habit_status st, const habit_error *err)
{
    buffer_text(p->to, "],\"next\":");
    reply_text(p->to, p->more ? (db_text){ p->last.data, p->last.len } : (db_text){ 0 });
    buffer_text(p->to, "}\n");
    if (st != HABIT_OK || p->last.failed)
        reply_failure(p->request, st != HABIT_OK ? st : HABIT_ENOMEM, err);
    else
        http_answer(p->request, 200);
    buffer_free(&p->last);
}

json_t *request_object(http_request *r)
{
    json_error_t e;
    if (r->body.len == 0) return json_object();
    json_t *o = json_loadb(r->body.data, r->body.len, JSON_REJECT_DUPLICATES, &e);
    if (!o)
        reply_error(r, 400, "the body is not JSON: line %d, column %d: %s", e.line, e.column,
                    e.text);
    else if (!json_is_object(o))
        reply_error(r, 400, "the body is not a JSON object");
    if (json_is_object(o)) return o;
    json_decref(o);
    return NULL;
}

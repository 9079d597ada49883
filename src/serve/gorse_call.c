// gorse_call.c - parameters, cursors, and writes on their way through the database.
#include "serve/gorse_call.h"
#include "base/clock.h"
#include "base/memory.h"
#include "serve/writes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// --- parameters -------------------------------------------------------------------------------------

http_text gorse_param(const http_request *r, const char *name)
{
    for (size_t i = 0; i < r->params; i++)
        if (strcasecmp(r->name[i].at, name) == 0) return r->value[i];
    return (http_text){ 0 };
}

bool gorse_number(http_request *r, const char *name, long fallback, long most, size_t *out)
{
    const http_text t = gorse_param(r, name);
    char *end;
    const long n = t.len ? strtol(t.at, &end, 10) : fallback;
    if (t.len && (*end || end != t.at + t.len)) {
        reply_error(r, 400, "%s=%s: not a whole number", name, t.at);
        return false;
    }
    *out = (size_t)(n < 0 || n > most ? most : n);
    return true;
}

void gorse_cursor_write(buffer *to, db_text id)
{
    for (size_t i = 0; i < id.len; i++) buffer_format(to, "%02x", (unsigned char)id.at[i]);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gorse_cursor_read(http_request *r, buffer *bytes, db_text *out)
{
    const http_text t = gorse_param(r, "cursor");
    bool good = t.len % 2 == 0;
    *out = (db_text){ 0 };
    if (!t.len) return true;
    for (size_t i = 0; good && i < t.len; i += 2) {
        const int high = hex_digit(t.at[i]), low = hex_digit(t.at[i + 1]);
        const char c = (char)(high << 4 | low);
        good = high >= 0 && low >= 0;
        if (good) buffer_add(bytes, &c, 1);
    }
    if (good && !bytes->failed)
        *out = (db_text){ bytes->data, bytes->len };
    else
        reply_error(r, good ? 503 : 400, good ? "out of memory" : "this cursor is none of ours");
    return out->at != NULL;
}

// --- writes -----------------------------------------------------------------------------------------

// What writes.ctx is.
typedef struct gorse_write {
    gorse_body body; // what the texts of the operations point into
    gorse_told told;
} gorse_write;

static void free_write(writes *w)
{
    gorse_write *g = w->ctx;
    gorse_body_free(&g->body);
    mem_free(g);
}

static void affected(http_request *r, size_t rows)
{
    buffer_format(&r->reply, "{\"RowAffected\":%zu}", rows);
    http_answer(r, 200);
}

static void tell(writes *w)
{
    const gorse_told told = ((const gorse_write *)w->ctx)->told;
    const size_t rows = writes_changed(w);
    if (told == GORSE_TELL_REPLY)
        http_answer(w->request, 200);
    else if (told == GORSE_TELL_ITEM && !rows)
        reply_error(w->request, 404, "item not found");
    else
        affected(w->request, told == GORSE_TELL_OPS ? w->ops : rows);
}

void gorse_submit(const call *c, gorse_body *body, gorse_told told)
{
    gorse_write *g = NULL;
    writes *w = NULL;
    if (body->ops == 0) { // an empty list
        affected(c->request, 0);
        goto out;
    }
    if (!(g = ZNEW(gorse_write, 1))) {
        reply_failure(c->request, HABIT_ENOMEM, NULL);
        goto out;
    }
    if (!(w = writes_new(c))) goto out;
    w->op = body->op, w->ops = body->ops, w->cap = body->cap;
    body->op = NULL;
    g->body = *body, g->told = told;
    *body = (gorse_body){ 0 };
    w->ctx = g, w->free = free_write, w->tell = tell;
    g = NULL;
    writes_submit(w);
out:
    mem_free(g);
    gorse_body_free(body);
}

void gorse_submit_op(const call *c, const db_op *op, gorse_told told)
{
    gorse_body b = { .op = NEW(db_op, 1), .ops = 1, .cap = 1 };
    if (!b.op) {
        reply_failure(c->request, HABIT_ENOMEM, NULL);
        return;
    }
    *b.op = *op;
    gorse_submit(c, &b, told);
}

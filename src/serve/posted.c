// posted.c - from a body to the database and an answer.
#include "serve/posted.h"
#include "base/clock.h"
#include "base/memory.h"
#include "serve/writes.h"

#include <stdio.h>
#include <string.h>

typedef struct posted {
    body body;
    const char *metric, *help; // of a batch
    const char *what;          // of one object
    bool known;                // to a model, if not to the database
} posted;

static void free_posted(writes *w)
{
    posted *p = w->ctx;
    body_free(&p->body);
    mem_free(p);
}

// NULL if the request is answered.
static writes *new_writes(const call *c, posted from)
{
    writes *w = writes_new(c);
    if (!w) return NULL;
    posted *p = ZNEW(posted, 1);
    if (!p) {
        writes_free(w);
        reply_failure(c->request, HABIT_ENOMEM, NULL);
        return NULL;
    }
    *p = from;
    p->body.now = clock_now();
    w->ctx = p, w->free = free_posted;
    return w;
}

// The operations of the body, whose texts live with w.
static void submit(writes *w)
{
    body *b = &((posted *)w->ctx)->body;
    w->op = b->op, w->ops = b->ops, w->cap = b->op_cap;
    b->op = NULL;
    writes_submit(w);
}

// --- batches ----------------------------------------------------------------------------------------

static void write_refusals(buffer *to, const body *b)
{
    const size_t told = b->refusals < BODY_REFUSALS ? b->refusals : BODY_REFUSALS;
    buffer_text(to, "[");
    for (size_t i = 0; i < told; i++) {
        buffer_format(to, "%s{\"index\":%zu,\"message\":", i ? "," : "", b->refused[i].index);
        reply_text(to, (db_text){ b->refused[i].why, strlen(b->refused[i].why) });
        buffer_text(to, "}");
    }
    buffer_text(to, "]");
}

static void count(service *s, const posted *p, const char *result, size_t n)
{
    char label[40];
    if (!n) return;
    snprintf(label, sizeof label, "result=\"%s\"", result);
    counter_add(metrics_counter(s->metrics, p->metric, p->help, label), n);
}

static void tell(service *s, http_request *r, const posted *p, size_t accepted, size_t repeated)
{
    const body *b = &p->body;
    count(s, p, "accepted", accepted);
    count(s, p, "repeated", repeated);
    count(s, p, "rejected", b->refusals);
    buffer_format(&r->reply,
                  "{\"accepted\":%zu,\"repeated\":%zu,\"rejected\":%zu,\"errors\":", accepted,
                  repeated, b->refusals);
    write_refusals(&r->reply, b);
    buffer_text(&r->reply, "}\n");
    http_answer(r, 200);
}

static void tell_batch(writes *w)
{
    size_t accepted = 0;
    for (size_t i = 0; i < w->ops; i++) accepted += w->op[i].changed > 0;
    tell(w->s, w->request, w->ctx, accepted, w->ops - accepted);
}

static void refuse_all(service *s, http_request *r, const posted *p)
{
    const body *b = &p->body;
    const size_t all = b->refusals + b->ops;
    count(s, p, "rejected", all);
    if (!b->refused)
        reply_failure(r, HABIT_ENOMEM, NULL);
    else if (b->single)
        reply_error(r, 400, "%s", b->refused->why);
    else
        reply_error(r, 400, "%zu of %zu are bad, and none was taken; the first is number %zu: %s",
                    b->refusals, all, b->refused->index, b->refused->why);
}

void posted_take(const call *c, body_fn *one, const char *metric, const char *help)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    bool strict;
    if (!request_flag(r, "strict", false, &strict)) return;
    writes *w = new_writes(c, (posted){ .metric = metric, .help = help });
    if (!w) return;
    posted *p = w->ctx;
    const habit_status st = body_read(&p->body, r->body.data, r->body.len, one, &err);
    if (st == HABIT_OK && p->body.ops && !(p->body.refusals && strict)) {
        w->tell = tell_batch;
        submit(w);
        return;
    }
    if (st != HABIT_OK)
        reply_failure(r, st, &err);
    else if (p->body.refusals)
        refuse_all(c->s, r, p);
    else
        tell(c->s, r, p, 0, 0); // an empty list
    writes_free(w);
}

// --- one object -------------------------------------------------------------------------------------

static void tell_put(writes *w)
{
    const db_op *op = &w->op[0];
    const posted *p = w->ctx;
    buffer *to = &w->request->reply;
    buffer_format(to, "{\"%s\":", p->what);
    reply_text(to, op->kind == DB_PUT_ITEM ? op->item.id : op->user.id);
    buffer_text(to, "}\n");
    http_answer(w->request, 200);
}

void posted_put(const call *c, body_fn *one, const char *what)
{
    http_request *r = c->request;
    db_text id;
    db_op op = { 0 };
    if (!request_id(r, c->piece[0], what, &id)) return;
    json_t *o = request_object(r);
    if (!o) return;
    writes *w = new_writes(c, (posted){ .what = what });
    if (!w) {
        json_decref(o);
        return;
    }
    posted *p = w->ctx;
    body *b = &p->body;
    json_object_set_new(o, what, json_string("as the path says")); // which may hold any byte
    b->roots = json_array();
    if (!b->roots || !one(b, 0, o, &op)) {
        reply_error(r, b->refusals ? 400 : 503, "%s",
                    b->refused ? b->refused->why : "out of memory");
        writes_free(w);
    } else {
        db_op *to = writes_add(w, op.kind);
        if (to) *to = op;
        if (to) *(op.kind == DB_PUT_ITEM ? &to->item.id : &to->user.id) = writes_keep(w, id);
        w->tell = tell_put;
        writes_submit(w);
    }
    json_decref(o);
}

static void tell_deleted(writes *w)
{
    const db_op *op = &w->op[0];
    const posted *p = w->ctx;
    buffer *to = &w->request->reply;
    if (!op->changed && !p->known) {
        reply_error(w->request, 404, "no %s of that id", p->what);
        return;
    }
    buffer_format(to, "{\"%s\":", p->what);
    reply_text(to, op->kind == DB_DELETE_ITEM ? op->item.id : op->user.id);
    buffer_format(to, ",\"deleted\":%u}\n", op->changed);
    http_answer(w->request, 200);
}

void posted_delete(const call *c, db_kind kind, const char *what)
{
    db_text id;
    if (!request_id(c->request, c->piece[0], what, &id)) return;
    bool known = false;
    if (kind == DB_DELETE_ITEM) {
        items *t = &c->s->items;
        items_read(t);
        const uint32_t number = items_find(t, id);
        known = number != IDS_NONE && !t->at[number].deleted;
        items_done(t);
    }
    writes *w = new_writes(c, (posted){ .what = what, .known = known });
    if (!w) return;
    db_op *op = writes_add(w, kind);
    if (op) *(kind == DB_DELETE_ITEM ? &op->item.id : &op->user.id) = writes_keep(w, id);
    w->tell = tell_deleted;
    writes_submit(w);
}

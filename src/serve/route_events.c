// route_events.c - POST /v1/events: acknowledged when they are as durable as was asked for.
#include "base/clock.h"
#include "base/memory.h"
#include "serve/event_body.h"
#include "serve/routes.h"

#include <string.h>

// A batch on its way through the database; lives in request.own.
typedef struct batch_write {
    service *s;
    event_body events;
    db_write write;
} batch_write;

static void batch_free(batch_write *b)
{
    event_body_free(&b->events);
    mem_free(b);
}

// On the writer's thread: whoever loads a person from now on sees these.
static void on_written(db_write *w)
{
    http_request *r = w->ctx;
    const batch_write *b = r->own;
    for (size_t i = 0; w->status == HABIT_OK && i < w->ops; i++)
        if (w->op[i].place > atomic_load(&b->s->place)) atomic_store(&b->s->place, w->op[i].place);
    http_finish(r);
}

static void write_refusals(buffer *to, const event_body *e)
{
    const size_t told = e->refusals < EVENT_REFUSALS ? e->refusals : EVENT_REFUSALS;
    buffer_text(to, "[");
    for (size_t i = 0; i < told; i++) {
        buffer_format(to, "%s{\"index\":%zu,\"message\":", i ? "," : "", e->refused[i].index);
        reply_text(to, (db_text){ e->refused[i].why, strlen(e->refused[i].why) });
        buffer_text(to, "}");
    }
    buffer_text(to, "]");
}

static void count_events(service *s, const char *what, size_t n)
{
    if (n)
        counter_add(
            metrics_counter(s->metrics, "habit_events_total", "Events that were posted.", what), n);
}

static void tell(service *s, http_request *r, const event_body *e, size_t accepted, size_t repeated)
{
    count_events(s, "result=\"accepted\"", accepted);
    count_events(s, "result=\"repeated\"", repeated);
    count_events(s, "result=\"rejected\"", e->refusals);
    buffer_format(&r->reply,
                  "{\"accepted\":%zu,\"repeated\":%zu,\"rejected\":%zu,\"errors\":", accepted,
                  repeated, e->refusals);
    write_refusals(&r->reply, e);
    buffer_text(&r->reply, "}\n");
    http_answer(r, 200);
}

// Back on the request's own thread.
static void after_write(http_request *r)
{
    batch_write *b = r->own;
    service *s = b->s;
    r->own = NULL;
    if (b->write.status != HABIT_OK) {
        if (db_look(s->db).refuses)
            http_error(r, 503, b->write.err.message);
        else
            reply_failure(r, b->write.status, &b->write.err);
        batch_free(b);
        return;
    }
    size_t accepted = 0;
    for (size_t i = 0; i < b->events.ops; i++) {
        const db_op *op = &b->events.op[i];
        if (op->place) service_heard(s, &op->event, op->place);
        accepted += op->changed > 0;
    }
    tell(s, r, &b->events, accepted, b->events.ops - accepted);
    batch_free(b);
}

static void post_events(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    bool strict;
    if (!request_flag(r, "strict", false, &strict)) return;
    batch_write *b = ZNEW(batch_write, 1);
    if (!b) {
        reply_failure(r, HABIT_ENOMEM, NULL);
        return;
    }
    b->s = c->s;
    event_body *e = &b->events;
    const habit_status st = event_body_read(e, r->body.data, r->body.len, clock_now(), &err);
    const event_refusal *first = e->refused;
    if (st != HABIT_OK) {
        reply_failure(r, st, &err);
    } else if (e->refusals && (strict || e->ops == 0)) {
        count_events(c->s, "result=\"rejected\"", e->refusals + e->ops);
        if (e->single)
            reply_error(r, 400, "%s", first->why);
        else
            reply_error(
                r, 400,
                "%zu of %zu events are bad, and none was taken; the first is number %zu: %s",
                e->refusals, e->refusals + e->ops, first->index, first->why);
    } else if (e->ops == 0) {
        tell(c->s, r, e, 0, 0); // an empty list
    } else {
        r->own = b;
        r->after = after_write;
        b->write = (db_write){ .op = e->op, .ops = e->ops, .done = on_written, .ctx = r };
        http_later(r);
        db_submit(c->s->db, &b->write);
        return;
    }
    batch_free(b);
}

// clang-format off
const route routes_events[] = {
    { "POST", "/v1/events", post_events,
      .summary = "Takes one event, an array of them, or JSON lines; answers when they are durable.",
      .body = "[{\"user\":\"u1\",\"item\":\"i1\",\"behaviour\":\"view\",\"time\":\"2024-05-01T12:00:00Z\","
              "\"event_id\":\"e1\"}]",
      .answer = "{\"accepted\":1,\"repeated\":0,\"rejected\":0,\"errors\":[]}",
      .param = { { "strict", "boolean", "take all or none; else the good ones are taken" } } },
    ROUTE_END,
};
// clang-format on

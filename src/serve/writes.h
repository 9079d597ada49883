// writes.h - operations on their way through the database, and back to the request that asked.
//
//     writes *w = writes_new(c);             // or NULL, and the request is answered
//     db_op *op = writes_add(w);             // or NULL: out of memory
//     op->item.id = writes_keep(w, id);      // texts live with the writes
//     w->tell = tell_done;                   // answers when all of it is durable
//     writes_submit(w);                      // the handler returns; failures are answered here
//
// What the service knows of items and people is brought up to date before the answer: of events by
// the request's own thread, of all else by the database's, in the order of the writes.
#ifndef SERVE_WRITES_H
#define SERVE_WRITES_H
#include "serve/routes.h"

struct kept_text;

typedef struct writes {
    service *s;
    http_request *request;
    db_op *op;
    size_t ops, cap;
    void (*tell)(struct writes *w); // on the request's thread, when all is written
    void (*free)(struct writes *w); // of what `ctx` is; NULL: nothing
    void *ctx;
    db_write write;
    size_t bytes; // counted against the queue
    struct kept_text *texts;
    bool failed; // an allocation did; writes_submit() says so
} writes;

writes *writes_new(const call *c);
void writes_free(writes *w); // what was not submitted
db_op *writes_add(writes *w, db_kind kind);
db_text writes_keep(writes *w, db_text t); // a copy; {NULL} stays that
void writes_submit(writes *w);
size_t writes_changed(const writes *w); // rows, of all operations

#endif

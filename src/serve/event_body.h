// event_body.h - events as people send them: one object, an array of them, or JSON lines.
//
//     {"user":"u1","item":"i1"}
//     {"user_id":7,"itemId":"i1","event":"buy","time":"2024-05-01T12:00:00Z","value":2,
//      "event_id":"e-77","recommendation_id":"...","page":"home"}
//
// Members go by any of the usual names (the table in event_body.c); what has none of them is kept as
// a field.  Ids may be numbers.  Time is ISO-8601 or a number: seconds, milliseconds, microseconds
// or nanoseconds by its size.
#ifndef SERVE_EVENT_BODY_H
#define SERVE_EVENT_BODY_H
#include "store/db.h"

#include <jansson.h>

// One that was refused, and why.
typedef struct event_refusal {
    size_t index; // in the array, or line of JSON lines, from 0
    char why[160];
} event_refusal;

typedef struct event_body {
    db_op *op; // DB_PUT_EVENT each, in their order
    size_t ops, op_cap;
    event_refusal *refused;
    size_t refusals, refused_cap;
    bool single;   // one object, not a batch
    json_t *roots; // what the texts of op[] point into
    struct event_text *texts;
} event_body; // zero-initialise to use

enum { EVENT_REFUSALS = 1000 }; // told; `refusals` counts on

// Bad events are refused one by one; HABIT_EFORMAT if the whole cannot be read.  now: the time of
// events that have none; later than a day after it is refused.
habit_status event_body_read(event_body *out, const char *bytes, size_t len, int64_t now,
                             habit_error *err);
void event_body_free(event_body *b);

#endif

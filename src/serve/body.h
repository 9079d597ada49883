// body.h - events, items and users as people send them: one object, an array of them, or JSON lines.
//
//     {"user":"u1","item":"i1"}
//     {"user_id":7,"itemId":"i1","event":"buy","time":"2024-05-01T12:00:00Z","value":2,
//      "event_id":"e-77","recommendation_id":"...","page":"home"}
//     {"item":"i1","categories":["book"],"hidden":false,"time":"2024-05-01","price":12.5}
//     {"user":"u1","fields":{"age":33}}
//
// Members go by any of their usual names (docs/http.md lists them); what has none is kept as a field.
// Bad ones are refused one by one, with where they stand and why.
#ifndef SERVE_BODY_H
#define SERVE_BODY_H
#include "store/db.h"

#include <jansson.h>

// One that was refused, and why.
typedef struct refusal {
    size_t index; // in the array, or line of JSON lines, from 0
    char why[160];
} refusal;

typedef struct body {
    db_op *op; // one each, in their order
    size_t ops, op_cap;
    refusal *refused;
    size_t refusals, refused_cap;
    bool single;   // one object, not a batch
    int64_t now;   // of events without a time; later than a day after it is refused
    json_t *roots; // what the texts of op[] point into
    struct body_text *texts;
    bool failed; // out of memory somewhere
} body;          // zero-initialise to use

enum { BODY_REFUSALS = 1000 }; // told; `refusals` counts on

// Fills in *op from the object; false if it has refused.
typedef bool body_fn(body *b, size_t index, json_t *o, db_op *op);

body_fn body_event; // DB_PUT_EVENT
body_fn body_item;  // DB_PUT_ITEM
body_fn body_user;  // DB_PUT_USER

// HABIT_EFORMAT if the whole cannot be read.
habit_status body_read(body *out, const char *bytes, size_t len, body_fn *one, habit_error *err);
void body_free(body *b);

// --- for the functions above ------------------------------------------------------------------------

void body_refuse(body *b, size_t index, const char *fmt, ...) PRINTF_LIKE(3, 4);
// A copy that lives with the body; {NULL} when out of memory.
db_text body_keep(body *b, const char *s, size_t len);
// Takes the member with the first of these names out of `o`; NULL if there is none, or null.  Lives
// with the body.
json_t *body_take(body *b, json_t *o, const char *const *names);
// These refuse when they return false.  what: the member as messages call it.
bool body_id(body *b, size_t index, const json_t *v, const char *what, db_text *out);
bool body_time(body *b, size_t index, const json_t *v, int64_t *out);
// All that is left in `o` as the text of a JSON object, members of the objects `fields`, `properties` and
// `labels` beside the others; {NULL} if there is nothing.
bool body_fields(body *b, size_t index, json_t *o, db_text *out);

#endif

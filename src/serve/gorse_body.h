// gorse_body.h - users, items and feedback as clients of Gorse send them, and as they get them back.
//
//     User      {"UserId":"u1","Labels":{"age":30},"Comment":""}           ("Subscribe" is kept too)
//     Item      {"ItemId":"i1","IsHidden":false,"Categories":["book"],
//                "Timestamp":"2022-10-23T03:50:24Z","Labels":{"tags":["a"]},"Comment":""}
//     Feedback  {"FeedbackType":"read","UserId":"u1","ItemId":"i1","Value":1,
//                "Timestamp":"2021-10-24T06:42:20.207Z","Labels":{},"Comment":""}
//
// What was put comes back equal.  Labels that are an object are the fields of the row; any other
// value, and an object that would read like this, stand in {"labels":VALUE}.  Feedback is an event
// whose behaviour is its type; its id is made of type, user and item, so that there is one of them.
#ifndef SERVE_GORSE_BODY_H
#define SERVE_GORSE_BODY_H
#include "base/buffer.h"
#include "store/db.h"

#include <jansson.h>

typedef enum gorse_noun { GORSE_USER, GORSE_ITEM, GORSE_FEEDBACK, GORSE_SESSION } gorse_noun;

typedef struct gorse_body {
    db_op *op; // in the order of the body
    size_t ops, cap;
    json_t *root, *kept; // what the texts of op[] point into
} gorse_body;            // zero-initialise to use

// One object or an array of them; one bad member refuses the whole, and the error says which.
// GORSE_SESSION is feedback that needs an item and nothing else.  now: of feedback without a time.
habit_status gorse_body_read(gorse_body *out, gorse_noun noun, const char *bytes, size_t len,
                             int64_t now, habit_error *err);
// The members of a user or item that change; null and what is not there stay.  before: its fields
// as they are, or NULL; of a user, labels and subscriptions stand in them together.
habit_status gorse_patch_read(gorse_body *out, gorse_noun noun, db_text id, const json_t *before,
                              const char *bytes, size_t len, habit_error *err);
// One feedback more, which changes nothing if it is there; copies id and item only.
habit_status gorse_body_add(gorse_body *b, db_text type, db_text user, db_text item, int64_t time,
                            habit_error *err);
void gorse_body_free(gorse_body *b);

// The id of the event that a feedback is.
void gorse_feedback_id(buffer *to, db_text type, db_text user, db_text item);
// An event that came as feedback, by its id.
static inline bool gorse_is_feedback(const db_event *e)
{
    return e->id.len > 1 && e->id.at[0] == '[' && e->id.at[1] == '"';
}

void gorse_write_user(buffer *to, const db_user *u);
void gorse_write_item(buffer *to, const db_item *i);
void gorse_write_feedback(buffer *to, const db_event *e);

#endif

// answering.h - from what was asked to an answer, with the service's people, items and models.
#ifndef SERVE_ANSWERING_H
#define SERVE_ANSWERING_H
#include "serve/alike.h"
#include "serve/routes.h"
#include "serve/wish_read.h"

// What a handler's readers need.
asked_about asked_about_of(const call *c);
// The model that was asked for, NULL if none is served; false if there is none of that name: then the
// request is answered.
bool asked_model(const call *c, const asked *a, const hosted **out);
// Valid until this worker's next.
habit_status asked_answer(const call *c, const asked *a, const hosted *m, answer *out,
                          habit_error *err);

// Whom others are compared with, by their id: alike_find() is next.
habit_status asked_alike(const call *c, alike *a, const hosted *m, db_text user, habit_error *err);

// The members that answers share, and the list of items: "model":...,"version":...,"items":[...].
void answer_write_model(buffer *to, const hosted *m);
// id: NULL, or that under which it is logged.  Last come the ids of `a` nobody has heard of.
void answer_write_items(const call *c, const asked *a, const hosted *m, const answer *given,
                        const char *id);

#endif

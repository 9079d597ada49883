// posted.h - batches that were posted: read, written, and told of one by one.
#ifndef SERVE_POSTED_H
#define SERVE_POSTED_H
#include "serve/body.h"
#include "serve/routes.h"

// Writes what `one` understands of the request's body and answers {"accepted":2,"repeated":0,"rejected":1,
// "errors":[{"index":1,"message":"..."}]}; with ?strict=true all or none.  metric: name of a counter with
// the label result.
void posted_take(const call *c, body_fn *one, const char *metric, const char *help);
// One object of that id; answers {"item":"i1"} under the name `what`.
void posted_put(const call *c, body_fn *one, const char *what);
// Deletes what the path names; answers {"item":"i1","deleted":12}: rows.
void posted_delete(const call *c, db_kind kind, const char *what);

#endif

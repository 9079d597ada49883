// reply.h - what handlers read out of requests and answer: ids, numbers, JSON, failures.
//
// Functions that refuse have answered already when they return false or NULL: the handler returns.
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H
#include "serve/http.h"
#include "store/lines.h"

#include <jansson.h>

enum { ID_MOST = 1024 }; // bytes of an id

// http_error() with words; the message is cut at 500 bytes.
void reply_error(http_request *r, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
// A failure under the status that HABIT_STATUS_MAP gives it.
void reply_failure(http_request *r, habit_status st, const habit_error *err);
int reply_status_of(habit_status st);
// Answers with a value, which it frees; NULL is out of memory.
void reply_json(http_request *r, int status, json_t *value);
// Any bytes as a JSON string; none: null.
static inline void reply_text(buffer *to, db_text t)
{
    lines_text(to, t);
}

// An id out of a path; what: "user".  Refuses an empty one, one with a NUL, one too long.
bool request_id(http_request *r, http_text piece, const char *what, db_text *out);
// A whole number of the query.
bool request_number(http_request *r, const char *name, long least, long most, long fallback,
                    long *out);
// "1", "true", "yes", "" for true; "0", "false", "no" for false.
bool request_flag(http_request *r, const char *name, bool fallback, bool *out);
// Pages of a list in the order of ids: {"users":[...],"next":"u7"}.
typedef struct page {
    http_request *request;
    buffer *to;
    db_text after; // where the page begins; {NULL}: at the first
    size_t most, count;
    buffer last; // id of the latest row
    bool more;
} page;

bool page_begin(page *p, http_request *r, const char *name); // ?n=100&after=ID
// Before each row: false if the page is full.  Ask the database for one row more than p->most.
bool page_next(page *p, db_text id);
void page_end(page *p, habit_status st, const habit_error *err);

// The body as a JSON object, owned by the caller.  An empty body is an empty object.
json_t *request_object(http_request *r);

#endif

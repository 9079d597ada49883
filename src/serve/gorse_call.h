// gorse_call.h - what the files of the Gorse API share: parameters as Gorse reads them, pages, and
// writes whose effect is in the next answer.
//
// Errors under /api are plain text, as Gorse's are (docs/gorse.md).
#ifndef SERVE_GORSE_CALL_H
#define SERVE_GORSE_CALL_H
#include "serve/gorse_body.h"
#include "serve/routes.h"

enum {
    GORSE_DEFAULT = 10,  // n, if none is asked for
    GORSE_PAGE = 10000,  // rows of a page at most; the cursor goes on
    GORSE_LIST = 100000, // feedback of one user or item at most, the earliest
};

// A whole number of the query, at most `most`; a negative n is `most`, as in Gorse.  Refuses words.
bool gorse_number(http_request *r, const char *name, long fallback, long most, size_t *out);
// A parameter by its name in any capitals: clients differ in "cursor".
http_text gorse_param(const http_request *r, const char *name);

// Writes body->op[] and takes the body; when all of it is durable the answer is told.
typedef enum gorse_told {
    GORSE_TELL_OPS,  // {"RowAffected":N}: operations, whether or not they changed something
    GORSE_TELL_ROWS, // the same: rows
    GORSE_TELL_ITEM, // the same; 404 if there was no such item
    GORSE_TELL_REPLY // what stands in the reply already
} gorse_told;
void gorse_submit(const call *c, gorse_body *body, gorse_told told);
// One operation whose texts lie in the request.
void gorse_submit_op(const call *c, const db_op *op, gorse_told told);

// Opaque to clients: the id after which the next page begins, as hexadecimal digits.
void gorse_cursor_write(buffer *to, db_text id);
// False, having refused, if it is not one; out.at is NULL if there is none.  buffer: where it lies.
bool gorse_cursor_read(http_request *r, buffer *bytes, db_text *out);

#endif

// gorse_feedback.c - /api/feedback: events, one of each type, user and item.
#include "base/clock.h"
#include "serve/gorse_call.h"

#include <string.h>

// --- writing ----------------------------------------------------------------------------------------

static void put_feedback(const call *c, db_repeat repeat)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    gorse_body b = { 0 };
    const habit_status st =
        gorse_body_read(&b, GORSE_FEEDBACK, r->body.data, r->body.len, clock_now(), &err);
    for (size_t i = 0; i < b.ops; i++) b.op[i].event.repeat = repeat;
    if (st == HABIT_OK) {
        gorse_submit(c, &b, GORSE_TELL_OPS);
        return;
    }
    reply_failure(r, st, &err);
    gorse_body_free(&b);
}

static void post_feedback(const call *c)
{
    put_feedback(c, DB_ADD_VALUE);
}

static void replace_feedback(const call *c)
{
    put_feedback(c, DB_REPLACE);
}

// --- lists ------------------------------------------------------------------------------------------

typedef struct list {
    const call *c;
    buffer *to;
    size_t rows, most;
    int64_t place; // of the last that was written
    bool more;
} list;

static bool write_row(void *ctx, const db_event *e)
{
    list *l = ctx;
    if (l->rows == l->most) {
        l->more = true;
        return false;
    }
    if (l->rows++) buffer_text(l->to, ",");
    gorse_write_feedback(l->to, e);
    l->place = db_place(l->c->w->db);
    return !l->to->failed;
}

static db_events_of all_times(void)
{
    return (db_events_of){ .since = TIME_NONE, .until = TIME_NONE };
}

// The feedback of some events as a list; one: the latest of them alone, 404 if there is none.
static void give(const call *c, db_events_of which, bool one)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    list l = { .c = c, .to = &r->reply, .most = one ? 1 : GORSE_LIST };
    which.most = l.most;
    which.latest = one;
    if (!one) buffer_text(l.to, "[");
    const habit_status st = db_events(c->w->db, &which, write_row, &l, &err);
    if (!one) buffer_text(l.to, "]");
    if (st != HABIT_OK)
        reply_failure(r, st, &err);
    else if (one && !l.rows)
        reply_error(r, 404, "feedback not found");
    else
        http_answer(r, 200);
}

// Pieces of the path, by what they are: 'u'ser, 'i'tem, feedback 't'ype.
static bool read_pieces(const call *c, const char *kinds, db_events_of *which)
{
    for (size_t k = 0; kinds[k]; k++) {
        const char *what = kinds[k] == 'u' ? "user" : kinds[k] == 'i' ? "item" : "feedback type";
        db_text *to = kinds[k] == 'u'   ? &which->user
                      : kinds[k] == 'i' ? &which->item
                                        : &which->behaviour;
        if (!request_id(c->request, c->piece[k], what, to)) return false;
    }
    return true;
}

static void give_pieces(const call *c, const char *kinds, bool one)
{
    db_events_of which = all_times();
    if (read_pieces(c, kinds, &which)) give(c, which, one);
}

static void of_user(const call *c)
{
    give_pieces(c, "u", false);
}

static void of_user_and_type(const call *c)
{
    give_pieces(c, "ut", false);
}

static void of_item(const call *c)
{
    give_pieces(c, "i", false);
}

static void of_item_and_type(const call *c)
{
    give_pieces(c, "it", false);
}

static void of_user_and_item(const call *c)
{
    give_pieces(c, "ui", false);
}

static void of_type_user_and_item(const call *c)
{
    give_pieces(c, "tui", true);
}

// --- pages ------------------------------------------------------------------------------------------

static bool read_place(http_request *r, int64_t *after)
{
    const http_text t = gorse_param(r, "cursor");
    *after = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9' || i == 18) {
            reply_error(r, 400, "this cursor is none of ours");
            return false;
        }
        *after = *after * 10 + (t.at[i] - '0');
    }
    return true;
}

static void give_page(const call *c, db_events_of which)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    list l = { .c = c, .to = &r->reply };
    if (!gorse_number(r, "n", GORSE_DEFAULT, GORSE_PAGE, &l.most)) return;
    if (!read_place(r, &which.after)) return;
    which.most = l.most + 1;
    buffer_text(l.to, "{\"Feedback\":[");
    const habit_status st = db_events(c->w->db, &which, write_row, &l, &err);
    buffer_text(l.to, "],\"Cursor\":\"");
    if (l.more && l.rows) buffer_format(l.to, "%lld", (long long)l.place);
    buffer_text(l.to, "\"}");
    if (st == HABIT_OK)
        http_answer(r, 200);
    else
        reply_failure(r, st, &err);
}

static void get_all(const call *c)
{
    give_page(c, all_times());
}

static void get_typed(const call *c)
{
    db_events_of which = all_times();
    if (read_pieces(c, "t", &which)) give_page(c, which);
}

// --- deleting ---------------------------------------------------------------------------------------

static void delete_pieces(const call *c, const char *kinds)
{
    db_events_of which = all_times();
    if (!read_pieces(c, kinds, &which)) return;
    const db_op op = { .kind = DB_DELETE_EVENTS,
                       .event = {
                           .user = which.user, .item = which.item, .behaviour = which.behaviour } };
    gorse_submit_op(c, &op, GORSE_TELL_ROWS);
}

static void delete_user_and_item(const call *c)
{
    delete_pieces(c, "ui");
}

static void delete_type_user_and_item(const call *c)
{
    delete_pieces(c, "tui");
}

#define FEEDBACK                                                                                   \
    "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Value\":1,\"Timestamp\":"    \
    "\"2021-10-24T06:42:20.207Z\",\"Comment\":\"\"}"
#define PAGE "{\"Feedback\":[" FEEDBACK "],\"Cursor\":\"\"}"
#define PAGING                                                                                     \
    {                                                                                              \
        { "n", "integer", "of a page; 10" },                                                       \
        {                                                                                          \
            "cursor", "string", "of the page before"                                               \
        }                                                                                          \
    }

// clang-format off
const route routes_gorse_feedback[] = {
    { "POST", "/api/feedback", post_feedback, .summary = "Gorse: takes feedback; the value of what is there already grows.",
      .body = "[" FEEDBACK "]", .answer = "{\"RowAffected\":1}" },
    { "PUT", "/api/feedback", replace_feedback, .summary = "Gorse: puts feedback in place of what is there.",
      .body = "[" FEEDBACK "]", .answer = "{\"RowAffected\":1}" },
    { "GET", "/api/feedback", get_all, .summary = "Gorse: all feedback as it came, page by page.", .answer = PAGE, .param = PAGING },
    { "GET", "/api/feedback/{type}", get_typed, .summary = "Gorse: feedback of a type, page by page.", .answer = PAGE, .param = PAGING },
    { "GET", "/api/feedback/{user}/{item}", of_user_and_item, .summary = "Gorse: feedback of a user on an item.",
      .answer = "[" FEEDBACK "]" },
    { "DELETE", "/api/feedback/{user}/{item}", delete_user_and_item, .summary = "Gorse: deletes feedback of a user on an item.",
      .answer = "{\"RowAffected\":1}" },
    { "GET", "/api/feedback/{type}/{user}/{item}", of_type_user_and_item, .summary = "Gorse: one feedback.", .answer = FEEDBACK },
    { "DELETE", "/api/feedback/{type}/{user}/{item}", delete_type_user_and_item, .summary = "Gorse: deletes one feedback.",
      .answer = "{\"RowAffected\":1}" },
    { "GET", "/api/user/{user}/feedback", of_user, .summary = "Gorse: feedback of a user, in the order of time.",
      .answer = "[" FEEDBACK "]" },
    { "GET", "/api/user/{user}/feedback/{type}", of_user_and_type, .summary = "Gorse: feedback of a user of one type.",
      .answer = "[" FEEDBACK "]" },
    { "GET", "/api/item/{item}/feedback", of_item, .summary = "Gorse: feedback on an item, in the order of time.",
      .answer = "[" FEEDBACK "]" },
    { "GET", "/api/item/{item}/feedback/{type}", of_item_and_type, .summary = "Gorse: feedback on an item of one type.",
      .answer = "[" FEEDBACK "]" },
    ROUTE_END,
};
// clang-format on

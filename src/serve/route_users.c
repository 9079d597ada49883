// route_users.c - people: what they did, and what is known of them.
#include "base/clock.h"
#include "serve/posted.h"

enum { TIMELINE_MOST = 10000 };

// --- GET /v1/users/{id} -----------------------------------------------------------------------------

typedef struct timeline {
    buffer *to;
    size_t events;
} timeline;

static bool write_event(void *ctx, const db_event *e)
{
    timeline *t = ctx;
    buffer_text(t->to, t->events++ ? ",{" : "{");
    lines_event(t->to, e, false);
    buffer_text(t->to, "}");
    return !t->to->failed;
}

static bool write_user(void *ctx, const db_user *u)
{
    lines_user(ctx, u);
    return true;
}

static void get_user(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    db_text id;
    long n;
    if (!request_id(r, c->piece[0], "user", &id)) return;
    if (!request_number(r, "n", 0, TIMELINE_MOST, 100, &n)) return;
    const db_events_of latest = {
        .user = id, .since = TIME_NONE, .until = TIME_NONE, .most = (size_t)n, .latest = true
    };
    timeline t = { .to = &r->reply };
    buffer_text(&r->reply, "{");
    habit_status st = db_user_get(c->w->db, id, write_user, &r->reply, &err);
    buffer_text(&r->reply, ",\"events\":[");
    if (st == HABIT_OK && n) st = db_events(c->w->db, &latest, write_event, &t, &err);
    buffer_text(&r->reply, "]}\n");
    if (st == HABIT_OK)
        http_answer(r, 200);
    else
        reply_failure(r, st, &err);
}

// --- what is known of them --------------------------------------------------------------------------

static bool list_user(void *ctx, const db_user *u)
{
    page *p = ctx;
    if (!page_next(p, u->id)) return false;
    buffer_text(p->to, "{");
    lines_user(p->to, u);
    buffer_text(p->to, "}");
    return true;
}

static void get_users(const call *c)
{
    habit_error err = { 0 };
    page p;
    if (!page_begin(&p, c->request, "users")) return;
    page_end(&p, db_users(c->w->db, p.after, p.most + 1, list_user, &p, &err), &err);
}

static void put_user(const call *c)
{
    posted_put(c, body_user, "user");
}

static void post_users(const call *c)
{
    posted_take(c, body_user, "habit_users_put_total", "Users that were posted.");
}

static void delete_user(const call *c)
{
    posted_delete(c, DB_DELETE_USER, "user");
}

// clang-format off
const route routes_users[] = {
    { "GET", "/v1/users/{id}", get_user, .summary = "What is known of a person, and the latest events.",
      .answer = "{\"user\":\"u1\",\"fields\":null,\"events\":[{\"item\":\"i1\",\"behaviour\":\"view\","
                "\"time\":\"2024-05-01T12:00:00Z\"}]}",
      .param = { { "n", "integer", "at most so many events; 100" } } },
    { "PUT", "/v1/users/{id}", put_user, .summary = "What is known of a person, in place of what was.",
      .body = "{\"fields\":{\"age\":33}}", .answer = "{\"user\":\"u1\"}" },
    { "DELETE", "/v1/users/{id}", delete_user, .summary = "Forgets a person: every trace.",
      .answer = "{\"user\":\"u1\",\"deleted\":12}" },
    { "GET", "/v1/users", get_users, .summary = "People by id.",
      .answer = "{\"users\":[{\"user\":\"u1\",\"fields\":null}],\"next\":null}",
      .param = { { "n", "integer", "at most so many; 100" }, { "after", "string", "those after this id: `next` of the page before" } } },
    { "POST", "/v1/users", post_users, .summary = "Puts many: an array or JSON lines.",
      .body = "[{\"user\":\"u1\",\"fields\":{\"age\":33}}]",
      .answer = "{\"accepted\":1,\"repeated\":0,\"rejected\":0,\"errors\":[]}",
      .param = { { "strict", "boolean", "take all or none" } } },
    ROUTE_END,
};
// clang-format on

// route_store.c - the database as a whole: copied, put back, written out.
#include "base/memory.h"
#include "serve/routes.h"
#include "serve/warm.h"

#include <string.h>

// A copy that is made or put back: a job, since it takes its time.
typedef struct copying {
    job job;
    service *s;
    http_request *request;
    json_t *body;
    const char *path; // in body
    bool back;
    habit_status status;
    habit_error err;
} copying;

// Everything that was remembered of the database is void.
static habit_status take_in(service *s, habit_error *err)
{
    people_forget_all(&s->people);
    service_forget_items(s);
    atomic_store(&s->place, 0);
    const habit_status st = service_warm(s, err);
    people_forget_all(&s->people); // of those who came in between
    return st;
}

static void run_copying(job *j)
{
    copying *c = j->ctx;
    service *s = c->s;
    if (!c->back) {
        c->status = db_backup(s->db, c->path, &c->err);
    } else {
        c->status = db_restore(s->db, c->path, &c->err);
        if (c->status == HABIT_OK) c->status = take_in(s, &c->err);
    }
    if (c->status == HABIT_OK)
        run_log(&s->run, LOG_NOTE, "store: %s %s", c->back ? "restored from" : "copied to",
                c->path);
    else
        run_log(&s->run, LOG_ERROR, "store: %s", c->err.message);
    http_finish(c->request);
}

static void after_copying(http_request *r)
{
    copying *c = r->own;
    r->own = NULL;
    if (c->status == HABIT_OK) {
        buffer_text(&r->reply, "{\"path\":");
        reply_text(&r->reply, (db_text){ c->path, strlen(c->path) });
        buffer_text(&r->reply, "}\n");
        http_answer(r, 200);
    } else {
        reply_failure(r, c->status, &c->err);
    }
    json_decref(c->body);
    mem_free(c);
}

static void start_copying(const call *from, bool back)
{
    http_request *r = from->request;
    json_t *body = request_object(r);
    if (!body) return;
    const char *path = json_string_value(json_object_get(body, "path"));
    copying *c = path && *path ? ZNEW(copying, 1) : NULL;
    if (!c) {
        if (path && *path)
            reply_failure(r, HABIT_ENOMEM, NULL);
        else
            reply_error(r, 400, "no path: {\"path\":\"copy.db\"}, a file of the server");
        json_decref(body);
        return;
    }
    *c = (copying){ .job = { .run = run_copying, .ctx = c },
                    .s = from->s,
                    .request = r,
                    .body = body,
                    .path = path,
                    .back = back };
    r->own = c;
    r->after = after_copying;
    http_later(r);
    jobs_add(&from->s->jobs, &c->job);
}

static void post_backup(const call *c)
{
    start_copying(c, false);
}

static void post_restore(const call *c)
{
    start_copying(c, true);
}

// clang-format off
const route routes_store[] = {
    { "POST", "/v1/backup", post_backup, .summary = "Copies the database to a file of the server, while it runs.",
      .body = "{\"path\":\"copy.db\"}", .answer = "{\"path\":\"copy.db\"}" },
    { "POST", "/v1/restore", post_restore, .summary = "Puts a copy in place of the database, while it runs.",
      .body = "{\"path\":\"copy.db\"}", .answer = "{\"path\":\"copy.db\"}" },
    ROUTE_END,
};
// clang-format on

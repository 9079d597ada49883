// route_store.c - the database as a whole: copied, put back, written out.
#include "base/file.h"
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
    const char *name; // in body
    char *path;
    bool back;
    habit_status status;
    habit_error err;
} copying;

// Everything that was remembered of the database is void.
static habit_status take_in(service *s, habit_error *err)
{
    people_forget_all(&s->people);
    items_none_gone(&s->items);
    habit_status st = service_warm_gone(s, err);
    service_forget_items(s);
    atomic_store(&s->place, 0);
    if (st == HABIT_OK) st = service_warm(s, err);
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
        buffer_text(&r->reply, "{\"name\":");
        reply_text(&r->reply, (db_text){ c->name, strlen(c->name) });
        buffer_text(&r->reply, "}\n");
        http_answer(r, 200);
    } else {
        reply_failure(r, c->status, &c->err);
    }
    json_decref(c->body);
    mem_free(c->path);
    mem_free(c);
}

// A plain name in the folder of copies: a client must not reach other files of the server.
static char *path_of_copy(const call *c, const char *name)
{
    const char *dir = c->s->options.backups;
    char *path = NULL;
    if (!dir)
        reply_error(c->request, 501, "no folder for copies: start the service with --backups DIR");
    else if (!name || !*name || *name == '.' || strchr(name, '/'))
        reply_error(c->request, 400, "no plain file name: {\"name\":\"monday.db\"}");
    else if (!(path = path_join(dir, name)))
        reply_failure(c->request, HABIT_ENOMEM, NULL);
    return path;
}

static void start_copying(const call *from, bool back)
{
    http_request *r = from->request;
    json_t *body = request_object(r);
    if (!body) return;
    const char *name = json_string_value(json_object_get(body, "name"));
    char *path = path_of_copy(from, name);
    copying *c = path ? ZNEW(copying, 1) : NULL;
    if (!c) {
        if (path) reply_failure(r, HABIT_ENOMEM, NULL);
        mem_free(path);
        json_decref(body);
        return;
    }
    *c = (copying){ .job = { .run = run_copying, .ctx = c },
                    .s = from->s,
                    .request = r,
                    .body = body,
                    .name = name,
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
    { "POST", "/v1/backup", post_backup, .summary = "Copies the database to a file in --backups, while it runs.",
      .body = "{\"name\":\"monday.db\"}", .answer = "{\"name\":\"monday.db\"}" },
    { "POST", "/v1/restore", post_restore, .summary = "Puts a copy in place of the database, while it runs.",
      .body = "{\"name\":\"monday.db\"}", .answer = "{\"name\":\"monday.db\"}" },
    ROUTE_END,
};
// clang-format on

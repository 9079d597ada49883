// route_models.c - the models being served, and their replacement.
#include "base/clock.h"
#include "base/memory.h"
#include "serve/routes.h"

#include <string.h>

static void write_model(buffer *to, const lineup *l, size_t k)
{
    const hosted *h = l->model[k];
    char time[32];
    time_format_iso(time, h->loaded);
    buffer_text(to, "{\"name\":");
    reply_text(to, (db_text){ h->name, strlen(h->name) });
    buffer_format(
        to, ",\"default\":%s,\"model\":\"%s\",\"version\":\"%s\",\"loaded\":\"%s\",\"path\":",
        k == l->first ? "true" : "false", h->folder->model->class->name, h->version, time);
    reply_text(to, (db_text){ h->folder->path, strlen(h->folder->path) });
    buffer_format(to, ",\"items\":%u,\"users\":%u,\"versions_before\":%d}", h->folder->items.count,
                  h->folder->users.count, l->before[k]);
}

static void get_models(const call *c)
{
    buffer *to = &c->request->reply;
    buffer_text(to, "{\"models\":[");
    for (size_t k = 0; k < c->models->count; k++) {
        if (k) buffer_text(to, ",");
        write_model(to, c->models, k);
    }
    buffer_text(to, "]}\n");
    http_answer(c->request, 200);
}

// --- replacement: a job, since loading takes its time -----------------------------------------------

typedef struct swap {
    job job;
    service *s;
    http_request *request;
    json_t *body; // {"model": name, "path": folder}, both optional
    bool back;    // rollback
    habit_status status;
    habit_error err;
} swap;

static void run_swap(job *j)
{
    swap *w = j->ctx;
    const char *name = json_string_value(json_object_get(w->body, "model"));
    const char *path = json_string_value(json_object_get(w->body, "path"));
    if (w->back)
        w->status = lineups_rollback(&w->s->models, name, &w->err);
    else if (name || path || w->s->models.slots == 1)
        w->status = lineups_reload(&w->s->models, name, path, &w->err);
    else
        w->status = service_reload(w->s, &w->err);
    if (w->status == HABIT_OK)
        run_log(&w->s->run, LOG_NOTE, "model %s: %s by request", name ? name : "(default)",
                w->back ? "rolled back" : "loaded again");
    http_finish(w->request);
}

static void after_swap(http_request *r)
{
    swap *w = r->own;
    r->own = NULL;
    if (w->status == HABIT_OK) {
        worker *own = &w->s->worker[r->worker];
        worker_enter(own);
        const call c = { .s = w->s, .w = own, .models = lineup_now(&w->s->models), .request = r };
        get_models(&c);
        worker_leave(own);
    } else {
        reply_failure(r, w->status, &w->err);
    }
    json_decref(w->body);
    mem_free(w);
}

static void start_swap(const call *c, bool back)
{
    json_t *body = request_object(c->request);
    if (!body) return;
    swap *w = ZNEW(swap, 1);
    if (!w) {
        json_decref(body);
        reply_failure(c->request, HABIT_ENOMEM, NULL);
        return;
    }
    *w = (swap){ .job = { .run = run_swap, .ctx = w },
                 .s = c->s,
                 .request = c->request,
                 .body = body,
                 .back = back };
    c->request->own = w;
    c->request->after = after_swap;
    http_later(c->request);
    jobs_add(&c->s->jobs, &w->job);
}

static void post_reload(const call *c)
{
    start_swap(c, false);
}

static void post_rollback(const call *c)
{
    start_swap(c, true);
}

// clang-format off
#define MODELS "{\"models\":[{\"name\":\"ease\",\"default\":true,\"model\":\"ease\",\"version\":\"9f3c2a1b7d5e0c44\"," \
               "\"loaded\":\"2024-05-01T12:00:00Z\",\"path\":\"ease.model\",\"items\":500,\"users\":2000," \
               "\"versions_before\":0}]}"
const route routes_models[] = {
    { "GET", "/v1/models", get_models, .summary = "The models being served.", .answer = MODELS },
    { "POST", "/v1/models/reload", post_reload,
      .summary = "Loads a model anew, from where it was or from another folder; on failure the old one stays.",
      .body = "{\"model\":\"ease\",\"path\":\"new/ease.model\"}", .answer = MODELS },
    { "POST", "/v1/models/rollback", post_rollback,
      .summary = "Puts back the version before.", .body = "{\"model\":\"ease\"}", .answer = MODELS },
    ROUTE_END,
};
// clang-format on

// route_users.c - people: what they did, and what is recommended to them.
#include "base/clock.h"
#include "base/memory.h"
#include "serve/routes.h"

#include <math.h>
#include <string.h>

enum { TIMELINE_MOST = 10000, ANSWERS_MOST = 1000 };

// --- GET /v1/users/{id} -----------------------------------------------------------------------------

typedef struct timeline {
    buffer *to;
    size_t events;
} timeline;

static void write_time(buffer *to, int64_t time)
{
    char text[32];
    time_format_iso(text, time);
    buffer_format(to, "\"%s\"", text);
}

static bool write_event(void *ctx, const db_event *e)
{
    timeline *t = ctx;
    buffer *to = t->to;
    buffer_text(to, t->events++ ? ",{\"item\":" : "{\"item\":");
    reply_text(to, e->item);
    buffer_text(to, ",\"behaviour\":");
    reply_text(to, e->behaviour);
    buffer_text(to, ",\"time\":");
    write_time(to, e->time);
    if (!isnan(e->value)) buffer_format(to, ",\"value\":%.15g", e->value);
    if (e->id.at) {
        buffer_text(to, ",\"event_id\":");
        reply_text(to, e->id);
    }
    if (e->recommendation.at) {
        buffer_text(to, ",\"recommendation_id\":");
        reply_text(to, e->recommendation);
    }
    if (e->fields.at) {
        buffer_text(to, ",\"fields\":");
        buffer_add(to, e->fields.at, e->fields.len);
    }
    buffer_text(to, "}");
    return !to->failed;
}

static bool write_user(void *ctx, const db_user *u)
{
    buffer *to = ctx;
    buffer_text(to, ",\"fields\":");
    if (u->fields.at)
        buffer_add(to, u->fields.at, u->fields.len);
    else
        buffer_text(to, "null");
    if (u->comment.at) {
        buffer_text(to, ",\"comment\":");
        reply_text(to, u->comment);
    }
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
    buffer_text(&r->reply, "{\"user\":");
    reply_text(&r->reply, id);
    habit_status st = db_user_get(c->w->db, id, write_user, &r->reply, &err);
    buffer_text(&r->reply, ",\"events\":[");
    if (st == HABIT_OK && n) st = db_events(c->w->db, &latest, write_event, &t, &err);
    buffer_text(&r->reply, "]}\n");
    if (st == HABIT_OK)
        http_answer(r, 200);
    else
        reply_failure(r, st, &err);
}

// --- GET /v1/users/{id}/recommendations -------------------------------------------------------------

typedef struct asked {
    const hosted *model;
    db_text user;
    size_t n;
    bool exclude_seen;
} asked;

static void clear_bit(uint64_t *bits, size_t at)
{
    bits[at / 64] &= ~((uint64_t)1 << at % 64);
}

// The best items, by the model; returns how many.
static size_t ask_model(const call *c, const asked *a, uint32_t *best, float *score,
                        habit_status *st, habit_error *err)
{
    const served *m = a->model->served;
    arena *scratch = worker_scratch(c->w, served_scratch(m, a->n, c->s->people.ring));
    uint64_t *allowed = worker_items(c->w, m->items);
    person *p;
    size_t found = 0;
    if (!scratch || !allowed) {
        *st = fail_memory(err, "an answer", 0);
        return 0;
    }
    items_read(&c->s->items);
    items_visible(&c->s->items, allowed, m->items);
    items_done(&c->s->items);
    if ((*st = service_person(c->s, c->w, a->user, &p, err)) != HABIT_OK) return 0;
    for (size_t i = 0; a->exclude_seen && i < p->events; i++)
        if (p->event[i].item < m->items) clear_bit(allowed, p->event[i].item);
    const served_ask ask = {
        .who = p,
        .user = id_list_find(&a->model->folder->users, a->user.at, a->user.len),
        .now = clock_now(),
        .allowed = allowed,
        .k = a->n,
    };
    found = served_best(m, &ask, best, score, scratch);
    people_give(&c->s->people, p);
    return found;
}

static void write_answer(const call *c, const asked *a, const uint32_t *best, const float *score,
                         size_t found)
{
    buffer *to = &c->request->reply;
    char id[ANSWER_ID];
    service_answer_id(c->w, id);
    buffer_format(to, "{\"recommendation_id\":\"%s\",\"user\":", id);
    reply_text(to, a->user);
    buffer_text(to, ",\"model\":");
    reply_text(to, (db_text){ a->model->name, strlen(a->model->name) });
    buffer_format(to, ",\"version\":\"%s\",\"items\":[", a->model->version);
    items_read(&c->s->items);
    for (size_t i = 0; i < found; i++) {
        size_t len;
        const char *name = ids_at(&c->s->items.names, best[i], &len);
        buffer_text(to, i ? ",{\"item\":" : "{\"item\":");
        reply_text(to, (db_text){ name, len });
        buffer_format(to, ",\"score\":%.7g,\"source\":\"model\"}", (double)score[i]);
    }
    items_done(&c->s->items);
    buffer_text(to, "]}\n");
    http_answer(c->request, 200);
}

static void get_recommendations(const call *c)
{
    http_request *r = c->request;
    const http_text name = http_param(r, "model");
    habit_error err = { 0 };
    asked a = { .model = lineup_find(c->models, name.at, name.len) };
    habit_status st = HABIT_OK;
    long n;
    if (!request_id(r, c->piece[0], "user", &a.user)) return;
    if (!request_number(r, "n", 1, ANSWERS_MOST, 10, &n)) return;
    if (!request_flag(r, "exclude_seen", true, &a.exclude_seen)) return;
    if (!a.model) {
        reply_error(r, 404, "no such model is served here; GET /v1/models lists them");
        return;
    }
    a.n = (size_t)n;
    uint32_t *best = NEW(uint32_t, a.n);
    float *score = NEW(float, a.n);
    size_t found = 0;
    if (!best || !score)
        st = fail_memory(&err, "an answer", a.n * 8);
    else
        found = ask_model(c, &a, best, score, &st, &err);
    if (st == HABIT_OK)
        write_answer(c, &a, best, score, found);
    else
        reply_failure(r, st, &err);
    mem_free(best);
    mem_free(score);
}

// clang-format off
const route routes_users[] = {
    { "GET", "/v1/users/{id}", get_user, .summary = "What is known of a person, and the latest events.",
      .answer = "{\"user\":\"u1\",\"fields\":null,\"events\":[{\"item\":\"i1\",\"behaviour\":\"view\","
                "\"time\":\"2024-05-01T12:00:00Z\"}]}",
      .param = { { "n", "integer", "at most so many events; 100" } } },
    { "GET", "/v1/users/{id}/recommendations", get_recommendations, .summary = "What this person may want next.",
      .answer = "{\"recommendation_id\":\"0f3c\",\"user\":\"u1\",\"model\":\"ease\",\"version\":\"9f3c2a1b7d5e0c44\","
                "\"items\":[{\"item\":\"i9\",\"score\":0.73,\"source\":\"model\"}]}",
      .param = { { "n", "integer", "how many; 10" },
                 { "exclude_seen", "boolean", "leave out what the person had; true" },
                 { "model", "string", "which model; the default one" } } },
    ROUTE_END,
};
// clang-format on

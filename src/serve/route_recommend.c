// route_recommend.c - what is recommended to people.
#include "base/clock.h"
#include "base/memory.h"
#include "serve/answers.h"
#include "serve/routes.h"

#include <string.h>

enum { ANSWERS_MOST = 1000 };

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
    db_text named[ANSWERS_MOST];
    items_read(&c->s->items);
    for (size_t i = 0; i < found; i++) {
        named[i].at = ids_at(&c->s->items.names, best[i], &named[i].len);
        buffer_text(to, i ? ",{\"item\":" : "{\"item\":");
        reply_text(to, named[i]);
        buffer_format(to, ",\"score\":%.7g,\"source\":\"model\"}", (double)score[i]);
    }
    const db_answer given = { .id = { id, ANSWER_ID - 1 },
                              .user = a->user,
                              .model = { a->model->version, strlen(a->model->version) },
                              .source = { "model", 5 },
                              .time = clock_now(),
                              .item = named,
                              .items = found };
    answers_log(c->s, &given);
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
const route routes_recommend[] = {
    { "GET", "/v1/users/{id}/recommendations", get_recommendations, .summary = "What this person may want next.",
      .answer = "{\"recommendation_id\":\"0f3c\",\"user\":\"u1\",\"model\":\"ease\",\"version\":\"9f3c2a1b7d5e0c44\","
                "\"items\":[{\"item\":\"i9\",\"score\":0.73,\"source\":\"model\"}]}",
      .param = { { "n", "integer", "how many; 10" },
                 { "exclude_seen", "boolean", "leave out what the person had; true" },
                 { "model", "string", "which model; the default one" } } },
    ROUTE_END,
};
// clang-format on

// route_recommend.c - what is recommended, in what order, and what and who is alike.
#include "base/memory.h"
#include "serve/answering.h"

#include <stdio.h>
#include <string.h>

// --- answers ------------------------------------------------------------------------------------------

static void count_answer(service *s, const answer *a)
{
    char label[40];
    snprintf(label, sizeof label, "source=\"%s\"", a->n ? source_name(a->at[0].from) : "none");
    counter_add(metrics_counter(s->metrics, "habit_recommendations_total",
                                "Answers, by the source of their first item.", label),
                1);
}

// Answers with {"recommendation_id":...,"user":...,"model":...,"items":[...]}.
static void tell_person(const call *c, const asked *a)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    const hosted *m;
    answer given;
    char id[ANSWER_ID];
    if (!asked_model(c, a, &m)) return;
    const habit_status st = asked_answer(c, a, m, &given, &err);
    if (st != HABIT_OK) {
        reply_failure(r, st, &err);
        return;
    }
    service_answer_id(c->w, id);
    buffer_format(&r->reply, "{\"recommendation_id\":\"%s\",\"user\":", id);
    reply_text(&r->reply, a->user);
    buffer_text(&r->reply, ",");
    answer_write_model(&r->reply, m);
    buffer_text(&r->reply, ",");
    answer_write_items(c, a, m, &given, id);
    buffer_text(&r->reply, "}\n");
    count_answer(c->s, &given);
    http_answer(r, 200);
}

static void get_recommendations(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    const asked_about about = asked_about_of(c);
    asked a;
    asked_begin(&a, &about);
    if (request_id(r, c->piece[0], "user", &a.user)) {
        const habit_status st = asked_query(&a, r, &err);
        if (st == HABIT_OK)
            tell_person(c, &a);
        else
            reply_failure(r, st, &err);
    }
    asked_free(&a);
}

static void post_wish(const call *c, bool reranks)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    const asked_about about = asked_about_of(c);
    asked a;
    asked_begin(&a, &about);
    a.reranks = reranks;
    if (reranks) a.wish.exclude_seen = false, a.wish.n = WISH_DEEP, a.wish.fresh = 0;
    const habit_status st = asked_body(&a, r->body.data, r->body.len, &err);
    if (st != HABIT_OK)
        reply_failure(r, st, &err);
    else if (reranks && !a.wish.only)
        reply_error(r, 400, "items: a list of what is to be put in order is wanted");
    else
        tell_person(c, &a);
    asked_free(&a);
}

static void post_recommend(const call *c)
{
    post_wish(c, false);
}

static void post_rerank(const call *c)
{
    post_wish(c, true);
}

// --- items ----------------------------------------------------------------------------------------------

// Answers with {"item":...,"model":...,"items":[...]}, or {"items":[...]} of lists.
static void tell_items(const call *c, wish_kind kind)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    const asked_about about = asked_about_of(c);
    const bool similar = kind == WISH_SIMILAR;
    const hosted *m = NULL;
    db_text id;
    answer given;
    asked a;
    asked_begin(&a, &about);
    a.wish.kind = kind;
    if (similar && !request_id(r, c->piece[0], "item", &id)) goto out;
    habit_status st = asked_query(&a, r, &err);
    if (st == HABIT_OK && similar) {
        if (!asked_model(c, &a, &m)) goto out;
        items_read(about.table);
        a.wish.like = items_find(about.table, id);
        items_done(about.table);
    }
    if (st == HABIT_OK) st = asked_answer(c, &a, m, &given, &err);
    if (st != HABIT_OK) {
        reply_failure(r, st, &err);
        goto out;
    }
    buffer_text(&r->reply, "{");
    if (similar) {
        buffer_text(&r->reply, "\"item\":");
        reply_text(&r->reply, id);
        buffer_text(&r->reply, ",");
        answer_write_model(&r->reply, m);
        buffer_text(&r->reply, ",");
    }
    answer_write_items(c, &a, m, &given, NULL);
    buffer_text(&r->reply, "}\n");
    http_answer(r, 200);
out:
    asked_free(&a);
}

static void get_similar_items(const call *c)
{
    tell_items(c, WISH_SIMILAR);
}

static void get_popular(const call *c)
{
    tell_items(c, WISH_POPULAR);
}

static void get_latest(const call *c)
{
    tell_items(c, WISH_LATEST);
}

// --- people ---------------------------------------------------------------------------------------------

static void write_people(buffer *to, const alike_person *p, size_t n)
{
    buffer_text(to, ",\"users\":[");
    for (size_t i = 0; i < n; i++) {
        buffer_text(to, i ? ",{\"user\":" : "{\"user\":");
        reply_text(to, (db_text){ p[i].id, p[i].len });
        buffer_format(to, ",\"score\":%.7g,\"source\":\"%s\"}", p[i].score,
                      p[i].by_vector ? "model" : "items");
    }
    buffer_text(to, "]}\n");
}

static void get_similar_users(const call *c)
{
    http_request *r = c->request;
    const http_text name = http_param(r, "model");
    const asked which = { .model = { name.at, name.len } };
    habit_error err = { 0 };
    const alike_person *best = NULL;
    const hosted *m;
    db_text user;
    long n;
    if (!request_id(r, c->piece[0], "user", &user)) return;
    if (!request_number(r, "n", 1, ALIKE_MOST, 10, &n)) return;
    if (!asked_model(c, &which, &m)) return;
    alike *a = alike_new();
    const habit_status st =
        a ? asked_alike(c, a, m, user, &err) : fail_memory(&err, "people", sizeof(alike_person));
    if (st == HABIT_OK) {
        const size_t found = alike_find(a, &c->s->people, (size_t)n, &best);
        buffer_text(&r->reply, "{\"user\":");
        reply_text(&r->reply, user);
        buffer_text(&r->reply, ",");
        answer_write_model(&r->reply, m);
        write_people(&r->reply, best, found);
        http_answer(r, 200);
    } else {
        reply_failure(r, st, &err);
    }
    alike_free(a);
}

// clang-format off
#define ITEMS_ANSWERED "\"items\":[{\"item\":\"i9\",\"score\":0.73,\"source\":\"model\"}]}"
#define MODEL_ANSWERED "\"model\":\"ease\",\"version\":\"9f3c2a1b7d5e0c44\","
#define PERSON_ANSWERED "{\"recommendation_id\":\"0f3c\",\"user\":\"u1\"," MODEL_ANSWERED ITEMS_ANSWERED
#define PARAM_N { "n", "integer", "how many; 10" }
#define PARAM_OFFSET { "offset", "integer", "after so many; 0" }
#define PARAM_CATEGORY { "category", "string", "of this category; several times: of any of them" }
#define PARAM_FILTER { "filter", "string", "a condition on fields of items: price < 20" }
#define PARAM_MODEL { "model", "string", "which model; the default one" }
#define PARAM_AGE { "max_age", "string", "published since so long: 7d" }
const route routes_recommend[] = {
    { "GET", "/v1/users/{id}/recommendations", get_recommendations, .summary = "What this person may want next.",
      .answer = PERSON_ANSWERED,
      .param = { PARAM_N, PARAM_OFFSET,
                 { "exclude_seen", "boolean", "leave out what the person had; true" },
                 PARAM_CATEGORY, PARAM_FILTER, PARAM_MODEL, PARAM_AGE,
                 { "diversity", "number", "0..1, weight of difference among the items; 0" },
                 { "per_category", "integer", "at most so many of one category; 0: any number" },
                 { "fresh", "number", "share of places for items newer than the model; 0.1" } } },
    { "POST", "/v1/recommend", post_recommend, .summary = "The same for a body, also about people who are not stored.",
      .body = "{\"history\":[\"i1\",{\"item\":\"i2\",\"behaviour\":\"buy\"}],\"n\":10,\"more_like\":[\"i1\"],\"boost\":{\"i7\":1.5}}",
      .answer = PERSON_ANSWERED },
    { "POST", "/v1/rerank", post_rerank, .summary = "The posted items, best first.",
      .body = "{\"user\":\"u1\",\"items\":[\"i1\",\"i2\"]}", .answer = PERSON_ANSWERED },
    { "GET", "/v1/popular", get_popular, .summary = "What is taken most lately.", .answer = "{" ITEMS_ANSWERED,
      .param = { PARAM_N, PARAM_OFFSET, PARAM_CATEGORY, PARAM_FILTER, PARAM_AGE } },
    { "GET", "/v1/latest", get_latest, .summary = "What was published last.", .answer = "{" ITEMS_ANSWERED,
      .param = { PARAM_N, PARAM_OFFSET, PARAM_CATEGORY, PARAM_FILTER, PARAM_AGE } },
    { "GET", "/v1/items/{id}/similar", get_similar_items, .summary = "Items like this one.",
      .answer = "{\"item\":\"i1\"," MODEL_ANSWERED ITEMS_ANSWERED,
      .param = { PARAM_N, PARAM_OFFSET, PARAM_CATEGORY, PARAM_FILTER, PARAM_MODEL, PARAM_AGE } },
    { "GET", "/v1/users/{id}/similar", get_similar_users, .summary = "People like this one, of those seen lately.",
      .answer = "{\"user\":\"u1\"," MODEL_ANSWERED "\"users\":[{\"user\":\"u9\",\"score\":0.9,\"source\":\"model\"}]}",
      .param = { PARAM_N, PARAM_MODEL } },
    ROUTE_END,
};
// clang-format on

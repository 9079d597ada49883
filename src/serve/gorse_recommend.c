// gorse_recommend.c - recommendations, lists, and neighbours, as Gorse answers them.
#include "base/clock.h"
#include "base/memory.h"
#include "serve/answering.h"
#include "serve/answers.h"
#include "serve/gorse_call.h"
#include "serve/gorse_time.h"

#include <string.h>

// --- what is asked ----------------------------------------------------------------------------------

// ?n=10&offset=0 of at most `most` together.
static bool read_range(const call *c, size_t most, size_t *n, size_t *offset)
{
    if (!gorse_number(c->request, "n", GORSE_DEFAULT, (long)most, n)) return false;
    if (!gorse_number(c->request, "offset", 0, (long)most, offset)) return false;
    if (*n > most - *offset) *n = most - *offset;
    return true;
}

// Items of the first category, and of the second if there is one.
static habit_status add_category(const call *c, asked *a, http_text name, habit_error *err)
{
    wish *w = &a->wish;
    items *t = &c->s->items;
    const db_text text = { name.at, name.len };
    if (!name.len) return HABIT_OK;
    if (w->categories)
        return w->where ? fail(err, HABIT_EINVAL, "more than two categories")
                        : subsets_take(c->s->subsets, &w->where, SUBSET_CATEGORY, text, t, err);
    items_read(t);
    w->category[0].number = ids_get(&t->categories, text.at, text.len);
    items_done(t);
    TRY(subsets_take(c->s->subsets, &w->category[0].set, SUBSET_CATEGORY, text, t, err));
    w->categories = 1;
    return HABIT_OK;
}

// Those of the query, else piece `at` of the path, if it has one.
static habit_status add_categories(const call *c, asked *a, size_t at, habit_error *err)
{
    const http_request *r = c->request;
    bool any = false;
    for (size_t i = 0; i < r->params; i++) {
        if (strcmp(r->name[i].at, "category") != 0) continue;
        TRY(add_category(c, a, r->value[i], err));
        any = true;
    }
    return any || at >= ROUTE_PIECES || !c->piece[at].at ? HABIT_OK
                                                         : add_category(c, a, c->piece[at], err);
}

enum { NO_CATEGORY = ROUTE_PIECES };

// A wish of that kind; category: which piece of the path.  False: it is answered already.
static bool read_wish(const call *c, asked *a, wish_kind kind, size_t category)
{
    const asked_about about = asked_about_of(c);
    const http_text reader = gorse_param(c->request, "user-id");
    habit_error err = { 0 };
    asked_begin(a, &about);
    a->wish.kind = kind;
    a->wish.like = IDS_NONE;
    if (reader.len) a->user = (db_text){ reader.at, reader.len }; // whose items are left out
    if (!read_range(c, WISH_DEEP, &a->wish.n, &a->wish.offset)) return false;
    const habit_status st = add_categories(c, a, category, &err);
    if (st != HABIT_OK) reply_failure(c->request, st, &err);
    return st == HABIT_OK;
}

static bool answer_wish(const call *c, const asked *a, answer *given)
{
    habit_error err = { 0 };
    const hosted *m = lineup_find(c->models, NULL, 0);
    *given = (answer){ 0 };
    if (!a->wish.n) return true;
    const habit_status st = asked_answer(c, a, m, given, &err);
    if (st != HABIT_OK) reply_failure(c->request, st, &err);
    return st == HABIT_OK;
}

// --- what is told -----------------------------------------------------------------------------------

static db_text item_name(const items *t, uint32_t item)
{
    db_text name;
    name.at = ids_at(&t->names, item, &name.len);
    return name;
}

// [{"Id":...,"Score":...}], or ids alone.  Sources differ in their scores, and clients sort by them:
// none is greater than the one before.
static void write_answer(const call *c, const asked *a, const answer *given, bool scores)
{
    buffer *to = &c->request->reply;
    items *t = &c->s->items;
    double score, last = 1e300;
    buffer_text(to, "[");
    items_read(t);
    for (size_t i = 0; i < given->n; i++) {
        const answered *at = &given->at[i];
        score = (double)at->score;
        if (a->wish.kind == WISH_LATEST && t->published[at->item] != TIME_NONE)
            score = (double)(t->published[at->item] / 1000000);
        last = score < last ? score : last;
        buffer_text(to, i ? "," : "");
        if (scores) buffer_text(to, "{\"Id\":");
        reply_text(to, item_name(t, at->item));
        if (scores) buffer_format(to, ",\"Score\":%.10g}", last);
    }
    items_done(t);
    buffer_text(to, "]");
}

static void tell_scores(const call *c, asked *a, bool read)
{
    answer given;
    if (read && answer_wish(c, a, &given)) {
        write_answer(c, a, &given, true);
        http_answer(c->request, 200);
    }
    asked_free(a);
}

// --- recommendations --------------------------------------------------------------------------------

static bool is_known(void *ctx, const db_user *u)
{
    (void)u;
    *(bool *)ctx = true;
    return false;
}

// The answer is logged under an id that the client finds in a header.  Strangers stay strangers.
static void log_answer(const call *c, const asked *a, const answer *given)
{
    const hosted *m = lineup_find(c->models, NULL, 0);
    const char *from = given->n ? source_name(given->at[0].from) : "none";
    bool known = false;
    char id[ANSWER_ID];
    db_text *name = NEW(db_text, given->n + 1);
    if (!name) return;
    service_answer_id(c->w, id);
    http_add_header(c->request, "X-Recommendation-Id", id);
    db_user_get(c->w->db, a->user, is_known, &known, NULL);
    items_read(&c->s->items);
    for (size_t i = 0; i < given->n; i++) name[i] = item_name(&c->s->items, given->at[i].item);
    const db_answer log = { .id = { id, ANSWER_ID - 1 },
                            .user = known ? a->user : (db_text){ 0 },
                            .model =
                                m ? (db_text){ m->version, strlen(m->version) } : (db_text){ 0 },
                            .source = { from, strlen(from) },
                            .time = a->about.now,
                            .item = name,
                            .items = given->n };
    answers_log(c->s, &log);
    items_done(&c->s->items);
    mem_free(name);
}

// Feedback of each item that was recommended, at a moment that may be still to come.
static void write_back(const call *c, const asked *a, const answer *given, http_text type,
                       int64_t time)
{
    items *t = &c->s->items;
    habit_error err = { 0 };
    habit_status st = HABIT_OK;
    gorse_body b = { 0 };
    items_read(t);
    for (size_t i = 0; st == HABIT_OK && i < given->n; i++)
        st = gorse_body_add(&b, (db_text){ type.at, type.len }, a->user,
                            item_name(t, given->at[i].item), time, &err);
    items_done(t);
    if (st == HABIT_OK) {
        gorse_submit(c, &b, GORSE_TELL_REPLY);
        return;
    }
    reply_failure(c->request, st, &err);
    gorse_body_free(&b);
}

static bool read_write_back(const call *c, http_text *type, int64_t *delay)
{
    const http_text text = http_param(c->request, "write-back-delay");
    *type = http_param(c->request, "write-back-type");
    *delay = 0;
    if (!text.len || gorse_span_parse(text.at, text.len, delay)) return true;
    reply_error(c->request, 400, "write-back-delay=%s: not a time span like 10m", text.at);
    return false;
}

static bool wants_scores(const http_request *r)
{
    const char *version = http_header(r, "X-API-Version");
    return version && strcmp(version, "2") == 0;
}

static void get_recommend(const call *c)
{
    http_request *r = c->request;
    http_text type;
    int64_t delay;
    answer given;
    asked a;
    const bool read = read_wish(c, &a, WISH_PERSON, 1) &&
                      request_id(r, c->piece[0], "user", &a.user) &&
                      read_write_back(c, &type, &delay);
    if (read && answer_wish(c, &a, &given)) {
        write_answer(c, &a, &given, wants_scores(r));
        log_answer(c, &a, &given);
        if (type.len && given.n)
            write_back(c, &a, &given, type, a.about.now + delay);
        else
            http_answer(r, 200);
    }
    asked_free(&a);
}

static void get_collaborative(const call *c)
{
    asked a;
    const bool read =
        read_wish(c, &a, WISH_PERSON, 1) && request_id(c->request, c->piece[0], "user", &a.user);
    tell_scores(c, &a, read);
}

// --- sessions ---------------------------------------------------------------------------------------

static int by_time(const void *x, const void *y)
{
    const person_event *a = x, *b = y;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

// Posted feedback as a history, oldest first; items nobody has heard of say nothing.
static habit_status read_session(const call *c, asked *a, const gorse_body *b, habit_error *err)
{
    a->history = NEW(person_event, b->ops + 1);
    if (!a->history) return fail_memory(err, "a session", b->ops);
    for (size_t i = 0; i < b->ops; i++) {
        const db_event *e = &b->op[i].event;
        items_read(&c->s->items);
        const uint32_t item = items_find(&c->s->items, e->item);
        items_done(&c->s->items);
        if (item == IDS_NONE) continue;
        a->history[a->events++] = (person_event){
            .place = (int64_t)i,
            .time = e->time,
            .item = item,
            .value = (float)e->value,
            .behaviour = e->behaviour.len ? behaviours_find(&c->s->behaviours, e->behaviour) : 0
        };
    }
    qsort(a->history, a->events, sizeof *a->history, by_time);
    const size_t ring = c->s->people.ring, late = a->events > ring ? a->events - ring : 0;
    memmove(a->history, a->history + late, (a->events - late) * sizeof *a->history);
    a->events -= late;
    return HABIT_OK;
}

static void post_session(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    gorse_body b = { 0 };
    asked a;
    bool read = read_wish(c, &a, WISH_PERSON, 0);
    if (read) {
        habit_status st =
            gorse_body_read(&b, GORSE_SESSION, r->body.data, r->body.len, a.about.now, &err);
        if (st == HABIT_OK) st = read_session(c, &a, &b, &err);
        if (st != HABIT_OK) reply_failure(r, st, &err);
        read = st == HABIT_OK;
    }
    tell_scores(c, &a, read);
    gorse_body_free(&b);
}

// --- lists and neighbours ---------------------------------------------------------------------------

static void tell_list(const call *c, wish_kind kind, size_t category)
{
    asked a;
    const bool read = read_wish(c, &a, kind, category);
    tell_scores(c, &a, read);
}

static void get_popular(const call *c)
{
    tell_list(c, WISH_POPULAR, 0);
}

static void get_latest(const call *c)
{
    tell_list(c, WISH_LATEST, 0);
}

static void get_named_list(const call *c)
{
    const http_text name = c->piece[0];
    tell_list(c, strcmp(name.at, "latest") == 0 ? WISH_LATEST : WISH_POPULAR, NO_CATEGORY);
}

static void tell_neighbours(const call *c, size_t item, size_t category)
{
    items *t = &c->s->items;
    db_text id;
    asked a;
    bool read = read_wish(c, &a, WISH_SIMILAR, category) &&
                request_id(c->request, c->piece[item], "item", &id);
    if (read) {
        items_read(t);
        a.wish.like = items_find(t, id);
        items_done(t);
        if (a.wish.like == IDS_NONE) a.wish.n = 0; // nothing is like it
    }
    tell_scores(c, &a, read);
}

static void get_item_neighbours(const call *c)
{
    tell_neighbours(c, 0, 1);
}

static void get_item_to_item(const call *c)
{
    tell_neighbours(c, 1, NO_CATEGORY);
}

static void tell_people(const call *c, size_t user)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    const alike_person *best = NULL;
    size_t n, offset;
    db_text id;
    if (!read_range(c, ALIKE_MOST, &n, &offset)) return;
    if (!request_id(r, c->piece[user], "user", &id)) return;
    alike *all = alike_new();
    const habit_status st = all ? asked_alike(c, all, lineup_find(c->models, NULL, 0), id, &err)
                                : fail_memory(&err, "people", sizeof *best);
    if (st == HABIT_OK) {
        const size_t found = alike_find(all, &c->s->people, n + offset, &best);
        double last = 1e300;
        buffer_text(&r->reply, "[");
        for (size_t i = 0; i < found; i++) {
            if (best[i].score < last) last = best[i].score;
            if (i < offset) continue;
            buffer_text(&r->reply, i > offset ? ",{\"Id\":" : "{\"Id\":");
            reply_text(&r->reply, (db_text){ best[i].id, best[i].len });
            buffer_format(&r->reply, ",\"Score\":%.10g}", last);
        }
        buffer_text(&r->reply, "]");
        http_answer(r, 200);
    } else {
        reply_failure(r, st, &err);
    }
    alike_free(all);
}

static void get_user_neighbours(const call *c)
{
    tell_people(c, 0);
}

static void get_user_to_user(const call *c)
{
    tell_people(c, 1);
}

#define SCORES "[{\"Id\":\"i9\",\"Score\":0.73}]"
#define RANGE                                                                                      \
    { "n", "integer", "how many; 10" },                                                            \
    {                                                                                              \
        "offset", "integer", "after so many; 0"                                                    \
    }
#define CATEGORY                                                                                   \
    {                                                                                              \
        "category", "string", "of this category; twice: of both"                                   \
    }
#define READER                                                                                     \
    {                                                                                              \
        "user-id", "string", "leave out what this user had"                                        \
    }
#define BACK                                                                                       \
    { "write-back-type", "string", "what is recommended becomes feedback of this type" },          \
    {                                                                                              \
        "write-back-delay", "string", "so long after now: 10m"                                     \
    }

// clang-format off
const route routes_gorse_recommend[] = {
    { "GET", "/api/recommend/{user}", get_recommend, .summary = "Gorse: what this user may want next.",
      .answer = "[\"i9\"]", .param = { RANGE, CATEGORY, BACK } },
    { "GET", "/api/recommend/{user}/{category}", get_recommend, .summary = "Gorse: the same, of a category.",
      .answer = "[\"i9\"]", .param = { RANGE, BACK } },
    { "GET", "/api/collaborative-filtering/{user}", get_collaborative, .summary = "Gorse: the same, with scores.",
      .answer = SCORES, .param = { RANGE, CATEGORY } },
    { "GET", "/api/collaborative-filtering/{user}/{category}", get_collaborative, .summary = "Gorse: the same, of a category.",
      .answer = SCORES, .param = { RANGE } },
    { "GET", "/api/intermediate/recommend/{user}", get_collaborative, .summary = "Gorse: the same, as 0.4 names it.",
      .answer = SCORES, .param = { RANGE } },
    { "GET", "/api/intermediate/recommend/{user}/{category}", get_collaborative, .summary = "Gorse: the same, of a category.",
      .answer = SCORES, .param = { RANGE } },
    { "POST", "/api/session/recommend", post_session, .summary = "Gorse: what somebody with this feedback may want next.",
      .body = "[{\"FeedbackType\":\"read\",\"ItemId\":\"i1\",\"Timestamp\":\"2021-10-24T06:42:20Z\"}]", .answer = SCORES, .param = { RANGE, CATEGORY } },
    { "POST", "/api/session/recommend/{category}", post_session, .summary = "Gorse: the same, of a category.",
      .body = "[{\"ItemId\":\"i1\"}]", .answer = SCORES, .param = { RANGE } },
    { "GET", "/api/popular", get_popular, .summary = "Gorse: what is taken most lately.",
      .answer = SCORES, .param = { RANGE, CATEGORY, READER } },
    { "GET", "/api/popular/{category}", get_popular, .summary = "Gorse: the same, of a category.", .answer = SCORES, .param = { RANGE, READER } },
    { "GET", "/api/latest", get_latest, .summary = "Gorse: what was published last.",
      .answer = SCORES, .param = { RANGE, CATEGORY, READER } },
    { "GET", "/api/latest/{category}", get_latest, .summary = "Gorse: the same, of a category.", .answer = SCORES, .param = { RANGE, READER } },
    { "GET", "/api/non-personalized/{name}", get_named_list, .summary = "Gorse: `latest`, or what is taken most lately under any other name.",
      .answer = SCORES, .param = { RANGE, CATEGORY, READER } },
    { "GET", "/api/item/{item}/neighbors", get_item_neighbours, .summary = "Gorse: items like this one.",
      .answer = SCORES, .param = { RANGE, CATEGORY, READER } },
    { "GET", "/api/item/{item}/neighbors/{category}", get_item_neighbours, .summary = "Gorse: the same, of a category.",
      .answer = SCORES, .param = { RANGE, READER } },
    { "GET", "/api/item-to-item/{name}/{item}", get_item_to_item, .summary = "Gorse: items like this one, under any name.",
      .answer = SCORES, .param = { RANGE, CATEGORY, READER } },
    { "GET", "/api/user/{user}/neighbors", get_user_neighbours, .summary = "Gorse: users like this one, of those seen lately.",
      .answer = SCORES, .param = { RANGE } },
    { "GET", "/api/user-to-user/{name}/{user}", get_user_to_user, .summary = "Gorse: the same, under any name.",
      .answer = SCORES, .param = { RANGE } },
    ROUTE_END,
};
// clang-format on

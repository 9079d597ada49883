// answering.c - who is heard, and what is written.
#include "serve/answering.h"
#include "base/clock.h"
#include "base/memory.h"
#include "serve/answers.h"

#include <string.h>

asked_about asked_about_of(const call *c)
{
    return (asked_about){ .table = &c->s->items,
                          .sets = c->s->subsets,
                          .behaviours = &c->s->behaviours,
                          .now = clock_now(),
                          .ring = c->s->people.ring };
}

bool asked_model(const call *c, const asked *a, const hosted **out)
{
    *out = lineup_find(c->models, a->model.at, a->model.len);
    if (*out || !a->model.at) return true;
    reply_error(c->request, 404, "no such model is served here; GET /v1/models lists them");
    return false;
}

// --- who asks -----------------------------------------------------------------------------------------

static uint32_t model_user(const hosted *m, db_text id)
{
    return m ? id_list_find(&m->folder->users, id.at, id.len) : USER_NONE;
}

// The latest events of `stored`, which may be NULL, and then those posted.
static habit_status hear_posted(const call *c, const asked *a, const person *stored, uint32_t user,
                                habit_error *err)
{
    const size_t ring = c->s->people.ring, kept = stored ? stored->events : 0;
    const size_t room = ring - a->events, from = kept > room ? kept - room : 0;
    person both = { .event = NEW(person_event, ring), .events = kept - from + a->events };
    if (stored) both.shown = stored->shown, both.showns = stored->showns;
    if (!both.event) return fail_memory(err, "events", ring * sizeof *both.event);
    if (kept > from) memcpy(both.event, stored->event + from, (kept - from) * sizeof *both.event);
    if (a->events) memcpy(both.event + kept - from, a->history, a->events * sizeof *both.event);
    ranker_hear(c->w->ranker, &both, user, true);
    mem_free(both.event);
    return HABIT_OK;
}

static habit_status hear(const call *c, const asked *a, const hosted *m, habit_error *err)
{
    person *p;
    if (!a->user.at) return a->events ? hear_posted(c, a, NULL, USER_NONE, err) : HABIT_OK;
    const uint32_t user = model_user(m, a->user);
    habit_status st = HABIT_OK;
    TRY(service_person(c->s, c->w, a->user, &p, err));
    if (a->events)
        st = hear_posted(c, a, p, user, err);
    else
        ranker_hear(c->w->ranker, p, user, false);
    people_give(&c->s->people, p);
    return st;
}

habit_status asked_answer(const call *c, const asked *a, const hosted *m, answer *out,
                          habit_error *err)
{
    const served *own = m ? m->served : NULL;
    TRY(ranker_begin(c->w->ranker, &a->wish, &c->s->items, own, c->s->people.ring, err));
    TRY(hear(c, a, m, err));
    *out = ranker_answer(c->w->ranker);
    return HABIT_OK;
}

habit_status asked_alike(const call *c, alike *a, const hosted *m, db_text user, habit_error *err)
{
    const served *own = m ? m->served : NULL;
    arena scratch = { 0 };
    person *p;
    TRY(arena_init_bytes(&scratch, own ? served_scratch(own, 1, c->s->people.ring) : 1, err));
    const habit_status st = service_person(c->s, c->w, user, &p, err);
    if (st == HABIT_OK) {
        alike_hear(a, own, p, model_user(m, user), clock_now(), &scratch);
        people_give(&c->s->people, p);
    }
    arena_free(&scratch);
    return st;
}

// --- what is written ----------------------------------------------------------------------------------

void answer_write_model(buffer *to, const hosted *m)
{
    buffer_text(to, "\"model\":");
    reply_text(to, m ? (db_text){ m->name, strlen(m->name) } : (db_text){ 0 });
    buffer_text(to, ",\"version\":");
    reply_text(to, m ? (db_text){ m->version, strlen(m->version) } : (db_text){ 0 });
}

// at: NULL of an item nothing is known of.
static void write_item(buffer *to, bool first, db_text name, const answered *at)
{
    buffer_text(to, first ? "{\"item\":" : ",{\"item\":");
    reply_text(to, name);
    if (at)
        buffer_format(to, ",\"score\":%.7g,\"source\":\"%s\"}", (double)at->score,
                      source_name(at->from));
    else
        buffer_text(to, ",\"score\":null,\"source\":\"unknown\"}");
}

void answer_write_items(const call *c, const asked *a, const hosted *m, const answer *given,
                        const char *id)
{
    buffer *to = &c->request->reply;
    db_text name[WISH_DEEP];
    size_t n = 0;
    buffer_text(to, "\"items\":[");
    items_read(&c->s->items); // names move when there are more of them
    for (; n < given->n; n++) {
        const answered *at = &given->at[n];
        name[n].at = ids_at(&c->s->items.names, at->item, &name[n].len);
        write_item(to, n == 0, name[n], a->reranks && at->from == SOURCE_CATALOGUE ? NULL : at);
    }
    for (size_t i = 0; i < a->posts && n < WISH_DEEP; i++, n++) {
        name[n] = a->posted[i];
        write_item(to, n == 0, name[n], NULL);
    }
    const char *from = given->n ? source_name(given->at[0].from) : "none";
    const db_answer log = { .id = { id, id ? strlen(id) : 0 },
                            .user = a->user,
                            .model =
                                m ? (db_text){ m->version, strlen(m->version) } : (db_text){ 0 },
                            .source = { from, strlen(from) },
                            .time = a->about.now,
                            .item = name,
                            .items = n };
    if (id) answers_log(c->s, &log);
    items_done(&c->s->items);
    buffer_text(to, "]");
}

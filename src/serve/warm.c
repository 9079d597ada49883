// warm.c - items, popularity and what follows what: up to the end of the log that the default model
// learned from out of the model's folder, afterwards out of the database.
#include "serve/warm.h"
#include "base/clock.h"
#include "base/memory.h"

enum { EVENTS_MOST = 2000000 }; // older ones hardly weigh, and starting must not take minutes

typedef struct later_event {
    uint32_t item;
    int64_t time;
} later_event;

typedef struct warming {
    service *s;
    db_reader *db;
    ids users;
    later_event *later; // [users.count] the event after the one being read, of each user
    size_t cap;
    int64_t place, now;
    const hosted *model; // whose log is counted; NULL: none
    uint64_t events;
    habit_status status;
    habit_error *err;
} warming;

// --- the model's log ----------------------------------------------------------------------------------

static bool is_history(const service *s, const habit_model *m, uint8_t behaviour)
{
    db_event e = { .time = TIME_NONE };
    if (behaviour >= m->behaviours.count) return true;
    e.behaviour =
        (db_text){ id_list_at(&m->behaviours, behaviour), id_list_len(&m->behaviours, behaviour) };
    return service_role(s, &e, 0) == EVENT_DONE;
}

// What the log must have had: it goes on after this event of its person, and knows the item.
static bool is_of_log(const warming *w, const db_event *e, uint32_t item)
{
    const habit_model *m = w->model ? w->model->folder : NULL;
    const history *h = m ? &m->history : NULL;
    if (!h || !h->time || item >= w->model->served->items ||
        w->model->served->to_model[item] == ITEM_NONE)
        return false;
    const uint32_t u = id_list_find(&m->users, e->user.at, e->user.len);
    return u != USER_NONE && h->offset[u + 1] > h->offset[u] &&
           e->time <= h->time[h->offset[u + 1] - 1];
}

static void count_log(warming *w)
{
    const habit_model *m = w->model->folder;
    const history *h = &m->history;
    const size_t each = 1 + EVENTS_MOST / (m->users.count + (size_t)1); // the latest of each user
    for (uint32_t u = 0; u < m->users.count; u++) {
        const uint64_t end = h->offset[u + 1], all = end - h->offset[u];
        uint32_t before = IDS_NONE;
        for (uint64_t e = all > each ? end - each : h->offset[u]; e < end; e++) {
            const uint32_t item = w->model->served->from_model[h->item[e]];
            if (h->behaviour && !is_history(w->s, m, h->behaviour[e])) continue;
            if (h->time && h->time[e] > w->now) continue; // clocks were wrong
            items_count(&w->s->items, item, before, h->time ? h->time[e] : 0);
            before = item;
        }
    }
}

// --- the database -------------------------------------------------------------------------------------

static bool warm_item(void *ctx, const db_item *i)
{
    warming *w = ctx;
    w->status = items_put(&w->s->items, i, w->err);
    return w->status == HABIT_OK;
}

// Events come latest first: what came after is known, and is counted now.
static bool warm_event(void *ctx, const db_event *e)
{
    warming *w = ctx;
    items *t = &w->s->items;
    const uint32_t known = w->users.count, number = items_number(t, e->item);
    uint32_t user;
    if (db_place(w->db) > w->place) w->place = db_place(w->db);
    behaviours_number(&w->s->behaviours, e->behaviour);
    if (service_role(w->s, e, w->now) != EVENT_DONE) return true;
    if (is_of_log(w, e, number)) return true;
    w->status = number == IDS_NONE ? fail_memory(w->err, "items", sizeof(item_row)) : HABIT_OK;
    if (w->status == HABIT_OK)
        w->status = mem_grow((void **)&w->later, &w->cap, (size_t)known + 1, sizeof *w->later,
                             "users", w->err);
    if (w->status == HABIT_OK)
        w->status = ids_add(&w->users, e->user.at, e->user.len, &user, w->err);
    if (w->status != HABIT_OK) return false;
    if (user != known) items_count(t, w->later[user].item, number, w->later[user].time);
    w->later[user] = (later_event){ number, e->time };
    const bool starting = !atomic_load(&w->s->ready); // else this is not the thread to tell of it
    if (w->events++ % 65536 == 0 && starting)
        w->status = run_progress(&w->s->run, "reading events", w->events, 0, w->err);
    return w->status == HABIT_OK;
}

habit_status service_warm(service *s, habit_error *err)
{
    warming w = { .s = s, .err = err, .now = clock_now() };
    w.model = lineup_find(lineup_now(&s->models), NULL, 0);
    const db_events_of latest = {
        .since = TIME_NONE, .until = TIME_NONE, .most = EVENTS_MOST, .latest = true
    };
    TRY(db_reader_new(&w.db, s->db, err));
    habit_status st = db_items(w.db, (db_text){ 0 }, 0, warm_item, &w, err);
    if (st == HABIT_OK) st = w.status;
    if (st == HABIT_OK && w.model) count_log(&w);
    if (st == HABIT_OK) st = db_events(w.db, &latest, warm_event, &w, err);
    if (st == HABIT_OK) st = w.status;
    for (uint32_t u = 0; st == HABIT_OK && u < w.users.count; u++) // the first of each
        items_count(&s->items, w.later[u].item, IDS_NONE, w.later[u].time);
    if (st == HABIT_OK) atomic_store(&s->place, w.place);
    ids_free(&w.users);
    mem_free(w.later);
    db_reader_free(w.db);
    return st;
}

static bool warm_gone(void *ctx, uint64_t hash)
{
    warming *w = ctx;
    w->status = items_gone(&w->s->items, hash, w->err);
    return w->status == HABIT_OK;
}

habit_status service_warm_gone(service *s, habit_error *err)
{
    warming w = { .s = s, .err = err };
    TRY(db_reader_new(&w.db, s->db, err));
    const habit_status st = db_gone(w.db, warm_gone, &w, err);
    db_reader_free(w.db);
    return st == HABIT_OK ? w.status : st;
}

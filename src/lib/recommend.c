// recommend.c - habit_model_recommend(): one question to an opened model.
#include "base/memory.h"
#include "data/batch.h"
#include "lib/answer.h"

#include <math.h>
#include <string.h>

// The events of the query: those of the log, then those the caller adds.
typedef struct events {
    uint32_t *item;
    int64_t *time;
    uint8_t *behaviour;
    float *value;
    size_t n;
} events;

static void events_free(events *e)
{
    mem_free(e->item);
    mem_free(e->time);
    mem_free(e->behaviour);
    mem_free(e->value);
}

static habit_status events_join(events *out, const habit_model *m, const query *known,
                                const habit_query *asked, habit_error *err)
{
    const size_t room = known->n + asked->history_count;
    events e = { .item = NEW(uint32_t, room),
                 .time = m->history.time ? NEW(int64_t, room) : NULL,
                 .behaviour = m->history.behaviour ? NEW(uint8_t, room) : NULL,
                 .value = m->history.value ? NEW(float, room) : NULL };
    *out = e;
    if (!e.item || (m->history.time && !e.time) || (m->history.behaviour && !e.behaviour) ||
        (m->history.value && !e.value))
        return fail_memory(err, "history", room * 24);
    for (size_t i = 0; i < known->n; i++, e.n++) {
        e.item[e.n] = known->item[i];
        if (e.time) e.time[e.n] = known->time[i];
        if (e.behaviour) e.behaviour[e.n] = known->behaviour[i];
        if (e.value) e.value[e.n] = known->value[i];
    }
    for (size_t i = 0; i < asked->history_count; i++) {
        const char *id = asked->history[i];
        const uint32_t item = id ? id_list_find(&m->items, id, strlen(id)) : ITEM_NONE;
        if (item == ITEM_NONE) continue;
        e.item[e.n] = item;
        if (e.time) e.time[e.n] = asked->now ? asked->now : known->now;
        if (e.behaviour) e.behaviour[e.n] = BEHAVIOUR_NONE; // nor this
        if (e.value) e.value[e.n] = NAN;                    // not said
        e.n++;
    }
    *out = e;
    return HABIT_OK;
}

static habit_status ask(const habit_model *m, const query *q, bool exclude, habit_answer *out,
                        size_t n, size_t *count, habit_error *err)
{
    answer_room room;
    TRY(answer_room_open(&room, m, n, q->n, err));
    answer_block(m, q, 1, exclude, &room);
    const topk *best = &room.top[0].answer;
    for (size_t i = 0; i < best->n; i++)
        out[i] = (habit_answer){
            .item = id_list_at(&m->items, best->item[i]),
            .title = m->titles.count ? id_list_at(&m->titles, best->item[i]) : "",
            .score = best->score[i],
        };
    *count = best->n;
    answer_room_close(&room);
    return HABIT_OK;
}

habit_status habit_model_recommend(const habit_model *m, const habit_query *asked,
                                   habit_answer *out, size_t n, size_t *count, habit_error *err)
{
    if (asked->size < sizeof *asked)
        return fail(err, HABIT_EINVAL, "query.size is %zu: set it to sizeof(habit_query)",
                    asked->size);
    query known = { .user = USER_NONE, .now = m->history.last };
    if (asked->user) {
        const uint32_t user = id_list_find(&m->users, asked->user, strlen(asked->user));
        if (user == USER_NONE && !asked->history_count)
            return fail(err, HABIT_ENOTFOUND,
                        "no user '%s' in the training log; ask with a history of items instead",
                        asked->user);
        if (user != USER_NONE) known = answer_query(m, user);
    }
    events e = { 0 };
    habit_status st = events_join(&e, m, &known, asked, err);
    if (st == HABIT_OK && asked->history_count && e.n == known.n && known.n == 0)
        st = fail(err, HABIT_ENOTFOUND, "none of the %zu items of the history is in the model",
                  asked->history_count);
    if (st == HABIT_OK) {
        query q = known;
        q.item = e.item;
        q.time = e.time;
        q.behaviour = e.behaviour;
        q.value = e.value;
        q.n = e.n;
        if (asked->now) q.now = asked->now;
        st = ask(m, &q, asked->exclude_seen != 0, out, n, count, err);
    }
    events_free(&e);
    return st;
}

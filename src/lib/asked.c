// asked.c - the question of a caller, in the model's own numbers.
#include "lib/asked.h"
#include "base/memory.h"
#include "data/batch.h"
#include "lib/answer.h"

#include <math.h>
#include <string.h>

void asked_close(asked *a)
{
    mem_free(a->item);
    mem_free(a->time);
    mem_free(a->behaviour);
    mem_free(a->value);
    *a = (asked){ 0 };
}

static habit_status make_room(asked *a, const habit_model *m, size_t events, habit_error *err)
{
    const history *h = &m->history;
    a->item = NEW(uint32_t, events);
    a->time = h->time ? NEW(int64_t, events) : NULL;
    a->behaviour = h->behaviour ? NEW(uint8_t, events) : NULL;
    a->value = h->value ? NEW(float, events) : NULL;
    if (!a->item || (h->time && !a->time) || (h->behaviour && !a->behaviour) ||
        (h->value && !a->value))
        return fail_memory(err, "history", events * 24);
    return HABIT_OK;
}

static size_t join(asked *a, const habit_model *m, const query *known, const habit_query *from)
{
    size_t n = 0;
    for (size_t i = 0; i < known->n; i++, n++) {
        a->item[n] = known->item[i];
        if (a->time) a->time[n] = known->time[i];
        if (a->behaviour) a->behaviour[n] = known->behaviour[i];
        if (a->value) a->value[n] = known->value[i];
    }
    for (size_t i = 0; i < from->history_count; i++) {
        const char *id = from->history[i];
        const uint32_t item = id ? id_list_find(&m->items, id, strlen(id)) : ITEM_NONE;
        if (item == ITEM_NONE) continue;
        a->item[n] = item;
        if (a->time) a->time[n] = from->now ? from->now : known->now;
        if (a->behaviour) a->behaviour[n] = BEHAVIOUR_NONE; // nor this
        if (a->value) a->value[n] = NAN;                    // not said
        n++;
    }
    return n;
}

habit_status asked_open(asked *out, const habit_model *m, const habit_query *from, habit_error *err)
{
    if (from->size < sizeof *from)
        return fail(err, HABIT_EINVAL, "query.size is %zu: set it to sizeof(habit_query)",
                    from->size);
    query known = { .user = USER_NONE, .now = m->history.last };
    if (from->user) {
        const uint32_t user = id_list_find(&m->users, from->user, strlen(from->user));
        if (user == USER_NONE && !from->history_count)
            return fail(err, HABIT_ENOTFOUND,
                        "no user '%s' in the training log; ask with a history of items instead",
                        from->user);
        if (user != USER_NONE) known = answer_query(m, user);
    }
    asked a = { .query = known };
    habit_status st = make_room(&a, m, known.n + from->history_count, err);
    if (st == HABIT_OK) a.query.n = join(&a, m, &known, from);
    if (st == HABIT_OK && from->history_count && a.query.n == 0)
        st = fail(err, HABIT_ENOTFOUND, "none of the %zu items of the history is in the model",
                  from->history_count);
    if (st != HABIT_OK) {
        asked_close(&a);
        return st;
    }
    a.query.item = a.item;
    a.query.time = a.time;
    a.query.behaviour = a.behaviour;
    a.query.value = a.value;
    if (from->now) a.query.now = from->now;
    *out = a;
    return HABIT_OK;
}

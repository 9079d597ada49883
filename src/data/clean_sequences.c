// clean_sequences.c - which users, or sessions, and which items are left.
#include "data/clean_sequences.h"
#include "base/memory.h"

#include <string.h>

bool sessions_wanted(const cleaning *c)
{
    return c->o->session_gap > 0 || c->d->session;
}

bool session_ends(const cleaning *c, uint64_t before, uint64_t e)
{
    if (c->o->session_gap > 0) return c->d->time[e] - c->d->time[before] > c->o->session_gap;
    return c->d->session[e] != c->d->session[before];
}

// --- listing ---------------------------------------------------------------------------------------

static habit_status append(sequences *s, const sequence *one, habit_error *err)
{
    void *grown = s->seq;
    if (s->count >= USER_NONE - 1) return fail(err, HABIT_ELIMIT, "more than 4294967294 sequences");
    const habit_status st =
        mem_grow(&grown, &s->cap, s->count + 1, sizeof *s->seq, "sequences", err);
    s->seq = grown;
    if (st == HABIT_OK) s->seq[s->count++] = *one;
    return st;
}

static habit_status list_user(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                              habit_error *err)
{
    sequences *s = ctx;
    const bool cuts = sessions_wanted(c);
    sequence now = { .user = u };
    bool any = false;
    for (uint64_t e = begin; e < end; e++) {
        if (!clean_kept(c, e)) continue;
        s->item[c->d->item[e]] = 0; // stays; numbered below
        if (c->d->behaviour) s->behaviour[c->d->behaviour[e]] = 0;
        if (!any) {
            now.begin = e;
            s->sessions += cuts;
        } else if (cuts && session_ends(c, now.end - 1, e)) {
            s->sessions++;
            if (s->by_session) {
                TRY(append(s, &now, err));
                now.begin = e;
                now.session++;
            }
        }
        now.end = e + 1;
        any = true;
    }
    return any ? append(s, &now, err) : HABIT_OK;
}

// What stays keeps its order, so it stays in canonical order.
static void renumber(sequences *s, const dataset *d)
{
    uint8_t behaviours = 0;
    for (uint32_t i = 0; i < d->items; i++)
        if (s->item[i] != ITEM_NONE) s->item[i] = s->items++;
    for (uint32_t b = 0; b < d->behaviours.count; b++)
        if (s->behaviour[b] != UINT8_MAX) s->behaviour[b] = behaviours++;
}

// --- ids of sessions -------------------------------------------------------------------------------

// Adds "<user>#<session>" for every sequence, so that sequence k has number k.
static habit_status make_ids(const sequences *s, const dataset *d, ids *t, habit_error *err)
{
    char *id = NULL;
    size_t cap = 0;
    habit_status st = HABIT_OK;
    for (size_t k = 0; st == HABIT_OK && k < s->count; k++) {
        size_t len;
        uint32_t number;
        const char *user = names_at(&d->user_ids, s->seq[k].user, &len);
        void *grown = id;
        st = mem_grow(&grown, &cap, len + 16, 1, "session id", err);
        id = grown;
        if (st != HABIT_OK) break;
        memcpy(id, user, len);
        const int digits = snprintf(id + len, 16, "#%u", s->seq[k].session);
        st = ids_add(t, id, len + (size_t)digits, &number, err);
    }
    mem_free(id);
    return st;
}

// Brings sequences and ids into the order given.
static habit_status arrange(sequences *s, const ids *t, const uint32_t *order, habit_error *err)
{
    sequence *sorted = NEW(sequence, s->count);
    uint64_t *start = NEW(uint64_t, s->count + 1);
    char *bytes = NEW(char, s->count ? (size_t)t->start[s->count] : 0);
    if (!sorted || !start || !bytes) {
        mem_free(sorted);
        mem_free(start);
        mem_free(bytes);
        return fail_memory(err, "sessions", s->count * (sizeof *sorted + sizeof *start));
    }
    start[0] = 0;
    for (size_t k = 0; k < s->count; k++) {
        size_t len;
        const char *id = ids_at(t, order[k], &len);
        memcpy(bytes + start[k], id, len);
        start[k + 1] = start[k] + len;
        sorted[k] = s->seq[order[k]];
    }
    mem_free(s->seq);
    s->seq = sorted;
    s->cap = s->count;
    s->ids = (names){ (uint32_t)s->count, start, bytes };
    return HABIT_OK;
}

static habit_status name_sessions(sequences *s, const dataset *d, habit_error *err)
{
    ids t = { 0 };
    uint32_t *order = NULL;
    habit_status st = make_ids(s, d, &t, err);
    if (st == HABIT_OK) st = ids_sort(&t, &order, err);
    if (st == HABIT_OK) st = arrange(s, &t, order, err);
    mem_free(order);
    ids_free(&t);
    return st;
}

// --- all of it -------------------------------------------------------------------------------------

habit_status sequences_list(sequences *out, cleaning *c, habit_error *err)
{
    sequences s = { .by_session = c->o->unit && strcmp(c->o->unit, "session") == 0 };
    if (c->o->session_gap > 0 && !c->d->time)
        return fail(err, HABIT_EINVAL, "--session-gap: the log has no time column");
    if (s.by_session && !sessions_wanted(c))
        return fail(err, HABIT_EINVAL,
                    "--unit session: the log has no sessions; cut them with --session-gap, "
                    "e.g. 30m");
    s.item = NEW(uint32_t, c->d->items);
    if (!s.item) return fail_memory(err, "item numbers", c->d->items * sizeof *s.item);
    memset(s.item, 0xFF, c->d->items * sizeof *s.item); // ITEM_NONE
    memset(s.behaviour, 0xFF, sizeof s.behaviour);
    habit_status st = clean_each_user(c, list_user, &s, err);
    if (st == HABIT_OK) renumber(&s, c->d);
    if (st == HABIT_OK && s.by_session) st = name_sessions(&s, c->d, err);
    if (st != HABIT_OK)
        sequences_free(&s);
    else
        *out = s;
    return st;
}

void sequences_free(sequences *s)
{
    mem_free(s->seq);
    mem_free(s->item);
    mem_free((void *)(uintptr_t)s->ids.start);
    mem_free((void *)(uintptr_t)s->ids.bytes);
    *s = (sequences){ 0 };
}

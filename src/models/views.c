// views.c - other views of a batch.
#include "models/views.h"
#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_MASK = 0x3A5C, STREAM_CHANGE = 0x17E4 };

// A batch that is being written.
typedef struct writing {
    int32_t *offset, *item, *position, *target;
    int64_t *time, *next_time;
    uint8_t *behaviour;
    float *value;
} writing;

static bool view_start(batch *out, writing *w, tape *t, const batch *b, size_t events)
{
    *w = (writing){ .offset = tape_memory(t, b->sequences + 1, sizeof *w->offset),
                    .item = tape_memory(t, events, sizeof *w->item),
                    .position = tape_memory(t, events, sizeof *w->position),
                    .target = tape_memory(t, events, sizeof *w->target) };
    bool made = w->offset && w->item && w->position && w->target;
    if (b->time) {
        w->time = tape_memory(t, events, sizeof *w->time);
        w->next_time = tape_memory(t, events, sizeof *w->next_time);
        made = made && w->time && w->next_time;
    }
    if (b->behaviour) made = (w->behaviour = tape_memory(t, events, 1)) && made;
    if (b->value) made = (w->value = tape_memory(t, events, sizeof *w->value)) && made;
    if (!made) return false;
    *out = *b;
    out->offset = w->offset;
    out->item = w->item;
    out->position = w->position;
    out->target = w->target;
    out->time = w->time;
    out->next_time = w->next_time;
    out->behaviour = w->behaviour;
    out->next_behaviour = NULL;
    out->value = w->value;
    out->next_value = NULL;
    out->events = out->targets = 0;
    w->offset[0] = 0;
    return true;
}

// Event i of a sequence whose rows are from .. end-1: the last target is number end - from.
static void view_copy(const batch *b, size_t from, size_t end, size_t i, const writing *w,
                      size_t to)
{
    const size_t e = from + i;
    const bool row = e < end; // else the last target
    w->item[to] = row ? b->item[e] : b->target[end - 1];
    w->target[to] = -1;
    if (w->time) {
        w->time[to] = row ? b->time[e] : b->next_time[end - 1];
        w->next_time[to] = row ? b->next_time[e] : TIME_NONE;
    }
    if (w->behaviour) {
        const uint8_t last = b->next_behaviour ? b->next_behaviour[end - 1] : BEHAVIOUR_NONE;
        w->behaviour[to] = row ? b->behaviour[e] : last;
    }
    if (w->value) w->value[to] = row ? b->value[e] : b->next_value ? b->next_value[end - 1] : NAN;
}

// --- masks ------------------------------------------------------------------------------------------

static size_t hide(const writing *w, size_t e)
{
    w->target[e] = w->item[e];
    w->item[e] = -1;
    return 1;
}

// Hides some of the events from .. end-1; returns how many.
static size_t hide_some(const writing *w, size_t from, size_t end, const masking *m, rng *r)
{
    size_t hidden = 0;
    if (rng_uniform(r) < m->only_last) return hide(w, end - 1);
    for (size_t e = from; e < end; e++)
        if (rng_uniform(r) < m->share) hidden += hide(w, e);
    if (hidden == 0) return hide(w, end - 1);
    if (hidden < end - from) return hidden;
    w->item[from] = w->target[from];
    w->target[from] = -1;
    return hidden - 1;
}

bool view_masked(batch *out, tape *t, const batch *b, const masking *m)
{
    writing w;
    if (!view_start(out, &w, t, b, b->events + b->sequences)) return false;
    for (size_t s = 0; s < b->sequences; s++) {
        const size_t from = (size_t)b->offset[s], end = (size_t)b->offset[s + 1];
        const size_t all = end - from + 1, n = all < m->most ? all : m->most, first = out->events;
        rng r = rng_at(b->key, STREAM_MASK, b->first_sequence + s);
        for (size_t i = 0; end > from && i < n; i++) {
            view_copy(b, from, end, all - n + i, &w, out->events);
            w.position[out->events++] = (int32_t)i;
        }
        w.offset[s + 1] = (int32_t)out->events;
        if (end > from) out->targets += hide_some(&w, first, out->events, m, &r);
    }
    return true;
}

// --- changes ------------------------------------------------------------------------------------------

habit_status changes_parse(changes *c, const char *list, habit_error *err)
{
    static const char *const known[] = { "crop", "mask", "reorder" };
    static const double usual[] = { 0.6, 0.3, 0.6 };
    c->count = 0;
    for (const char *at = list ? list : ""; *at;) {
        const size_t len = strcspn(at, ","), name = strcspn(at, ":,");
        size_t i = 0;
        while (i < COUNT_OF(known) && (strlen(known[i]) != name || memcmp(known[i], at, name) != 0))
            i++;
        if (i == COUNT_OF(known) || c->count == CHANGES_MOST)
            return fail(err, HABIT_EINVAL, "--augment: '%.*s' is none of crop, mask, reorder",
                        (int)(len < 40 ? len : 40), at);
        char *end = (char *)(uintptr_t)at + len;
        c->kind[c->count] = (change_kind)i;
        c->share[c->count] = name < len ? strtod(at + name + 1, &end) : usual[i];
        if (end != at + len || !(c->share[c->count] > 0 && c->share[c->count] <= 1))
            return fail(err, HABIT_EINVAL, "--augment: the share in '%.*s' is not in (0, 1]",
                        (int)(len < 40 ? len : 40), at);
        c->count++;
        at += at[len] ? len + 1 : len;
    }
    return HABIT_OK;
}

// `wanted` of the events from .. end-1, all sets alike: Fan, Muller & Rezucha 1962.
static void hide_exactly(const writing *w, size_t from, size_t end, size_t wanted, rng *r)
{
    for (size_t e = from; wanted && e < end; e++)
        if (rng_below(r, end - e) < wanted) {
            w->item[e] = -1;
            wanted--;
        }
}

static void swap_events(const writing *w, size_t a, size_t b)
{
    const int32_t item = w->item[a];
    w->item[a] = w->item[b], w->item[b] = item;
    if (w->behaviour) {
        const uint8_t behaviour = w->behaviour[a];
        w->behaviour[a] = w->behaviour[b], w->behaviour[b] = behaviour;
    }
    if (w->value) {
        const float value = w->value[a];
        w->value[a] = w->value[b], w->value[b] = value;
    }
}

// Writes rows from .. end-1, n of them, changed, from row `to` on; returns how many.
static size_t change(const batch *b, size_t from, size_t end, const writing *w, size_t to,
                     change_kind kind, double share, rng *r)
{
    const size_t n = end - from, some = (size_t)(share * (double)n);
    const bool crops = kind == CHANGE_CROP;
    const size_t left = crops ? (some ? some : 1) : n;
    const size_t first = crops ? (size_t)rng_below(r, n - left + 1) : 0;
    for (size_t i = 0; i < left; i++) {
        view_copy(b, from, end, first + i, w, to + i);
        w->position[to + i] = (int32_t)i;
    }
    if (kind == CHANGE_MASK) hide_exactly(w, to, to + n, some < n ? some : n - 1, r);
    if (kind == CHANGE_REORDER && some > 1) {
        const size_t at = to + (size_t)rng_below(r, n - some + 1);
        for (size_t i = some; i > 1; i--) swap_events(w, at + i - 1, at + rng_below(r, i));
    }
    return left;
}

bool view_changed(batch *out, tape *t, const batch *b, const changes *c, uint64_t which)
{
    writing w;
    int32_t *last = tape_memory(t, b->sequences, sizeof *last);
    int32_t *each = tape_memory(t, b->sequences + 1, sizeof *each);
    if (!last || !each || !view_start(out, &w, t, b, b->events)) return false;
    for (size_t s = 0; s < b->sequences; s++) {
        rng r = rng_at(b->key, STREAM_CHANGE + which, b->first_sequence + s);
        const size_t i = (size_t)rng_below(&r, c->count);
        out->events += change(b, (size_t)b->offset[s], (size_t)b->offset[s + 1], &w, out->events,
                              c->kind[i], c->share[i], &r);
        w.offset[s + 1] = (int32_t)out->events;
        last[s] = (int32_t)out->events - 1;
        each[s] = (int32_t)s;
    }
    each[b->sequences] = (int32_t)b->sequences;
    out->last = last;
    out->each = each;
    return true;
}

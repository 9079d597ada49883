// views.c - other views of a batch.
#include "models/views.h"
#include "base/clock.h"
#include "base/rng.h"

#include <math.h>

enum { STREAM_MASK = 0x3A5C };

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
    out->value = w->value;
    out->events = out->targets = 0;
    w->offset[0] = 0;
    return true;
}

// Event i of a sequence whose rows are from .. end-1: the last target is number end - from.
static void view_copy(const batch *b, size_t from, size_t end, size_t i, const writing *w,
                      size_t to)
{
    const size_t e = from + i;
    const bool row = e < end; // else the last target, of which only item and time are known
    w->item[to] = row ? b->item[e] : b->target[end - 1];
    w->target[to] = -1;
    if (w->time) {
        w->time[to] = row ? b->time[e] : b->next_time[end - 1];
        w->next_time[to] = row ? b->next_time[e] : TIME_NONE;
    }
    if (w->behaviour) w->behaviour[to] = row ? b->behaviour[e] : BEHAVIOUR_NONE;
    if (w->value) w->value[to] = row ? b->value[e] : NAN;
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

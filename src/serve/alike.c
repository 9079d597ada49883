// alike.c - one look at each of the people asked for last.
#include "serve/alike.h"
#include "base/ids.h"
#include "base/memory.h"
#include "kernels/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MOST = 512 }; // of a person, the latest

struct alike {
    const served *model;
    float *vector; // [dim] of length 1, of who is compared
    size_t vector_cap;
    bool has_vector;
    uint32_t item[ITEMS_MOST], theirs[ITEMS_MOST]; // ascending, each once
    size_t items;
    char id[ALIKE_ID];
    size_t len, n, most;
    alike_person best[ALIKE_MOST];
};

alike *alike_new(void)
{
    return ZNEW(alike, 1);
}

void alike_free(alike *a)
{
    if (!a) return;
    mem_free(a->vector);
    mem_free(a);
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// The items of a person's latest events.
static size_t items_of(const person *p, uint32_t *item)
{
    size_t n = 0, kept = 0;
    for (size_t i = p->events; i-- > 0 && n < ITEMS_MOST;) item[n++] = p->event[i].item;
    qsort(item, n, sizeof *item, ascending);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || item[i] != item[i - 1]) item[kept++] = item[i];
    return kept;
}

void alike_hear(alike *a, const served *m, person *p, uint32_t user, int64_t now, arena *scratch)
{
    const vector_kernels *k = vector_kernels_pick();
    const size_t mark = arena_mark(scratch), dim = m && m->list ? (size_t)m->model->dim : 0;
    const served_ask ask = { .who = p, .user = user, .now = now };
    served_view v = { 0 };
    a->model = m;
    a->n = 0;
    a->items = items_of(p, a->item);
    a->len = p->id_len < ALIKE_ID ? p->id_len : ALIKE_ID;
    memcpy(a->id, p->id, a->len);
    a->has_vector = dim &&
                    mem_grow((void **)&a->vector, &a->vector_cap, dim, sizeof *a->vector,
                             "a vector", NULL) == HABIT_OK &&
                    served_look(m, &ask, &v, scratch);
    if (a->has_vector) {
        const float length = sqrtf(k->dot(v.vector, v.vector, dim));
        memcpy(a->vector, v.vector, dim * sizeof *v.vector);
        a->has_vector = length > 0;
        if (a->has_vector) k->scale(a->vector, 1 / length, dim);
    }
    arena_rewind(scratch, mark);
}

// --- the others ---------------------------------------------------------------------------------------

static bool before(double score, bool by_vector, const alike_person *b)
{
    return by_vector != b->by_vector ? by_vector : score > b->score;
}

static void offer(alike *a, const person *p, double score, bool by_vector)
{
    size_t at = a->n < a->most ? a->n : a->most;
    if (!(score > 0) || p->id_len > ALIKE_ID) return;
    while (at > 0 && before(score, by_vector, &a->best[at - 1])) at--;
    if (at == a->most) return;
    if (a->n < a->most) a->n++;
    memmove(&a->best[at + 1], &a->best[at], (a->n - 1 - at) * sizeof *a->best);
    a->best[at] = (alike_person){ .score = score, .by_vector = by_vector, .len = p->id_len };
    memcpy(a->best[at].id, p->id, p->id_len);
}

static double common_items(alike *a, const person *p)
{
    const size_t theirs = items_of(p, a->theirs);
    size_t common = 0;
    for (size_t i = 0, j = 0; i < a->items && j < theirs;) {
        common += a->item[i] == a->theirs[j];
        const bool first = a->item[i] <= a->theirs[j], second = a->theirs[j] <= a->item[i];
        i += first, j += second;
    }
    return common ? (double)common / sqrt((double)a->items * (double)theirs) : 0;
}

static void compare(void *ctx, const person *p)
{
    alike *a = ctx;
    if (p->id_len == a->len && memcmp(p->id, a->id, a->len) == 0) return;
    const float *v = a->has_vector ? served_remembered(a->model, p) : NULL;
    if (v) {
        const vector_kernels *k = vector_kernels_pick();
        const size_t dim = (size_t)a->model->model->dim;
        const float length = sqrtf(k->dot(v, v, dim));
        if (length > 0) offer(a, p, (double)(k->dot(v, a->vector, dim) / length), true);
    } else {
        offer(a, p, common_items(a, p), false);
    }
}

size_t alike_find(alike *a, people *all, size_t n, const alike_person **out)
{
    a->n = 0;
    a->most = n < ALIKE_MOST ? n : ALIKE_MOST;
    people_latest(all, ALIKE_PEOPLE, compare, a);
    *out = a->best;
    return a->n;
}

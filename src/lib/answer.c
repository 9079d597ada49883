// answer.c - from a query to the best items.
#include "lib/answer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

habit_status answer_room_open(answer_room *out, const habit_model *m, size_t k, size_t longest,
                              habit_error *err)
{
    const model_class *c = m->model->class;
    const size_t items = m->model->items;
    const bool dot = m->catalogue != NULL;
    const size_t block = dot ? ANSWER_BLOCK : 1;
    answer_room r = { .k = k < items ? k : items, .seen_room = longest < items ? longest : items };
    r.rows = NEW(float, dot ? block *(size_t)m->model->dim : items);
    r.sweep = NEW(float, dot ? topk_dot_scratch(m->catalogue, block) : 0);
    r.seen = NEW(uint32_t, ANSWER_BLOCK * r.seen_room);
    r.items = NEW(uint32_t, ANSWER_BLOCK * r.k);
    r.scores = NEW(float, ANSWER_BLOCK *r.k);
    habit_status st = HABIT_OK;
    if (!r.rows || !r.sweep || !r.seen || !r.items || !r.scores)
        st = fail_memory(err, "answers", ANSWER_BLOCK * items * 4);
    const size_t need = c->scratch ? c->scratch(m->model, block) : 0;
    if (st == HABIT_OK) st = arena_init_bytes(&r.scratch, need ? need : ARENA_ALIGN, err);
    if (st != HABIT_OK) {
        answer_room_close(&r);
        return st;
    }
    *out = r;
    return HABIT_OK;
}

void answer_room_close(answer_room *r)
{
    mem_free(r->rows);
    mem_free(r->sweep);
    mem_free(r->seen);
    mem_free(r->items);
    mem_free(r->scores);
    arena_free(&r->scratch);
    *r = (answer_room){ 0 };
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// The distinct items of a history in ascending order.  `out` has room for the history or the whole
// catalogue, whichever is less; a history longer than the catalogue is folded in by pieces.
static size_t distinct(uint32_t *out, size_t room, const uint32_t *item, size_t n)
{
    size_t kept = 0;
    while (n) {
        const size_t take = n < room - kept ? n : room - kept;
        if (take == 0) break; // every item of the catalogue is there
        memcpy(out + kept, item, take * sizeof *out);
        item += take, n -= take;
        qsort(out, kept + take, sizeof *out, by_number);
        const size_t all = kept + take;
        kept = 0;
        for (size_t i = 0; i < all; i++)
            if (kept == 0 || out[i] != out[kept - 1]) out[kept++] = out[i];
    }
    return kept;
}

void answer_block(const habit_model *m, const query *q, size_t n, bool exclude, answer_room *r)
{
    const model_class *c = m->model->class;
    const uint32_t items = m->model->items;
    for (size_t i = 0; i < n; i++) {
        uint32_t *seen = r->seen + i * r->seen_room;
        r->top[i] = (topk_query){
            .excluded = seen,
            .excluded_count = exclude ? distinct(seen, r->seen_room, q[i].item, q[i].n) : 0,
            .answer = { .item = r->items + i * r->k, .score = r->scores + i * r->k, .k = r->k },
        };
    }
    if (m->catalogue) {
        arena_rewind(&r->scratch, 0);
        c->encode(m->model, q, n, r->rows, &r->scratch);
        topk_dot(r->top, r->rows, n, m->catalogue, r->sweep);
        return;
    }
    for (size_t i = 0; i < n; i++) { // one row of scores at a time stays in the cache
        arena_rewind(&r->scratch, 0);
        c->score(m->model, q + i, 1, r->rows, &r->scratch);
        topk_scores(&r->top[i], r->rows, items);
    }
}

query answer_query(const habit_model *m, uint32_t user)
{
    const history *h = &m->history;
    const uint64_t begin = h->offset[user], n = h->offset[user + 1] - begin;
    return (query){
        .user = user < m->model->users ? user : USER_NONE,
        .item = h->item + begin,
        .time = h->time ? h->time + begin : NULL,
        .behaviour = h->behaviour ? h->behaviour + begin : NULL,
        .value = h->value ? h->value + begin : NULL,
        .n = n,
        .now = h->time && n ? h->time[begin + n - 1] : m->history.last,
    };
}

// reader_batch.c - the columns of a batch.
#include "base/memory.h"
#include "data/reader_impl.h"

#include <string.h>

// Every column that may exist: its array and the size of an element.
enum { COLUMNS = 7 + 2 * READER_EXTRAS };

typedef struct slot {
    void **array;
    size_t size;
    bool used;
} slot;

static void list_slots(batch *b, const schema *s, slot out[COLUMNS])
{
#define SLOT(array, used) ((slot){ (void **)(void *)&(array), sizeof *(array), (used) })
    size_t n = 0;
    out[n++] = SLOT(b->user, true);
    out[n++] = SLOT(b->item, true);
    out[n++] = SLOT(b->user_hash, true);
    out[n++] = SLOT(b->item_hash, true);
    out[n++] = SLOT(b->time, s && s->has_time);
    out[n++] = SLOT(b->value, s && s->has_value);
    out[n++] = SLOT(b->behaviour, s && s->has_behaviour);
    for (int i = 0; i < READER_EXTRAS; i++) {
        const bool used = s && i < s->extras, number = used && s->extra_kind[i] == EXTRA_NUMBER;
        out[n++] = SLOT(b->number[i], number);
        out[n++] = SLOT(b->tag[i], used && !number);
    }
#undef SLOT
}

habit_status batch_reserve(batch *b, const schema *s, size_t count, habit_error *err)
{
    if (count <= b->cap) return HABIT_OK;
    slot slots[COLUMNS];
    list_slots(b, s, slots);
    const size_t cap = count + count / 8;
    b->cap = 0;
    for (int i = 0; i < COLUMNS; i++) {
        mem_free(*slots[i].array); // old rows are not needed any more
        *slots[i].array = NULL;
        if (slots[i].used && !(*slots[i].array = mem_alloc(cap, slots[i].size)))
            return fail_memory(err, "rows", cap * slots[i].size);
    }
    b->cap = cap;
    return HABIT_OK;
}

void batch_move(batch *b, size_t to, size_t from, size_t n)
{
    slot slots[COLUMNS];
    list_slots(b, NULL, slots);
    for (int i = 0; i < COLUMNS && n; i++) {
        char *array = *slots[i].array;
        const size_t size = slots[i].size;
        if (array) memmove(array + to * size, array + from * size, n * size);
    }
}

void batch_free(batch *b)
{
    slot slots[COLUMNS];
    list_slots(b, NULL, slots);
    for (int i = 0; i < COLUMNS; i++) mem_free(*slots[i].array);
    *b = (batch){ 0 };
}

void batch_rows(const reader *r, size_t n, rows *out)
{
    const batch *b = &r->batch;
    *out = (rows){
        .n = n,
        .user = b->user,
        .item = b->item,
        .user_hash = b->user_hash,
        .item_hash = b->item_hash,
        .time = b->time,
        .behaviour = b->behaviour,
        .value = b->value,
    };
    for (int i = 0; i < r->schema.extras; i++) {
        out->number[i] = b->number[i];
        out->tag[i] = b->tag[i];
    }
}

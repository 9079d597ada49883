// askers.h - dataset users as queries in a model's own numbering.
#ifndef EVAL_ASKERS_H
#define EVAL_ASKERS_H
#include "eval/evaluate.h"
#include "eval/questions.h"

// Room for the translated histories of a block of users; one per thread.
typedef struct asker {
    query *query;   // [rows]
    uint32_t *item; // [events]
    int64_t *time;  // NULL as in the log
    uint8_t *behaviour;
    float *value;
} asker;

// Most history events that `rows` successive questions, in blocks from 0, have between them.
size_t askers_events(const questions *q, size_t rows);

// Where room for one asker comes from; with a measuring arena, how much it needs.
void asker_place(asker *a, const questions *q, size_t rows, size_t events, arena *mem);

// Fills query[0..n) for questions first .. first + n.  Items the model does not know are left out
// of the history; the moment of the question is that of the first target.
void asker_fill(asker *a, const questions *q, const contestant *c, size_t first, size_t n);

// The model's number of a dataset item, or ITEM_NONE.
static inline uint32_t contestant_item(const contestant *c, uint32_t item)
{
    if (item == ITEM_NONE) return ITEM_NONE;
    const uint32_t known = c->item_of ? c->item_of[item] : item;
    return known < c->model->items ? known : ITEM_NONE;
}

#endif

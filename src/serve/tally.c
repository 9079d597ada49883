// tally.c - open addressing.
#include "serve/tally.h"

#include <string.h>

void tally_place(tally *t, arena *a)
{
    t->slot = arena_new(a, uint32_t, TALLY_SLOTS);
    t->number = arena_new(a, uint32_t, TALLY_MOST);
    t->weight = arena_new(a, float, TALLY_MOST);
    t->n = 0;
}

void tally_clear(tally *t)
{
    if (t->n) memset(t->slot, 0, TALLY_SLOTS * sizeof *t->slot);
    t->n = 0;
}

float *tally_of(tally *t, uint32_t number)
{
    size_t at = number * UINT32_C(2654435761) % TALLY_SLOTS;
    for (; t->slot[at]; at = (at + 1) % TALLY_SLOTS)
        if (t->number[t->slot[at] - 1] == number) return &t->weight[t->slot[at] - 1];
    if (t->n == TALLY_MOST) return NULL;
    t->number[t->n] = number;
    t->weight[t->n] = 0;
    t->slot[at] = (uint32_t)++t->n;
    return &t->weight[t->n - 1];
}

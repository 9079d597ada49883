// popularity.c - counts of the training log and their quantiles.
#include "eval/popularity.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

const char *const item_slice_name[ITEM_SLICES] = { "cold (0 events)", "tail (lower half)",
                                                   "mid (next 30 %)", "head (top 20 %)" };

typedef struct counted {
    uint32_t count, item;
} counted;

static int compare_counted(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

habit_status popularity_make(popularity *out, const log_view *train, uint32_t items,
                             habit_error *err)
{
    popularity p = { .items = items, .count = ZNEW(uint32_t, items), .rank = NEW(uint32_t, items) };
    counted *order = NEW(counted, items);
    if (!p.count || !p.rank || !order) {
        mem_free(order);
        popularity_free(&p);
        return fail_memory(err, "item popularity", items * (8 + sizeof *order));
    }
    for (uint32_t u = 0; u < train->users; u++)
        for (uint64_t e = train->begin[u]; e < train->end[u]; e++)
            if (train->item[e] < items) {
                p.count[train->item[e]]++;
                p.events++;
            }
    for (uint32_t i = 0; i < items; i++) order[i] = (counted){ p.count[i], i };
    qsort(order, items, sizeof *order, compare_counted);
    for (uint32_t r = 0; r < items; r++) p.rank[order[r].item] = r;
    mem_free(order);
    *out = p;
    return HABIT_OK;
}

void popularity_free(popularity *p)
{
    mem_free(p->count);
    mem_free(p->rank);
    *p = (popularity){ 0 };
}

bool popularity_is_head(const popularity *p, uint32_t item)
{
    return (uint64_t)p->rank[item] * 5 < p->items;
}

item_slice popularity_slice(const popularity *p, uint32_t item)
{
    if (p->count[item] == 0) return ITEM_COLD;
    if (popularity_is_head(p, item)) return ITEM_HEAD;
    return (uint64_t)p->rank[item] * 2 < p->items ? ITEM_MID : ITEM_TAIL;
}

uint32_t popularity_group(const popularity *p, uint32_t item)
{
    const uint64_t from_top = (uint64_t)p->rank[item] * POPULARITY_GROUPS / p->items;
    return (uint32_t)(POPULARITY_GROUPS - 1 - from_top);
}

double popularity_novelty(const popularity *p, uint32_t item)
{
    return log2((double)(p->events + p->items)) - log2((double)p->count[item] + 1);
}

// popularity.h - how often each item comes in the training log, and what follows from it.
//
// Items stand in order of popularity: most events first, lower number first among equals.
//
//     head   the first 20 % of the catalogue     mid    the next 30 %
//     tail   the other half                      cold   no training event at all, wherever it is
#ifndef EVAL_POPULARITY_H
#define EVAL_POPULARITY_H
#include "data/split.h"

typedef enum item_slice { ITEM_COLD, ITEM_TAIL, ITEM_MID, ITEM_HEAD } item_slice;
enum { ITEM_SLICES = 4, POPULARITY_GROUPS = 10 };
extern const char *const item_slice_name[ITEM_SLICES];

typedef struct popularity {
    uint32_t items;
    uint64_t events;
    uint32_t *count; // [items]
    uint32_t *rank;  // [items] 0: the most popular
} popularity;

habit_status popularity_make(popularity *out, const log_view *train, uint32_t items,
                             habit_error *err);
void popularity_free(popularity *p);

bool popularity_is_head(const popularity *p, uint32_t item); // also if it is cold
item_slice popularity_slice(const popularity *p, uint32_t item);
// Tenth of the catalogue: 0 the least popular, 9 the most popular.
uint32_t popularity_group(const popularity *p, uint32_t item);
// -log2 of the item's share of training events, one event added to every item: never infinite.
double popularity_novelty(const popularity *p, uint32_t item);

#endif

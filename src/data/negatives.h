// negatives.h - items drawn to stand against the targets.
//
// Draws are functions of a key and a place, so they do not depend on threads or shards.
#ifndef DATA_NEGATIVES_H
#define DATA_NEGATIVES_H
#include "data/batch.h"

typedef struct negatives negatives;

// sampler: "uniform", or "popularity": by the count of an item in the log to the power `power`.
habit_status negatives_new(negatives **out, const log_view *log, const char *sampler, double power,
                           habit_error *err);
void negatives_free(negatives *n);

// The same for all targets of a step.
void negatives_draw_shared(const negatives *n, uint64_t key, int32_t *to, size_t count);
// `each` for every event of a batch: to[events][each].
void negatives_draw_own(const negatives *n, uint64_t key, const batch *b, int32_t *to, size_t each);
// [items] logarithm of an item's chance of being drawn.
const float *negatives_log_share(const negatives *n);

#endif

// diversity.h - how unlike the items of one list are.
//
// Two items are alike by the tags of the item table where it has any (Jaccard: common tags over
// all tags of both), else by the training log: the cosine of their sets of users,
// |A and B| / sqrt(|A| |B|).  Neither depends on the model that is measured.
#ifndef EVAL_DIVERSITY_H
#define EVAL_DIVERSITY_H
#include "data/split.h"

typedef struct diversity {
    const column *tags; // of items; NULL: the log decides
    uint32_t items;
    uint64_t *begin; // [items+1] users of each item, ascending
    uint32_t *user;
    char text[96]; // the rule, for the output
} diversity;

habit_status diversity_make(diversity *out, const log_view *train, uint32_t items,
                            habit_error *err);
void diversity_free(diversity *d);

// Mean of 1 - similarity over the pairs of a list; false where no pair can be judged.
bool diversity_of(const diversity *d, const uint32_t *list, size_t n, double *out);

#endif

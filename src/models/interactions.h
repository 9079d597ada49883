// interactions.h - a log as a matrix: who had to do with what, and how much.
//
// Most classic models look at a log as a sparse matrix of users by items with one entry per pair
// that ever met, whatever the number of events.  Here it is built, in both directions, with the
// weights that the options ask for.  What a person who asks has done becomes a row of the same
// matrix through basket_fill(), so that training and answering cannot disagree.
#ifndef MODELS_INTERACTIONS_H
#define MODELS_INTERACTIONS_H
#include "models/csr.h"

// A model's options struct holds one of these, its table INTERACTION_ROWS of it.
typedef struct interaction_options {
    const char *weight; // one | count | value
    int64_t half_life;  // microseconds; 0: none
} interaction_options;

#define INTERACTION_ROWS(type, field)                                                              \
    { "weight",                                                                                    \
      "KIND",                                                                                      \
      OPT_CHOICE,                                                                                  \
      offsetof(type, field.weight),                                                                \
      "one",                                                                                       \
      0,                                                                                           \
      0,                                                                                           \
      "one|count|value",                                                                           \
      "of a user and an item that met: 1, the number of events, or the sum of their values" },     \
    {                                                                                              \
        "half-life", "SPAN", OPT_SPAN, offsetof(type, field.half_life), "0", 0, 0, NULL,           \
            "events count half this long before the user's last one; 0: all alike"                 \
    }

// The same options in words that live forever, for a model to keep when those given are gone.
interaction_options interaction_options_keep(const interaction_options *o);

typedef struct interactions {
    uint32_t users, items;
    csr by_user; // [users] rows of items
    csr by_item; // [items] rows of users: the transpose
} interactions;

// A missing value counts as 1; a negative one is refused.  Options that need a column which the
// log does not have are refused.
habit_status interactions_build(interactions *out, const log_view *log,
                                const interaction_options *opt, const run *run, habit_error *err);
void interactions_free(interactions *x);

// --- the row of one who asks ---------------------------------------------------------------------

typedef struct basket {
    uint32_t *item; // [n] ascending, each once
    float *weight;  // [items] dense; zero for all items not in the basket
    size_t n;
} basket;

// Bytes of scratch that basket_open() takes.
size_t basket_bytes(uint32_t items);
void basket_open(basket *b, uint32_t items, arena *scratch);
// The same weights that interactions_build() gives a user with these events.  A log without the
// column that the options need counts as 1.  Empties the basket first.
void basket_fill(basket *b, const query *q, const interaction_options *opt);

#endif

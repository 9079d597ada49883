// direct.h - what the models that write all scores themselves have in common.
//
// Each of them knows how many users had each item: that is its answer to somebody of whom nothing
// is known, so that a cold user sees what most people like instead of item 0, 1, 2, ...
// Whoever has a history gets the model's own scores, with nothing mixed in.
#ifndef MODELS_DIRECT_H
#define MODELS_DIRECT_H
#include "models/interactions.h"

typedef struct direct {
    model base;              // first, so that a direct * is a model *
    const float *popularity; // [items]
    uint64_t loaded;         // its length as a file gave it
} direct;

enum { DIRECT_FIELDS = 1 };

// A model of `size` bytes that begins with a direct, all zero but its class.
habit_status direct_new(void **out, const model_class *class, size_t size, habit_error *err);
// Sets the sizes, and the popularity: users per item of a matrix, or zero if `by_item` is NULL.
habit_status direct_learn(direct *d, uint32_t users, uint32_t items, const csr *by_item,
                          habit_error *err);
size_t direct_fields(direct *d, model_field *out); // returns DIRECT_FIELDS
habit_status direct_ready(direct *d, habit_error *err);
// Gives back what a direct owns, not the struct.
void direct_release(direct *d);

// The scores of somebody without a history.
void direct_cold(const direct *d, float *scores);

#endif

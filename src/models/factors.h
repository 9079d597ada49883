// factors.h - what the factor models have in common: a vector for each user and each item.
//
//     user [users][dim]   item [items][dim]   bias [items]
//
// Whoever is unknown and has no history is answered with the mean user, who likes what most like.
#ifndef MODELS_FACTORS_H
#define MODELS_FACTORS_H
#include "models/interactions.h"

typedef struct factors {
    model base; // first, so that a factors * is a model *
    const float *user, *item;
    const float *bias;  // or NULL
    float *mean;        // [dim] of the users, derived
    uint64_t loaded[5]; // users, dim, items, dim, items as a file gave them
} factors;

enum { FACTORS_FIELDS = 3, FACTORS_DIM_MAX = 2048 };

// Common names of the options.
#define FACTORS_DIM(at, fallback)                                                                  \
    {                                                                                              \
        "dim", "N", OPT_INT, at, fallback, 1, FACTORS_DIM_MAX, NULL,                               \
            "width of user and item vectors"                                                       \
    }

// A model of `size` bytes that begins with a factors, all zero but its class.
habit_status factors_new(void **out, const model_class *class, size_t size, habit_error *err);
// Keeps the first `dim` floats of each row of user [users][pad] and item [items][pad], and copies
// bias (NULL: none).  Refuses what is not finite, as HABIT_EDIVERGED.
habit_status factors_learn(factors *f, const float *user, const float *item, const float *bias,
                           size_t pad, habit_error *err);
size_t factors_fields(factors *f, model_field *out); // returns FACTORS_FIELDS
// After learning or loading: checks sizes and derives what is not stored.
habit_status factors_ready(factors *f, habit_error *err);
// Gives back what a factors owns, not the struct.
void factors_release(factors *f);

// A copy of the first `dim` floats of each row of from [rows][pad], or NULL.
float *factors_compact(const float *from, size_t rows, size_t dim, size_t pad);

const float *factors_user_vectors(const model *m); // for model_class
// The trained vector of the user, or that of the mean user.
const float *factors_of_user(const factors *f, uint32_t user);

// out [rows][pad]: normal with deviation `std` in the first `dim` places, zero in the rest; each
// row from a stream of its own, so that no order of work can matter.
void factors_draw(float *out, size_t rows, size_t dim, double std, uint64_t seed);

#endif

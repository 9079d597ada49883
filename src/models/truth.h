// truth.h - a simulated world as a model: the best ranking that anybody could give.
#ifndef MODELS_TRUTH_H
#define MODELS_TRUTH_H
#include "data/simulate.h"
#include "models/model.h"

// A model of class "truth" over the arrays of `w`, which must outlive it; user and item numbers
// are those of the world.  *out is set only on success; model_free() it.
habit_status truth_new(model **out, const world *w, habit_error *err);

// Writes the model folder `dir` of the world: a truth_writer for simulate(); ctx is not used.
// Its history is empty: a truth is asked with a history, as evaluation does.
habit_status truth_save(void *ctx, const world *w, const char *dir, habit_error *err);

#endif

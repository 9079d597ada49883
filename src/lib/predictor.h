// predictor.h - what an opened model says of pairs of a person and an item.
#ifndef LIB_PREDICTOR_H
#define LIB_PREDICTOR_H
#include "lib/model_folder.h"

// Room for one thread's questions.
typedef struct predictor {
    arena scratch; // the model's
    float *row;    // a vector [dim], or the scores of all items for direct models
} predictor;

habit_status predictor_open(predictor *out, const habit_model *m, habit_error *err);
void predictor_close(predictor *p);

// score[n], what ranks, and value[n], the probability or rating, or NaN if the model has neither, of
// items to one person.  Every item is of the model.
void predictor_ask(predictor *p, const habit_model *m, const query *q, const uint32_t *item,
                   size_t n, float *score, float *value);

#endif

// asked.h - the question of a caller, in the model's own numbers.
#ifndef LIB_ASKED_H
#define LIB_ASKED_H
#include "lib/model_folder.h"

// The events of a query: those of the log, then those that the caller adds.
typedef struct asked {
    query query; // borrows what follows
    uint32_t *item;
    int64_t *time;
    uint8_t *behaviour;
    float *value;
} asked;

// HABIT_ENOTFOUND if nothing of the person is known to the model.
habit_status asked_open(asked *out, const habit_model *m, const habit_query *from,
                        habit_error *err);
void asked_close(asked *a);

#endif

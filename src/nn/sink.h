// sink.h - where the gradients of parameters go.
//
// A parameter's gradient is either dense, a whole matrix, or a set of rows: an embedding table of a
// million items of which a batch has met a thousand.  Which of the two depends on what the model
// asks for; a dense ask turns rows that are already there into a matrix.  One sink belongs to one
// shard of a training step; sinks are added up in a fixed order (train/optimiser.h).
//
// Memory is kept from step to step: after warm-up nothing is allocated.  Running out of it is
// sticky: asks return NULL, which ops take as "not wanted", and sink_failed() tells.
#ifndef NN_SINK_H
#define NN_SINK_H
#include "nn/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sink sink;

habit_status sink_new(sink **out, const store *params, habit_error *err);
void sink_free(sink *s);
void sink_clear(sink *s); // all gradients are zero again
bool sink_failed(const sink *s);

void *sink_dense(sink *s, const param *p);           // [rows][cols], to be added to
void *sink_row(sink *s, const param *p, size_t row); // [cols], to be added to

// What is there, for the optimiser: NULL where nothing was asked for since sink_clear().
typedef enum sink_kind { SINK_NOTHING, SINK_DENSE, SINK_ROWS } sink_kind;
sink_kind sink_kind_of(const sink *s, const param *p);
const void *sink_find(const sink *s, const param *p, size_t row); // that row's gradient, or NULL
// The rows met, in the order they were first asked for.
const uint32_t *sink_rows(const sink *s, const param *p, size_t *count);

// For gradients user by user (differential privacy) and for clipping.
double sink_norm2(const sink *s);                           // sum of squares over all
void sink_add(sink *into, const sink *from, double factor); // into += factor * from

#endif

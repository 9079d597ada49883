// csr.h - sparse matrices by rows ("compressed sparse rows").
//
//     start [rows+1]   |0      |3   |7 ...       row r owns entries start[r] .. start[r+1]
//     index [count]    |2 5 9  |0 5 6 8|...      the column of each entry, ascending in a row
//     weight[count]    |w w w  |w w w w|...
//
// The classic models keep what they learned in this form: neighbours, transitions, the log itself.
#ifndef MODELS_CSR_H
#define MODELS_CSR_H
#include "base/run.h"
#include "models/model.h"

typedef struct csr {
    uint64_t rows, count;
    uint32_t columns;
    const uint64_t *start;
    const uint32_t *index;
    const float *weight;
    uint64_t loaded[3]; // lengths of the three arrays as a file gave them, for csr_ready()
} csr;

// Gives back the arrays of a matrix that was built here, not loaded.
void csr_free(csr *c);

habit_status csr_transpose(csr *out, const csr *a, habit_error *err);

// y += a * row r
static inline void csr_axpy(float *y, float a, const csr *c, uint64_t r)
{
    for (uint64_t e = c->start[r]; e < c->start[r + 1]; e++) y[c->index[e]] += a * c->weight[e];
}

// --- building ------------------------------------------------------------------------------------

typedef struct csr_entry {
    uint32_t index;
    float weight;
} csr_entry;

// Where a row's maker puts its entries.
typedef struct csr_rows csr_rows;

// Makes one row: calls csr_put(), if need be after csr_best().  `worker` tells
// which scratch is its own; the entries may not depend on it.
typedef void csr_row_fn(void *ctx, uint64_t row, int worker, csr_rows *out);

// Adds n entries to the row being made; sorts them in place.
void csr_put(csr_rows *out, csr_entry *entries, size_t n);
// Moves the `keep` entries of largest weight to the front, of equal ones those of smaller index,
// and returns how many there are.  keep == 0 keeps all.
size_t csr_best(csr_entry *entries, size_t n, size_t keep);

// Makes all rows, in parallel; the same matrix at any number of threads.  `what` is named in
// progress and errors.
habit_status csr_build(csr *out, uint64_t rows, uint32_t columns, csr_row_fn *fn, void *ctx,
                       const char *what, const run *run, habit_error *err);

// --- as part of a model --------------------------------------------------------------------------

enum { CSR_FIELDS = 3 };

// Lists the three arrays under the names start, index, weight; returns CSR_FIELDS.
size_t csr_fields(csr *c, const char *const name[CSR_FIELDS], model_field *out);
// Checks a loaded matrix completely: afterwards every index is in range.
habit_status csr_ready(csr *c, uint64_t rows, uint32_t columns, const char *what, habit_error *err);

#endif

// score_rows.h - the rows that have a target, some at a time, ready to be scored.
//
//     h  [cols][D]   scale * the rows of h, below them zeros up to a multiple of SCORE_COLUMNS
//     packed         the same, transposed and laid out: scores[items][cols] = e[items][D] h^T
#ifndef NN_SCORE_ROWS_H
#define NN_SCORE_ROWS_H
#include "nn/op_loss.h"
#include "nn/tape_inside.h"

enum { SCORE_ROWS_MOST = 192 };

typedef struct score_rows {
    const kernel_set *k;
    const loss_targets *to;
    const tensor *of; // h of the op
    size_t most;      // rows at a time
    bool one_by_one;  // not packed: rows are not scored together
    size_t count, cols;
    size_t row[SCORE_ROWS_MOST]; // which rows of h
    void *h, *packed;
    void *answer;     // [cols] scores of the targets
    void *factor;     // [cols] what the derivatives of each column are multiplied with
    void *hf;         // [cols][D] h multiplied with them
    void *dh, *dh_of; // [cols][D] gradient by h / scale; a part of it
} score_rows;

// Scratch for `most` rows at a time (a multiple of SCORE_COLUMNS).  False when out of memory.
bool score_rows_make(score_rows *s, tape *t, const loss_targets *to, const tensor *h, size_t most);
// Takes rows *from .. end-1 that have a target until there are `most`; moves *from on.  False when
// there are none left.
bool score_rows_next(score_rows *s, size_t *from, size_t end);
int32_t score_rows_target(const score_rows *s, size_t c);
double score_rows_weight(const score_rows *s, size_t c);

// Fills in `answer`: the target of row n of h is row[n] of e.
void score_rows_answers(score_rows *s, const void *e, const int32_t *row);
// x[items][cols] = e h^T + bias (or NULL).
void score_rows_score(const score_rows *s, void *x, const void *e, const void *bias, size_t items);
// hf = h, each row multiplied with its factor.
void score_rows_factor(score_rows *s);
// de += x hf, db += x factor; dh += factor * (x^T e).  Any may be NULL: not wanted.
void score_rows_back(score_rows *s, const void *x, const void *e, size_t items, void *de, void *db);
// dh of the rows, times scale, into a gradient of the shape of h.
void score_rows_scatter(const score_rows *s, void *dh);

// n numbers of a tape's memory, or NULL.
void *zeros(tape *t, size_t n);

#endif

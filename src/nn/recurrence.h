// recurrence.h - a batch of sequences step by step: what the recurrent ops share.
//
//     packed      a0 a1 a2 a3 b0 c0 c1 c2
//     by steps    a0 c0 b0 | a1 c1 | a2 c2 | a3          the longest sequence first
//
// The rows of one step lie together, so that a step is a product over them; and the states that
// they begin from are those of the first rows of the step before.  What x contributes is one
// product for all events beforehand; the gradients of the matrices are one product afterwards.
//
// A cell computes in slots of H numbers per event.  Each of its matrices has blocks of H columns;
// a run says which blocks meet which slots.
#ifndef NN_RECURRENCE_H
#define NN_RECURRENCE_H
#include "nn/tape_inside.h"

enum { RECUR_X, RECUR_W, RECUR_U, RECUR_B, RECUR_BU, RECUR_FIRST, RECUR_INPUTS };
enum { RECUR_RUNS = 2, RECUR_BEFORE = -1 };
enum { RECUR_ROWS = 256 }; // rows worked on at a time, if a step has not more

// One time step of a cell, forward or backward.
typedef struct recur_step {
    const kernel_set *k;
    const struct recur_cell *cell;
    size_t rows, H;
    bool empty;                     // `before` is zero: a product with it may be left out
    bool odd;                       // every second step: meets u from its other end
    const void *u;                  // [H][blocks H]
    const void *packed[RECUR_RUNS]; // of u, or backward its transpose, for each run of h; or NULL
    void *gates;                    // [rows][slots H]
    const void *before;             // [rows][H]
    void *h;                        // [rows][H], forward
    void *memory;                   // [rows][H], and that of the step before: LSTM
    const void *memory_before;
    void *d, *dh, *dmemory; // backward: of gates; of h, becoming that of before; of memory alike
} recur_step;

typedef struct recur_run {
    int block, slot, blocks; // `blocks` columns of the matrix from `block`, to slots from `slot`
    int from;                // of u: the slot it multiplies, or RECUR_BEFORE
} recur_run;

typedef struct recur_cell {
    int blocks, slots, states; // states: 1, or 2: the hidden state, then the memory
    recur_run x[RECUR_RUNS], h[RECUR_RUNS];
    void (*forward)(const recur_step *s);
    void (*backward)(const recur_step *s); // may leave out what goes through u where `empty`
} recur_cell;

typedef struct recurrence {
    const recur_cell *cell;
    const int32_t *offset;
    size_t sequences;
    // made by forward, by steps
    size_t steps;
    int32_t *order; // [sequences] the longest first
    int32_t *start; // [steps + 1] the first row of a step
    int32_t *row;   // [N] the place of a row in packed order
    bool whole;     // the arrays below hold all steps; else they are used anew step after step
    void *gates;    // [N][slots H]
    void *before;   // [N][H] the hidden state that a row begins from
    void *memory;   // [N][H], and what the first step begins from, [sequences][H]
    void *memory_first;
} recurrence;

// For cells, with run i of h.  The gates of the run += states U; `to` [rows][to_row] = (or +=) d of
// the run U^T.
void recur_times_u(const recur_step *s, int i);
void recur_times_ut(const recur_step *s, int i, void *to, size_t to_row, bool add);

// The rows of a step.
static inline size_t recur_rows(const recurrence *r, size_t step)
{
    return (size_t)(r->start[step + 1] - r->start[step]);
}

// What the steps' rows from .. from+n-1 are in packed order: are they neighbours?  The rows of x:
// where they lie, if they are, else copied to `scratch`.
bool recur_together(const recurrence *r, size_t from, size_t n);
const void *recur_gather(const recurrence *r, const kernel_set *k, const tensor *x, size_t from,
                         size_t n, void *scratch);
// Lays U, or backward its transpose, out for many steps; leaves NULL where there are hardly more
// events than sequences.  False: no memory, or measuring.
bool recur_pack_u(tape *t, const node *n, bool back, void *packed[RECUR_RUNS]);
// `chunk`: the first of the steps that are worked on.
recur_step recur_step_at(const kernel_set *k, const node *n, size_t step, size_t chunk,
                         void *const packed[RECUR_RUNS]);
// The most rows that are worked on at a time.
size_t recur_most_rows(const node *n);

// For op_kind.
void recurrence_forward(tape *t, node *n);
void recurrence_backward(tape *t, const node *n);
void recurrence_step(tape *t, node *n);

#endif

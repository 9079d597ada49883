// recurrent.h - the gates of recurrent cells: one time step of several sequences.
//
// One table serves one element type: every `void *` points to elements of that type, f32 or f64.
// A row is one sequence; rows lie end to end.  A cell's gates stand in slots of H numbers side by
// side; where a function names slots "before | after", it replaces them in place.  A row has the
// same bits whatever rows are computed with it.
//
// The functions that end in _back take dh, the gradient of the step's h.  They SET the slots of d,
// laid out as the gates, and replace dh by the part of the gradient of `before`, the h of the step
// before, that does not go through the matrix U of the cell.
#ifndef KERNELS_RECURRENT_H
#define KERNELS_RECURRENT_H
#include <stddef.h>

typedef struct recurrent_kernels {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature

    // GRU.  Slots r, z, u, c:  h = (1 - z) c + z before.
    // Reset after the product, u = before U_c + bias:  c = tanh(c + r u), r and z sigmoids.
    void (*gru)(void *h, void *gates, const void *before, size_t rows, size_t H);
    void (*gru_back)(void *d, void *dh, const void *gates, const void *before, size_t rows,
                     size_t H);
    // Reset before the product, in two halves, between which c += u U_c.
    void (*gru_reset)(void *gates, const void *before, size_t rows, size_t H); // r, z; u = r before
    void (*gru_update)(void *h, void *gates, const void *before, size_t rows, size_t H); // c, h
    // Between these, the slot u of d gets d_c U_c^T.
    void (*gru_update_back)(void *d, void *dh, const void *gates, const void *before, size_t rows,
                            size_t H); // z, c of d
    void (*gru_reset_back)(void *d, void *dh, const void *gates, const void *before, size_t rows,
                           size_t H); // r of d
} recurrent_kernels;

const recurrent_kernels *recurrent_kernels_pick(void);   // the best that may run here, f32
const recurrent_kernels *recurrent_kernels_at(size_t i); // best first, last the reference; or NULL
const recurrent_kernels *recurrent_kernels_f64(void);    // for gradient checks

#endif

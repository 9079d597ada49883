// recurrent.h - the gates of recurrent cells, one time step of several sequences, and the linear
// recurrence.
//
// One table serves one element type: every `void *` points to elements of that type, f32 or f64.
// A row is one sequence; rows lie end to end.  A cell's gates stand in slots of H numbers side by
// side, sums of products and biases at first, which are replaced by their sigmoid or tanh.  A row
// has the same bits whatever rows are computed with it.
//
// The functions that end in _back take dh, the gradient of the step's h.  They SET the slots of d,
// laid out as the gates, and replace dh by the part of the gradient of `before`, the h of the step
// before, that does not go through the matrix U of the cell.
#ifndef KERNELS_RECURRENT_H
#define KERNELS_RECURRENT_H
#include <stdbool.h>
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

    // LSTM.  Slots i, f, g, o:  memory = f memory_before + i g,  h = o tanh(memory); g a tanh.
    // memory may be memory_before.
    void (*lstm)(void *h, void *memory, void *gates, const void *memory_before, size_t rows,
                 size_t H);
    // dmemory is replaced as dh is; dh stays as it is, all its gradient goes through U.
    void (*lstm_back)(void *d, const void *dh, void *dmemory, const void *gates, const void *memory,
                      const void *memory_before, size_t rows, size_t H);

    // Plain: h and the slot become tanh of the slot, or with `relu` its positive part.
    void (*rnn)(void *h, void *gates, size_t n, bool relu);
    void (*rnn_back)(void *d, const void *dh, const void *gates, size_t n, bool relu); // as lstm's

    // Linear recurrence of one sequence: h_t = lambda h_{t-1} + gamma x_t, complex numbers whose
    // real parts are columns 0 .. H-1 of [rows][2H] and whose imaginary parts columns H .. 2H-1.
    // lambda [2H], gamma [H] real; first [2H], or NULL: zero.
    void (*lru)(void *h, const void *x, const void *lambda, const void *gamma, const void *first,
                size_t rows, size_t H);
    // SETS dx (which may be NULL), adds to dlambda and dgamma.  dfirst [2H] is given as zeros, or as
    // the gradient of what followed the last row, and becomes that of `first`.
    void (*lru_back)(void *dx, void *dlambda, void *dgamma, void *dfirst, const void *dh,
                     const void *x, const void *h, const void *lambda, const void *gamma,
                     const void *first, size_t rows, size_t H);
    // lambda = exp(-exp(nu) + i exp(theta)), gamma = exp(log_gamma), or 1 where that is NULL.
    void (*lru_rates)(void *lambda, void *gamma, const void *nu, const void *theta,
                      const void *log_gamma, size_t H);
    // Adds to the three, of which any may be NULL.
    void (*lru_rates_back)(void *dnu, void *dtheta, void *dlog_gamma, const void *dlambda,
                           const void *dgamma, const void *lambda, const void *gamma,
                           const void *nu, const void *theta, size_t H);
} recurrent_kernels;

const recurrent_kernels *recurrent_kernels_pick(void);   // the best that may run here, f32
const recurrent_kernels *recurrent_kernels_at(size_t i); // best first, last the reference; or NULL
const recurrent_kernels *recurrent_kernels_f64(void);    // for gradient checks

// The references that fast versions share.
void lru_rates_ref_f32(void *lambda, void *gamma, const void *nu, const void *theta,
                       const void *log_gamma, size_t H);
void lru_rates_ref_f64(void *lambda, void *gamma, const void *nu, const void *theta,
                       const void *log_gamma, size_t H);
void lru_rates_back_ref_f32(void *dnu, void *dtheta, void *dlog_gamma, const void *dlambda,
                            const void *dgamma, const void *lambda, const void *gamma,
                            const void *nu, const void *theta, size_t H);
void lru_rates_back_ref_f64(void *dnu, void *dtheta, void *dlog_gamma, const void *dlambda,
                            const void *dgamma, const void *lambda, const void *gamma,
                            const void *nu, const void *theta, size_t H);

#endif

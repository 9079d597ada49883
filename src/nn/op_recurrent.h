// op_recurrent.h - recurrent layers over packed sequences.
//
// Shapes: N events of a batch, packed: the events of sequence s are rows offset[s] .. offset[s+1]-1.
// `first`, [sequences, H], holds the state that each sequence begins from, or is NULL: zero; it may
// want a gradient.  out[n], [N, H], is the hidden state after event n.  Work is proportional to the
// events there are, whatever their lengths; sequences do not see who shares the batch, bit by bit.
//
// With sequences of one event and `first` the op is one step of a batch of people, as the official
// training of GRU4Rec takes it: gradients then stay within the step.
//
// TAPE_STEP: x is one event of one person, `offset` is not read, and the state is kept; a person's
// first event begins from `first` if it is given.
#ifndef NN_OP_RECURRENT_H
#define NN_OP_RECURRENT_H
#include "nn/ops.h"

// Gated recurrent unit.  Cho et al., arXiv:1406.1078.
//
//     r = sigmoid(x w_r + b_r + h u_r + bu_r)         z alike
//     c = tanh   (x w_c + b_c + r * (h u_c + bu_c))        GRU_LATE
//     c = tanh   (x w_c + b_c + (r * h) u_c + bu_c)        GRU_EARLY
//     h' = (1 - z) * c + z * h
//
// Columns of the matrices: r, z, c, each H wide.  GRU_LATE is the form of cuDNN and torch.nn.GRU,
// and of GRU4Rec_PyTorch_Official; GRU_EARLY that of the paper and of GRU4Rec in Theano.  Both
// GRU4Recs write h' = (1 - z) h + z c: their weights of z are these with the sign changed.
typedef enum gru_form { GRU_LATE, GRU_EARLY } gru_form;

typedef struct gru_params {
    const param *w, *u;  // [D][3H], [H][3H]
    const param *b, *bu; // [3H], or NULL
    gru_form form;
} gru_params;

tensor *op_gru(tape *t, tensor *x, const gru_params *p, const int32_t *offset, size_t sequences,
               tensor *first);

// Long short-term memory.  Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
//
//     i = sigmoid(x w_i + b_i + h u_i + bu_i)         f, o alike
//     g = tanh   (x w_g + b_g + h u_g + bu_g)
//     m' = f * m + i * g,    h' = o * tanh(m')
//
// Columns of the matrices: i, f, g, o, as torch.nn.LSTM has them.  first [sequences, 2H]: h, then m.
typedef struct lstm_params {
    const param *w, *u;  // [D][4H], [H][4H]
    const param *b, *bu; // [4H], or NULL
} lstm_params;

tensor *op_lstm(tape *t, tensor *x, const lstm_params *p, const int32_t *offset, size_t sequences,
                tensor *first);

// h' = f(x w + b + h u + bu).  Elman 1990; torch.nn.RNN.
typedef struct rnn_params {
    const param *w, *u;  // [D][H], [H][H]
    const param *b, *bu; // [H], or NULL
    activation f;        // ACT_TANH or ACT_RELU
} rnn_params;

tensor *op_rnn(tape *t, tensor *x, const rnn_params *p, const int32_t *offset, size_t sequences,
               tensor *first);

// Linear recurrent unit.  Orvieto et al., arXiv:2303.06349, 3.2-3.4.  In complex numbers
//
//     h' = lambda * h + gamma * x,    lambda = exp(-exp(nu) + i exp(theta)),  gamma = exp(log_gamma)
//
// so that |lambda| < 1 whatever nu is.  Of x, out and first the columns 0 .. H-1 are real parts and
// H .. 2H-1 imaginary ones.  op_linear does the rest: into x with w = [Re B | Im B], and out of h
// with w = [Re C ; -Im C], since Re(C h) = Re C Re h - Im C Im h.
typedef struct lru_params {
    const param *nu, *theta; // [H]
    const param *log_gamma;  // [H], or NULL: gamma = 1
} lru_params;

tensor *op_lru(tape *t, tensor *x, const lru_params *p, const int32_t *offset, size_t sequences,
               tensor *first); // x [N, 2H], first [sequences, 2H] -> [N, 2H]

// Draws |lambda| and the angle uniformly from the ring least <= |lambda| <= most, 0 < least, most
// < 1; gamma = sqrt(1 - |lambda|^2), which keeps the variance of x.  Lemma 3.2 and section 3.4.
void lru_draw(const lru_params *p, tensor_type type, double least, double most, uint64_t seed);

#endif

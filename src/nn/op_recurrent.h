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

#endif

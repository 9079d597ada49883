// op_loss.h - losses: what training makes small.
//
// Row n of h [N,D] is what the model says after event n; item i of the catalogue has the vector
// e_i, a row of a table, and the score
//
//     s(n,i) = scale * h_n . e_i + bias_i          with `cosine` h_n / |h_n| and e_i / |e_i|
//
// Every loss gives the SUM over rows that have a target, as [1,1]: the seed of the backward pass,
// 1 / targets of the whole batch, makes it a mean.  No loss keeps a matrix of events by items: a
// few events are scored, and their gradients made, while the scores are in the cache.  What is kept
// is the gradient for a seed of 1, which backward multiplies and adds.
#ifndef NN_OP_LOSS_H
#define NN_OP_LOSS_H
#include "kernels/scores.h"
#include "nn/tape.h"

// Items that the rows of a sequence are not compared with, unless they are the target: what a person
// had already says little against it, and will be filtered from answers.
typedef struct loss_windows {
    size_t sequences;
    const int32_t *offset; // [sequences+1] rows of h
    const int32_t *start;  // [sequences+1] into item
    const int32_t *item;   // of each sequence ascending, each once
} loss_windows;

typedef struct loss_targets {
    const int32_t *item; // [N] what came next; negative: nothing, the row does not count
    const float *weight; // [N] of the rows' losses, or NULL: 1
    const param *table;  // [V][D]
    tensor *vectors;     // [V,D] instead of a table: vectors that are computed; then no bias
    const param *bias;   // [V] or [V][1], or NULL; as [V][1] its gradient too has only rows met
    size_t items;        // only rows 0 .. items-1 of the table are items; 0: all
    double scale;        // 1 / temperature; 0: 1
    bool cosine;
    const loss_windows *windows; // only for op_softmax_loss(); or NULL
    bool
        frugal; // only for op_softmax_loss(): keep no gradient of the size of the table, compute the
                // scores again in backward, for a third more time; always so above 64 MB
} loss_targets;

// Cross-entropy over the whole catalogue.  `smoothing`: share of every target that is spread evenly
// over all items; 0 where there are windows.  The table's gradient is dense.
tensor *op_softmax_loss(tape *t, tensor *h, const loss_targets *to, double smoothing);

// --- against negatives -------------------------------------------------------------------------------

typedef enum sharing {
    NEGATIVES_SHARED,      // item [count]: the same for every row
    NEGATIVES_OF_SEQUENCE, // item [sequences][count]: those of a sequence share theirs
    NEGATIVES_OF_ROW,      // item [N][count]: each row has its own
} sharing;

typedef struct loss_negatives {
    sharing sharing;
    size_t count;
    const int32_t *item;
    const float *logq; // of the shape of item, or NULL: logarithm of the chance of being drawn,
                       // subtracted from the scores of negatives
    const float *answer_logq; // [N] the same for the targets, or NULL
    const int32_t *offset;    // [sequences+1] for NEGATIVES_OF_SEQUENCE
    size_t sequences;
    bool in_batch;  // the targets of the other rows are negatives too; only with NEGATIVES_SHARED,
                    // and answer_logq goes for them
    bool keep_hits; // a negative that is the row's target counts like any other
} loss_negatives;

// One of the losses of kernels/scores.h over the scores of each row's target and its negatives.
typedef struct sampled_loss {
    score_loss kind;
    double beta;     // SCORE_BCE: weight of the answer; 0: 1
    double elu, reg; // SCORE_BPR_MAX
    bool mean;       // BCE: divided by negatives + 1; BPR and TOP1: by negatives.  With in_batch
                     // the row's own place counts as a negative, as GRU4Rec's code has it
} sampled_loss;

// The table's gradient has only the rows met.
tensor *op_sampled_loss(tape *t, tensor *h, const loss_targets *to, const loss_negatives *n,
                        const sampled_loss *loss);

// gSASRec (Petrov & Macdonald, arXiv:2308.07192, eq. 9): with the share alpha = negatives /
// (items - 1) of what could be drawn and the calibration 0 <= t <= 1,
//
//     beta = alpha (t (1 - 1/alpha) + 1/alpha)          t = 0: BCE; t = 1: beta = alpha
//
// The authors' code has items - 2 in the place of items - 1; this follows the paper.
double gbce_beta(size_t negatives, size_t items, double t);

// --- two views, ratings, probabilities -----------------------------------------------------------------

// Two rows of a pair say the same in other words, all other rows something else (CL4SRec,
// arXiv:2010.14395, eq. 5; SimCLR, arXiv:2002.05709, eq. 1).  Of 2U rows, a above b, each has its
// partner as target and the 2U - 2 others as negatives; the sum is over all 2U.  Similarity: scale *
// dot product, or cosine for rows of op_unit().
tensor *op_contrastive_loss(tape *t, tensor *a, tensor *b, double scale);

// x [N,1].  value [N]; NAN: nothing is known, the row does not count.  weight [N] or NULL: 1.
tensor *op_squared_loss(tape *t, tensor *x, const float *value,
                        const float *weight); // (x - value)^2
// value 0..1: -value log sigmoid(x) - (1 - value) log(1 - sigmoid(x))
tensor *op_logistic_loss(tape *t, tensor *x, const float *value, const float *weight);

// Rows of length one: x / max(|x|, 1e-6).
tensor *op_unit(tape *t, tensor *x);

#endif

// scores.h - what losses do to a block of scores.
//
//     x[r][c]   score of item r for event c; events side by side, so that a maximum or a sum over
//               items is a sum of registers, never across one
//
// A block has a multiple of SCORE_COLUMNS columns: whoever has fewer events fills up with anything
// finite and looks away.  Arrays hold elements of the table's type, f32 or f64.
#ifndef KERNELS_SCORES_H
#define KERNELS_SCORES_H
#include <stddef.h>
#include <stdint.h>

enum { SCORE_COLUMNS = 16 };

typedef enum score_loss {
    SCORE_SOFTMAX,  // -log( exp a / (exp a + sum_r exp x_r) )
    SCORE_BCE,      // beta softplus(-a) + sum_r softplus(x_r)
    SCORE_BPR,      // sum_r softplus(x_r - a)
    SCORE_TOP1,     // sum_r sigmoid(x_r - a) + sigmoid(x_r^2)
    SCORE_BPR_MAX,  // -log( sum_r w_r sigmoid(a - s_r) ) + reg sum_r w_r s_r^2
    SCORE_TOP1_MAX, // sum_r w_r (sigmoid(x_r - a) + sigmoid(x_r^2))
} score_loss;       // w = softmax_r of s; s = elu(x), or x where elu is 0; of a too

typedef struct score_block {
    void *x;            // [rows][cols] in: scores of the negatives, -INFINITY: none;
                        //              out: the derivatives of the loss
    const void *answer; // [cols] a, the scores of the targets
    void *loss;         // [cols] out
    void *slope;        // [cols] out: the derivative by the answer
    void *work;         // [2][rows][cols] for the losses with w
    size_t rows, cols;
    double beta, elu, reg;
} score_block;

// One event against rows of a table named one by one.
typedef struct score_terms {
    size_t count, width;
    const int32_t *row;  // [count] of e
    const int32_t *slot; // [count] of de
    const void *h, *e;   // [width] [..][width]
    void *x;             // [count], `step` apart: scores, or derivatives
    size_t step;
    void *dh, *de; // [width] [..][width]
} score_terms;

typedef struct score_kernels {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature

    void (*add_bias)(void *x, const void *bias, size_t rows, size_t cols); // x[r][c] += bias[r]
    // most[c] = the larger of itself and of column c
    void (*most)(void *most, const void *x, size_t rows, size_t cols);
    // x = exp(x - shift[c]); sum[c] += the column
    void (*exp_sum)(void *x, const void *shift, void *sum, size_t rows, size_t cols);
    void (*loss)(const score_block *b, score_loss kind);
    void (*dots)(const score_terms *t);   // x[i] = h . e[row[i]]
    void (*spread)(const score_terms *t); // dh += x[i] e[row[i]], de[slot[i]] += x[i] h
} score_kernels;

const score_kernels *score_kernels_pick(void);   // the best that may run here, f32
const score_kernels *score_kernels_at(size_t i); // best first, last the reference; or NULL
const score_kernels *score_kernels_f64(void);    // for gradient checks

#endif

// update.h - one step of an optimiser over a run of numbers.
//
// w are parameters, g their gradient, m and v what the optimiser keeps; all [n] floats.
#ifndef KERNELS_UPDATE_H
#define KERNELS_UPDATE_H
#include <stddef.h>

typedef struct update {
    float lr;                 // of this step
    float beta1, beta2;       // Adam: decay of the two averages; beta1: momentum of SGD
    float correct1, correct2; // Adam: 1 / (1 - beta^t)
    float eps;
    float decay;  // w loses lr * decay * w (AdamW: Loshchilov & Hutter, arXiv:1711.05101)
    float l2;     // added to the gradient as l2 * w
    float factor; // of the gradient: clipping
} update;

typedef void update_fn(float *w, float *m, float *v, const float *g, const update *u, size_t n);

typedef struct update_kernels {
    const char *name;
    unsigned needs;  // enum cpu_feature
    update_fn *adam; // Kingma & Ba, arXiv:1412.6980
    update_fn
        *adagrad;   // Duchi, Hazan & Singer, JMLR 2011; v is the sum of squares, m the last move
                    // if beta1 is not 0: GRU4Rec's momentum
    update_fn *sgd; // with heavy-ball momentum in m
} update_kernels;

const update_kernels *update_kernels_pick(void);
const update_kernels *update_kernels_at(size_t i); // best first, last the reference; or NULL

#endif

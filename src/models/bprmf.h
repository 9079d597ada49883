// bprmf.h - one step of BPR, for the training loop and for the test of its gradient.
#ifndef MODELS_BPRMF_H
#define MODELS_BPRMF_H
#include "kernels/factor.h"

typedef struct bpr_rates {
    float lr, reg_user, reg_item;
} bpr_rates;

// One user, an item she took and one she did not; vectors are [dim], dim a multiple of FACTOR_PAD.
typedef struct bpr_triple {
    float *user, *item, *other;
    float *item_bias, *other_bias; // both NULL: none
} bpr_triple;

// A step down the gradient of
//
//     -ln sigma(x) + reg_user/2 |u|^2 + reg_item/2 (|i|^2 + |j|^2 + b_i^2 + b_j^2)
//
// with x = <u, i - j> + b_i - b_j.  Returns -ln sigma(x) as it was before.
float bpr_step(const factor_kernels *k, const bpr_triple *t, size_t dim, const bpr_rates *rates);

#endif

// factor.h - the loops of factor models: small least-squares problems and pairwise steps.
//
// A user is solved for given the item vectors of her history, gathered into a matrix G [n][dim]:
//
//     (I + G^T G) x = G^T a
//
// so what is needed is G^T (a - G x), G^T G, and the Cholesky factor of a small matrix.  Every
// row length here is a multiple of FACTOR_PAD floats, filled up with zeros: there are no tails.
#ifndef KERNELS_FACTOR_H
#define KERNELS_FACTOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FACTOR_PAD = 16 }; // one cache line, one AVX-512 register

// The length of a row that holds n floats.
static inline size_t factor_pad(size_t n)
{
    return (n + FACTOR_PAD - 1) / FACTOR_PAD * FACTOR_PAD;
}

typedef struct factor_kernels {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature

    // g_r = scale * table_[index_r], place by place; zero from `width` on.
    // table [..][width], scale [width], g [n][factor_pad(width)]
    void (*gather)(float *g, const float *table, const uint32_t *index, const float *scale,
                   size_t n, size_t width);
    // root = sqrt(d + plus), inverse = 1 / root
    void (*roots)(float *root, float *inverse, const float *d, float plus, size_t dim);
    // y += sum_r (a_r - <g_r, x>) g_r          g [n][dim], a [n] or NULL for zeros
    void (*pull)(float *y, const float *x, const float *g, const float *a, size_t n, size_t dim);
    // c += g^T g                               c [dim][dim]: at least its upper triangle
    void (*gram)(float *c, const float *g, size_t n, size_t dim);
    // out = g v                                v [dim][dim]; out and g do not overlap
    void (*rotate)(float *out, const float *g, const float *v, size_t n, size_t dim);

    // Upper factor U of a = U^T U in place: reads and writes the upper triangle of a [n][pad];
    // what lies below the diagonal is lost.  False if a is not positive definite.
    bool (*cholesky)(float *a, size_t n, size_t pad);
    // Solves U^T U x = b in place of b [n].
    void (*cholesky_solve)(const float *u, float *b, size_t n, size_t pad);

    // <u, i - j>
    float (*pair_score)(const float *u, const float *i, const float *j, size_t dim);
    // One ascent step on ln sigma(<u, i - j>) with weight decay, all three from their old values:
    //     u = keep_u u + step (i - j)     i = keep_i i + step u     j = keep_i j - step u
    void (*pair_step)(float *u, float *i, float *j, float step, float keep_u, float keep_i,
                      size_t dim);
} factor_kernels;

const factor_kernels *factor_kernels_pick(void);   // the best that may run here
const factor_kernels *factor_kernels_at(size_t i); // best first, last the reference; or NULL

#endif

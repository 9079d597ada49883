// rank.inc.h - the ranking kernels in compiler vector types, compiled once per instruction set.
//
// The including file defines
//
//     ISA         suffix of the functions
//     LANES       floats in a vector
//     ROWS        queries of a block; ROWS * VECTORS accumulators must fit the registers
//     VECTORS     vectors side by side in a panel: cols = LANES * VECTORS
//     lanes_bits  vector of 0 / -1 -> one bit per lane, lane 0 lowest
//
// a*b + c is contracted to one fused multiply-add (-ffp-contract=fast, which the build sets); that
// the bits agree with fmaf() of the reference is tested.
#include "kernels/rank.h"

#include <math.h>

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)
#define NAME(f) GLUE(rank_##f##_, ISA)

enum { COLS = LANES * VECTORS, DOTS = 8 }; // DOTS chains at once hide the latency of one

// May sit anywhere: rows of scores are not always aligned.
typedef vec_f vec_any __attribute__((aligned(4), may_alias));

static inline vec_f load(const float *p)
{
    return *(const vec_any *)p;
}

static inline void store(float *p, vec_f v)
{
    *(vec_any *)p = v;
}

void NAME(scores)(float *scores, size_t stride, const float *block, const float *panel,
                  const float *bias, size_t panels, int dim)
{
    for (size_t p = 0; p < panels; p++, scores += COLS, bias += COLS) {
        vec_f acc[ROWS][VECTORS];
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) acc[r][v] = load(bias + v * LANES);

        const float *q = block;
        for (int k = 0; k < dim; k++, q += ROWS, panel += COLS) {
            vec_f item[VECTORS];
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) item[v] = load(panel + v * LANES);
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
                for (int v = 0; v < VECTORS; v++) acc[r][v] = q[r] * item[v] + acc[r][v];
        }
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                store(scores + (size_t)r * stride + v * LANES, acc[r][v]);
    }
}

void NAME(one)(float *scores, const float *query, const float *panel, const float *bias,
               size_t panels, int dim)
{
    for (size_t p = 0; p < panels; p++, scores += COLS, bias += COLS) {
        vec_f acc[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) acc[v] = load(bias + v * LANES);
        for (int k = 0; k < dim; k++, panel += COLS)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) acc[v] = query[k] * load(panel + v * LANES) + acc[v];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) store(scores + v * LANES, acc[v]);
    }
}

void NAME(dots)(float *scores, const float *query, const float *items, const float *bias,
                const uint32_t *which, size_t n, int dim)
{
    for (size_t at = 0; at < n; at += DOTS) {
        const size_t some = n - at < DOTS ? n - at : DOTS;
        const float *vector[DOTS];
        float s[DOTS];
        for (size_t j = 0; j < DOTS; j++) { // what is missing repeats the first
            const size_t i = which[at + (j < some ? j : 0)];
            vector[j] = items + i * (size_t)dim;
            s[j] = bias ? bias[i] : 0;
        }
        for (int k = 0; k < dim; k++)
#pragma GCC unroll 8
            for (size_t j = 0; j < DOTS; j++) s[j] = fmaf(query[k], vector[j][k], s[j]);
        for (size_t j = 0; j < some; j++) scores[at + j] = s[j];
    }
}

void NAME(count)(const float *scores, size_t n, float t, size_t *below, size_t *equal)
{
    vec_i less = { 0 }, same = { 0 };
    const vec_f level = t - (vec_f){ 0 };
    size_t i = 0, below_sum = 0, equal_sum = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec_f s = load(scores + i);
        less -= (vec_i)(s < level); // true is -1
        same -= (vec_i)(s == level);
    }
    for (int l = 0; l < LANES; l++) {
        below_sum += (size_t)less[l];
        equal_sum += (size_t)same[l];
    }
    for (; i < n; i++) {
        below_sum += scores[i] < t;
        equal_sum += scores[i] == t;
    }
    *below += below_sum;
    *equal += equal_sum;
}

size_t NAME(above)(const float *scores, size_t n, float t, uint32_t *where)
{
    const vec_f level = t - (vec_f){ 0 };
    size_t i = 0, found = 0;
    for (; i + LANES <= n; i += LANES) {
        unsigned bits = lanes_bits((vec_i)(load(scores + i) > level));
        for (; bits; bits &= bits - 1) where[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(bits);
    }
    for (; i < n; i++)
        if (scores[i] > t) where[found++] = (uint32_t)i;
    return found;
}

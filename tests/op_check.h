// op_check.h - is an op's backward the derivative of its forward?  In double, for random inputs.
//
//     static tensor *text(tape *t, const store *s) { return op_linear(t, tape_param(t, ...), ...); }
//     op_check("linear", s, text);
//
// Inputs are parameters of a store, so that every gradient lands in the sink.  The outputs are
// weighted with random numbers, which tests all of them at once:
//
//     f(theta) = <out(theta), weights>,  d(h) = ( f(theta + h v) - f(theta - h v) ) / 2h
//     ( 4 d(h) - d(2h) ) / 3 = <grad, v>     off by h^4, not by h^2: norms of small rows are bent
#ifndef TESTS_OP_CHECK_H
#define TESTS_OP_CHECK_H
#include "base/rng.h"
#include "nn/tape.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

typedef tensor *op_text(tape *t, const store *s, void *ctx);

static inline double *op_weights(size_t n)
{
    double *w = malloc(n * sizeof *w);
    rng r = rng_at(99, n, 0);
    for (size_t i = 0; i < n; i++) w[i] = rng_uniform(&r) * 2 - 1;
    return w;
}

static inline double op_value(tape *t, const store *s, op_text *text, void *ctx)
{
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN, .key = 5 });
    const tensor *out = text(t, s, ctx);
    const size_t n = tensor_rows(out) * tensor_cols(out);
    double *w = op_weights(n), sum = 0;
    const double *y = tensor_data(out);
    for (size_t i = 0; i < n; i++) sum += w[i] * y[i];
    free(w);
    return sum;
}

static inline double op_gradient(const sink *k, const param *p, size_t i)
{
    const double *row = sink_find(k, p, i / p->cols);
    return row ? row[i % p->cols] : 0;
}

// Moves every parameter by +-step; returns the slope that the gradient promises.
static inline double op_move(const store *s, const sink *k, double step, uint64_t seed)
{
    double slope = 0;
    rng r = rng_at(seed, 1, 2);
    for (size_t q = 0; q < store_count(s); q++) {
        param *p = store_at(s, q);
        for (size_t i = 0; i < p->rows * p->cols; i++) {
            const double v = rng_u64(&r) >> 63 ? 1 : -1;
            ((double *)p->data)[i] += step * v;
            slope += op_gradient(k, p, i) * v;
        }
    }
    return slope;
}

// `s` is a TENSOR_F64 store with values.  Checks eight directions, and that a second backward on
// the same tape gives the same bits.
static inline void op_check(const char *name, const store *s, op_text *text, void *ctx)
{
    const double h = 5e-6;
    double worst = 0;
    tape *t;
    sink *k, *again;
    CHECK_OK(tape_new(&t, s, NULL, err));
    CHECK_OK(sink_new(&k, s, err));
    CHECK_OK(sink_new(&again, s, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN, .key = 5 });
    tensor *out = text(t, s, ctx);
    double *w = op_weights(tensor_rows(out) * tensor_cols(out));
    tape_backward(t, out, w, NULL, k);
    tape_backward(t, out, w, NULL, again);
    CHECK(!tape_failed(t) && !sink_failed(k), "%s: out of memory", name);
    const double norm2 = sink_norm2(k);
    CHECK(norm2 > 0, "%s: no gradient at all", name);
    sink_add(again, k, -1);
    CHECK(sink_norm2(again) <= 1e-24 * norm2, "%s: a second backward differs", name);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        const double slope = op_move(s, k, +2 * h, seed);
        double f[4]; // at +2h, +h, -h, -2h
        for (int i = 0; i < 4; i++) {
            f[i] = op_value(t, s, text, ctx);
            op_move(s, k, i == 1 ? -2 * h : i < 3 ? -h : +2 * h, seed);
        }
        const double measured = (8 * (f[1] - f[2]) - (f[0] - f[3])) / (12 * h);
        worst = fmax(worst, fabs(measured - slope) / fmax(1e-6, fmax(fabs(measured), fabs(slope))));
    }
    CHECK(worst < 1e-6, "%s: relative error of the gradient %.2e", name, worst);
    free(w);
    sink_free(again);
    sink_free(k);
    tape_free(t);
}

#endif

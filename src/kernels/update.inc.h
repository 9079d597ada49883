// update.inc.h - the loops of update.h, plain enough for the compiler to make vectors of.
//
// Included once per instruction set, and once without any, with UPDATE_NAME, UPDATE_NEEDS and
// UPDATE_TABLE defined.
#include "kernels/cpu.h"
#include "kernels/update.h"

#include <math.h>

static inline float slope(const update *u, float g, float w)
{
    return u->factor * g + u->l2 * w;
}

static void adam(float *restrict w, float *restrict m, float *restrict v, const float *restrict g,
                 const update *u, size_t n)
{
    const update k = *u;
    for (size_t i = 0; i < n; i++) {
        const float d = slope(&k, g[i], w[i]);
        m[i] = k.beta1 * m[i] + (1 - k.beta1) * d;
        v[i] = k.beta2 * v[i] + (1 - k.beta2) * d * d;
        w[i] -= k.lr * (m[i] * k.correct1 / (sqrtf(v[i] * k.correct2) + k.eps) + k.decay * w[i]);
    }
}

static void adagrad(float *restrict w, float *restrict m, float *restrict v,
                    const float *restrict g, const update *u, size_t n)
{
    const update k = *u;
    for (size_t i = 0; k.beta1 == 0 && i < n; i++) { // m is zero and stays so: a third less to read
        const float d = slope(&k, g[i], w[i]);
        v[i] += d * d;
        w[i] -= k.lr * (d / sqrtf(v[i] + k.eps) + k.decay * w[i]);
    }
    if (k.beta1 == 0) return;
    for (size_t i = 0; i < n; i++) {
        const float d = slope(&k, g[i], w[i]);
        v[i] += d * d;
        m[i] = k.beta1 * m[i] - k.lr * (d / sqrtf(v[i] + k.eps) + k.decay * w[i]);
        w[i] += m[i];
    }
}

static void sgd(float *restrict w, float *restrict m, float *restrict v, const float *restrict g,
                const update *u, size_t n)
{
    const update k = *u;
    (void)v;
    for (size_t i = 0; i < n; i++) {
        m[i] = k.beta1 * m[i] + slope(&k, g[i], w[i]) + k.decay * w[i];
        w[i] -= k.lr * m[i];
    }
}

extern const update_kernels UPDATE_TABLE;
const update_kernels UPDATE_TABLE = { UPDATE_NAME, UPDATE_NEEDS, adam, adagrad, sgd };

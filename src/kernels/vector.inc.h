// vector.inc.h - the loops of vector.h in compiler vector types.
//
// Included once per instruction set with VECTOR_BYTES, the width of a register, VECTOR_NEEDS,
// VECTOR_NAME and VECTOR_TABLE defined.
#include "kernels/cpu.h"
#include "kernels/vector.h"

enum { LANES = VECTOR_BYTES / 4 };

// Aligned to one float: loads and stores may stand anywhere.
typedef float lanes __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

static inline lanes load(const float *p)
{
    return *(const lanes *)(const void *)p;
}

static inline void store(float *p, lanes v)
{
    *(lanes *)(void *)p = v;
}

// Four chains of sums hide the latency of a fused multiply-add.
static float dot(const float *x, const float *y, size_t n)
{
    lanes s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        s0 += load(x + i) * load(y + i);
        s1 += load(x + i + LANES) * load(y + i + LANES);
        s2 += load(x + i + 2 * LANES) * load(y + i + 2 * LANES);
        s3 += load(x + i + 3 * LANES) * load(y + i + 3 * LANES);
    }
    for (; i + LANES <= n; i += LANES) s0 += load(x + i) * load(y + i);
    const lanes s = (s0 + s1) + (s2 + s3);
    float sum = 0;
    for (int l = 0; l < LANES; l++) sum += s[l];
    for (; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static void axpy(float *y, float a, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        store(y + i, load(y + i) + a * load(x + i));
        store(y + i + LANES, load(y + i + LANES) + a * load(x + i + LANES));
    }
    for (; i + LANES <= n; i += LANES) store(y + i, load(y + i) + a * load(x + i));
    for (; i < n; i++) y[i] += a * x[i];
}

static void scale(float *x, float a, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) store(x + i, a * load(x + i));
    for (; i < n; i++) x[i] *= a;
}

extern const vector_kernels VECTOR_TABLE;
const vector_kernels VECTOR_TABLE = { VECTOR_NAME, VECTOR_NEEDS, dot, axpy, scale };

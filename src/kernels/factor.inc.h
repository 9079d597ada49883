// factor.inc.h - the loops of factor.h in compiler vector types.
//
// Included once per instruction set with VECTOR_BYTES, the width of a register, VECTOR_NEEDS,
// VECTOR_NAME and FACTOR_TABLE defined.  Tiles are held in registers: 16 columns wide, and as
// many rows as give at least eight sums, enough to hide the latency of a fused multiply-add.
#include "kernels/cpu.h"
#include "kernels/factor.h"

#include <math.h>

enum {
    LANES = VECTOR_BYTES / 4,
    WIDE = FACTOR_PAD / LANES, // registers across a tile
    TALL = WIDE == 1 ? 8 : 4,  // rows of a tile of a Gram matrix
    HIGH = WIDE == 1 ? 12 : 6, // rows of a tile of a product, where nothing asks for a power of two
};

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

// Aligned to one float: loads and stores may stand anywhere.
typedef float lanes __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef float quad __attribute__((vector_size(16)));

static inline lanes load(const float *p)
{
    return *(const lanes *)(const void *)p;
}

static inline void store(float *p, lanes v)
{
    *(lanes *)(void *)p = v;
}

// By halves: four lanes at a time, then across.
static inline float lanes_sum(lanes v)
{
    union {
        lanes v;
        quad q[LANES / 4];
    } part = { .v = v };
    quad s = part.q[0];
    UNROLL
    for (int k = 1; k < LANES / 4; k++) s += part.q[k];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

// --- gathering -----------------------------------------------------------------------------------

static inline void fetch(const float *row, size_t width)
{
    for (size_t i = 0; i < width; i += FACTOR_PAD) __builtin_prefetch(row + i);
}

// Rows are all over memory: they are asked for some rows ahead.
static void gather(float *g, const float *table, const uint32_t *index, const float *scale,
                   size_t n, size_t width)
{
    enum { AHEAD = 6 };
    const size_t pad = factor_pad(width);
    for (size_t r = 0; r < n && r < AHEAD; r++) fetch(table + index[r] * width, width);
    for (size_t r = 0; r < n; r++, g += pad) {
        const float *row = table + index[r] * width;
        if (r + AHEAD < n) fetch(table + index[r + AHEAD] * width, width);
        size_t i = 0;
        for (; i + LANES <= width; i += LANES) store(g + i, load(scale + i) * load(row + i));
        for (; i < width; i++) g[i] = scale[i] * row[i];
        for (; i < pad; i++) g[i] = 0;
    }
}

// Plain enough for the compiler.
static void roots(float *restrict root, float *restrict inverse, const float *restrict d,
                  float plus, size_t dim)
{
    for (size_t i = 0; i < dim; i++) {
        root[i] = sqrtf(d[i] + plus);
        inverse[i] = 1 / root[i];
    }
}

// --- G^T (a - G x) ---------------------------------------------------------------------------------

// Four rows at a time, twice over each: the second time they are in the first-level cache.
static inline void pull_rows(float *y, const float *x, const float *g, const float *a, size_t dim)
{
    lanes s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
    const float *g1 = g + dim, *g2 = g1 + dim, *g3 = g2 + dim;
    for (size_t i = 0; i < dim; i += LANES) {
        const lanes v = load(x + i);
        s0 += load(g + i) * v;
        s1 += load(g1 + i) * v;
        s2 += load(g2 + i) * v;
        s3 += load(g3 + i) * v;
    }
    const float e0 = (a ? a[0] : 0) - lanes_sum(s0), e1 = (a ? a[1] : 0) - lanes_sum(s1);
    const float e2 = (a ? a[2] : 0) - lanes_sum(s2), e3 = (a ? a[3] : 0) - lanes_sum(s3);
    for (size_t i = 0; i < dim; i += LANES)
        store(y + i, (load(y + i) + e0 * load(g + i) + e1 * load(g1 + i)) +
                         (e2 * load(g2 + i) + e3 * load(g3 + i)));
}

static void pull(float *y, const float *x, const float *g, const float *a, size_t n, size_t dim)
{
    size_t r = 0;
    for (; r + 4 <= n; r += 4) pull_rows(y, x, g + r * dim, a ? a + r : NULL, dim);
    for (; r < n; r++) {
        lanes s = { 0 };
        const float *row = g + r * dim;
        for (size_t i = 0; i < dim; i += LANES) s += load(row + i) * load(x + i);
        const float e = (a ? a[r] : 0) - lanes_sum(s);
        for (size_t i = 0; i < dim; i += LANES) store(y + i, load(y + i) + e * load(row + i));
    }
}

// --- matrix products -----------------------------------------------------------------------------

// Tiles that lie wholly below the diagonal are left out.
static void gram(float *c, const float *g, size_t n, size_t dim)
{
    for (size_t i = 0; i < dim; i += TALL)
        for (size_t j = i / FACTOR_PAD * FACTOR_PAD; j < dim; j += FACTOR_PAD) {
            lanes sum[TALL][WIDE] = { { { 0 } } };
            const float *row = g;
            for (size_t r = 0; r < n; r++, row += dim) {
                UNROLL
                for (int t = 0; t < TALL; t++) {
                    UNROLL
                    for (int w = 0; w < WIDE; w++)
                        sum[t][w] += row[i + t] * load(row + j + w * LANES);
                }
            }
            UNROLL
            for (int t = 0; t < TALL; t++) {
                UNROLL
                for (int w = 0; w < WIDE; w++) {
                    float *at = c + (i + t) * dim + j + w * LANES;
                    store(at, load(at) + sum[t][w]);
                }
            }
        }
}

static inline void rotate_tile(float *out, const float *g, const float *v, size_t dim)
{
    lanes sum[HIGH][WIDE] = { { { 0 } } };
    for (size_t k = 0; k < dim; k++) {
        UNROLL
        for (int t = 0; t < HIGH; t++) {
            UNROLL
            for (int w = 0; w < WIDE; w++)
                sum[t][w] += g[t * dim + k] * load(v + k * dim + w * LANES);
        }
    }
    UNROLL
    for (int t = 0; t < HIGH; t++) {
        UNROLL
        for (int w = 0; w < WIDE; w++) store(out + t * dim + w * LANES, sum[t][w]);
    }
}

static void rotate(float *out, const float *g, const float *v, size_t n, size_t dim)
{
    size_t r = 0;
    for (; r + HIGH <= n; r += HIGH)
        for (size_t j = 0; j < dim; j += FACTOR_PAD)
            rotate_tile(out + r * dim + j, g + r * dim, v + j, dim);
    for (; r < n; r++)
        for (size_t j = 0; j < dim; j += LANES) {
            lanes sum = { 0 };
            for (size_t k = 0; k < dim; k++) sum += g[r * dim + k] * load(v + k * dim + j);
            store(out + r * dim + j, sum);
        }
}

// --- Cholesky --------------------------------------------------------------------------------------

// Divides row k by its root and takes it off the rows k+1 .. k+rows-1 of its panel.
static bool panel_row(float *a, size_t k, size_t last, size_t pad)
{
    float *row = a + k * pad;
    if (!(row[k] > 0) || !isfinite(row[k])) return false;
    const float root = sqrtf(row[k]), inverse = 1 / root;
    for (size_t j = k / LANES * LANES; j < pad; j += LANES) store(row + j, inverse * load(row + j));
    row[k] = root;
    for (size_t i = k + 1; i < last; i++) {
        const float c = row[i];
        float *below = a + i * pad;
        for (size_t j = i / LANES * LANES; j < pad; j += LANES)
            store(below + j, load(below + j) - c * load(row + j));
    }
    return true;
}

// Panels of four rows, so that each pass over the rest takes off four products at once.  Whole
// registers are written: what lies below the diagonal is rubbish, and never read.
static bool cholesky(float *a, size_t n, size_t pad)
{
    for (size_t k = 0; k < n; k += 4) {
        const size_t last = k + 4 < n ? k + 4 : n;
        for (size_t i = k; i < last; i++)
            if (!panel_row(a, i, last, pad)) return false;
        if (last < k + 4) break;
        const float *p0 = a + k * pad, *p1 = p0 + pad, *p2 = p1 + pad, *p3 = p2 + pad;
        for (size_t i = last; i < n; i++) {
            const float c0 = p0[i], c1 = p1[i], c2 = p2[i], c3 = p3[i];
            float *row = a + i * pad;
            for (size_t j = i / LANES * LANES; j < pad; j += LANES)
                store(row + j, (load(row + j) - c0 * load(p0 + j) - c1 * load(p1 + j)) -
                                   (c2 * load(p2 + j) + c3 * load(p3 + j)));
        }
    }
    return true;
}

static void cholesky_solve(const float *u, float *b, size_t n, size_t pad)
{
    for (size_t k = 0; k < n; k++) { // U^T y = b
        const float *row = u + k * pad;
        const float y = b[k] / row[k];
        b[k] = y;
        size_t i = k + 1;
        for (; i < n && i % LANES; i++) b[i] -= y * row[i];
        for (; i + LANES <= n; i += LANES) store(b + i, load(b + i) - y * load(row + i));
        for (; i < n; i++) b[i] -= y * row[i];
    }
    for (size_t k = n; k-- > 0;) { // U x = y
        const float *row = u + k * pad;
        lanes sum = { 0 };
        size_t i = k + 1;
        float rest = b[k];
        for (; i < n && i % LANES; i++) rest -= row[i] * b[i];
        for (; i + LANES <= n; i += LANES) sum += load(row + i) * load(b + i);
        for (; i < n; i++) rest -= row[i] * b[i];
        b[k] = (rest - lanes_sum(sum)) / row[k];
    }
}

// --- pairwise steps --------------------------------------------------------------------------------

static float pair_score(const float *u, const float *i, const float *j, size_t dim)
{
    lanes sum[WIDE] = { { 0 } };
    for (size_t k = 0; k < dim; k += FACTOR_PAD) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const size_t at = k + (size_t)w * LANES;
            sum[w] += load(u + at) * (load(i + at) - load(j + at));
        }
    }
    UNROLL
    for (int w = 1; w < WIDE; w++) sum[0] += sum[w];
    return lanes_sum(sum[0]);
}

static void pair_step(float *u, float *i, float *j, float step, float keep_u, float keep_i,
                      size_t dim)
{
    for (size_t k = 0; k < dim; k += LANES) {
        const lanes vu = load(u + k), vi = load(i + k), vj = load(j + k);
        store(u + k, keep_u * vu + step * (vi - vj));
        store(i + k, keep_i * vi + step * vu);
        store(j + k, keep_i * vj - step * vu);
    }
}

extern const factor_kernels FACTOR_TABLE;
const factor_kernels FACTOR_TABLE = {
    VECTOR_NAME, VECTOR_NEEDS, gather,         roots,      pull,      gram,
    rotate,      cholesky,     cholesky_solve, pair_score, pair_step,
};

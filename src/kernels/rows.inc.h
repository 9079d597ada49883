// rows.inc.h - the functions of rows.h in compiler vector types.
//
// Included once per instruction set with VECTOR_BYTES, VECTOR_NEEDS, VECTOR_NAME and ROWS_TABLE
// defined.  The last register of a row overlaps the one before it (lanes.inc.h): what it shall hold
// is computed before anything is stored, and stored last.
#include "kernels/cpu.h"
#include "kernels/lanes_math.inc.h"
#include "kernels/rows.h"
#include "kernels/rows_drop.inc.h"
#include "kernels/rows_norm.inc.h"

// --- place by place ------------------------------------------------------------------------------

typedef struct place {
    lanes y, a, b, by;
} place;

typedef lanes place_fn(place p);

// y = f({ y, a, b, by }).  What f does not look at is not loaded: any array may stand for it.
static INLINE void places(float *y, const float *a, const float *b, float by, size_t n, place_fn *f)
{
    if (n == 0) return;
    const lanes k = splat(by);
    const size_t whole = (n - 1) / LANES * LANES;
    const lanes last = f((place){ load_last(y, n), load_last(a, n), load_last(b, n), k });
    for (size_t i = 0; i < whole; i += LANES)
        store(y + i, f((place){ load(y + i), load(a + i), load(b + i), k }));
    store_last(y, last, n);
}

static INLINE lanes place_add(place p)
{
    return p.y + p.a;
}

static INLINE lanes place_sum(place p)
{
    return p.a + p.b;
}

static INLINE lanes place_axpy(place p)
{
    return p.y + p.by * p.a;
}

static INLINE lanes place_scale(place p)
{
    return p.y * p.by;
}

static INLINE lanes place_multiply(place p)
{
    return p.a * p.b;
}

static INLINE lanes place_multiply_add(place p)
{
    return p.y + p.a * p.b;
}

static void add(void *y, const void *x, size_t n)
{
    places(y, x, y, 0, n, place_add);
}

static void sum(void *y, const void *a, const void *b, size_t n)
{
    places(y, a, b, 0, n, place_sum);
}

static void axpy(void *y, double a, const void *x, size_t n)
{
    places(y, x, y, (float)a, n, place_axpy);
}

static void scale(void *y, double a, size_t n)
{
    places(y, y, y, (float)a, n, place_scale);
}

static void multiply(void *y, const void *a, const void *b, size_t n)
{
    places(y, a, b, 0, n, place_multiply);
}

static void multiply_add(void *y, const void *a, const void *b, size_t n)
{
    places(y, a, b, 0, n, place_multiply_add);
}

// --- activations -----------------------------------------------------------------------------------

// As in ref/rows.inc.h, with 1 + tanh(u) = 2 sigma(2u).
static const float gelu_scale = 2 * 0.7978845608028654f, gelu_cube = 0.044715f;

static INLINE lanes place_none(place p)
{
    return p.a;
}

static INLINE lanes place_relu(place p)
{
    return lanes_keep(~(p.a < 0), p.a);
}

static INLINE lanes place_gelu(place p)
{
    return p.a * lanes_sigmoid(gelu_scale * (p.a + gelu_cube * p.a * p.a * p.a));
}

static INLINE lanes place_gelu_erf(place p)
{
    return p.a * lanes_normal(p.a, lanes_exp(-0.5f * p.a * p.a));
}

static INLINE lanes place_silu(place p)
{
    return p.a * lanes_sigmoid(p.a);
}

static INLINE lanes place_sigmoid(place p)
{
    return lanes_sigmoid(p.a);
}

static INLINE lanes place_tanh(place p)
{
    return lanes_tanh(p.a);
}

static void activate(void *y, const void *x, size_t n, activation f)
{
    switch (f) {
    case ACT_RELU:
        places(y, x, x, 0, n, place_relu);
        return;
    case ACT_GELU:
        places(y, x, x, 0, n, place_gelu);
        return;
    case ACT_GELU_ERF:
        places(y, x, x, 0, n, place_gelu_erf);
        return;
    case ACT_SILU:
        places(y, x, x, 0, n, place_silu);
        return;
    case ACT_SIGMOID:
        places(y, x, x, 0, n, place_sigmoid);
        return;
    case ACT_TANH:
        places(y, x, x, 0, n, place_tanh);
        return;
    default:
        if (y != x) places(y, x, x, 0, n, place_none);
    }
}

// Below, a is dy and b is x.
static INLINE lanes back_relu(place p)
{
    return lanes_keep(p.b > 0, p.a);
}

static INLINE lanes back_gelu(place p)
{
    const lanes s = lanes_sigmoid(gelu_scale * (p.b + gelu_cube * p.b * p.b * p.b));
    const lanes inner = gelu_scale * (1 + 3 * gelu_cube * p.b * p.b);
    return p.a * (s + p.b * s * (1 - s) * inner);
}

static INLINE lanes back_gelu_erf(place p)
{
    const lanes e = lanes_exp(-0.5f * p.b * p.b);
    return p.a * (lanes_normal(p.b, e) + 0.39894228f * p.b * e);
}

static INLINE lanes back_silu(place p)
{
    const lanes s = lanes_sigmoid(p.b);
    return p.a * (s * (1 + p.b * (1 - s)));
}

static INLINE lanes back_sigmoid(place p)
{
    const lanes s = lanes_sigmoid(p.b);
    return p.a * (s * (1 - s));
}

static INLINE lanes back_tanh(place p)
{
    const lanes t = lanes_tanh(p.b);
    return p.a * (1 - t * t);
}

static void activate_back(void *dx, const void *dy, const void *x, size_t n, activation f)
{
    switch (f) {
    case ACT_RELU:
        places(dx, dy, x, 0, n, back_relu);
        return;
    case ACT_GELU:
        places(dx, dy, x, 0, n, back_gelu);
        return;
    case ACT_GELU_ERF:
        places(dx, dy, x, 0, n, back_gelu_erf);
        return;
    case ACT_SILU:
        places(dx, dy, x, 0, n, back_silu);
        return;
    case ACT_SIGMOID:
        places(dx, dy, x, 0, n, back_sigmoid);
        return;
    case ACT_TANH:
        places(dx, dy, x, 0, n, back_tanh);
        return;
    default:
        if (dx != dy) places(dx, dy, x, 0, n, place_none);
    }
}

// --- one number from many ------------------------------------------------------------------------

// Four chains of sums hide the latency of a fused multiply-add.
static double dot(const void *va, const void *vb, size_t n)
{
    const float *a = va, *b = vb;
    lanes s[4] = { { 0 } };
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        UNROLL
        for (size_t k = 0; k < 4; k++) s[k] += load(a + i + k * LANES) * load(b + i + k * LANES);
    }
    for (; i + LANES <= n; i += LANES) s[0] += load(a + i) * load(b + i);
    if (i < n) s[1] += load_part(a + i, (int)(n - i)) * load_part(b + i, (int)(n - i));
    return (double)lanes_sum((s[0] + s[1]) + (s[2] + s[3]));
}

typedef float half_lanes __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef double wide_lanes __attribute__((vector_size(VECTOR_BYTES)));

static INLINE void add_squares(wide_lanes sum[2], lanes x)
{
    union {
        lanes whole;
        half_lanes half[2];
    } v = { .whole = x };
    UNROLL
    for (int h = 0; h < 2; h++) {
        const wide_lanes w = __builtin_convertvector(v.half[h], wide_lanes);
        sum[h] += w * w;
    }
}

// In double: squares of large gradients leave the range of floats.
static double norm2(const void *vx, size_t n)
{
    const float *x = vx;
    wide_lanes even[2] = { { 0 } }, odd[2] = { { 0 } };
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        add_squares(even, load(x + i));
        add_squares(odd, load(x + i + LANES));
    }
    if (i + LANES <= n) add_squares(even, load(x + i)), i += LANES;
    if (i < n) add_squares(odd, load_part(x + i, (int)(n - i)));
    const wide_lanes all = (even[0] + even[1]) + (odd[0] + odd[1]);
    double sum = 0;
    UNROLL
    for (int l = 0; l < LANES / 2; l++) sum += all[l];
    return sum;
}

static double exp_shift(void *vx, double shift, size_t n)
{
    if (n == 0) return 0;
    float *x = vx;
    const lanes by = splat((float)shift);
    const size_t whole = (n - 1) / LANES * LANES;
    const lanes last = lanes_exp(load_last(x, n) - by);
    lanes even = lanes_keep(lanes_fresh(n), last), odd = { 0 };
    size_t i = 0;
    for (; i + 2 * LANES <= whole; i += 2 * LANES) {
        const lanes a = lanes_exp(load(x + i) - by), b = lanes_exp(load(x + i + LANES) - by);
        store(x + i, a);
        store(x + i + LANES, b);
        even += a;
        odd += b;
    }
    if (i < whole) {
        const lanes a = lanes_exp(load(x + i) - by);
        store(x + i, a);
        odd += a;
    }
    store_last(x, last, n);
    return (double)lanes_sum(even + odd);
}

static double max(const void *vx, size_t n)
{
    if (n == 0) return -INFINITY;
    const float *x = vx;
    lanes m[4];
    UNROLL
    for (int k = 0; k < 4; k++) m[k] = splat(-INFINITY);
    m[0] = lanes_max(lanes_pick(lanes_fresh(n), load_last(x, n), m[0]), m[0]);
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        UNROLL
        for (size_t k = 0; k < 4; k++) m[k] = lanes_max(load(x + i + k * LANES), m[k]);
    }
    for (; i + LANES <= n; i += LANES) m[0] = lanes_max(load(x + i), m[0]);
    const lanes all = lanes_max(lanes_max(m[0], m[1]), lanes_max(m[2], m[3]));
    float most = all[0];
    UNROLL
    for (int l = 1; l < LANES; l++) most = all[l] > most ? all[l] : most;
    return (double)most;
}

// --- rows --------------------------------------------------------------------------------------------

static void repeat(void *vy, const void *row, size_t rows, size_t cols)
{
    float *y = vy;
    for (size_t r = 0; r < rows; r++, y += cols) places(y, row, row, 0, cols, place_none);
}

// `wide` registers of sums, a constant where this is inlined, over all rows; n columns.
static INLINE void sum_columns(float *sum, const float *x, size_t rows, size_t cols, size_t n,
                               size_t wide)
{
    lanes s[8];
    UNROLL
    for (size_t w = 0; w + 1 < wide; w++) s[w] = load(sum + w * LANES);
    s[wide - 1] = load_last(sum, n);
    for (size_t r = 0; r < rows; r++, x += cols) {
        UNROLL
        for (size_t w = 0; w + 1 < wide; w++) s[w] += load(x + w * LANES);
        s[wide - 1] += load_last(x, n);
    }
    UNROLL
    for (size_t w = 0; w + 1 < wide; w++) store(sum + w * LANES, s[w]);
    store_last(sum, s[wide - 1], n);
}

static void sum_rows(void *vsum, const void *vx, size_t rows, size_t cols)
{
    float *sum = vsum;
    const float *x = vx;
    size_t i = 0;
    for (; i + 8 * LANES <= cols; i += 8 * LANES)
        sum_columns(sum + i, x + i, rows, cols, 8 * LANES, 8);
    const size_t n = cols - i;
    if (n == 0) return;
    switch ((n - 1) / LANES) {
    case 0:
        sum_columns(sum + i, x + i, rows, cols, n, 1);
        return;
    case 1:
        sum_columns(sum + i, x + i, rows, cols, n, 2);
        return;
    case 2:
        sum_columns(sum + i, x + i, rows, cols, n, 3);
        return;
    case 3:
        sum_columns(sum + i, x + i, rows, cols, n, 4);
        return;
    case 4:
        sum_columns(sum + i, x + i, rows, cols, n, 5);
        return;
    case 5:
        sum_columns(sum + i, x + i, rows, cols, n, 6);
        return;
    case 6:
        sum_columns(sum + i, x + i, rows, cols, n, 7);
        return;
    default:
        sum_columns(sum + i, x + i, rows, cols, n, 8);
    }
}

extern const row_kernels ROWS_TABLE;
const row_kernels ROWS_TABLE = {
    .name = VECTOR_NAME,
    .needs = VECTOR_NEEDS,
    .add = add,
    .sum = sum,
    .axpy = axpy,
    .scale = scale,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .dot = dot,
    .norm2 = norm2,
    .repeat = repeat,
    .sum_rows = sum_rows,
    .activate = activate,
    .activate_back = activate_back,
    .layer_norm = layer_norm,
    .layer_norm_back = layer_norm_back,
    .rms_norm = rms_norm,
    .rms_norm_back = rms_norm_back,
    .drop = drop,
    .drop_back = drop_back,
    .exp_shift = exp_shift,
    .max = max,
};

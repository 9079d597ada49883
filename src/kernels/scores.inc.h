// scores.inc.h - the functions of scores.h in compiler vector types.
//
// Included once per instruction set with VECTOR_BYTES, VECTOR_NAME, VECTOR_NEEDS and SCORES_TABLE
// defined.  A block is done strip by strip, SCORE_COLUMNS columns from top to bottom: their sums
// stay in registers, and the strip in the cache for the next pass.
#include "kernels/cpu.h"
#include "kernels/lanes_math.inc.h"
#include "kernels/scores.h"

#include <float.h>
#include <math.h>

enum { WIDE = SCORE_COLUMNS / LANES }; // registers of a strip

// exp(x) for x <= 0; 0 below -87.34; NaN stays NaN.
static INLINE lanes exp_low(lanes x)
{
    const exp_parts e = exp_split(x);
    const lanes y = (lanes)((lanes_u)(1 + e.tail) + (e.turn << 23));
    return lanes_keep(~(x < -87.336544f), y);
}

// log(1 + u), 0 <= u <= 1: 2 atanh(s), s = u / (2 + u).
static INLINE lanes log1p_unit(lanes u)
{
    const lanes s = u / (2 + u), z = s * s;
    // atanh(s) / s to 4e-9 for s <= 1/3
    lanes q = 0.14089167f * z + 0.139803007f;
    q = q * z + 0.200124547f;
    q = q * z + 0.333331585f;
    q = q * z + 1;
    return (s + s) * q;
}

static INLINE lanes lanes_log(lanes x)
{
    UNROLL
    for (int l = 0; l < LANES; l++) x[l] = logf(x[l]);
    return x;
}

// sigmoid(z) and its complement by u = exp(-|z|): no digits are lost at either end.
typedef struct logit {
    lanes u, share;   // share = 1 / (1 + u)
    lanes_i positive; // z >= 0
} logit;

static INLINE logit logit_of(lanes z)
{
    const lanes u = exp_low((lanes)((lanes_i)z | INT32_MIN));
    return (logit){ u, 1 / (1 + u), z >= 0 };
}

static INLINE lanes logit_sigmoid(logit q)
{
    return lanes_pick(q.positive, q.share, q.u * q.share);
}

static INLINE lanes logit_slope(logit q) // of the sigmoid
{
    return q.u * q.share * q.share;
}

static INLINE lanes logit_softplus(logit q, lanes z)
{
    return lanes_keep(q.positive, z) + log1p_unit(q.u);
}

// --- whole blocks ------------------------------------------------------------------------------------

static void add_bias(void *vx, const void *vbias, size_t rows, size_t cols)
{
    float *x = vx;
    const float *bias = vbias;
    for (size_t r = 0; r < rows; r++, x += cols) {
        const lanes by = splat(bias[r]);
        for (size_t c = 0; c < cols; c += LANES) store(x + c, load(x + c) + by);
    }
}

static INLINE void strip_most(lanes *most, const float *x, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++, x += cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) most[w] = lanes_max(load(x + w * LANES), most[w]);
    }
}

static INLINE void strip_exp_sum(float *x, const lanes *shift, lanes *sum, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++, x += cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const lanes e = exp_low(load(x + w * LANES) - shift[w]);
            store(x + w * LANES, e);
            sum[w] += e;
        }
    }
}

static INLINE void strip_load(lanes *to, const float *x)
{
    UNROLL
    for (int w = 0; w < WIDE; w++) to[w] = load(x + w * LANES);
}

static INLINE void strip_store(float *x, const lanes *from)
{
    UNROLL
    for (int w = 0; w < WIDE; w++) store(x + w * LANES, from[w]);
}

static void most(void *vmost, const void *vx, size_t rows, size_t cols)
{
    float *to = vmost;
    for (size_t c = 0; c < cols; c += SCORE_COLUMNS) {
        lanes top[WIDE];
        strip_load(top, to + c);
        strip_most(top, (const float *)vx + c, rows, cols);
        strip_store(to + c, top);
    }
}

static void exp_sum(void *vx, const void *vshift, void *vsum, size_t rows, size_t cols)
{
    float *to = vsum;
    for (size_t c = 0; c < cols; c += SCORE_COLUMNS) {
        lanes shift[WIDE], sum[WIDE] = { { 0 } }; // by itself first: fewer digits are lost
        strip_load(shift, (const float *)vshift + c);
        strip_exp_sum((float *)vx + c, shift, sum, rows, cols);
        UNROLL
        for (int w = 0; w < WIDE; w++) sum[w] += load(to + c + w * LANES);
        strip_store(to + c, sum);
    }
}

// --- losses: formulas in ref/scores.inc.h ------------------------------------------------------------

typedef struct strip {
    float *x, *w, *v; // [rows], `cols` apart
    size_t rows, cols;
    lanes answer[WIDE], loss[WIDE], slope[WIDE];
    float beta, elu, reg;
} strip;

static void softmax(strip *s)
{
    lanes top[WIDE], others[WIDE] = { { 0 } }, part[WIDE];
    UNROLL
    for (int w = 0; w < WIDE; w++) top[w] = s->answer[w];
    strip_most(top, s->x, s->rows, s->cols);
    strip_exp_sum(s->x, top, others, s->rows, s->cols);
    UNROLL
    for (int w = 0; w < WIDE; w++) {
        const lanes sum = others[w] + exp_low(s->answer[w] - top[w]);
        part[w] = 1 / sum;
        s->loss[w] = top[w] + lanes_log(sum) - s->answer[w];
        s->slope[w] = -others[w] * part[w];
    }
    float *x = s->x;
    for (size_t r = 0; r < s->rows; r++, x += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) store(x + w * LANES, load(x + w * LANES) * part[w]);
    }
}

static void bce(strip *s)
{
    UNROLL
    for (int w = 0; w < WIDE; w++) {
        const logit q = logit_of(-s->answer[w]);
        s->loss[w] = s->beta * logit_softplus(q, -s->answer[w]);
        s->slope[w] = -s->beta * logit_sigmoid(q);
    }
    float *x = s->x;
    for (size_t r = 0; r < s->rows; r++, x += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const lanes z = load(x + w * LANES);
            const logit q = logit_of(z);
            s->loss[w] += logit_softplus(q, z);
            store(x + w * LANES, logit_sigmoid(q));
        }
    }
}

static void bpr(strip *s)
{
    float *x = s->x;
    for (size_t r = 0; r < s->rows; r++, x += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const lanes z = load(x + w * LANES) - s->answer[w];
            const logit q = logit_of(z);
            const lanes share = logit_sigmoid(q);
            s->loss[w] += logit_softplus(q, z);
            s->slope[w] -= share;
            store(x + w * LANES, share);
        }
    }
}

// sigmoid(x - a) + sigmoid(x^2), the derivative by a with its sign turned, and that by x.
typedef struct term {
    lanes value, da, dx;
} term;

static INLINE term term_of(lanes x, lanes a)
{
    const lanes_i there = x > -INFINITY;
    const lanes y = lanes_keep(there, x);
    const logit q = logit_of(y - a), p = logit_of(y * y);
    const lanes slope = logit_slope(q);
    return (term){ lanes_keep(there, logit_sigmoid(q) + logit_sigmoid(p)), lanes_keep(there, slope),
                   lanes_keep(there, slope + 2 * y * logit_slope(p)) };
}

static void top1(strip *s)
{
    float *x = s->x;
    for (size_t r = 0; r < s->rows; r++, x += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const term t = term_of(load(x + w * LANES), s->answer[w]);
            s->loss[w] += t.value;
            s->slope[w] -= t.da;
            store(x + w * LANES, t.dx);
        }
    }
}

static void top1_max(strip *s)
{
    lanes top[WIDE], sum[WIDE] = { { 0 } };
    UNROLL
    for (int w = 0; w < WIDE; w++) top[w] = splat(-FLT_MAX);
    strip_most(top, s->x, s->rows, s->cols);
    float *x = s->x;
    for (size_t r = 0, i = 0; r < s->rows; r++, i += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const size_t at = i + (size_t)w * LANES;
            const lanes z = load(x + at), e = exp_low(z - top[w]);
            const term t = term_of(z, s->answer[w]);
            sum[w] += e;
            s->loss[w] += e * t.value;
            s->slope[w] -= e * t.da;
            store(s->w + at, e);
            store(s->v + at, t.value);
            store(x + at, t.dx);
        }
    }
    UNROLL
    for (int w = 0; w < WIDE; w++) {
        sum[w] = lanes_keep(sum[w] > 0, 1 / sum[w]); // 0: there are none
        s->loss[w] *= sum[w];
        s->slope[w] *= sum[w];
    }
    for (size_t r = 0, i = 0; r < s->rows; r++, i += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const size_t at = i + (size_t)w * LANES;
            const lanes share = load(s->w + at) * sum[w];
            store(x + at, share * (load(s->v + at) - s->loss[w] + load(x + at)));
        }
    }
}

static INLINE lanes elu_of(lanes x, float a)
{
    if (!(a > 0)) return x;
    const lanes_i below = x < 0;
    return lanes_pick(below, a * (exp_low(lanes_keep(below, x)) - 1), x);
}

static INLINE lanes elu_slope(lanes s, float a)
{
    return a > 0 ? lanes_pick(s < 0, s + a, splat(1)) : splat(1);
}

// The logarithms of the shares w and v, not yet shifted; what is left out has s = 0.
static INLINE void bpr_max_scores(strip *s, const lanes *a, lanes *top_w, lanes *top_v)
{
    for (size_t r = 0, i = 0; r < s->rows; r++, i += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const size_t at = i + (size_t)w * LANES;
            const lanes x = load(s->x + at);
            const lanes_i there = x > -INFINITY;
            const lanes y = elu_of(lanes_keep(there, x), s->elu), z = y - a[w];
            const lanes ww = lanes_pick(there, y, splat(-INFINITY));
            const lanes vv =
                lanes_pick(there, y - logit_softplus(logit_of(z), z), splat(-INFINITY));
            store(s->x + at, y);
            store(s->w + at, ww);
            store(s->v + at, vv);
            top_w[w] = lanes_max(ww, top_w[w]);
            top_v[w] = lanes_max(vv, top_v[w]);
        }
    }
}

static void bpr_max(strip *s)
{
    lanes a[WIDE], top_w[WIDE], top_v[WIDE], sum_w[WIDE] = { { 0 } }, sum_v[WIDE] = { { 0 } };
    lanes squares[WIDE] = { { 0 } };
    UNROLL
    for (int w = 0; w < WIDE; w++) {
        a[w] = elu_of(s->answer[w], s->elu);
        top_w[w] = top_v[w] = splat(-FLT_MAX);
    }
    bpr_max_scores(s, a, top_w, top_v);
    strip_exp_sum(s->w, top_w, sum_w, s->rows, s->cols);
    strip_exp_sum(s->v, top_v, sum_v, s->rows, s->cols);
    const float *y = s->x, *e = s->w;
    for (size_t r = 0; r < s->rows; r++, y += s->cols, e += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const lanes z = load(y + w * LANES);
            squares[w] += load(e + w * LANES) * z * z;
        }
    }
    lanes share_w[WIDE], share_v[WIDE];
    UNROLL
    for (int w = 0; w < WIDE; w++) {
        const lanes_i some = sum_w[w] > 0;
        share_w[w] = lanes_keep(some, 1 / sum_w[w]);
        share_v[w] = lanes_keep(some, 1 / sum_v[w]);
        squares[w] *= share_w[w];
        s->loss[w] = lanes_keep(some, top_w[w] - top_v[w] + lanes_log(sum_w[w] / sum_v[w]) +
                                          s->reg * squares[w]);
    }
    for (size_t r = 0, i = 0; r < s->rows; r++, i += s->cols) {
        UNROLL
        for (int w = 0; w < WIDE; w++) {
            const size_t at = i + (size_t)w * LANES;
            const lanes z = load(s->x + at), ww = load(s->w + at) * share_w[w];
            const lanes vv = load(s->v + at) * share_v[w];
            const lanes q = logit_sigmoid(logit_of(z - a[w]));
            // sigmoid(a - s) = 1 - q
            const lanes g = ww - (vv - vv * q) + s->reg * ww * (z * z + 2 * z - squares[w]);
            s->slope[w] -= vv * q;
            store(s->x + at, g * elu_slope(z, s->elu));
        }
    }
    UNROLL
    for (int w = 0; w < WIDE; w++) s->slope[w] *= elu_slope(a[w], s->elu);
}

static void loss(const score_block *b, score_loss kind)
{
    static void (*const run[])(strip *) = {
        [SCORE_SOFTMAX] = softmax, [SCORE_BCE] = bce,         [SCORE_BPR] = bpr,
        [SCORE_TOP1] = top1,       [SCORE_BPR_MAX] = bpr_max, [SCORE_TOP1_MAX] = top1_max,
    };
    for (size_t c = 0; c < b->cols; c += SCORE_COLUMNS) {
        float *work = b->work ? (float *)b->work + c : NULL;
        strip s = { .x = (float *)b->x + c,
                    .w = work,
                    .v = work ? work + b->rows * b->cols : NULL,
                    .rows = b->rows,
                    .cols = b->cols,
                    .beta = (float)b->beta,
                    .elu = (float)b->elu,
                    .reg = (float)b->reg };
        strip_load(s.answer, (const float *)b->answer + c);
        run[kind](&s);
        strip_store((float *)b->loss + c, s.loss);
        strip_store((float *)b->slope + c, s.slope);
    }
}

// --- row by row --------------------------------------------------------------------------------------

enum { AHEAD = 8 }; // rows asked for before they are needed

static INLINE void fetch_row(const float *p, size_t width)
{
    for (size_t d = 0; d < width; d += 16) __builtin_prefetch(p + d);
}

static void dots(const score_terms *t)
{
    const float *h = t->h;
    const size_t width = t->width, whole = width / LANES * LANES;
    const int tail = (int)(width - whole);
    const lanes h_tail = tail ? load_part(h + whole, tail) : (lanes){ 0 };
    for (size_t i = 0; i < t->count; i++) {
        const float *e = (const float *)t->e + (size_t)t->row[i] * width;
        lanes even = { 0 }, odd = { 0 };
        size_t d = 0;
        if (i + AHEAD < t->count)
            fetch_row((const float *)t->e + (size_t)t->row[i + AHEAD] * width, width);
        for (; d + 2 * LANES <= whole; d += 2 * LANES) {
            even += load(h + d) * load(e + d);
            odd += load(h + d + LANES) * load(e + d + LANES);
        }
        if (d < whole) even += load(h + d) * load(e + d);
        if (tail) odd += h_tail * load_part(e + whole, tail);
        ((float *)t->x)[i * t->step] = lanes_sum(even + odd);
    }
}

static void spread(const score_terms *t)
{
    const float *h = t->h;
    float *dh = t->dh;
    const size_t width = t->width, whole = width / LANES * LANES;
    const int tail = (int)(width - whole);
    for (size_t i = 0; i < t->count; i++) {
        const float *e = (const float *)t->e + (size_t)t->row[i] * width;
        float *de = (float *)t->de + (size_t)t->slot[i] * width;
        const lanes x = splat(((const float *)t->x)[i * t->step]);
        if (i + AHEAD < t->count)
            fetch_row((const float *)t->de + (size_t)t->slot[i + AHEAD] * width, width);
        UNROLL_SOME
        for (size_t d = 0; d < whole; d += LANES) {
            store(dh + d, load(dh + d) + x * load(e + d));
            store(de + d, load(de + d) + x * load(h + d));
        }
        if (!tail) continue;
        store_part(dh + whole, load_part(dh + whole, tail) + x * load_part(e + whole, tail), tail);
        store_part(de + whole, load_part(de + whole, tail) + x * load_part(h + whole, tail), tail);
    }
}

extern const score_kernels SCORES_TABLE;
const score_kernels SCORES_TABLE = {
    VECTOR_NAME, VECTOR_NEEDS, add_bias, most, exp_sum, loss, dots, spread,
};

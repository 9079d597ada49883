// attention_row.inc.h - query by query: for short sequences, and for a few queries of many keys.
//
// A block of queries side by side (attention_work.inc.h) would be half empty, or half beyond the
// mask.  Here a head's columns lie in registers, and what belongs to a query is a row:
//
//     weight [queries][keys]      dscore [queries][keys]
//
// Forward needs a row at a time; backward keeps those of one head and sequence, so that every row of
// every gradient is one weighted sum of rows.
#ifndef KERNELS_ATTENTION_ROW_INC_H
#define KERNELS_ATTENTION_ROW_INC_H
#include "kernels/attention_bias.inc.h"

// --- rows of a matrix ------------------------------------------------------------------------------

static INLINE quad lanes_quad(lanes v)
{
    union {
        lanes v;
        quad q[LANES / 4];
    } part = { .v = v };
    quad s = part.q[0];
    UNROLL
    for (int k = 1; k < LANES / 4; k++) s += part.q[k];
    return s;
}

// s[j] = by * q . x_j for n rows x; writes up to three numbers more.
static void row_dots(float *s, const float *q, const float *x, size_t stride, int width, size_t n,
                     float by)
{
    const lanes last = lanes_keep(lanes_fresh((size_t)width), load_last(q, (size_t)width));
    for (size_t j = 0; j < n; j += 4) {
        const float *row[4];
        lanes sum[4];
        quad part[4];
        UNROLL
        for (size_t k = 0; k < 4; k++) {
            row[k] = x + stride * (j + k < n ? j + k : n - 1);
            sum[k] = last * load_last(row[k], (size_t)width);
        }
        for (int d = 0; d + LANES < width; d += LANES) {
            const lanes y = load(q + d);
            UNROLL
            for (int k = 0; k < 4; k++) sum[k] += y * load(row[k] + d);
        }
        UNROLL
        for (int k = 0; k < 4; k++) part[k] = lanes_quad(sum[k]);
        quad_turn(part);
        *(quad *)(void *)(s + j) = by * ((part[0] + part[2]) + (part[1] + part[3]));
    }
}

// n rows x, `stride` apart, with weights `step` apart.
typedef struct row_list {
    const float *weight;
    size_t step;
    const float *x;
    size_t stride, n;
} row_list;

// to (+)= weighted sum, `wide` registers of which the last begins at column `last`.
static INLINE void row_sum_of(float *to, const row_list *r, int wide, int last, bool add)
{
    const float *w = r->weight, *x = r->x;
    lanes sum[8];
    UNROLL
    for (int k = 0; k < wide; k++) sum[k] = (lanes){ 0 };
    for (size_t t = 0; t < r->n; t++, w += r->step, x += r->stride) {
        const lanes by = splat(*w);
        UNROLL
        for (int k = 0; k < wide; k++) sum[k] += by * load(x + (k + 1 < wide ? k * LANES : last));
    }
    if (add) { // before any is stored: the last two may overlap
        UNROLL
        for (int k = 0; k < wide; k++) sum[k] += load(to + (k + 1 < wide ? k * LANES : last));
    }
    UNROLL
    for (int k = 0; k < wide; k++) store(to + (k + 1 < wide ? k * LANES : last), sum[k]);
}

static INLINE void row_sum_narrow(float *to, const row_list *r, int width, bool add)
{
    lanes sum = { 0 };
    for (size_t t = 0; t < r->n; t++)
        sum += r->weight[t * r->step] * load_part(r->x + t * r->stride, width);
    if (add) sum += load_part(to, width);
    store_part(to, sum, width);
}

static INLINE void row_sum(float *to, row_list r, int width, bool add)
{
    if (width < LANES) {
        row_sum_narrow(to, &r, width, add);
        return;
    }
    for (; width > 8 * LANES; width -= 7 * LANES, to += 7 * LANES, r.x += 7 * LANES)
        row_sum_of(to, &r, 7, 6 * LANES, add);
    const int last = width - LANES;
    switch ((width + LANES - 1) / LANES) {
    case 1:
        row_sum_of(to, &r, 1, last, add);
        break;
    case 2:
        row_sum_of(to, &r, 2, last, add);
        break;
    case 3:
        row_sum_of(to, &r, 3, last, add);
        break;
    case 4:
        row_sum_of(to, &r, 4, last, add);
        break;
    case 5:
        row_sum_of(to, &r, 5, last, add);
        break;
    case 6:
        row_sum_of(to, &r, 6, last, add);
        break;
    case 7:
        row_sum_of(to, &r, 7, last, add);
        break;
    default:
        row_sum_of(to, &r, 8, last, add);
        break;
    }
}

static void row_set(float *to, const row_list *r, int width)
{
    row_sum(to, *r, width, false);
}

static void row_add(float *to, const row_list *r, int width)
{
    row_sum(to, *r, width, true);
}

static void row_give(float *to, const row_list *r, int width, bool set)
{
    (set ? row_set : row_add)(to, r, width);
}

// --- one query -------------------------------------------------------------------------------------

// A sequence and a head.
typedef struct span {
    work *w;
    int head;
    size_t row, n;    // its first query's row; queries
    size_t key, keys; // row of its first key; keys
    size_t i;         // event of its first query
    size_t stride;    // of the rows of weights
    bool fresh;       // nobody else adds to the gradients of its keys
    const float *q, *k, *v, *dout;
} span;

static bool rows_fit(size_t n, size_t keys)
{
    return n <= FEW || keys == 0 || (n <= SHORT && keys <= SHORT);
}

// Query by query: row r has the buckets of its keys.
static void span_buckets(const span *s)
{
    const attention *a = s->w->a;
    for (size_t r = 0; r < s->n; r++) {
        const size_t first = attention_first(a, s->i + r);
        const size_t last = attention_last(a, s->i + r, s->keys);
        for (size_t j = first; j < last; j++)
            s->w->bucket[r * s->stride + j] =
                bucket_of(s->w, a->query_time[s->row + r], a->key_time[s->key + j]);
    }
}

// score[j] of query r and keys first .. last-1.
static void row_scores(const span *s, size_t r, size_t first, size_t last, float *score)
{
    const attention *a = s->w->a;
    const attention_form *f = &a->form;
    row_dots(score + first, s->q + r * a->q_row, s->k + first * a->k_row, a->k_row, f->key_width,
             last - first, (float)f->scale);
    if (f->position.data) {
        const size_t h = f->position.by_head ? (size_t)s->head : 0;
        const float *p = s->w->position + h * (s->w->distances + QUERIES) +
                         ((ptrdiff_t)(s->i + r) - s->w->nearest);
        for (size_t j = first; j < last; j++) score[j] += p[-(ptrdiff_t)j];
    }
    if (f->time.data) {
        const float *t = (const float *)f->time.data + (size_t)s->head * f->time.by_head;
        const uint8_t *bucket = s->w->bucket + r * s->stride;
        for (size_t j = first; j < last; j++) score[j] += t[bucket[j]];
    }
}

// The streams of dropout side by side, gone on to key `first`, which is the first of a register.
static void row_streams(const span *s, size_t r, size_t first)
{
    const dropout d = attention_drop(s->w->a, s->head);
    uint32_t *stream = s->w->stream;
    dropout_begin(&d, s->row + r, stream);
    for (size_t j = 0; j < first; j++)
        stream[j % DROPOUT_STREAMS] = dropout_next(stream[j % DROPOUT_STREAMS]);
}

static INLINE lanes_i row_stays(const span *s, size_t j, int32_t level)
{
    lanes_u *x = (lanes_u *)(void *)(s->w->stream + j % DROPOUT_STREAMS);
    *x = stream_next(*x);
    return (lanes_i)(*x >> 1) >= level;
}

// Lanes j .. j+LANES-1 that are within first .. last-1.
static INLINE lanes_i row_sees(size_t j, size_t first, size_t last)
{
    const lanes_i at = lanes_index() + (int)j;
    return (at >= (int)first) & (at < (int)last);
}

// Scores become weights, sums are kept; begin is first rounded down to a register.
static void row_softmax(const span *s, size_t r, size_t first, size_t last, float *score)
{
    const attention *a = s->w->a;
    const size_t begin = first / LANES * LANES;
    lanes most = splat(-INFINITY), sum = { 0 };
    float top = -INFINITY;
    for (size_t j = begin; j < last; j += LANES) {
        const lanes x = lanes_pick(row_sees(j, first, last), load(score + j), splat(-INFINITY));
        most = lanes_max(x, most);
        store(score + j, x);
    }
    for (int l = 0; l < LANES; l++) top = most[l] > top ? most[l] : top;
    for (size_t j = begin; j < last; j += LANES) {
        const lanes x = lanes_exp(load(score + j) - top);
        sum += x;
        store(score + j, x);
    }
    const float share = 1 / lanes_sum(sum);
    for (size_t j = begin; j < last; j += LANES) store(score + j, share * load(score + j));
    if (!a->sums) return;
    float *sums = (float *)a->sums + 2 * ((s->row + r) * (size_t)a->form.heads + (size_t)s->head);
    sums[0] = top, sums[1] = share;
}

static void row_silu(const span *s, size_t first, size_t last, float *score)
{
    const float share = (float)(1 / s->w->a->form.divisor);
    for (size_t j = first / LANES * LANES; j < last; j += LANES) {
        const lanes x = lanes_keep(row_sees(j, first, last), load(score + j));
        store(score + j, share * x * lanes_sigmoid(x));
    }
}

static void row_drop(const span *s, size_t r, size_t first, size_t last, float *weight)
{
    const size_t begin = first / LANES * LANES;
    const int32_t level = dropout_level(s->w->a->drop.p);
    const float up = (float)(1 / (1 - s->w->a->drop.p));
    row_streams(s, r, begin);
    for (size_t j = begin; j < last; j += LANES)
        store(weight + j, lanes_keep(row_stays(s, j, level), up * load(weight + j)));
}

static void row_forward(const span *s, size_t r)
{
    const attention *a = s->w->a;
    const attention_form *f = &a->form;
    const size_t first = attention_first(a, s->i + r);
    const size_t last = attention_last(a, s->i + r, s->keys);
    float *weight = s->w->score;
    row_scores(s, r, first, last, weight);
    if (f->weights == ATTENTION_SILU)
        row_silu(s, first, last, weight);
    else
        row_softmax(s, r, first, last, weight);
    if (a->drop.p > 0) row_drop(s, r, first, last, weight);
    const row_list list = { weight + first, 1, s->v + first * a->v_row, a->v_row, last - first };
    row_set((float *)a->out + (s->row + r) * a->out_row + (size_t)(s->head * f->value_width), &list,
            f->value_width);
}

// --- backward --------------------------------------------------------------------------------------

// Rows of weights and of the gradients of scores; the sum over keys of weight and g is taken on the
// way, so that the output is not needed.
static void row_slopes(const span *s, size_t r, size_t first, size_t last)
{
    const attention *a = s->w->a;
    const attention_form *f = &a->form;
    const size_t begin = first / LANES * LANES;
    const int32_t level = dropout_level(a->drop.p);
    const lanes up = splat((float)(1 / (1 - a->drop.p)));
    float *weight = s->w->score + r * s->stride, *g = s->w->dscore + r * s->stride,
          *raw = s->w->row;
    const size_t at = 2 * ((s->row + r) * (size_t)f->heads + (size_t)s->head);
    const float *sums = a->sums ? (const float *)a->sums + at : NULL;
    lanes mean = { 0 };
    if (a->drop.p > 0) row_streams(s, r, begin);
    for (size_t j = begin; j < last; j += LANES) {
        const lanes_i sees = row_sees(j, first, last);
        const lanes x = load(weight + j);
        const lanes stay = a->drop.p > 0 ? lanes_keep(row_stays(s, j, level), up) : splat(1);
        const lanes d = lanes_keep(sees, stay * load(g + j));
        lanes p, slope;
        if (f->weights == ATTENTION_SILU) {
            const silu y = silu_at(x, (float)(1 / f->divisor));
            p = lanes_keep(sees, y.value);
            slope = lanes_keep(sees, y.slope);
        } else {
            slope = p = lanes_keep(sees, sums[1] * lanes_exp(x - sums[0]));
            mean += p * d;
        }
        store(weight + j, p * stay);
        store(raw + j, slope);
        store(g + j, d);
    }
    const float all = lanes_sum(mean);
    for (size_t j = begin; j < last; j += LANES) store(g + j, load(raw + j) * (load(g + j) - all));
}

static void row_tables(const span *s, size_t r, size_t first, size_t last)
{
    const attention_form *f = &s->w->a->form;
    const float *d = s->w->dscore + r * s->stride;
    if (s->w->to->dposition) {
        const size_t h = f->position.by_head ? (size_t)s->head : 0;
        float *p =
            s->w->dposition +
            (h * s->w->distances + (size_t)((ptrdiff_t)(s->i + r) - s->w->nearest)) * QUERIES;
        for (size_t j = first; j < last; j++) p[-(ptrdiff_t)(j * QUERIES)] += d[j];
    }
    if (s->w->to->dtime) {
        float *t = s->w->dtime + (f->time.by_head ? (size_t)s->head : 0) * f->time.cols * QUERIES;
        const uint8_t *bucket = s->w->bucket + r * s->stride;
        for (size_t j = first; j < last; j++) t[bucket[j] * QUERIES + j % QUERIES] += d[j];
    }
}

static void row_backward(const span *s, size_t r)
{
    const attention *a = s->w->a;
    const attention_form *f = &a->form;
    const size_t first = attention_first(a, s->i + r);
    const size_t last = attention_last(a, s->i + r, s->keys);
    float *d = s->w->dscore + r * s->stride;
    row_scores(s, r, first, last, s->w->score + r * s->stride);
    row_dots(d + first, s->dout + r * a->out_row, s->v + first * a->v_row, a->v_row, f->value_width,
             last - first, 1);
    row_slopes(s, r, first, last);
    row_tables(s, r, first, last);
    for (size_t j = first / LANES * LANES; j < last; j += LANES)
        store(d + j, (float)f->scale * load(d + j));
    if (!s->w->to->dq) return;
    const row_list list = { d + first, 1, s->k + first * a->k_row, a->k_row, last - first };
    row_give((float *)s->w->to->dq + (s->row + r) * a->q_row + (size_t)(s->head * f->key_width),
             &list, f->key_width, s->w->to->fresh);
}

// The gradients of key j, from all queries that see it.
static void key_backward(const span *s, size_t j)
{
    const attention *a = s->w->a;
    const attention_gradient *g = s->w->to;
    const attention_form *f = &a->form;
    const size_t begin = a->causal && j > s->i ? j - s->i : 0;
    const size_t gone = a->window && j + a->window > s->i ? j + a->window - s->i : 0;
    const size_t end = a->window && gone < s->n ? gone : s->n;
    const size_t n = begin < end ? end - begin : 0, from = n ? begin : 0;
    if (n == 0 && !s->fresh) return;
    const size_t at = from * s->stride + j;
    const row_list k = { s->w->dscore + at, s->stride, s->q + from * a->q_row, a->q_row, n };
    const row_list v = { s->w->score + at, s->stride, s->dout + from * a->out_row, a->out_row, n };
    if (g->dk)
        row_give((float *)g->dk + (s->key + j) * a->k_row + (size_t)(s->head * f->key_width), &k,
                 f->key_width, s->fresh);
    if (g->dv)
        row_give((float *)g->dv + (s->key + j) * a->v_row + (size_t)(s->head * f->value_width), &v,
                 f->value_width, s->fresh);
}

// --- a sequence ------------------------------------------------------------------------------------

// Of the queries from r on.
static span span_at(work *w, size_t sequence, size_t r)
{
    const attention *a = w->a;
    const size_t row = (size_t)a->offset[sequence], n = (size_t)a->offset[sequence + 1] - row;
    const size_t key = (size_t)a->key_offset[sequence];
    const size_t keys = attention_keys(a, sequence);
    return (span){ .w = w,
                   .row = row + r,
                   .n = n - r,
                   .key = key,
                   .keys = keys,
                   .i = attention_base(a, n, keys) + r,
                   .stride = (keys + LANES - 1) / LANES * LANES,
                   .fresh = w->to && w->to->fresh && r == 0 };
}

static size_t span_bytes(const span *s)
{
    return s->n * s->stride;
}

static void span_head(span *s, int head)
{
    const attention *a = s->w->a;
    const size_t C = (size_t)(head * a->form.key_width), E = (size_t)(head * a->form.value_width);
    s->head = head;
    s->q = (const float *)a->q + s->row * a->q_row + C;
    s->k = (const float *)a->k + s->key * a->k_row + C;
    s->v = (const float *)a->v + s->key * a->v_row + E;
    if (!s->w->to) {
        for (size_t r = 0; r < s->n; r++) row_forward(s, r);
        return;
    }
    s->dout = (const float *)s->w->to->dout + s->row * a->out_row + E;
    for (size_t r = 0; r < s->n; r++) row_backward(s, r);
    for (size_t j = 0; j < s->keys; j++) key_backward(s, j);
}

#endif

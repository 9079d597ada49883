// attention.inc.h - the attention of attention.h in compiler vector types.
//
// Included once per instruction set with VECTOR_NEEDS, VECTOR_NAME, ATTENTION_TABLE and what
// tile.inc.h wants defined.
//
// Short sequences and the last queries of others go query by query (attention_row.inc.h), all others
// block by block.
// Forward, a block of queries: all its scores (L1, or L2 for long sequences), their greatest and
// their sum, then the weighted sum of values.  Backward, a block of queries and a chunk of keys:
//
//     weight, g = dout . v       dscore = weight (g - dout . out)
//     dv += weight dout          dk += dscore q          dq += dscore k
#include "kernels/attention_row.inc.h"
#include "kernels/attention_step.inc.h"
#include "kernels/attention_work.inc.h"
#include "kernels/cpu.h"

static const float *head_of(const void *x, size_t row, size_t stride, int head, int width)
{
    return (const float *)x + row * stride + (size_t)head * (size_t)width;
}

// The same of a gradient.
static float *head_to(void *x, size_t row, size_t stride, int head, int width)
{
    return x ? (float *)x + row * stride + (size_t)head * (size_t)width : NULL;
}

static float *sums_of(const attention *a, const block *b, int head)
{
    return (float *)a->sums + 2 * (b->row * (size_t)a->form.heads + (size_t)head);
}

// --- forward ---------------------------------------------------------------------------------------

static INLINE lanes greatest(const work *w, const block *b, int r)
{
    const size_t last = strip_at(w, b, r, b->first, b->last).to;
    lanes most = splat(-INFINITY);
    float *s = w->score + r * LANES;
    for (size_t j = b->first; j < last; j++, s += QUERIES) {
        lanes x = load(s);
        if (!block_all(w->a, b, j)) {
            x = lanes_pick(block_sees(w->a, b, j, r), x, splat(-INFINITY));
            store(s, x);
        }
        most = lanes_max(x, most);
    }
    return most;
}

// Scores become weights without their common factor, which is kept beside.
static void weigh_softmax(work *w, const block *b, int r)
{
    const int32_t level = dropout_level(w->a->drop.p);
    const size_t last = strip_at(w, b, r, b->first, b->last).to;
    const lanes most = greatest(w, b, r);
    lanes sum = { 0 };
    float *s = w->score + r * LANES;
    for (size_t j = b->first; j < last; j++, s += QUERIES) {
        lanes x = lanes_exp(load(s) - most);
        sum += x;
        if (w->a->drop.p > 0) x = lanes_keep(stays(w, j, r, level), x);
        store(s, x);
    }
    store(w->factor + r * LANES, (float)(1 / (1 - w->a->drop.p)) / sum);
    store(w->sums + r * LANES, most);
    store(w->sums + QUERIES + r * LANES, 1 / sum);
}

static void weigh_silu(work *w, const block *b, int r)
{
    const int32_t level = dropout_level(w->a->drop.p);
    const size_t last = strip_at(w, b, r, b->first, b->last).to;
    float *s = w->score + r * LANES;
    for (size_t j = b->first; j < last; j++, s += QUERIES) {
        lanes x = load(s);
        x *= lanes_sigmoid(x);
        if (!block_all(w->a, b, j)) x = lanes_keep(block_sees(w->a, b, j, r), x);
        if (w->a->drop.p > 0) x = lanes_keep(stays(w, j, r, level), x);
        store(s, x);
    }
    store(w->factor + r * LANES, splat((float)(1 / ((1 - w->a->drop.p) * w->a->form.divisor))));
}

static void block_forward(work *w, const block *b, int head)
{
    const attention *a = w->a;
    const attention_form *f = &a->form;
    const int C = f->key_width, E = f->value_width;
    turn_in(w->q, head_of(a->q, b->row, a->q_row, head, C), a->q_row, b, C, (float)f->scale);
    if (f->time.data && (head == 0 || f->time.by_head)) find_bias(w, b, head);
    key_products(w, b, w->score, w->q, head_of(a->k, b->key + b->first, a->k_row, head, C),
                 a->k_row, C, b->first, b->last);
    add_biases(w, b, head, b->first, b->last);
    if (a->drop.p > 0) streams_begin(w, b, head);
    for (int r = 0; r < b->wide; r++)
        (f->weights == ATTENTION_SILU ? weigh_silu : weigh_softmax)(w, b, r);
    for (size_t j = b->first; j < b->last; j += KEYS)
        key_sums(w, b, w->out, w->score + (j - b->first) * QUERIES,
                 head_of(a->v, b->key + j, a->v_row, head, E), a->v_row, E, j,
                 b->last - j < KEYS ? b->last : j + KEYS);
    turn_out(head_to(a->out, b->row, a->out_row, head, E), a->out_row, w->out, w->factor, b, E,
             false);
    for (int l = 0; a->sums && l < b->n; l++) {
        sums_of(a, b, head)[2 * l * f->heads] = w->sums[l];
        sums_of(a, b, head)[2 * l * f->heads + 1] = w->sums[QUERIES + l];
    }
}

// --- backward --------------------------------------------------------------------------------------

// factor[l] = dout . out of query l; its two sums beside.
static void block_sums(work *w, const block *b, int head)
{
    const attention *a = w->a;
    const int E = a->form.value_width;
    for (int l = 0; l < b->wide * LANES; l++) {
        const int q = l < b->n ? l : b->n - 1;
        const float *o = head_of(a->out, b->row + (size_t)q, a->out_row, head, E);
        const float *d = head_of(w->to->dout, b->row + (size_t)q, a->out_row, head, E);
        lanes sum = { 0 };
        int c = 0;
        for (; c + LANES <= E; c += LANES) sum += load(o + c) * load(d + c);
        if (c < E) sum += load_part(o + c, E - c) * load_part(d + c, E - c);
        w->factor[l] = lanes_sum(sum);
        w->sums[l] = sums_of(a, b, head)[2 * q * a->form.heads];
        w->sums[QUERIES + l] = sums_of(a, b, head)[2 * q * a->form.heads + 1];
    }
}

// Scores of keys from .. to-1 become weights, and dout . v the gradients of scores.
static INLINE void slopes(work *w, const block *b, int head, int r, size_t from, size_t to,
                          bool by_silu)
{
    const attention *a = w->a;
    const int32_t level = dropout_level(a->drop.p);
    const float share = (float)(1 / a->form.divisor);
    const float up = (float)(1 / (1 - a->drop.p));
    const float *most = w->sums + r * LANES;
    float *s = w->score + r * LANES, *d = w->dscore + r * LANES;
    to = strip_at(w, b, r, from, to).to;
    for (size_t j = from; j < to; j++, s += QUERIES, d += QUERIES) {
        lanes g = load(d), stay = splat(1);
        if (a->drop.p > 0) g *= stay = lanes_keep(stays(w, j, r, level), splat(up));
        lanes weight, dscore;
        if (by_silu) {
            const silu y = silu_at(load(s), share);
            weight = y.value;
            dscore = y.slope * g;
        } else {
            weight = lanes_exp(load(s) - load(most)) * load(most + QUERIES);
            dscore = weight * (g - load(w->factor + r * LANES));
        }
        if (!block_all(a, b, j)) {
            const lanes_i sees = block_sees(a, b, j, r);
            weight = lanes_keep(sees, weight);
            dscore = lanes_keep(sees, dscore);
        }
        store(s, weight * stay);
        store(d, dscore);
        if (!w->to->dposition) continue;
        float *sum = dposition_row(w, b, head, j) + r * LANES;
        store(sum, load(sum) + dscore);
    }
}

static void chunk_backward(work *w, const block *b, int head, size_t from, size_t to)
{
    const attention *a = w->a;
    const attention_form *f = &a->form;
    const int C = f->key_width, E = f->value_width;
    const size_t row = b->key + from;
    const float *k = head_of(a->k, row, a->k_row, head, C);
    float *dk = head_to(w->to->dk, row, a->k_row, head, C);
    float *dv = head_to(w->to->dv, row, a->v_row, head, E);
    key_products(w, b, w->score, w->q, k, a->k_row, C, from, to);
    key_products(w, b, w->dscore, w->dout, head_of(a->v, row, a->v_row, head, E), a->v_row, E, from,
                 to);
    add_biases(w, b, head, from, to);
    for (int r = 0; r < b->wide; r++) {
        if (f->weights == ATTENTION_SILU)
            slopes(w, b, head, r, from, to, true);
        else
            slopes(w, b, head, r, from, to, false);
    }
    if (w->to->dtime) add_dbias(w, b, head, from, to);
    if (dv) query_sums(w, b, dv, a->v_row, w->score, w->dout_rows, E, from, to);
    if (dk) query_sums(w, b, dk, a->k_row, w->dscore, w->q_rows, C, from, to);
    if (w->to->dq) key_sums(w, b, w->out, w->dscore, k, a->k_row, C, from, to);
}

static void block_backward(work *w, const block *b, int head)
{
    const attention *a = w->a;
    const attention_form *f = &a->form;
    const int C = f->key_width, E = f->value_width;
    const float *q = head_of(a->q, b->row, a->q_row, head, C);
    const float *dout = head_of(w->to->dout, b->row, a->out_row, head, E);
    turn_in(w->q, q, a->q_row, b, C, (float)f->scale);
    turn_in(w->dout, dout, a->out_row, b, E, 1);
    rows_in(w->q_rows, q, a->q_row, b->n, C, (float)f->scale);
    rows_in(w->dout_rows, dout, a->out_row, b->n, E, 1);
    if (f->weights == ATTENTION_SOFTMAX) block_sums(w, b, head);
    if (f->time.data && (head == 0 || f->time.by_head)) find_bias(w, b, head);
    if (a->drop.p > 0) streams_begin(w, b, head);
    for (size_t j = b->first; j < b->last; j += KEYS)
        chunk_backward(w, b, head, j, b->last - j < KEYS ? b->last : j + KEYS);
    if (w->to->dtime) give_dbias(w, b, head);
    if (!w->to->dq) return;
    for (int r = 0; r < b->wide; r++) store(w->factor + r * LANES, splat((float)f->scale));
    turn_out(head_to(w->to->dq, b->row, a->q_row, head, C), a->q_row, w->out, w->factor, b, C,
             !w->to->fresh);
}

// --- all blocks ------------------------------------------------------------------------------------

static void clear_rows(float *x, size_t row, size_t rows, size_t stride, int cols)
{
    for (size_t r = row; x && r < row + rows; r++)
        memset(x + r * stride, 0, (size_t)cols * sizeof *x);
}

// Before blocks add to them.
static void clear_keys(const work *w, size_t s)
{
    const attention *a = w->a;
    const attention_form *f = &a->form;
    const size_t key = (size_t)a->key_offset[s], keys = attention_keys(a, s);
    clear_rows(w->to->dk, key, keys, a->k_row, f->heads * f->key_width);
    clear_rows(w->to->dv, key, keys, a->v_row, f->heads * f->value_width);
}

// Block by block, then query by query; or only finds buckets, or counts their bytes.
typedef enum doing { FORWARD, BACKWARD, FIND, COUNT } doing;

static size_t run_block(work *w, const block *b, doing what)
{
    if (what == COUNT) return block_bytes(b);
    if (w->a->form.time.data && (!take_buckets(w, block_bytes(b)) || what == FIND))
        find_buckets(w, b);
    for (int h = 0; what != FIND && h < w->a->form.heads; h++)
        (what == BACKWARD ? block_backward : block_forward)(w, b, h);
    return 0;
}

static size_t run_span(work *w, span *s, doing what)
{
    if (what == COUNT) return span_bytes(s);
    if (w->a->form.time.data && (!take_buckets(w, span_bytes(s)) || what == FIND)) span_buckets(s);
    for (int h = 0; what != FIND && h < w->a->form.heads; h++) span_head(s, h);
    return 0;
}

static size_t run_all(work *w, doing what)
{
    const attention *a = w->a;
    size_t bytes = 0;
    for (size_t s = 0; s < a->sequences; s++) {
        const size_t rows = (size_t)(a->offset[s + 1] - a->offset[s]);
        const size_t keys = attention_keys(a, s);
        size_t r = 0;
        if (what == BACKWARD && w->to->fresh && (rows == 0 || !rows_fit(rows, keys)))
            clear_keys(w, s);
        for (; r < rows && !rows_fit(rows - r, keys); r += QUERIES) {
            const block b = block_at(a, s, r);
            bytes += run_block(w, &b, what);
        }
        span last = span_at(w, s, r < rows ? r : rows);
        if (r < rows) bytes += run_span(w, &last, what);
    }
    return bytes;
}

static void forward(const attention *a)
{
    work w;
    work_begin(&w, a, NULL);
    run_all(&w, FORWARD);
}

static void backward(const attention *a, const attention_gradient *to)
{
    work w;
    work_begin(&w, a, to);
    run_all(&w, BACKWARD);
    give_tables(&w);
}

static size_t scratch(const attention *a)
{
    work w;
    return work_lay(&w, a, NULL);
}

static size_t bucket_bytes(const attention *a)
{
    work w = { .a = a };
    return run_all(&w, COUNT);
}

static void find_all_buckets(const attention *a, uint8_t *to)
{
    work w;
    work_begin(&w, a, NULL);
    w.stored = to;
    run_all(&w, FIND);
}

extern const attention_kernels ATTENTION_TABLE;
const attention_kernels ATTENTION_TABLE = {
    VECTOR_NAME, VECTOR_NEEDS, forward, backward, step, scratch, bucket_bytes, find_all_buckets
};

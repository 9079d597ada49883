// attention_bias.inc.h - what is added to scores by position and by time, and the gradients of both.
//
// Tables that all heads share are looked up once for all of them.
#ifndef KERNELS_ATTENTION_BIAS_INC_H
#define KERNELS_ATTENTION_BIAS_INC_H
#include "kernels/attention_work.inc.h"

// The position table drawn out over all distances, so that neighbours lie side by side.
static void draw_out(work *w)
{
    const attention *a = w->a;
    const attention_table *p = &a->form.position;
    const size_t n = w->distances + QUERIES;
    for (size_t h = 0; h < tables(a, p); h++) {
        const float *from = (const float *)p->data + h * p->cols;
        for (size_t x = 0; x < n; x++)
            w->position[h * n + x] =
                from[attention_position(p, a->causal, w->nearest + (ptrdiff_t)x)];
    }
}

static void work_begin(work *w, const attention *a, const attention_gradient *to)
{
    const attention_table *p = &a->form.position, *t = &a->form.time;
    work_lay(w, a, a->scratch);
    w->a = a;
    w->to = to;
    w->stored = (uint8_t *)(uintptr_t)a->buckets;
    draw_out(w);
    for (int c = 0; c < BUCKET_CELLS && t->data; c++) {
        const int64_t one = (int64_t)1 << (c / 16), part = c % 16;
        w->cell[c] = (uint8_t)attention_bucket(one + (part * one + 15) / 16, ATTENTION_EDGES + 1);
    }
    if (to && to->dposition)
        memset(w->dposition, 0, tables(a, p) * w->distances * QUERIES * sizeof(float));
    if (to && to->dtime) memset(w->dtime, 0, tables(a, t) * t->cols * QUERIES * sizeof(float));
}

// --- buckets ---------------------------------------------------------------------------------------

// attention_bucket() of the interval between two moments.
static INLINE uint8_t bucket_of(const work *w, int64_t query, int64_t key)
{
    const size_t cols = w->a->form.time.cols;
    const int64_t seconds = (int64_t)((uint64_t)query - (uint64_t)key);
    const int64_t d = seconds < 0 ? (int64_t)(0 - (uint64_t)seconds) : seconds;
    if (d <= 0) return d < 0 ? (uint8_t)attention_bucket(d, cols) : 0;
    if (d >= (int64_t)1 << 53) return (uint8_t)attention_bucket(d, cols);
    union {
        double x;
        uint64_t bits;
    } u = { .x = (double)d }; // exponent and four bits more
    const uint8_t b = w->cell[(u.bits >> 48) - (1023 << 4)];
    const size_t found = b + (size_t)((uint64_t)d >= attention_edges[b]);
    return (uint8_t)(found < cols ? found : cols - 1);
}

// The buckets of the next queries, `bytes` of them, if they are stored; else false, and there is
// room for them.
static bool take_buckets(work *w, size_t bytes)
{
    w->bucket = w->stored ? w->stored : w->found;
    if (w->stored) w->stored += bytes;
    return w->stored != NULL;
}

static size_t block_bytes(const block *b)
{
    return (b->last - b->first) * QUERIES;
}

static void find_buckets(work *w, const block *b)
{
    const int64_t *query = w->a->query_time + b->row, *key = w->a->key_time + b->key;
    uint8_t *to = w->bucket;
    for (size_t j = b->first; j < b->last; j++, to += QUERIES)
        for (int l = 0; l < b->n; l++) to[l] = bucket_of(w, query[l], key[j]);
}

// --- forward ---------------------------------------------------------------------------------------

static void find_bias(work *w, const block *b, int head)
{
    const attention_table *t = &w->a->form.time;
    const float *table = (const float *)t->data + (size_t)head * t->by_head;
    float *bias = w->bias;
    const uint8_t *bucket = w->bucket;
    for (size_t j = b->first; j < b->last; j++, bias += QUERIES, bucket += QUERIES)
        for (int l = 0; l < b->n; l++) bias[l] = table[bucket[l]];
}

static const float *position_row(const work *w, const block *b, int head, size_t j)
{
    const attention_table *p = &w->a->form.position;
    return w->position + (p->by_head ? (size_t)head : 0) * (w->distances + QUERIES) +
           ((ptrdiff_t)b->i - (ptrdiff_t)j - w->nearest);
}

// score[j - from] += biases, keys from .. last-1.
static void add_biases(work *w, const block *b, int head, size_t from, size_t last)
{
    const bool position = w->a->form.position.data, time = w->a->form.time.data;
    for (int r = 0; r < b->wide && (position || time); r++) {
        float *score = w->score + r * LANES;
        const float *bias = w->bias + (from - b->first) * QUERIES + r * LANES;
        const size_t to = strip_at(w, b, r, from, last).to;
        for (size_t j = from; j < to; j++, score += QUERIES, bias += QUERIES) {
            lanes x = load(score);
            if (position) x += load(position_row(w, b, head, j) + r * LANES);
            if (time) x += load(bias);
            store(score, x);
        }
    }
}

// --- backward --------------------------------------------------------------------------------------

static float *dposition_row(const work *w, const block *b, int head, size_t j)
{
    const attention_table *p = &w->a->form.position;
    return w->dposition + ((p->by_head ? (size_t)head : 0) * w->distances +
                           (size_t)((ptrdiff_t)b->i - (ptrdiff_t)j - w->nearest)) *
                              QUERIES;
}

// Takes in the gradients of a chunk's scores.
static void add_dbias(work *w, const block *b, int head, size_t from, size_t last)
{
    const bool add = head > 0 && !w->a->form.time.by_head;
    for (int r = 0; r < b->wide; r++) {
        float *sum = w->dbias + (from - b->first) * QUERIES + r * LANES;
        const float *d = w->dscore + r * LANES;
        const size_t to = strip_at(w, b, r, from, last).to;
        for (size_t j = from; j < to; j++, sum += QUERIES, d += QUERIES) {
            lanes x = load(d);
            if (add) x += load(sum);
            store(sum, x);
        }
    }
}

// A block's gradients by time, after its last head, or each.  A lane adds up for itself: one sum
// would wait for the one before.
static void give_dbias(work *w, const block *b, int head)
{
    const attention_table *t = &w->a->form.time;
    if (!t->by_head && head + 1 < w->a->form.heads) return;
    float *sum = w->dtime + (t->by_head ? (size_t)head : 0) * t->cols * QUERIES;
    for (int r = 0; r < b->wide; r++) {
        const strip s = strip_at(w, b, r, b->first, b->last);
        for (size_t j = s.from; j < s.to; j++) {
            const size_t at = (j - b->first) * QUERIES;
            for (int l = r * LANES; l < b->n; l++)
                sum[w->bucket[at + (size_t)l] * QUERIES + l] += w->dbias[at + (size_t)l];
        }
    }
}

// Adds up the lanes.
static void give_tables(const work *w)
{
    const attention *a = w->a;
    const attention_table *p = &a->form.position, *t = &a->form.time;
    float *dposition = w->to->dposition, *dtime = w->to->dtime;
    const float *sum = w->dposition;
    for (size_t h = 0; dposition && h < tables(a, p); h++, dposition += p->cols)
        for (size_t x = 0; x < w->distances; x++)
            for (int l = 0; l < QUERIES; l++)
                dposition[attention_position(p, a->causal, w->nearest + (ptrdiff_t)x + l)] +=
                    *sum++;
    for (size_t x = 0; dtime && x < tables(a, t) * t->cols; x++)
        for (int l = 0; l < QUERIES; l++) dtime[x] += w->dtime[x * QUERIES + (size_t)l];
}

#endif

// attention.h - packed multi-head attention: every event looks at events of its own sequence.
//
//     score[i][j] = scale q_i . k_j + position[i - j] + time[bucket(query_time_i - key_time_j)]
//     out_i       = sum over the keys j that i sees of  weight[i][j] v_j
//
//     ATTENTION_SOFTMAX   weight = exp(score) / sum over j of exp(score)
//     ATTENTION_SILU      weight = silu(score) / divisor
//
// for each head by itself; a head's columns lie side by side.  Weights may be dropped.  No matrix of
// weights is kept: a block of queries has its scores in scratch, and backward computes them again.
//
// A query's row has the same bits whatever other sequences are there, and whatever is in keys that it
// does not see.  A query that sees no key gives zeros.
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H
#include "base/rng.h"
#include "kernels/dropout.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum attention_weights { ATTENTION_SOFTMAX, ATTENTION_SILU } attention_weights;

// What is added to scores: `cols` numbers for all heads together (by_head 0) or for each head
// (by_head = cols).
typedef struct attention_table {
    const void *data; // NULL: none
    size_t cols, by_head;
} attention_table;

typedef struct attention_form {
    int heads, key_width, value_width; // columns of one head
    attention_weights weights;
    double scale, divisor;
    attention_table position, time;
} attention_form;

typedef struct attention {
    attention_form form;
    size_t sequences;
    const int32_t *offset;     // [sequences + 1] rows of queries
    const int32_t *key_offset; // [sequences + 1] rows of keys and values
    // [sequences] one past the last key of each, and key_offset [sequences] the first: sequences may then
    // look at the same keys.  NULL: the key_offset of the next.
    const int32_t *key_end;
    // Causal: the n queries of a sequence are the last n of its m keys (n <= m), and query r, which
    // is event i = m - n + r, sees the keys j <= i, and of these the last `window` only, if not 0.
    // Else i = r, and all keys are seen.
    bool causal;
    size_t window;

    const void *q, *k, *v; // [rows][heads * width]
    size_t q_row, k_row, v_row;
    void *out; // [rows][heads * value_width]
    size_t out_row;
    void
        *sums; // [rows][heads][2] for backward, or NULL: greatest score, 1 / sum of exp(score - it)
    const int64_t *query_time, *key_time; // seconds, a number for each row; NULL without a table
    const uint8_t *buckets; // of all pairs, from find_buckets(); NULL: they are found on the way
    dropout drop;           // of weights; p = 0: none.  Rows are those of q
    void *scratch;          // attention_kernels.scratch() bytes
} attention;

// dq, dk and dv lie as q, k and v do, dposition and dtime as their tables.  All are ADDED to, unless
// `fresh`: then dq, dk and dv are SET.  All may be NULL.  `out` and, for softmax, `sums` are needed.
typedef struct attention_gradient {
    const void *dout; // as out
    void *dq, *dk, *dv, *dposition, *dtime;
    bool fresh; // not with key_end
} attention_gradient;

// One more event of one person.  Keys and values of the last `window` events are in a ring: event e
// has place e % window, so that the newest takes the place of the one that has gone out of sight.
typedef struct attention_step {
    attention_form form;
    size_t window;
    uint64_t events;       // in the ring so far; this one is number `events`
    bool keep;             // put this one in
    const void *q, *k, *v; // of this event, one row each
    int64_t query_time, key_time;
    void *keys;     // [heads * key_width][window]
    void *values;   // [window][heads * value_width]
    int64_t *times; // [window]; NULL without a table
    void *out;      // [heads * value_width]
    void *scratch;  // 2 * window + 64 numbers
} attention_step;

typedef struct attention_kernels {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature
    void (*forward)(const attention *a);
    void (*backward)(const attention *a, const attention_gradient *g);
    void (*step)(const attention_step *a);
    size_t (*scratch)(const attention *a); // bytes, for either

    // Time buckets of all pairs, found once for several calls with the same sequences, times and
    // number of buckets: as many bytes as pairs or a few more, in an order of the version's own.
    size_t (*bucket_bytes)(const attention *a); // 0: the version has no use for them
    void (*find_buckets)(const attention *a, uint8_t *to);
} attention_kernels;

const attention_kernels *attention_pick(void);        // the best that may run here, f32
const attention_kernels *attention_at(size_t i);      // best first, last the reference; or NULL
const attention_kernels *attention_kernels_f64(void); // for gradient checks

// For people who want to see: weight[keys] of one row of a sequence, without dropout; 0 for keys that
// are not seen.  Scalar; a->scratch: as many numbers as keys.
void attention_look_f32(const attention *a, size_t sequence, int head, size_t row, double *weight);
void attention_look_f64(const attention *a, size_t sequence, int head, size_t row, double *weight);

// --- what all versions agree on ------------------------------------------------------------------

// Keys of sequence s.
static inline size_t attention_keys(const attention *a, size_t s)
{
    return (size_t)((a->key_end ? a->key_end[s] : a->key_offset[s + 1]) - a->key_offset[s]);
}

static inline size_t attention_most_keys(const attention *a)
{
    size_t most = 0;
    for (size_t s = 0; s < a->sequences; s++)
        if (attention_keys(a, s) > most) most = attention_keys(a, s);
    return most;
}

// Event number of query 0 of a sequence.
static inline size_t attention_base(const attention *a, size_t rows, size_t keys)
{
    return a->causal ? keys - rows : 0;
}

// Event i of a sequence sees keys first .. last-1 of `keys`.
static inline size_t attention_first(const attention *a, size_t i)
{
    return a->window && i >= a->window ? i + 1 - a->window : 0;
}

static inline size_t attention_last(const attention *a, size_t i, size_t keys)
{
    return a->causal ? i + 1 : keys;
}

static inline size_t attention_longest(const int32_t *offset, size_t sequences)
{
    size_t most = 0;
    for (size_t s = 0; s < sequences; s++) {
        const size_t n = (size_t)(offset[s + 1] - offset[s]);
        if (n > most) most = n;
    }
    return most;
}

// The column of the position table for a key `distance` = i - j before the query.  Causal tables
// begin with distance 0; others have distance 0 in the middle.  Further ones share the ends.
static inline size_t attention_position(const attention_table *t, bool causal, ptrdiff_t distance)
{
    const ptrdiff_t at = distance + (causal ? 0 : (ptrdiff_t)(t->cols / 2));
    if (at < 0) return 0;
    return (size_t)at < t->cols ? (size_t)at : t->cols - 1;
}

// The column of the time table: min(floor(ln(max(|seconds|, 1)) / 0.301), buckets - 1), the
// function of HSTU's code (facebookresearch/generative-recommenders, RelativeBucketedTimeAndPosition-
// BasedBias; arXiv:2402.17152 leaves it open).  A bucket is a factor of 1.35.
size_t attention_bucket(int64_t seconds, size_t buckets);
enum { ATTENTION_EDGES = 145 };
extern const uint64_t attention_edges[ATTENTION_EDGES]; // the least seconds of buckets 1, 2, ...

// The columns of weights that are dropped are keys, counted within the sequence.
static inline dropout attention_drop(const attention *a, int head)
{
    return (dropout){ rng_mix(a->drop.key + (uint64_t)head), a->drop.first_row, a->drop.p };
}

#endif

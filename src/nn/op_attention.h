// op_attention.h - every event looks at the events of its own sequence.
//
//     const attention_shape s = { .offset = b->offset, .sequences = b->sequences, .heads = 2,
//                                 .causal = true, .window = 200, .dropout = 0.2 };
//     tensor *q = op_linear(t, x, wq, bq, ACT_NONE), *k = ..., *v = ...;          // [N,D]
//     x = op_attention(t, q, k, v, &s);                                           // [N,D]
//
// Heads lie side by side.  q, k and v may be columns of one tensor, which saves copies:
//
//     s.key_width = s.value_width = D / heads, s.k_from = D, s.v_from = 2 * D;
//     x = op_attention(t, qkv, qkv, qkv, &s);                                     // from [N,3D]
//
// Steps (TAPE_STEP, one row): causal attention keeps keys and values of the last `window` events,
// so `window` must be given; it then equals the full forward with the same window.  The row itself
// is always seen, and enters the kept state unless the pass only asks (kept.ask).  A model whose
// rows need the moment of the next event (HSTU's query_time) therefore keeps its last event beside
// the kept state, not yet taken in:
//
//     answer(state, time):  a pass with the last event's row, query_time = time, ask = true
//     extend(state, event): a pass with the last event's row, query_time = event.time, ask = false,
//                           then state's last event = event
//
// Other models take an event in at once, and keep the output.  Attention that is not causal keeps
// nothing: a row is computed from the keys that are given.
#ifndef NN_OP_ATTENTION_H
#define NN_OP_ATTENTION_H
#include "nn/tape.h"

// What a row looks at, without dropout.  A watch of a pass (tape_pass.watch) is told of each attention
// in the order of the model's text; of each head after head, sequence after sequence, row after row.
typedef struct attention_seen {
    int head, heads;
    size_t sequence, row, rows, keys;
    const double *weight; // [keys]; 0: not seen
} attention_seen;

typedef struct attention_watch {
    void (*see)(void *ctx, const attention_seen *s);
    void *ctx;
} attention_watch;

typedef struct attention_shape {
    const int32_t *offset;     // [sequences + 1] rows of q
    const int32_t *key_offset; // [sequences + 1] rows of k and v; NULL: offset
    // [sequences] where the keys of each end, so that several may look at the same rows, as the parts
    // of one target look at prefixes of its source; key_offset is then [sequences].  NULL: at the next
    // key_offset.
    const int32_t *key_end;
    size_t sequences;
    int heads;
    // Event i sees the events j <= i of its sequence, of these the last `window` only, if not 0.
    // With a key_offset, a sequence's n queries are the last n of its keys.
    bool causal;
    size_t window;
    double dropout; // of the weights, while training

    size_t q_from, k_from, v_from; // first columns
    size_t key_width, value_width; // columns of one head; 0: q->cols / heads, v->cols / heads

    // Added to the scores; NULL: none.  One row for all heads together, or a row for each.
    const param
        *position_bias;     // [1 or heads][P] by i - j: from 0 if causal, else P / 2 is distance
                            // 0; further ones share the ends
    const param *time_bias; // [1 or heads][buckets] by query_time[i] - key_time[j], see
                            // attention_bucket() of kernels/attention.h
    const int64_t *query_time, *key_time; // seconds: rows of q, rows of k
    const uint8_t *buckets;               // op_attention_buckets(), or NULL

    double divisor; // of op_silu_attention
} attention_shape;

// softmax(q k^T / sqrt(key_width) + biases) v: arXiv:1706.03762, section 3.2.   [N, heads * value_width]
tensor *op_attention(tape *t, tensor *q, tensor *k, tensor *v, const attention_shape *s);

// silu(q k^T + biases) / divisor v: HSTU, arXiv:2402.17152, eq. 2.  The authors' code (facebookresearch/
// generative-recommenders, _hstu_attention_maybe_from_cache) divides by the longest length that a
// sequence may have, the same for short ones, and has one table of biases for all heads.
tensor *op_silu_attention(tape *t, tensor *q, tensor *k, tensor *v, const attention_shape *s);

// The time buckets of all pairs of the shape, whose time_bias and times must be set.  Layers that share
// their times and the number of buckets share them too; each finds its own where NULL is given, which
// this may return.  About a byte for each pair.
const uint8_t *op_attention_buckets(tape *t, const attention_shape *s);

#endif

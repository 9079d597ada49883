// sasrec.c - Self-Attentive Sequential Recommendation.
//
// Paper    W.-C. Kang and J. McAuley, ICDM 2018, arXiv:1808.09781.  Sections cited as III-x.
// Losses   full softmax and shared negatives: A. Klenitskiy and A. Vasilev, "Turning dross into
//          gold loss", RecSys 2023, arXiv:2309.07602; gBCE: A. Petrov and C. Macdonald, RecSys
//          2023, arXiv:2308.07192.
// Code     github.com/kang205/SASRec (the authors'); github.com/pmixer/SASRec.pytorch
//
// Where they disagree, we do as the code does, with which the published figures were made:
//   - a half of a block is x' = y + g(y), y = LayerNorm(x): the residual is what was normalised, and
//     keys and values are made of x itself; the paper has x + Dropout(g(LayerNorm(x))) (III-C)
//   - item vectors are multiplied with sqrt(D) on their way in; the paper does not say so
//   - dropout is on the weights of attention and inside and after the feed-forward layers, not
//     after attention
//   - there is a projection after the heads in the PyTorch code, and here, but not in the authors'
//   - one more normalisation follows the last block
//   - the authors' code aligns positions to the right, so that they shift as a history grows; ours
//     count from the left (as in github.com/antklen/sasrec-bert4rec-recsys23), so that keys and
//     values can be kept between events
//   - items are both inputs and outputs with the same vectors, as III-D has it
//
// Names    V items, N events of the batch (packed, no padding), D features, H heads.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_attention.h"

#include <math.h>

typedef struct sasrec_options {
    network_options base;
} sasrec_options;

static const opt sasrec_table[] = {
#define AT(field) offsetof(sasrec_options, base.field)
#define DROPOUT "0.1"
#define NEGATIVES_OF "sequence"
#include "models/network_options.inc.h"
    ,
#undef AT
    NETWORK_PRESETS,
    OPT_END,
};

enum { BLOCKS_MAX = 64 };
#define EPS 1e-8 // of LayerNorm, as in the code

typedef struct block {
    param *norm1_gain, *norm1_shift, *norm2_gain, *norm2_shift;
    param *query, *query_bias, *key, *key_bias, *value, *value_bias, *merge, *merge_bias;
    param *in, *in_bias, *out, *out_bias;
} block;

typedef struct sasrec {
    network base;
    param *position; // [max_len][D]
    block block[BLOCKS_MAX];
    param *norm_gain, *norm_shift;
} sasrec;

static void declare_block(store *s, block *b, int l, size_t D, double spread)
{
#define MATRIX(name, init) store_add(s, store_name(s, "block.%d." name, l), D, D, init, spread)
#define VECTOR(name, init) store_add_vector(s, store_name(s, "block.%d." name, l), D, init, 0)
    b->norm1_gain = VECTOR("norm1.gain", INIT_ONE);
    b->norm1_shift = VECTOR("norm1.shift", INIT_ZERO);
    b->query = MATRIX("attention.query", INIT_XAVIER);
    b->query_bias = VECTOR("attention.query_bias", INIT_ZERO);
    b->key = MATRIX("attention.key", INIT_XAVIER);
    b->key_bias = VECTOR("attention.key_bias", INIT_ZERO);
    b->value = MATRIX("attention.value", INIT_XAVIER);
    b->value_bias = VECTOR("attention.value_bias", INIT_ZERO);
    b->merge = MATRIX("attention.merge", INIT_NORMAL);
    b->merge_bias = VECTOR("attention.merge_bias", INIT_ZERO);
    b->norm2_gain = VECTOR("norm2.gain", INIT_ONE);
    b->norm2_shift = VECTOR("norm2.shift", INIT_ZERO);
    b->in = MATRIX("ffn.in", INIT_NORMAL);
    b->in_bias = VECTOR("ffn.in_bias", INIT_ZERO);
    b->out = MATRIX("ffn.out", INIT_NORMAL);
    b->out_bias = VECTOR("ffn.out_bias", INIT_ZERO);
#undef MATRIX
#undef VECTOR
}

static habit_status sasrec_declare(network *n, const void *options, habit_error *err)
{
    sasrec *m = (sasrec *)n;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim;
    store *s = n->params;
    (void)options;
    if (o->dim % o->heads)
        return fail(err, HABIT_EINVAL, "--heads: %d does not divide --dim %d", o->heads, o->dim);
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    m->position = store_add(s, "position", (size_t)o->max_len, D, INIT_NORMAL, o->init_std);
    for (int l = 0; l < o->blocks; l++) declare_block(s, &m->block[l], l, D, o->init_std);
    m->norm_gain = store_add_vector(s, "norm.gain", D, INIT_ONE, 0);
    m->norm_shift = store_add_vector(s, "norm.shift", D, INIT_ZERO, 0);
    return HABIT_OK;
}

// One row per event: out[n] is what the user of event n will want next.
static tensor *sasrec_forward(tape *t, const network *n, const batch *b)
{
    const sasrec *m = (const sasrec *)n;
    const network_options *o = &n->options;
    attention_shape among = { .offset = b->offset,
                              .sequences = b->sequences,
                              .heads = o->heads,
                              .causal = true,
                              .dropout = o->dropout,
                              .window = (size_t)o->max_len };

    // III-A  Embedding layer: item vectors plus learned positions.
    tensor *x = op_scale(t, network_inputs(t, n, b), sqrt((double)o->dim)); // [N,D]
    x = op_add(t, x, op_embed(t, m->position, b->position, b->events));
    x = op_dropout(t, x, o->dropout);

    for (int l = 0; l < o->blocks; l++) {
        const block *k = &m->block[l];

        // III-B, III-C  Self-attention: x = y + SA(y; x), never looking ahead.
        tensor *y = op_layer_norm(t, x, k->norm1_gain, k->norm1_shift, EPS);
        tensor *key = op_linear(t, x, k->key, k->key_bias, ACT_NONE);
        tensor *value = op_linear(t, x, k->value, k->value_bias, ACT_NONE);
        if (b->last && l + 1 == o->blocks) network_only_last(t, b, &x, &y, &among);
        tensor *h = op_linear(t, y, k->query, k->query_bias, ACT_NONE);
        h = op_attention(t, h, key, value, &among);
        x = op_add(t, y, op_linear(t, h, k->merge, k->merge_bias, ACT_NONE));

        // III-B, III-C  Feed-forward: x = y + FFN(y).
        y = op_layer_norm(t, x, k->norm2_gain, k->norm2_shift, EPS);
        h = op_linear(t, y, k->in, k->in_bias, ACT_RELU);
        h = op_linear(t, op_dropout(t, h, o->dropout), k->out, k->out_bias, ACT_NONE);
        x = op_add(t, y, op_dropout(t, h, o->dropout));
    }

    // III-D  Prediction layer: out[n] . item[i] is the score of item i after event n.
    return op_layer_norm(t, x, m->norm_gain, m->norm_shift, EPS);
}

static const network_class sasrec_network = {
    .size = sizeof(sasrec),
    .declare = sasrec_declare,
    .forward = sasrec_forward,
    .traits = NETWORK_ABSOLUTE,
};

const model_class model_class_sasrec = {
    .name = "sasrec",
    .version = 2,
    .title = "SASRec",
    .paper = "Kang & McAuley, ICDM 2018, arXiv:1808.09781",
    .needs = NEEDS_ORDER,
    .table = sasrec_table,
    .options_size = sizeof(sasrec_options),
    .network = &sasrec_network,
    NETWORK_CLASS,
};

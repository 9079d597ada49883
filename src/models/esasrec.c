// esasrec.c - eSASRec: SASRec with LiGR blocks and sampled softmax.
//
// Paper    D. Tikhonovich, N. Zelinskiy, A. Petrov et al., "eSASRec: Enhancing Transformer-based
//          Recommendations in a Modular Fashion", RecSys 2025, arXiv:2508.06450.  The block: F. Borisyuk
//          et al., "From Features to Transformers: Redefining Ranking for Scalable Impact" (LiGR),
//          arXiv:2502.03417.
// Code     github.com/blondered/transformer_benchmark, github.com/MobileTeleSystems/RecTools
//
// A LiGR block, with gates that see the residual stream as it is:
//
//     x = x + sigmoid(x G1) * MHA(LayerNorm(x))
//     x = x + sigmoid(x G2) * FFN(LayerNorm(x))          FFN: SwiGLU
//
// Where they disagree:
//   - the papers do not say whether the last block is followed by a normalisation; the code has none,
//     nor do we; --last-norm adds one, as SASRec has it
//   - the code counts positions from the newest event, ours from the window's first
//
// Names    V items, N events of the batch (packed, no padding), D features, F = mult * D.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_attention.h"

#include <math.h>

typedef struct esasrec_options {
    network_options base;
    double ffn_mult;
    bool last_norm;
} esasrec_options;

static const opt esasrec_table[] = {
#define AT(field) offsetof(esasrec_options, base.field)
#define DROPOUT "0.1"
#define LOSS "sampled"
#define NEGATIVES_OF "sequence"
#include "models/network_options.inc.h"
#undef AT
    ,
    { "ffn-mult", "R", OPT_REAL, offsetof(esasrec_options, ffn_mult), "4", 0.01, 64, NULL,
      "width of the feed-forward layers, in units of --dim" },
    { "last-norm", NULL, OPT_FLAG, offsetof(esasrec_options, last_norm), "no", 0, 0, NULL,
      "normalise once more after the last block" },
    NETWORK_PRESETS,
    OPT_END,
};

enum { BLOCKS_MAX = 64 };
#define EPS 1e-5

typedef struct block {
    param *norm1_gain, *norm1_shift, *norm2_gain, *norm2_shift;
    param *query, *key, *value, *merge, *query_bias, *key_bias, *value_bias, *merge_bias;
    param *gate1, *gate1_bias, *gate2, *gate2_bias;
    param *in, *side, *out;
} block;

typedef struct esasrec {
    network base;
    param *position; // [max_len][D]
    block block[BLOCKS_MAX];
    param *norm_gain, *norm_shift; // or NULL
} esasrec;

static void declare_block(store *s, block *b, int l, size_t D, size_t F)
{
#define MATRIX(name, rows, cols)                                                                   \
    store_add(s, store_name(s, "block.%d." name, l), rows, cols, INIT_XAVIER, 0)
#define VECTOR(name, init) store_add_vector(s, store_name(s, "block.%d." name, l), D, init, 0)
    b->norm1_gain = VECTOR("norm1.gain", INIT_ONE);
    b->norm1_shift = VECTOR("norm1.shift", INIT_ZERO);
    b->query = MATRIX("attention.query", D, D);
    b->query_bias = VECTOR("attention.query_bias", INIT_ZERO);
    b->key = MATRIX("attention.key", D, D);
    b->key_bias = VECTOR("attention.key_bias", INIT_ZERO);
    b->value = MATRIX("attention.value", D, D);
    b->value_bias = VECTOR("attention.value_bias", INIT_ZERO);
    b->merge = MATRIX("attention.merge", D, D);
    b->merge_bias = VECTOR("attention.merge_bias", INIT_ZERO);
    b->gate1 = MATRIX("gate1", D, D);
    b->gate1_bias = VECTOR("gate1_bias", INIT_ZERO);
    b->norm2_gain = VECTOR("norm2.gain", INIT_ONE);
    b->norm2_shift = VECTOR("norm2.shift", INIT_ZERO);
    b->in = MATRIX("ffn.in", D, F);
    b->side = MATRIX("ffn.side", D, F);
    b->out = MATRIX("ffn.out", F, D);
    b->gate2 = MATRIX("gate2", D, D);
    b->gate2_bias = VECTOR("gate2_bias", INIT_ZERO);
#undef MATRIX
#undef VECTOR
}

static habit_status esasrec_declare(network *n, const void *options, habit_error *err)
{
    esasrec *m = (esasrec *)n;
    const esasrec_options *own = options;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim, F = (size_t)ceil(o->dim * own->ffn_mult);
    store *s = n->params;
    if (o->dim % o->heads)
        return fail(err, HABIT_EINVAL, "--heads: %d does not divide --dim %d", o->heads, o->dim);
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    m->position = store_add(s, "position", (size_t)o->max_len, D, INIT_NORMAL, o->init_std);
    for (int l = 0; l < o->blocks; l++) declare_block(s, &m->block[l], l, D, F);
    if (own->last_norm) {
        m->norm_gain = store_add_vector(s, "norm.gain", D, INIT_ONE, 0);
        m->norm_shift = store_add_vector(s, "norm.shift", D, INIT_ZERO, 0);
    }
    return HABIT_OK;
}

// One row per event: out[n] is what the user of event n will want next.
static tensor *esasrec_forward(tape *t, const network *n, const batch *b)
{
    const esasrec *m = (const esasrec *)n;
    const network_options *o = &n->options;
    attention_shape among = { .offset = b->offset,
                              .sequences = b->sequences,
                              .heads = o->heads,
                              .causal = true,
                              .dropout = o->dropout,
                              .window = (size_t)o->max_len };
    tensor *x = network_inputs(t, n, b); // [N,D]
    x = op_add(t, x, op_embed(t, m->position, b->position, b->events));
    x = op_dropout(t, x, o->dropout);
    for (int l = 0; l < o->blocks; l++) {
        const block *k = &m->block[l];
        tensor *h = op_layer_norm(t, x, k->norm1_gain, k->norm1_shift, EPS);
        tensor *key = op_linear(t, h, k->key, k->key_bias, ACT_NONE);
        tensor *value = op_linear(t, h, k->value, k->value_bias, ACT_NONE);
        if (b->last && l + 1 == o->blocks) network_only_last(t, b, &x, &h, &among);
        tensor *ask = op_linear(t, h, k->query, k->query_bias, ACT_NONE);
        h = op_linear(t, op_attention(t, ask, key, value, &among), k->merge, k->merge_bias,
                      ACT_NONE);
        tensor *gate = op_linear(t, x, k->gate1, k->gate1_bias, ACT_SIGMOID);
        x = op_add(t, x, op_dropout(t, op_multiply(t, h, gate), o->dropout));

        h = op_layer_norm(t, x, k->norm2_gain, k->norm2_shift, EPS);
        tensor *side = op_linear(t, h, k->side, NULL, ACT_NONE); // [N,F]
        h = op_multiply(t, op_linear(t, h, k->in, NULL, ACT_SILU), side);
        h = op_linear(t, op_dropout(t, h, o->dropout), k->out, NULL, ACT_NONE);
        gate = op_linear(t, x, k->gate2, k->gate2_bias, ACT_SIGMOID);
        x = op_add(t, x, op_dropout(t, op_multiply(t, h, gate), o->dropout));
    }
    return m->norm_gain ? op_layer_norm(t, x, m->norm_gain, m->norm_shift, EPS) : x;
}

static const network_class esasrec_network = {
    .size = sizeof(esasrec),
    .declare = esasrec_declare,
    .forward = esasrec_forward,
    .traits = NETWORK_ABSOLUTE,
};

const model_class model_class_esasrec = {
    .name = "esasrec",
    .version = 1,
    .title = "eSASRec",
    .paper = "Tikhonovich, Zelinskiy, Petrov et al., RecSys 2025, arXiv:2508.06450",
    .needs = NEEDS_ORDER,
    .table = esasrec_table,
    .options_size = sizeof(esasrec_options),
    .network = &esasrec_network,
    NETWORK_CLASS,
};

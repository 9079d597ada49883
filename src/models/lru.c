// lru.c - LRURec: linear recurrent units for sequential recommendation.
//
// Paper    Z. Yue, Y. Wang, Z. He, H. Zeng, J. McAuley and D. Wang, WSDM 2024, arXiv:2310.02367.
//          The unit: A. Orvieto et al., "Resurrecting recurrent neural networks for long
//          sequences", ICML 2023, arXiv:2303.06349.
// Code     github.com/yueqirex/LRURec (model/lru.py)
//
//     x = LN(dropout(item))                             no positions
//     x = LN(x + dropout(Re(C h))),  h' = lambda h + gamma (B x)          h complex, 2 D of them
//     x = LN(x + dropout(W2 dropout(gelu(W1 x))))
//
// Where they disagree:
//   - the unit adds D x to its output; the code adds x itself, which is the residual; so do we
//   - the code has biases beside B and C; so have we
//   - the code cuts histories of more than twice --max-len into several windows; we learn from
//     the latest --max-len events, unless --windows sliding
//   - the code also learns a history's first item, from padding; we do not
//   - the code decays nu, theta and gamma; we decay matrices only
//
// Names    V items, N events of the batch (packed, no padding), D features, H complex numbers of
//          state, F = ffn_mult * D.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_recurrent.h"

typedef struct lru_options {
    network_options base;
    double state_mult, ffn_mult;
} lru_options;

static const opt lru_table[] = {
#define AT(field) offsetof(lru_options, base.field)
#define NO_HEADS
#define OPTIMISER "adamw"
#define WEIGHT_DECAY "0.01"
#define CLIP "5"
#include "models/network_options.inc.h"
#undef AT
    ,
    { "state-mult", "R", OPT_REAL, offsetof(lru_options, state_mult), "2", 1e-3, 64, NULL,
      "complex numbers of a layer's state, in units of --dim" },
    { "ffn-mult", "R", OPT_REAL, offsetof(lru_options, ffn_mult), "4", 1e-3, 64, NULL,
      "width of the feed-forward layers, in units of --dim" },
    NETWORK_PRESETS,
    OPT_END,
};

enum { BLOCKS_MAX = 64 };
#define EPS 1e-5
#define LEAST 0.8 // the ring that |lambda| is drawn from: r_min and r_max of the code
#define MOST 0.99

typedef struct block {
    param *in, *in_bias;   // [D][2H] [2H]: real parts, then imaginary ones
    param *out, *out_bias; // [2H][D] [D]
    lru_params unit;       // [H]
    param *norm1_gain, *norm1_shift, *norm2_gain, *norm2_shift;
    param *wide, *wide_bias, *narrow, *narrow_bias; // [D][F] [F] [F][D] [D]
} block;

typedef struct lru {
    network base;
    param *norm_gain, *norm_shift; // of item vectors
    block block[BLOCKS_MAX];
} lru;

static void declare_block(store *s, block *b, int l, double std, size_t D, size_t H, size_t F)
{
#define MATRIX(name, rows, cols)                                                                   \
    store_add(s, store_name(s, "block.%d." name, l), rows, cols, INIT_TRUNCATED, std)
#define VECTOR(name, cols, init)                                                                   \
    store_add_vector(s, store_name(s, "block.%d." name, l), cols, init, std)
    b->in = MATRIX("lru.in", D, 2 * H);
    b->in_bias = VECTOR("lru.in_bias", 2 * H, INIT_TRUNCATED);
    b->unit.nu = VECTOR("lru.nu", H, INIT_ZERO); // these three: by lru_draw()
    b->unit.theta = VECTOR("lru.theta", H, INIT_ZERO);
    b->unit.log_gamma = VECTOR("lru.log_gamma", H, INIT_ZERO);
    b->out = MATRIX("lru.out", 2 * H, D);
    b->out_bias = VECTOR("lru.out_bias", D, INIT_TRUNCATED);
    b->norm1_gain = VECTOR("norm1.gain", D, INIT_ONE);
    b->norm1_shift = VECTOR("norm1.shift", D, INIT_ZERO);
    b->wide = MATRIX("ffn.in", D, F);
    b->wide_bias = VECTOR("ffn.in_bias", F, INIT_TRUNCATED);
    b->narrow = MATRIX("ffn.out", F, D);
    b->narrow_bias = VECTOR("ffn.out_bias", D, INIT_TRUNCATED);
    b->norm2_gain = VECTOR("norm2.gain", D, INIT_ONE);
    b->norm2_shift = VECTOR("norm2.shift", D, INIT_ZERO);
#undef MATRIX
#undef VECTOR
}

static habit_status lru_declare(network *n, const void *options, habit_error *err)
{
    lru *m = (lru *)n;
    const lru_options *own = options;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim, H = (size_t)(own->state_mult * o->dim),
                 F = (size_t)(own->ffn_mult * o->dim);
    store *s = n->params;
    if (H == 0 || F == 0)
        return fail(err, HABIT_EINVAL,
                    "--state-mult %g, --ffn-mult %g: nothing is left of --dim %d", own->state_mult,
                    own->ffn_mult, o->dim);
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_TRUNCATED, o->init_std);
    n->out_bias = store_add_vector(s, "item_bias", n->base.items, INIT_TRUNCATED, o->init_std);
    m->norm_gain = store_add_vector(s, "norm.gain", D, INIT_ONE, 0);
    m->norm_shift = store_add_vector(s, "norm.shift", D, INIT_ZERO, 0);
    for (int l = 0; l < o->blocks; l++) declare_block(s, &m->block[l], l, o->init_std, D, H, F);
    return HABIT_OK;
}

static void lru_draw_units(network *n, uint64_t seed)
{
    const lru *m = (const lru *)n;
    for (int l = 0; l < n->options.blocks; l++)
        lru_draw(&m->block[l].unit, store_type(n->params), LEAST, MOST, seed + (uint64_t)l);
}

// One row per event: out[n] . item[i] + item_bias[i] is the score of item i after event n.
static tensor *lru_forward(tape *t, const network *n, const batch *b)
{
    const lru *m = (const lru *)n;
    const network_options *o = &n->options;
    tensor *x = op_dropout(t, network_inputs(t, n, b), o->dropout); // [N,D]
    x = op_layer_norm(t, x, m->norm_gain, m->norm_shift, EPS);
    for (int l = 0; l < o->blocks; l++) {
        const block *k = &m->block[l];
        tensor *h = op_linear(t, x, k->in, k->in_bias, ACT_NONE); // [N,2H]
        h = op_lru(t, h, &k->unit, b->offset, b->sequences, NULL);
        if (b->last && l + 1 == o->blocks) { // nothing below looks at other rows
            x = op_pick(t, x, b->last, b->sequences);
            h = op_pick(t, h, b->last, b->sequences);
        }
        h = op_linear(t, h, k->out, k->out_bias, ACT_NONE); // [N,D]
        x = op_add(t, op_dropout(t, h, o->dropout), x);
        x = op_layer_norm(t, x, k->norm1_gain, k->norm1_shift, EPS);

        h = op_linear(t, x, k->wide, k->wide_bias, ACT_GELU_ERF); // [N,F]
        h = op_linear(t, op_dropout(t, h, o->dropout), k->narrow, k->narrow_bias, ACT_NONE);
        x = op_add(t, op_dropout(t, h, o->dropout), x);
        x = op_layer_norm(t, x, k->norm2_gain, k->norm2_shift, EPS);
    }
    return x;
}

static const network_class lru_network = {
    .size = sizeof(lru),
    .declare = lru_declare,
    .draw = lru_draw_units,
    .forward = lru_forward,
};

const model_class model_class_lru = {
    .name = "lru",
    .version = 1,
    .title = "LRURec",
    .paper = "Yue, Wang, He, Zeng, McAuley & Wang, WSDM 2024, arXiv:2310.02367",
    .needs = NEEDS_ORDER,
    .table = lru_table,
    .options_size = sizeof(lru_options),
    .network = &lru_network,
    NETWORK_CLASS,
};

// bert4rec.c - BERT4Rec: events hidden in the midst of a history, told from both sides.
//
// Paper    F. Sun et al., "BERT4Rec: Sequential Recommendation with Bidirectional Encoder
//          Representations from Transformer", CIKM 2019, arXiv:1904.06690.  Equations 1 to 8.
// Code     github.com/FeiSun/BERT4Rec (the authors'; modeling.py, run.py, gen_data_fin.py).  Figures
//          to compare with: github.com/antklen/sasrec-bert4rec-recsys23, github.com/asash/bert4rec_repro
//
//     learning   some events are replaced by a mask, and told from all others
//     asking     a mask stands after the history
//
// Where they disagree:
//   - the code normalises once more before the blocks (--input-norm, on) and in the head
//     (--head gelu-norm, the default); the paper does not.  antklen's, whose defaults ours are but for
//     that, has the first, and no head (--head none) and no number per item
//   - the paper learns from 15 % .. 60 % masks depending on the log; antklen's from 20 % on all
//   - the code adds histories with the last event alone masked, about one in eleven: --mask-last 0.09
//   - the code adds a vector of token type, the same for all events, and lets padding and mask take part
//     in the softmax; we do neither
//   - the code stops at a number of masks per history; we do not, but hide at least one and show at
//     least one
//
// A history of --max-len events includes the mask, so that the latest --max-len - 1 are looked at.
//
// Names    V items, N events of the batch (packed, no padding), D features, H heads, F = ffn_mult * D.
#include "models/network.h"
#include "models/registry.h"
#include "models/views.h"

#include <math.h>
#include <string.h>

typedef struct bert4rec_options {
    network_options base;
    double mask_share, mask_last, ffn_mult;
    bool input_norm;
    const char *head;
} bert4rec_options;

// clang-format off
static const opt bert4rec_table[] = {
#define AT(field) offsetof(bert4rec_options, base.field)
#define HEADS "2"
#define DROPOUT "0.1"
#define PATIENCE "20"
#include "models/network_options.inc.h"
#undef AT
    ,
#define AT(field) offsetof(bert4rec_options, field)
    { "mask-share", "P", OPT_REAL, AT(mask_share), "0.2", 0.001, 0.999, NULL,
      "chance of an event to be hidden while learning" },
    { "mask-last", "P", OPT_REAL, AT(mask_last), "0", 0, 1, NULL,
      "chance of a history to be learned from with its last event alone hidden" },
    { "ffn-mult", "R", OPT_REAL, AT(ffn_mult), "4", 1e-3, 64, NULL,
      "width of the feed-forward layers, in units of --dim" },
    { "input-norm", NULL, OPT_FLAG, AT(input_norm), "yes", 0, 0, NULL,
      "normalise before the first block" },
    { "head", "NAME", OPT_CHOICE, AT(head), "gelu-norm", 0, 0, "none|gelu|gelu-norm",
      "what stands between the last block and the scores" },
#undef AT
    NETWORK_PRESETS,
    OPT_END,
};
// clang-format on

enum { BLOCKS_MAX = 64 };
#define EPS 1e-12

typedef struct block {
    param *query, *key, *value, *merge, *query_bias, *key_bias, *value_bias, *merge_bias;
    param *norm1_gain, *norm1_shift, *norm2_gain, *norm2_shift;
    param *in, *in_bias, *out, *out_bias;
} block;

typedef struct bert4rec {
    network base;
    double mask_share, mask_last;
    param *mask;                     // [1][D] in the place of an item's vector
    param *position;                 // [max_len][D]
    param *input_gain, *input_shift; // or NULL
    block block[BLOCKS_MAX];
    param *head, *head_bias, *head_gain, *head_shift; // or NULL
} bert4rec;

static void declare_block(store *s, block *b, int l, size_t D, size_t F, double spread)
{
#define MATRIX(name, rows, cols)                                                                   \
    store_add(s, store_name(s, "block.%d." name, l), rows, cols, INIT_NORMAL, spread)
#define VECTOR(name, cols, init)                                                                   \
    store_add_vector(s, store_name(s, "block.%d." name, l), cols, init, 0)
    b->query = MATRIX("attention.query", D, D);
    b->query_bias = VECTOR("attention.query_bias", D, INIT_ZERO);
    b->key = MATRIX("attention.key", D, D);
    b->key_bias = VECTOR("attention.key_bias", D, INIT_ZERO);
    b->value = MATRIX("attention.value", D, D);
    b->value_bias = VECTOR("attention.value_bias", D, INIT_ZERO);
    b->merge = MATRIX("attention.merge", D, D);
    b->merge_bias = VECTOR("attention.merge_bias", D, INIT_ZERO);
    b->norm1_gain = VECTOR("norm1.gain", D, INIT_ONE);
    b->norm1_shift = VECTOR("norm1.shift", D, INIT_ZERO);
    b->in = MATRIX("ffn.in", D, F);
    b->in_bias = VECTOR("ffn.in_bias", F, INIT_ZERO);
    b->out = MATRIX("ffn.out", F, D);
    b->out_bias = VECTOR("ffn.out_bias", D, INIT_ZERO);
    b->norm2_gain = VECTOR("norm2.gain", D, INIT_ONE);
    b->norm2_shift = VECTOR("norm2.shift", D, INIT_ZERO);
#undef MATRIX
#undef VECTOR
}

static habit_status bert4rec_declare(network *n, const void *options, habit_error *err)
{
    bert4rec *m = (bert4rec *)n;
    const bert4rec_options *own = options;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim, F = (size_t)ceil(o->dim * own->ffn_mult);
    store *s = n->params;
    if (o->dim % o->heads)
        return fail(err, HABIT_EINVAL, "--heads: %d does not divide --dim %d", o->heads, o->dim);
    m->mask_share = own->mask_share;
    m->mask_last = own->mask_last;
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    n->out_bias = store_add_vector(s, "bias", n->base.items, INIT_ZERO, 0);
    m->mask = store_add(s, "mask", 1, D, INIT_NORMAL, o->init_std);
    m->position = store_add(s, "position", (size_t)o->max_len, D, INIT_NORMAL, o->init_std);
    if (own->input_norm) {
        m->input_gain = store_add_vector(s, "input.gain", D, INIT_ONE, 0);
        m->input_shift = store_add_vector(s, "input.shift", D, INIT_ZERO, 0);
    }
    for (int l = 0; l < o->blocks; l++) declare_block(s, &m->block[l], l, D, F, o->init_std);
    if (strcmp(own->head, "none") == 0) return HABIT_OK;
    m->head = store_add(s, "head.w", D, D, INIT_NORMAL, o->init_std);
    m->head_bias = store_add_vector(s, "head.b", D, INIT_ZERO, 0);
    if (strcmp(own->head, "gelu") == 0) return HABIT_OK;
    m->head_gain = store_add_vector(s, "head.gain", D, INIT_ONE, 0);
    m->head_shift = store_add_vector(s, "head.shift", D, INIT_ZERO, 0);
    return HABIT_OK;
}

// --- the text ---------------------------------------------------------------------------------------

// Items, or the mask where there is none, and positions.
static tensor *embed(tape *t, const bert4rec *m, const batch *b)
{
    int32_t *hidden = tape_memory(t, b->events, sizeof *hidden);
    for (size_t e = 0; hidden && e < b->events; e++) hidden[e] = b->item[e] < 0 ? 0 : -1;
    tensor *x = network_inputs(t, &m->base, b); // [N,D]
    x = op_add(t, x, op_embed(t, m->mask, hidden, b->events));
    x = op_add(t, x, op_embed(t, m->position, b->position, b->events));
    if (m->input_gain) x = op_layer_norm(t, x, m->input_gain, m->input_shift, EPS);
    return op_dropout(t, x, m->base.options.dropout);
}

// What the layers make of every event, or of the last ones if only those are asked for.
static tensor *read_events(tape *t, const bert4rec *m, const batch *b)
{
    const network_options *o = &m->base.options;
    attention_shape among = {
        .offset = b->offset, .sequences = b->sequences, .heads = o->heads, .dropout = o->dropout
    };
    tensor *x = embed(t, m, b);
    for (int l = 0; l < o->blocks; l++) {
        const block *k = &m->block[l];

        // Eq. 1 to 3  Everything looks at everything: x = LN(x + MH(x)).
        tensor *h = x;
        tensor *key = op_linear(t, h, k->key, k->key_bias, ACT_NONE);
        tensor *value = op_linear(t, h, k->value, k->value_bias, ACT_NONE);
        if (b->last && l + 1 == o->blocks) network_only_last(t, b, &x, &h, &among);
        tensor *ask = op_linear(t, h, k->query, k->query_bias, ACT_NONE);
        h = op_attention(t, ask, key, value, &among);
        h = op_dropout(t, op_linear(t, h, k->merge, k->merge_bias, ACT_NONE), o->dropout);
        x = op_layer_norm(t, op_add(t, x, h), k->norm1_gain, k->norm1_shift, EPS);

        // Eq. 4 to 6  x = LN(x + PFFN(x)), with the exact GELU.
        h = op_linear(t, x, k->in, k->in_bias, ACT_GELU_ERF);
        h = op_dropout(t, op_linear(t, h, k->out, k->out_bias, ACT_NONE), o->dropout);
        x = op_layer_norm(t, op_add(t, x, h), k->norm2_gain, k->norm2_shift, EPS);
    }
    return x;
}

// Eq. 7  What is scored; the softmax and a number per item are in the loss.
static tensor *tell(tape *t, const bert4rec *m, tensor *x)
{
    if (m->head) x = op_linear(t, x, m->head, m->head_bias, ACT_GELU_ERF);
    return m->head_gain ? op_layer_norm(t, x, m->head_gain, m->head_shift, EPS) : x;
}

// One row per event: what it is told to be.  Those of hidden events are answers.
static tensor *bert4rec_forward(tape *t, const network *n, const batch *b)
{
    const bert4rec *m = (const bert4rec *)n;
    return tell(t, m, read_events(t, m, b));
}

// Eq. 8  The loss over hidden events alone, as if there were one for every target of the batch.
static tensor *bert4rec_loss(tape *t, const network *n, const batch *b)
{
    const bert4rec *m = (const bert4rec *)n;
    const masking how = { m->mask_share, m->mask_last, (size_t)n->options.max_len };
    batch v;
    if (!view_masked(&v, t, b, &how)) return network_loss(t, n, b); // out of memory
    batch asked = v;
    int32_t *row = tape_memory(t, v.targets, sizeof *row);
    int32_t *target = tape_memory(t, v.targets, sizeof *target);
    int32_t *offset = tape_memory(t, v.sequences + 1, sizeof *offset);
    float *value = tape_memory(t, v.targets, sizeof *value);
    if (!row || !target || !offset || !value) return network_loss(t, n, b);
    asked.events = 0;
    asked.target = target;
    asked.next_value = v.value ? value : NULL;
    asked.offset = offset;
    offset[0] = 0;
    for (size_t s = 0; s < v.sequences; s++) {
        for (int32_t e = v.offset[s]; e < v.offset[s + 1]; e++) {
            if (v.target[e] < 0) continue;
            row[asked.events] = e;
            value[asked.events] = v.value ? v.value[e] : NAN;
            target[asked.events++] = v.target[e];
        }
        offset[s + 1] = (int32_t)asked.events;
    }
    tensor *h = op_pick(t, read_events(t, m, &v), row, asked.events);
    tensor *loss = network_loss_of(t, n, &asked, tell(t, m, h));
    return op_scale(t, loss, 1 / m->mask_share);
}

static const network_class bert4rec_network = {
    .size = sizeof(bert4rec),
    .declare = bert4rec_declare,
    .forward = bert4rec_forward,
    .loss = bert4rec_loss,
    .traits = NETWORK_ABSOLUTE | NETWORK_RECOMPUTES | NETWORK_MASKS,
};

const model_class model_class_bert4rec = {
    .name = "bert4rec",
    .version = 1,
    .title = "BERT4Rec",
    .paper = "Sun et al., CIKM 2019, arXiv:1904.06690",
    .needs = NEEDS_ORDER,
    .table = bert4rec_table,
    .options_size = sizeof(bert4rec_options),
    .network = &bert4rec_network,
    NETWORK_CLASS,
};

// hstu.c - HSTU: hierarchical sequential transduction units.
//
// Paper    J. Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers
//          for Generative Recommendations", ICML 2024, arXiv:2402.17152.  Equations 1 to 3, for logs
//          of items (section 4.1.1).
// Code     github.com/facebookresearch/generative-recommenders (the authors'; research/modeling/
//          sequential/hstu.py and its preprocessors, losses and configs/ml-1m);
//          github.com/MobileTeleSystems/RecTools (transformers/hstu.py), whose figures with the time
//          of the question are the best we know of on MovieLens-1M
//
// A unit, with f = silu and no softmax anywhere:
//
//     U, V, Q, K = the columns of f(LN(x) W)                                             (1)
//     A_i        = sum over j <= i of f(Q_i K_j + position[i - j] + time[bucket]) / L V_j  (2)
//     x          = x + (LN(A) * U) W' + b                                                (3)
//
// The bucket of (i, j) is that of the interval between event j and the moment at which event i's
// answer is asked for: while learning the moment of event i + 1, later that of the question.  A model
// so trained is told when, not what.  Where it is not known the event's own moment is taken.
//
// Where they disagree:
//   - the paper has no 1 / L in (2); both codes divide by the longest length, the same for short
//     histories; so do we, with L = --max-len (the authors' has 11 places more)
//   - the paper does not say how answers are scored: both codes by cosines over a temperature .05
//   - the authors' norms have neither gain nor shift, RecTools' have both; so have ours
//   - positions are counted from the window's first event, as in the authors' code; RecTools counts
//     from the newest
//   - matrices start as in RecTools; the authors draw W with a standard deviation of .02
//   - an item's vector is multiplied by sqrt(D) when it comes in, as in both codes
//
// Names    V items, N events of the batch (packed, no padding), D features, H heads, E and C widths
//          of a head's U and V, and of its Q and K.
#include "base/clock.h"
#include "models/network.h"
#include "models/registry.h"

#include <math.h>

typedef struct hstu_options {
    network_options base;
    int value_width, key_width, time_buckets;
    bool position_bias, time_bias;
} hstu_options;

// clang-format off
static const opt hstu_table[] = {
#define AT(field) offsetof(hstu_options, base.field)
#define DIM "50"
#define LOSS "sampled"
#define NEGATIVES "128"
#define NEGATIVES_OF "target"
#define COSINE "yes"
#define TEMPERATURE "0.05"
#define EPOCHS "100"
#define BETA2 "0.98"
#include "models/network_options.inc.h"
#undef AT
    ,
#define AT(field) offsetof(hstu_options, field)
    { "value-width", "N", OPT_INT, AT(value_width), "0", 0, 4096, NULL,
      "columns of a head's values and gates; 0: --dim / --heads" },
    { "key-width", "N", OPT_INT, AT(key_width), "0", 0, 4096, NULL,
      "columns of a head's queries and keys; 0: --dim / --heads" },
    { "position-bias", NULL, OPT_FLAG, AT(position_bias), "yes", 0, 0, NULL,
      "attention looks at how many events lie between" },
    { "time-bias", NULL, OPT_FLAG, AT(time_bias), "yes", 0, 0, NULL,
      "attention looks at how much time lies between, up to the question" },
    { "time-buckets", "N", OPT_INT, AT(time_buckets), "129", 1, 4096, NULL,
      "kinds of intervals, each 1.35 times as long as the one before" },
#undef AT
    NETWORK_PRESETS,
    OPT_END,
};
// clang-format on

enum { BLOCKS_MAX = 64 };
#define EPS 1e-6

typedef struct block {
    param *norm1_gain, *norm1_shift, *norm2_gain, *norm2_shift;
    param *uvqk, *merge, *merge_bias;
    param *position_bias, *time_bias; // or NULL
} block;

typedef struct hstu {
    network base;
    size_t E, C;
    param *position; // [max_len][D]
    block block[BLOCKS_MAX];
} hstu;

static void declare_block(const hstu *m, block *b, int l, const hstu_options *o)
{
    store *s = m->base.params;
    const size_t D = (size_t)o->base.dim, H = (size_t)o->base.heads, HE = H * m->E, HC = H * m->C;
#define MATRIX(name, rows, cols)                                                                   \
    store_add(s, store_name(s, "block.%d." name, l), rows, cols, INIT_XAVIER, 0)
#define VECTOR(name, cols, init, by)                                                               \
    store_add_vector(s, store_name(s, "block.%d." name, l), cols, init, by)
    b->norm1_gain = VECTOR("norm1.gain", D, INIT_ONE, 0);
    b->norm1_shift = VECTOR("norm1.shift", D, INIT_ZERO, 0);
    b->uvqk = MATRIX("uvqk", D, 2 * HE + 2 * HC);
    if (o->position_bias)
        b->position_bias = VECTOR("position_bias", (size_t)o->base.max_len, INIT_NORMAL, 0.02);
    if (o->time_bias)
        b->time_bias = VECTOR("time_bias", (size_t)o->time_buckets, INIT_NORMAL, 0.02);
    b->norm2_gain = VECTOR("norm2.gain", HE, INIT_ONE, 0);
    b->norm2_shift = VECTOR("norm2.shift", HE, INIT_ZERO, 0);
    b->merge = MATRIX("merge", HE, D);
    b->merge_bias = VECTOR("merge_bias", D, INIT_ZERO, 0);
#undef MATRIX
#undef VECTOR
}

static habit_status hstu_declare(network *n, const void *options, habit_error *err)
{
    hstu *m = (hstu *)n;
    const hstu_options *o = options;
    const size_t D = (size_t)o->base.dim, width = D / (size_t)o->base.heads;
    store *s = n->params;
    if (o->base.dim % o->base.heads && !(o->key_width && o->value_width))
        return fail(err, HABIT_EINVAL, "--heads: %d does not divide --dim %d", o->base.heads,
                    o->base.dim);
    m->E = o->value_width ? (size_t)o->value_width : width;
    m->C = o->key_width ? (size_t)o->key_width : width;
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->base.init_std);
    m->position = store_add(s, "position", (size_t)o->base.max_len, D, INIT_NORMAL,
                            o->base.init_std * sqrt((double)D)); // as large as items come in
    for (int l = 0; l < o->base.blocks; l++) declare_block(m, &m->block[l], l, o);
    return HABIT_OK;
}

static int64_t seconds(int64_t time)
{
    return time / 1000000 - (time % 1000000 < 0);
}

// Moments of events and of questions, in seconds.  An unknown moment is 0, and so is that of the
// question about it: no interval.
static void find_times(tape *t, const batch *b, attention_shape *among)
{
    static const int64_t none; // stands in where nothing is computed
    int64_t *key = tape_memory(t, b->events, sizeof *key);
    int64_t *asked = tape_memory(t, b->events, sizeof *asked);
    among->key_time = key ? key : &none;
    among->query_time = asked ? asked : &none;
    if (!key || !asked) return;
    for (size_t e = 0; e < b->events; e++) {
        const bool known = b->time && b->time[e] != TIME_NONE;
        const bool next = known && b->next_time && b->next_time[e] != TIME_NONE;
        key[e] = known ? seconds(b->time[e]) : 0;
        asked[e] = next ? seconds(b->next_time[e]) : key[e];
    }
}

// One row per event: out[n] is what the user of event n will want at the next moment.
// In the last block only last rows are asked for: what x and uvqk were, and when.  [S,.]
static void ask_last(tape *t, const batch *b, tensor **x, tensor **uvqk, attention_shape *among)
{
    int64_t *asked = tape_memory(t, b->sequences, sizeof *asked);
    network_only_last(t, b, x, uvqk, among);
    for (size_t s = 0; asked && s < b->sequences; s++) asked[s] = among->query_time[b->last[s]];
    if (asked) among->query_time = asked;
    among->buckets = NULL; // those of other pairs
}

static tensor *hstu_forward(tape *t, const network *n, const batch *b)
{
    const hstu *m = (const hstu *)n;
    const network_options *o = &n->options;
    const size_t HE = (size_t)o->heads * m->E, HC = (size_t)o->heads * m->C;
    attention_shape among = { .offset = b->offset,
                              .sequences = b->sequences,
                              .heads = o->heads,
                              .causal = true,
                              .window = (size_t)o->max_len,
                              .q_from = 2 * HE,
                              .k_from = 2 * HE + HC,
                              .v_from = HE,
                              .key_width = m->C,
                              .value_width = m->E,
                              .divisor = o->max_len };
    find_times(t, b, &among);
    among.time_bias = m->block[0].time_bias;
    among.buckets = op_attention_buckets(t, &among);                // the same for all units
    tensor *x = op_scale(t, network_inputs(t, n, b), sqrt(o->dim)); // [N,D]
    x = op_add(t, x, op_embed(t, m->position, b->position, b->events));
    x = op_dropout(t, x, o->dropout);
    for (int l = 0; l < o->blocks; l++) {
        const block *k = &m->block[l];
        tensor *h = op_layer_norm(t, x, k->norm1_gain, k->norm1_shift, EPS);
        tensor *uvqk = op_linear(t, h, k->uvqk, NULL, ACT_SILU); // (1)  [N, 2 H E + 2 H C]
        tensor *asks = uvqk;
        if (b->last && l + 1 == o->blocks) ask_last(t, b, &x, &asks, &among);
        among.position_bias = k->position_bias;
        among.time_bias = k->time_bias;
        h = op_silu_attention(t, asks, uvqk, uvqk, &among); // (2)  [N, H E]
        h = op_layer_norm(t, h, k->norm2_gain, k->norm2_shift, EPS);
        h = op_multiply(t, h, op_columns(t, asks, 0, HE)); // (3)
        h = op_linear(t, op_dropout(t, h, o->dropout), k->merge, k->merge_bias, ACT_NONE);
        x = op_add(t, x, h);
    }
    return x;
}

static const network_class hstu_network = {
    .size = sizeof(hstu),
    .declare = hstu_declare,
    .forward = hstu_forward,
    .traits = NETWORK_ABSOLUTE | NETWORK_ASKS_TIME,
};

const model_class model_class_hstu = {
    .name = "hstu",
    .version = 1,
    .title = "HSTU",
    .paper = "Zhai et al., ICML 2024, arXiv:2402.17152",
    .needs = NEEDS_ORDER | USES_TIME,
    .table = hstu_table,
    .options_size = sizeof(hstu_options),
    .network = &hstu_network,
    NETWORK_CLASS,
};

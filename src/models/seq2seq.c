// seq2seq.c - the next several behaviours, item and type, by a Transformer encoder and decoder.
//
// Papers   A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv:1706.03762: encoder and
//          decoder, sections cited below.  I. Sutskever, O. Vinyals and Q. Le, NIPS 2014,
//          arXiv:1409.3215, and K. Cho et al., EMNLP 2014, arXiv:1406.1078: a sequence told from a
//          sequence, one step from those before it, and beam search.
//          For recommendation: J. Ma et al., "Disentangled self-supervision in sequential
//          recommenders", KDD 2020, who learn from the longer future and not from the next event
//          alone; A. Volodkevich et al., arXiv:2409.17730: greedy and beam answers for the near
//          future, of a decoder without an encoder; Z. Liu et al., "Multi-behavior generative
//          recommendation" (MBGen), CIKM 2024, arXiv:2405.16871: items and types told one by one.
//
// A history up to some event is the source, the --steps events after it are the target:
//
//     P(target | source) = product over steps of  P(item | before) P(type | before, item)
//
// Learning  The encoder is causal, so that one pass over a window encodes every prefix of it.  The
//          window is cut into parts of --steps events, the first of which has a length drawn anew in
//          every step; a part is told from the source that ends with the event before it, so
//          that every event is a target once in every pass, and in every place of a target in turn:
//
//              events     a  b  c  d  e  f  g  h          --steps 3, first part of 2
//              sources    a     a..c     a..f             as the encoder sees them
//              inputs     a  b |c  d  e |f  g             of the decoder, which sees its part alone,
//              targets    b  c |d  e  f |g  h             and its source
//
//          An encoder that looks both ways would have to run once for each part.
// Asking   The source is the whole history; what is scored for the next item is the first step.
//
// Where we differ from 1706.03762:
//   - the encoder is causal; positions are learned (their table 3, row E, finds no difference)
//   - there is no start symbol: the decoder begins with the last event of the source
//   - a constant learning rate, and no label smoothing
//   - matrices that end a half of a layer begin small (--init-std), as in sasrec.c
// and from MBGen: the item comes first and its type second, so that the first step ranks items.
//
// Norms after each half of a layer, as the paper has them: with norms before it (R. Xiong et al.,
// arXiv:2002.04745) and without the sqrt(D) of 3.4, MovieLens-1M took more than twice the epochs.
//
// Names    V items, T types, N events of the batch (packed, no padding), D features, K steps.
#include "models/seq2seq.h"
#include "base/rng.h"
#include "models/registry.h"

#include <math.h>

typedef struct seq2seq_options {
    network_options base;
    int steps, decoder_blocks;
    double ffn_mult, behaviour_weight, behaviour_dropout;
} seq2seq_options;

// clang-format off
static const opt seq2seq_table[] = {
#define AT(field) offsetof(seq2seq_options, base.field)
#include "models/network_options.inc.h"
#undef AT
    ,
#define AT(field) offsetof(seq2seq_options, field)
    { "steps", "N", OPT_INT, AT(steps), "5", 1, SEQ2SEQ_STEPS, NULL,
      "behaviours that are told after a history" },
    { "decoder-blocks", "N", OPT_INT, AT(decoder_blocks), "1", 1, SEQ2SEQ_BLOCKS, NULL,
      "layers of the decoder; --blocks are those of the encoder" },
    { "ffn-mult", "R", OPT_REAL, AT(ffn_mult), "4", 1e-3, 64, NULL,
      "width of the feed-forward layers, in units of --dim" },
    { "behaviour-weight", "R", OPT_REAL, AT(behaviour_weight), "1", 0, 1000, NULL,
      "weight of telling the type of behaviour beside telling the item" },
    { "behaviour-dropout", "P", OPT_REAL, AT(behaviour_dropout), "0.1", 0, 1, NULL,
      "chance of a history to be learned from without its types, as strangers bring it" },
#undef AT
    NETWORK_PRESETS,
    OPT_END,
};
// clang-format on

enum { STREAM_CUT = 0x5E92, STREAM_HIDE = 0x71DE };
#define EPS 1e-8

// --- parameters -------------------------------------------------------------------------------------

#define MATRIX(name, rows, cols, init)                                                             \
    store_add(s, store_name(s, "%s.%d." name, side, l), rows, cols, init, spread)
#define VECTOR(name, cols, init)                                                                   \
    store_add_vector(s, store_name(s, "%s.%d." name, side, l), cols, init, 0)

static void declare_attention(store *s, seq2seq_attention *a, const char *side, int l, size_t D,
                              double spread)
{
    a->gain = VECTOR("norm.gain", D, INIT_ONE);
    a->shift = VECTOR("norm.shift", D, INIT_ZERO);
    a->query = MATRIX("query", D, D, INIT_XAVIER);
    a->query_bias = VECTOR("query_bias", D, INIT_ZERO);
    a->key = MATRIX("key", D, D, INIT_XAVIER);
    a->key_bias = VECTOR("key_bias", D, INIT_ZERO);
    a->value = MATRIX("value", D, D, INIT_XAVIER);
    a->value_bias = VECTOR("value_bias", D, INIT_ZERO);
    a->merge = MATRIX("merge", D, D, INIT_NORMAL);
    a->merge_bias = VECTOR("merge_bias", D, INIT_ZERO);
}

static void declare_feed(store *s, seq2seq_feed *f, const char *side, int l, size_t D, size_t F,
                         double spread)
{
    f->gain = VECTOR("norm.gain", D, INIT_ONE);
    f->shift = VECTOR("norm.shift", D, INIT_ZERO);
    f->in = MATRIX("in", D, F, INIT_NORMAL);
    f->in_bias = VECTOR("in_bias", F, INIT_ZERO);
    f->out = MATRIX("out", F, D, INIT_NORMAL);
    f->out_bias = VECTOR("out_bias", D, INIT_ZERO);
}

#undef MATRIX
#undef VECTOR

static void declare_types(seq2seq *m, store *s, size_t T, size_t D, double spread)
{
    m->type = store_add(s, "type", T, D, INIT_NORMAL, spread);
    m->told = store_add(s, "told.row", D, D, INIT_XAVIER, 0);
    m->told_item = store_add(s, "told.item", D, D, INIT_XAVIER, 0);
    m->told_bias = store_add_vector(s, "told.bias", D, INIT_ZERO, 0);
    m->type_out = store_add(s, "type.out", T, D, INIT_NORMAL, spread);
    m->type_bias = store_add_vector(s, "type.out_bias", T, INIT_ZERO, 0);
    m->type->open = m->type_out->open = m->type_bias->open = T == 0;
}

// Types of behaviour in a log, at least 1; of a file that will be read 0.
static size_t types_of(const log_view *log)
{
    const size_t known = log && log->behaviour && log->data ? log->data->behaviours.count : 0;
    return log && known == 0 ? 1 : known;
}

static habit_status seq2seq_declare(network *n, const void *options, habit_error *err)
{
    seq2seq *m = (seq2seq *)n;
    const seq2seq_options *own = options;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim, F = (size_t)ceil(o->dim * own->ffn_mult);
    store *s = n->params;
    if (o->dim % o->heads)
        return fail(err, HABIT_EINVAL, "--heads: %d does not divide --dim %d", o->heads, o->dim);
    m->steps = own->steps;
    m->decoder_blocks = own->decoder_blocks;
    m->behaviour_weight = own->behaviour_weight;
    m->behaviour_dropout = own->behaviour_dropout;
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    m->position = store_add(s, "position", (size_t)o->max_len, D, INIT_NORMAL, o->init_std);
    m->step = store_add(s, "step", (size_t)own->steps, D, INIT_NORMAL, o->init_std);
    for (int l = 0; l < o->blocks; l++) {
        declare_attention(s, &m->encoder[l].self, "encoder.self", l, D, o->init_std);
        declare_feed(s, &m->encoder[l].feed, "encoder.ffn", l, D, F, o->init_std);
    }
    for (int l = 0; l < own->decoder_blocks; l++) {
        declare_attention(s, &m->decoder[l].self, "decoder.self", l, D, o->init_std);
        declare_attention(s, &m->decoder[l].source, "decoder.source", l, D, o->init_std);
        declare_feed(s, &m->decoder[l].feed, "decoder.ffn", l, D, F, o->init_std);
    }
    declare_types(m, s, types_of(n->log), D, o->init_std);
    return HABIT_OK;
}

static habit_status seq2seq_ready(model *any, const void *options, habit_error *err)
{
    seq2seq *m = (seq2seq *)any;
    TRY(network_ready(any, options, err));
    const size_t T = m->type->rows;
    if (T == 0 || T > BEHAVIOUR_NONE || m->type_out->rows != T || m->type_bias->cols != T)
        return fail(err, HABIT_EFORMAT, "the arrays of behaviour types do not fit each other");
    return HABIT_OK;
}

// --- the text ---------------------------------------------------------------------------------------

// 3.2.2, 3.2.3  Multi-head attention to `source`, or of x to itself where it is NULL.
static tensor *attend(tape *t, const seq2seq_attention *a, tensor *x, tensor *source,
                      const attention_shape *among, double drop)
{
    tensor *from = source ? source : x;
    tensor *value = op_linear(t, from, a->value, a->value_bias, ACT_NONE);
    if (among->sequences) {
        tensor *key = op_linear(t, from, a->key, a->key_bias, ACT_NONE);
        tensor *ask = op_linear(t, x, a->query, a->query_bias, ACT_NONE);
        value = op_attention(t, ask, key, value, among);
    } // else a row sees itself alone, and the weight of the only one is 1
    tensor *h = op_linear(t, value, a->merge, a->merge_bias, ACT_NONE);
    return op_layer_norm(t, op_add(t, x, op_dropout(t, h, drop)), a->gain, a->shift, EPS);
}

// 3.3  Position-wise feed-forward.
static tensor *feed(tape *t, const seq2seq_feed *f, tensor *x, double drop)
{
    tensor *h = op_linear(t, x, f->in, f->in_bias, ACT_RELU);
    h = op_linear(t, op_dropout(t, h, drop), f->out, f->out_bias, ACT_NONE);
    return op_layer_norm(t, op_add(t, x, op_dropout(t, h, drop)), f->gain, f->shift, EPS);
}

// x and what was done to the items.
static tensor *add_types(tape *t, const seq2seq *m, tensor *x, const int32_t *item,
                         const uint8_t *behaviour)
{
    const size_t n = tensor_rows(x);
    if (m->type->rows < 2 || !behaviour) return x;
    int32_t *row = tape_memory(t, n, sizeof *row);
    for (size_t e = 0; row && e < n; e++)
        row[e] = item[e] >= 0 && behaviour[e] < m->type->rows ? behaviour[e] : -1;
    return op_add(t, x, op_embed(t, m->type, row, n));
}

// 3.1  Encoder: what each event means in the light of those before it.
tensor *seq2seq_encode(tape *t, const seq2seq *m, const batch *b)
{
    const network_options *o = &m->base.options;
    const attention_shape among = { .offset = b->offset,
                                    .sequences = b->sequences,
                                    .heads = o->heads,
                                    .causal = true,
                                    .dropout = o->dropout,
                                    .window = (size_t)o->max_len };
    tensor *x = network_inputs(t, &m->base, b); // [N,D]
    x = op_scale(t, add_types(t, m, x, b->item, b->behaviour), sqrt((double)o->dim));
    x = op_add(t, x, op_embed(t, m->position, b->position, b->events));
    x = op_dropout(t, x, o->dropout);
    for (int l = 0; l < o->blocks; l++) {
        x = attend(t, &m->encoder[l].self, x, NULL, &among, o->dropout);
        x = feed(t, &m->encoder[l].feed, x, o->dropout);
    }
    return x;
}

// 3.1  Decoder: what comes after each of its rows.
tensor *seq2seq_decode(tape *t, const seq2seq *m, tensor *source, const decoding *d)
{
    const network_options *o = &m->base.options;
    tensor *x = op_embed(t, m->base.item, d->item, d->rows);
    x = op_scale(t, add_types(t, m, x, d->item, d->behaviour), sqrt((double)o->dim));
    x = op_add(t, x, op_embed(t, m->step, d->step, d->rows));
    x = op_dropout(t, x, o->dropout);
    for (int l = 0; l < m->decoder_blocks; l++) {
        x = attend(t, &m->decoder[l].self, x, NULL, &d->own, o->dropout);
        x = attend(t, &m->decoder[l].source, x, source, &d->source, o->dropout);
        x = feed(t, &m->decoder[l].feed, x, o->dropout);
    }
    return x;
}

tensor *seq2seq_told(tape *t, const seq2seq *m, tensor *h, const int32_t *item, size_t n)
{
    tensor *told = op_embed(t, m->base.item, item, n);
    h = op_linear(t, h, m->told, m->told_bias, ACT_NONE);
    told = op_linear(t, told, m->told_item, NULL, ACT_NONE);
    return op_activate(t, op_add(t, h, told), ACT_RELU);
}

// One row per event, or for the last ones: the first step after it, told from all up to it.
static tensor *seq2seq_forward(tape *t, const network *n, const batch *b)
{
    const seq2seq *m = (const seq2seq *)n;
    decoding d = { .rows = b->last ? b->sequences : b->events,
                   .item = b->item,
                   .behaviour = b->behaviour,
                   .source = { .offset = b->last ? b->each : b->offset,
                               .key_offset = b->offset,
                               .sequences = b->sequences,
                               .heads = n->options.heads,
                               .causal = !b->last,
                               .window = b->last ? 0 : (size_t)n->options.max_len,
                               .dropout = n->options.dropout } };
    tensor *source = seq2seq_encode(t, m, b);
    int32_t *step = tape_memory(t, d.rows, sizeof *step);
    for (size_t r = 0; step && r < d.rows; r++) step[r] = 0;
    d.step = step;
    if (b->last) {
        int32_t *item = tape_memory(t, d.rows, sizeof *item);
        uint8_t *behaviour = b->behaviour ? tape_memory(t, d.rows, 1) : NULL;
        for (size_t s = 0; item && s < d.rows; s++) item[s] = b->item[b->last[s]];
        for (size_t s = 0; behaviour && s < d.rows; s++) behaviour[s] = b->behaviour[b->last[s]];
        d.item = item;
        d.behaviour = behaviour;
    }
    return seq2seq_decode(t, m, source, &d);
}

// --- learning ---------------------------------------------------------------------------------------

bool seq2seq_cut(decoding *d, tape *t, const seq2seq *m, const batch *b)
{
    const size_t most = (size_t)m->steps, room = b->events / most + 2 * b->sequences + 1;
    int32_t *step = tape_memory(t, b->events, sizeof *step);
    int32_t *offset = tape_memory(t, room + 1, sizeof *offset);
    int32_t *key = tape_memory(t, room + 1, sizeof *key), *end = tape_memory(t, room, sizeof *end);
    size_t parts = 0;
    if (!step || !offset || !key || !end) return false;
    for (size_t s = 0; s < b->sequences; s++) {
        rng r = rng_at(b->key, STREAM_CUT, b->first_sequence + s);
        size_t n = 1 + (size_t)rng_below(&r, most);
        for (int32_t e = b->offset[s]; e < b->offset[s + 1]; n = most, parts++) {
            offset[parts] = e;
            key[parts] = b->offset[s];
            end[parts] = e + 1;
            for (size_t i = 0; i < n && e < b->offset[s + 1]; i++) step[e++] = (int32_t)i;
        }
    }
    offset[parts] = (int32_t)b->events;
    *d = (decoding){ .rows = b->events, .item = b->item, .behaviour = b->behaviour, .step = step };
    d->own = (attention_shape){ .offset = offset,
                                .sequences = parts,
                                .heads = m->base.options.heads,
                                .causal = true,
                                .dropout = m->base.options.dropout };
    d->source = d->own;
    d->source.causal = false;
    d->source.key_offset = key;
    d->source.key_end = end;
    return true;
}

// Takes the types from some histories, sources and what begins their targets; what was done in earlier
// steps stays known.  False when out of memory.
static bool hide_types(batch *b, decoding *d, tape *t, const seq2seq *m)
{
    if (m->type->rows < 2 || !b->behaviour || m->behaviour_dropout == 0) return true;
    uint8_t *of_source = tape_memory(t, b->events, 1), *of_target = tape_memory(t, b->events, 1);
    if (!of_source || !of_target) return false;
    for (size_t s = 0; s < b->sequences; s++) {
        rng r = rng_at(b->key, STREAM_HIDE, b->first_sequence + s);
        const bool hidden = rng_uniform(&r) < m->behaviour_dropout;
        for (int32_t e = b->offset[s]; e < b->offset[s + 1]; e++) {
            of_source[e] = hidden ? BEHAVIOUR_NONE : b->behaviour[e];
            of_target[e] = d->step[e] ? b->behaviour[e] : of_source[e];
        }
    }
    b->behaviour = of_source;
    d->behaviour = of_target;
    return true;
}

// NULL: there is nothing to tell.
static tensor *type_loss(tape *t, const seq2seq *m, const batch *b, tensor *h)
{
    const size_t T = m->type->rows;
    if (T < 2 || !b->next_behaviour || m->behaviour_weight == 0) return NULL;
    int32_t *type = tape_memory(t, b->events, sizeof *type);
    if (!type) return NULL;
    for (size_t e = 0; e < b->events; e++) {
        const bool known = b->target[e] >= 0 && b->next_behaviour[e] < T;
        type[e] = known ? b->next_behaviour[e] : -1;
    }
    const loss_targets to = { .item = type, .table = m->type_out, .bias = m->type_bias };
    tensor *loss = op_softmax_loss(t, seq2seq_told(t, m, h, b->target, b->events), &to, 0);
    return op_scale(t, loss, m->behaviour_weight);
}

// The loss that the options name over items, and cross-entropy over types, of all steps.
static tensor *seq2seq_loss(tape *t, const network *n, const batch *b)
{
    const seq2seq *m = (const seq2seq *)n;
    batch source = *b;
    decoding d;
    if (!seq2seq_cut(&d, t, m, b) || !hide_types(&source, &d, t, m))
        return network_loss(t, n, b); // out of memory
    tensor *h = seq2seq_decode(t, m, seq2seq_encode(t, m, &source), &d);
    tensor *loss = network_loss_of(t, n, b, h), *types = type_loss(t, m, b, h);
    return types ? op_add(t, loss, types) : loss;
}

static const network_class seq2seq_network = {
    .size = sizeof(seq2seq),
    .declare = seq2seq_declare,
    .forward = seq2seq_forward,
    .loss = seq2seq_loss,
    .traits = NETWORK_ABSOLUTE,
};

const model_class model_class_seq2seq = {
    .name = "seq2seq",
    .version = 2,
    .title = "Seq2seq",
    .paper = "Vaswani et al., NIPS 2017, arXiv:1706.03762",
    .needs = NEEDS_ORDER,
    .table = seq2seq_table,
    .options_size = sizeof(seq2seq_options),
    .network = &seq2seq_network,
    .fields = network_fields,
    .ready = seq2seq_ready,
    .free = network_free,
    .encode = network_encode,
    .scratch = network_scratch,
    .predict = network_predict,
    .most_steps = seq2seq_most_steps,
    .tell = seq2seq_tell,
};

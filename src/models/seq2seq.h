// seq2seq.h - what seq2seq.c, which learns, and seq2seq_steps.c, which tells, know of each other.
#ifndef MODELS_SEQ2SEQ_H
#define MODELS_SEQ2SEQ_H
#include "models/network.h"

enum { SEQ2SEQ_BLOCKS = 64, SEQ2SEQ_STEPS = 64 }; // at most

// LayerNorm(x + MultiHead(x)), and LayerNorm(x + FFN(x)).
typedef struct seq2seq_attention {
    param *gain, *shift;
    param *query, *query_bias, *key, *key_bias, *value, *value_bias, *merge, *merge_bias;
} seq2seq_attention;

typedef struct seq2seq_feed {
    param *gain, *shift, *in, *in_bias, *out, *out_bias;
} seq2seq_feed;

typedef struct seq2seq {
    network base;
    int steps, decoder_blocks;
    double behaviour_weight, behaviour_dropout;
    param *type;     // [T][D] what was done, beside the item it was done to
    param *position; // [max_len][D] of the source
    param *step;     // [steps][D] of the target
    struct {
        seq2seq_attention self;
        seq2seq_feed feed;
    } encoder[SEQ2SEQ_BLOCKS];
    struct {
        seq2seq_attention self, source;
        seq2seq_feed feed;
    } decoder[SEQ2SEQ_BLOCKS];
    param *told, *told_item, *told_bias; // [D][D], [D][D], [D] of a row and the item it tells
    param *type_out, *type_bias;         // [T][D], [T]
} seq2seq;

// Parts of targets that are decoded together.  Row r is asked for what comes after item[r], which is
// step[r] events after the end of its part's source.
typedef struct decoding {
    size_t rows;
    const int32_t *item;      // [rows]
    const uint8_t *behaviour; // [rows], or NULL
    const int32_t *step;      // [rows]
    attention_shape own;      // rows among those of their part; no sequences: each row stands alone
    attention_shape source;   // rows and what they see of the source
} decoding;

// What the encoder makes of the source: [events, D].
tensor *seq2seq_encode(tape *t, const seq2seq *m, const batch *b);
// What is scored: [rows, D].
tensor *seq2seq_decode(tape *t, const seq2seq *m, tensor *source, const decoding *d);
// What types are scored with, given that it is item[r] that comes next: [n, D].
tensor *seq2seq_told(tape *t, const seq2seq *m, tensor *h, const int32_t *item, size_t n);

// What is learned from: the batch's sequences cut into parts, as its key says.  False when out of memory.
bool seq2seq_cut(decoding *d, tape *t, const seq2seq *m, const batch *b);

// Functions of a model_class: see models/model.h.
habit_status seq2seq_tell(const model *m, const query *q, const steps_plan *plan, told_step *out,
                          size_t *count, habit_error *err);
size_t seq2seq_most_steps(const model *m);

#endif

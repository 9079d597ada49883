// tape.h - a model's forward text, recorded so that it can be run backwards.
//
//     tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN, .key = step });
//     tensor *x = op_embed(t, items, b->item, b->events);        // [N,D]
//     x = op_linear(t, x, w, bias, ACT_RELU);
//     tensor *loss = op_softmax_loss(...);                       // [1,1]
//     tape_backward(t, loss, &one, NULL, sink);
//
// Every tensor is a matrix: one row per event, packed, no padding.  Tensors live until the next
// tape_begin().  The same text runs in four modes:
//
//     TAPE_TRAIN    records, and drops units
//     TAPE_INFER    only computes
//     TAPE_STEP     one event; attention and recurrence go on from a kept state
//     TAPE_MEASURE  computes nothing, adds up the memory that TAPE_INFER would take
//
// Memory grows in the first passes and is then kept: after warm-up nothing is allocated.  Running
// out is sticky (tape_failed); tensors are then without data, and ops do nothing.  A tape belongs
// to one thread.
#ifndef NN_TAPE_H
#define NN_TAPE_H
#include "base/arena.h"
#include "nn/sink.h"

typedef struct tape tape;
typedef struct tensor tensor;

enum tape_mode { TAPE_TRAIN, TAPE_INFER, TAPE_STEP, TAPE_MEASURE };

// A causal model's memory of one person: what recurrences and attentions keep between events.
// The bytes are the model's alone: sized by kept_bytes(), zeroed before the first event.
typedef struct kept {
    void *bytes;
    uint64_t events; // taken in so far
    bool ask;        // this pass only asks: nothing is to be taken in
} kept;

typedef struct tape_pass {
    enum tape_mode mode;
    uint64_t key;       // of this training step, for dropout
    uint64_t first_row; // number of this tape's first event in the whole batch, for dropout
    kept *kept;         // TAPE_STEP
    const struct attention_watch *watch; // TAPE_INFER: told what attention looks at; or NULL
} tape_pass;

// Computes in the type of the store.  `memory`: all there is to use, or NULL to grow as needed.
habit_status tape_new(tape **out, const store *params, arena *memory, habit_error *err);
void tape_free(tape *t);
void tape_begin(tape *t, const tape_pass *pass);
// Ends the pass of t, which gets as much memory as `like` has: tapes that take turns at the same work
// then grow together, not one by one when the largest portion happens to be theirs.
void tape_match(tape *t, const tape *like);
bool tape_failed(const tape *t);
size_t tape_used(const tape *t);       // bytes of the present pass
bool tape_trains(const tape *t);       // dropout and the like are on
size_t tape_kept_bytes(const tape *t); // of kept state that ops have claimed in this pass

// Adds d(out)/d(parameters) weighted by `seed` [shape of out, type of the store] to the sink.
// `mask`: a flag for each parameter of the store, false: leave out; NULL: all.  May be called again,
// with another seed, mask or output.
void tape_backward(tape *t, tensor *out, const void *seed, const bool *mask, sink *s);

// --- tensors -------------------------------------------------------------------------------------

size_t tensor_rows(const tensor *x);
size_t tensor_cols(const tensor *x);
const void *tensor_data(const tensor *x); // of the type of the store; NULL when not computed
double tensor_number(const tape *t, const tensor *x); // the only element of a [1,1]
// The numbers of x as floats; to [rows][cols] is left alone when nothing was computed.
void tensor_copy(const tape *t, const tensor *x, float *to);

tensor *tape_param(tape *t, const param *p);
tensor *tape_input(tape *t, const float *values, size_t rows, size_t cols);      // copied
tensor *tape_input_f64(tape *t, const double *values, size_t rows, size_t cols); // copied
// A part of the pass's memory for a model's own arrays; not cleared; NULL when out of memory or
// measuring.
void *tape_memory(tape *t, size_t n, size_t size);

#endif

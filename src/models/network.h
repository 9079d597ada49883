// network.h - a model whose parameters are learned by gradients.
//
// A class says which parameters there are (declare) and writes the model's text (forward), once:
// training, answering, ranking and serving all run that text on a tape.  What every network needs
// is here: options, files, queries.  src/train knows how to train one; this file does not.
//
//     typedef struct sasrec { network base; ... const param *norm_gain; } sasrec;
#ifndef MODELS_NETWORK_H
#define MODELS_NETWORK_H
#include "data/batch.h"
#include "models/inputs.h"
#include "models/model.h"
#include "models/views.h"
#include "nn/op_attention.h"
#include "nn/op_loss.h"
#include "nn/ops.h"

typedef struct network_options {
    const char *task, *positive;
    // shape
    const char *inputs, *windows;
    int dim, max_len, blocks, heads;
    double dropout, init_std;
    // loss
    const char *loss, *sampler, *negatives_of;
    int negatives;
    double sampler_power, gbce_t, elu, bpreg, temperature;
    bool logq, cosine;
    const char *augment;
    double contrast, contrast_temperature;
    // training
    int epochs, batch, patience, valid_every, shards;
    double lr, momentum, beta1, beta2, weight_decay, clip, warmup, lr_end;
    const char *optimiser, *schedule, *precision;
    bool lazy;
} network_options;

typedef struct network_class network_class;

enum network_trait {
    NETWORK_ABSOLUTE = 1,   // positions are counted from the window's first event, up to max_len
    NETWORK_ASKS_TIME = 2,  // a row depends on the moment of the question (batch.next_time)
    NETWORK_RECOMPUTES = 4, // keeps no state: bidirectional, or positions that shift
    NETWORK_MASKS = 8,      // the question is an event of its own, the last, whose item is -1
};

typedef enum network_task { TASK_RANKING, TASK_PROBABILITY, TASK_RATING } network_task;

typedef enum loss_kind {
    LOSS_SOFTMAX,
    LOSS_SAMPLED,
    LOSS_BCE,
    LOSS_GBCE,
    LOSS_BPR,
    LOSS_BPR_MAX,
    LOSS_TOP1,
    LOSS_TOP1_MAX
} loss_kind;

// Every network begins with this.
typedef struct network {
    model base;
    network_options options; // but for its strings, which do not live as long
    const log_view *log; // what is learned from; while declaring, and NULL if a file will be read
    loss_kind loss;
    sharing sharing; // of negatives
    store *params;
    param *item;       // [items][dim] item vectors, as inputs
    param *out;        // [items][dim] as outputs: the same as `item` where they are shared; NULL:
                       // the class computes them (items)
    param *out_bias;   // [1][items], or NULL
    changes changes;   // of views that are told apart; none: they are not
    inputs inputs;     // what is told of events beside their items
    features of_items; // side features, where a class has asked for them
    features of_users; //
    network_task task;
    double liked;       // TASK_PROBABILITY: from what value on; NAN: being taken is what counts
    param *head_user;   // [dim][1] of values: what all items share; else NULL
    param *head_base;   // [1]
    const float *scale; // [4] of the head (models/network_head.c): `own_scale`, or that of a file
    float own_scale[4];
    uint64_t scales;
    float *vectors;       // [items][dim] what scores items, where it is not `out` as it is
    uint64_t (*shape)[2]; // of the arrays of a file being loaded
    size_t fields;
} network;

// Items whose vectors are asked for.
typedef struct item_list {
    size_t count;
    const int32_t *item;   // [count]; -1: not of the log, known by its features alone
    const features *known; // side features: those of item k are row[k] of them
    const int32_t *row;    // [count]
    uint64_t key;          // of the training step
} item_list;

struct network_class {
    size_t size; // of the struct that begins with `network`
    // Adds the parameters, and sets item, out and out_bias.  n->base.items and n->options are set;
    // `options` is the struct of the model's table, which begins with network_options.
    habit_status (*declare)(network *n, const void *options, habit_error *err);
    // After the parameters are drawn by their initialisers: what those cannot say.  NULL: nothing.
    void (*draw)(network *n, uint64_t seed);
    // One row per event: what its user will want next.  [events, dim]; or, where the batch asks
    // for the last rows alone and the model knows how to save work, [sequences, dim].
    tensor *(*forward)(tape *t, const network *n, const batch *b);
    // The vectors that score items, one row each [count, dim]; NULL: they are rows of `out`.  What
    // scores is the dot product with rows of forward(), or the cosine.
    tensor *(*items)(tape *t, const network *n, const item_list *list);
    // The sum of the losses over the batch's targets; NULL: network_loss.  [1,1]
    tensor *(*loss)(tape *t, const network *n, const batch *b);
    // Numbers of state that a session brings from one step of training to the next, if sessions are
    // learned side by side, one event a step (data/session_batches.h); NULL or 0: by whole windows.
    // forward() then begins from batch.carried and leaves in batch.carry what it ends with.
    size_t (*carries)(const network *n);
    unsigned traits; // enum network_trait
};

// A network for the items of a log, with parameters that are allocated and drawn from `seed`, of
// type f32, or f64 for gradient checks.  Freed by model_free().
habit_status network_new(network **out, const model_class *c, const void *options,
                         const log_view *log, tensor_type type, uint64_t seed, habit_error *err);

// The vectors of events that come in: items, and what else --inputs tells.  [events, dim]
tensor *network_inputs(tape *t, const network *n, const batch *b);

// The loss that the options name, over the rows of forward().
tensor *network_loss(tape *t, const network *n, const batch *b);
// The same over rows h [events, dim] that a model has made otherwise.
tensor *network_loss_of(tape *t, const network *n, const batch *b, tensor *h);
// What is made small in training: the loss of the class, and what --augment adds.  [1,1]
tensor *network_learn(tape *t, const network *n, const batch *b);
// What is scored: the rows of forward(), of length one where scores are cosines.
tensor *network_answers(tape *t, const network *n, const batch *b);
// What the loss scores.
loss_targets network_targets(const network *n, const batch *b);
// The loss against negatives that the options name; not for LOSS_SOFTMAX.
sampled_loss network_sampled_loss(const network *n);
// How many negatives the loss takes, each of n->sharing; 0: none.
size_t network_negatives(const network *n);
// In the last block of a causal model that is only asked for last rows: x and h become those rows,
// which look at the keys of all.
void network_only_last(tape *t, const batch *b, tensor **x, tensor **h, attention_shape *among);
size_t network_carries(const network *n);
// The latest events of a query, as many as the network looks at.
batch_sequence network_window(const network *n, const query *q);
// Runs the model's text over that window, all rows asked for, and tells the watch of every attention
// in it (nn/op_attention.h).  A model with NETWORK_MASKS has one row more, the question.
habit_status network_watch(const network *n, const query *q, const attention_watch *watch,
                           habit_error *err);

// --- item vectors (models/network_items.c) ------------------------------------------------------------

// After the parameters have changed: nothing is kept that depends on them but what this renews.
habit_status network_settle(network *n, habit_error *err);
// Once: memory for what network_settle() computes, if anything.
habit_status network_room_for_items(network *n, habit_error *err);

// The vectors that a loss needs, computed by the class: of the distinct items among the targets and
// the `drawn` negatives of a batch, or of all for LOSS_SOFTMAX; and which rows of them are meant.
// False when out of memory.
typedef struct tower_items {
    tensor *vectors;
    const int32_t *target, *negative;
} tower_items;

bool network_tower(tape *t, const network *n, const batch *b, size_t drawn, tower_items *out);

// The vector of an item that the log has not: from what is known of it, for classes that compute
// vectors from features.  vector[dim] scores like any row of item_vector.
habit_status network_item_vector(const network *n, const feature_value *value, size_t count,
                                 float *vector, habit_error *err);

// --- probabilities and ratings (models/network_head.c) ----------------------------------------------

network_task network_task_of(const char *name);
// True if the loss is that of values given to items, not of items.
bool network_learns_values(const network *n);
// What early stopping looks at unless told otherwise.
const char *network_metric(const void *options);
// Probabilities become sigmoid(a x + b), x being what the sigmoid was taken of so far; false, and
// nothing is changed, if that is no use.
bool network_calibrate(network *n, double a, double b);

// For network.c: in the order in which it calls them.
habit_status head_begin(network *n, const network_options *o, habit_error *err);
habit_status head_declare(network *n, habit_error *err);
void head_draw(network *n, const log_view *from);
tensor *head_loss(tape *t, const network *n, const batch *b, tensor *h);
void head_settle(network *n);
size_t head_fields(network *n, model_field *out);
habit_status head_check(const network *n, habit_error *err);

// --- the functions of a model_class that networks share --------------------------------------------

size_t network_fields(model *m, model_field *out);
habit_status network_empty(model **out, const model_class *c, const void *options,
                           habit_error *err);
habit_status network_ready(model *m, const void *options, habit_error *err);
void network_free(model *m);
void network_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch);
size_t network_scratch(const model *m, size_t n);
void network_predict(const model *m, const query *q, const uint32_t *item, size_t count,
                     float *values, arena *scratch);

// The last rows of a network's table, before OPT_END: what losses and tasks change.
#define NETWORK_PRESETS                                                                            \
    OPT_PRESET("loss", "bce", "negatives=1"),                                                      \
        OPT_PRESET("task", "probability", "loss=bce negatives=16")

#define NETWORK_CLASS                                                                              \
    .fields = network_fields, .ready = network_ready, .free = network_free,                        \
    .encode = network_encode, .scratch = network_scratch, .predict = network_predict

#endif

// rnn.c - a plain recurrent network over the items of a history.
//
// Paper    J. L. Elman, "Finding structure in time", Cognitive Science 14(2), 1990.  For what a
//          person takes next: R. Devooght and H. Bersini, "Collaborative filtering with recurrent
//          neural networks", arXiv:1608.07400, where the last state scores the whole catalogue
//          with a cross-entropy loss.
// Dropout  of what goes into each layer, not from step to step: W. Zaremba, I. Sutskever and
//          O. Vinyals, arXiv:1409.2329.
// Start    orthogonal matrices from state to state: A. Saxe et al., arXiv:1312.6120; with
//          --activation relu see Q. Le, N. Jaitly and G. Hinton, arXiv:1504.00941.
//
// Item vectors are shared by inputs and outputs, where arXiv:1608.07400 has one-hot inputs.
//
// Names    V items, N events of the batch (packed, no padding), D features.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_recurrent.h"

#include <string.h>

typedef struct rnn_options {
    network_options base;
    const char *activation;
} rnn_options;

static const opt rnn_table[] = {
#define AT(field) offsetof(rnn_options, base.field)
#define NO_HEADS
#define BLOCKS "1"
#define DROPOUT "0.1"
#include "models/network_options.inc.h"
#undef AT
    ,
    { "activation", "NAME", OPT_CHOICE, offsetof(rnn_options, activation), "tanh", 0, 0,
      "tanh|relu", "what the states go through" },
    NETWORK_PRESETS,
    OPT_END,
};

enum { BLOCKS_MAX = 64 };

typedef struct rnn {
    network base;
    rnn_params layer[BLOCKS_MAX];
} rnn;

static habit_status rnn_declare(network *n, const void *options, habit_error *err)
{
    rnn *m = (rnn *)n;
    const rnn_options *own = options;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim;
    store *s = n->params;
    (void)err;
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    for (int l = 0; l < o->blocks; l++)
        m->layer[l] = (rnn_params){
            .w = store_add(s, store_name(s, "layer.%d.w", l), D, D, INIT_XAVIER, 0),
            .u = store_add(s, store_name(s, "layer.%d.u", l), D, D, INIT_ORTHOGONAL, 0),
            .b = store_add_vector(s, store_name(s, "layer.%d.b", l), D, INIT_ZERO, 0),
            .f = strcmp(own->activation, "relu") == 0 ? ACT_RELU : ACT_TANH,
        };
    return HABIT_OK;
}

// One row per event: out[n] . item[i] is the score of item i after event n.
static tensor *rnn_forward(tape *t, const network *n, const batch *b)
{
    const rnn *m = (const rnn *)n;
    tensor *x = network_inputs(t, n, b); // [N,D]
    for (int l = 0; l < n->options.blocks; l++) {
        x = op_dropout(t, x, n->options.dropout);
        x = op_rnn(t, x, &m->layer[l], b->offset, b->sequences, NULL);
    }
    return x;
}

static const network_class rnn_network = {
    .size = sizeof(rnn),
    .declare = rnn_declare,
    .forward = rnn_forward,
};

const model_class model_class_rnn = {
    .name = "rnn",
    .version = 1,
    .title = "RNN",
    .paper = "Elman, Cognitive Science 14(2), 1990; Devooght & Bersini, arXiv:1608.07400",
    .needs = NEEDS_ORDER,
    .table = rnn_table,
    .options_size = sizeof(rnn_options),
    .network = &rnn_network,
    NETWORK_CLASS,
};

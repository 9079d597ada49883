// lstm.c - long short-term memory over the items of a history.
//
// Paper    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
//          1997, with the forget gate of F. Gers, J. Schmidhuber and F. Cummins, Neural
//          Computation 12(10), 2000.  For what a person takes next: R. Devooght and H. Bersini,
//          "Collaborative filtering with recurrent neural networks", arXiv:1608.07400.
// Dropout  of what goes into each layer, not from step to step: W. Zaremba, I. Sutskever and
//          O. Vinyals, arXiv:1409.2329.
// Start    forget gates begin open (bias 1): R. Jozefowicz, W. Zaremba and I. Sutskever, ICML 2015;
//          orthogonal matrices from state to state: A. Saxe et al., arXiv:1312.6120.
//
// Item vectors are shared by inputs and outputs, where arXiv:1608.07400 has one-hot inputs.
//
// Names    V items, N events of the batch (packed, no padding), D features.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_recurrent.h"

#include <math.h>

typedef struct lstm_options {
    network_options base;
} lstm_options;

static const opt lstm_table[] = {
#define AT(field) offsetof(lstm_options, base.field)
#define NO_HEADS
#define BLOCKS "1"
#define DROPOUT "0.1"
#include "models/network_options.inc.h"
#undef AT
    ,
    NETWORK_PRESETS,
    OPT_END,
};

enum { BLOCKS_MAX = 64 };

typedef struct lstm {
    network base;
    lstm_params layer[BLOCKS_MAX]; // gates i, f, g, o
} lstm;

static habit_status lstm_declare(network *n, const void *options, habit_error *err)
{
    lstm *m = (lstm *)n;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim;
    const double limit = sqrt(6.0 / (double)(D + D)); // Glorot, for each gate by itself
    store *s = n->params;
    (void)options, (void)err;
    n->item = n->out = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    for (int l = 0; l < o->blocks; l++)
        m->layer[l] = (lstm_params){
            .w = store_add(s, store_name(s, "layer.%d.w", l), D, 4 * D, INIT_UNIFORM, limit),
            .u = store_add(s, store_name(s, "layer.%d.u", l), D, 4 * D, INIT_ORTHOGONAL, 0),
            .b = store_add_vector(s, store_name(s, "layer.%d.b", l), 4 * D, INIT_ZERO, 0),
        };
    return HABIT_OK;
}

static void lstm_draw(network *n, uint64_t seed)
{
    const lstm *m = (const lstm *)n;
    const size_t D = (size_t)n->options.dim;
    (void)seed;
    for (int l = 0; l < n->options.blocks; l++)
        for (size_t i = D; i < 2 * D; i++) store_put(n->params, m->layer[l].b, i, 1);
}

// One row per event: out[n] . item[i] is the score of item i after event n.
static tensor *lstm_forward(tape *t, const network *n, const batch *b)
{
    const lstm *m = (const lstm *)n;
    tensor *x = network_inputs(t, n, b); // [N,D]
    for (int l = 0; l < n->options.blocks; l++) {
        x = op_dropout(t, x, n->options.dropout);
        x = op_lstm(t, x, &m->layer[l], b->offset, b->sequences, NULL);
    }
    return x;
}

static const network_class lstm_network = {
    .size = sizeof(lstm),
    .declare = lstm_declare,
    .draw = lstm_draw,
    .forward = lstm_forward,
};

const model_class model_class_lstm = {
    .name = "lstm",
    .version = 1,
    .title = "LSTM",
    .paper = "Hochreiter & Schmidhuber, Neural Computation 9(8), 1997; Devooght & Bersini, "
             "arXiv:1608.07400",
    .needs = NEEDS_ORDER,
    .table = lstm_table,
    .options_size = sizeof(lstm_options),
    .network = &lstm_network,
    NETWORK_CLASS,
};

// gru4rec.c - GRU4Rec: session-based recommendations with recurrent neural networks.
//
// Papers   B. Hidasi, A. Karatzoglou, L. Baltrunas and D. Tikk, ICLR 2016, arXiv:1511.06939;
//          B. Hidasi and A. Karatzoglou, "Recurrent neural networks with top-k gains for
//          session-based recommendations", CIKM 2018, arXiv:1706.03847.
// Code     github.com/hidasib/GRU4Rec (Theano), github.com/hidasib/GRU4Rec_PyTorch_Official; both
//          are the authors'.
//
// The text below is that of the PyTorch code with constrained embedding: the vectors that score
// items are also what goes in.  It is learned through time, over whole packed histories.
//
// Where they disagree:
//   - the first paper puts items in as one-hot vectors, which is a matrix of [items][3 D] inputs;
//     the second and the code share vectors with the outputs; so do we, or have a table of
//     their own (--no-tied)
//   - the papers and the Theano code reset the state before its matrix, (r * h) U; the PyTorch
//     code after it, r * (h U + b); so do we
//   - all three write h' = (1 - z) h + z c, our gate z is one minus theirs
//   - weights begin uniform within sqrt(6 / (rows + columns)), each gate a matrix of its own
//
// Names    V items, N events of the batch (packed, no padding), D features.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_recurrent.h"

#include <math.h>

typedef struct gru4rec_options {
    network_options base;
    double dropout_hidden;
    bool tied;
} gru4rec_options;

static const opt gru4rec_table[] = {
#define AT(field) offsetof(gru4rec_options, base.field)
#define NO_HEADS
#define NO_INIT_STD
#define BLOCKS "1"
#define DROPOUT "0.1"
#include "models/network_options.inc.h"
#undef AT
    ,
    { "dropout-hidden", "P", OPT_REAL, offsetof(gru4rec_options, dropout_hidden), "0", 0, 0.95,
      NULL,
      "chance of leaving a unit of a layer's output out while training; --dropout is of item "
      "vectors" },
    { "tied", NULL, OPT_FLAG, offsetof(gru4rec_options, tied), "yes", 0, 0, NULL,
      "the vectors that score items are also what goes in" },
    OPT_END,
};

enum { BLOCKS_MAX = 64 };

typedef struct gru4rec {
    network base;
    gru_params layer[BLOCKS_MAX]; // gates r, z, c
    double dropout_hidden;
} gru4rec;

static habit_status gru4rec_declare(network *n, const void *options, habit_error *err)
{
    gru4rec *m = (gru4rec *)n;
    const gru4rec_options *own = options;
    const network_options *o = &n->options;
    const size_t V = n->base.items, D = (size_t)o->dim;
    const double limit = sqrt(6.0 / (double)(D + D));
    store *s = n->params;
    (void)err;
    m->dropout_hidden = own->dropout_hidden;
    n->out = store_add(s, "item", V, D, INIT_XAVIER, 0);
    n->item = own->tied ? n->out : store_add(s, "item_in", V, D, INIT_XAVIER, 0);
    n->out_bias = store_add(s, "item_bias", V, 1, INIT_ZERO, 0); // only rows met have a gradient
    for (int l = 0; l < o->blocks; l++)
        m->layer[l] = (gru_params){
            .w = store_add(s, store_name(s, "layer.%d.w", l), D, 3 * D, INIT_UNIFORM, limit),
            .u = store_add(s, store_name(s, "layer.%d.u", l), D, 3 * D, INIT_UNIFORM, limit),
            .b = store_add_vector(s, store_name(s, "layer.%d.b", l), 3 * D, INIT_ZERO, 0),
            .bu = store_add_vector(s, store_name(s, "layer.%d.bu", l), 3 * D, INIT_ZERO, 0),
            .form = GRU_LATE,
        };
    return HABIT_OK;
}

// One row per event: out[n] . item[i] + item_bias[i] is the score of item i after event n.
static tensor *gru4rec_forward(tape *t, const network *n, const batch *b)
{
    const gru4rec *m = (const gru4rec *)n;
    tensor *x = network_inputs(t, n, b); // [N,D]
    x = op_dropout(t, x, n->options.dropout);
    for (int l = 0; l < n->options.blocks; l++) {
        x = op_gru(t, x, &m->layer[l], b->offset, b->sequences, NULL);
        x = op_dropout(t, x, m->dropout_hidden);
    }
    return x;
}

static const network_class gru4rec_network = {
    .size = sizeof(gru4rec),
    .declare = gru4rec_declare,
    .forward = gru4rec_forward,
};

const model_class model_class_gru4rec = {
    .name = "gru4rec",
    .title = "GRU4Rec",
    .paper = "Hidasi, Karatzoglou, Baltrunas & Tikk, ICLR 2016, arXiv:1511.06939; Hidasi & "
             "Karatzoglou, CIKM 2018, arXiv:1706.03847",
    .needs = NEEDS_ORDER,
    .table = gru4rec_table,
    .options_size = sizeof(gru4rec_options),
    .network = &gru4rec_network,
    NETWORK_CLASS,
};

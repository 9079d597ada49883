// gru4rec.c - GRU4Rec: session-based recommendations with recurrent neural networks.
//
// Papers   B. Hidasi, A. Karatzoglou, L. Baltrunas and D. Tikk, ICLR 2016, arXiv:1511.06939;
//          B. Hidasi and A. Karatzoglou, "Recurrent neural networks with top-k gains for
//          session-based recommendations", CIKM 2018, arXiv:1706.03847.
// Code     github.com/hidasib/GRU4Rec (Theano), github.com/hidasib/GRU4Rec_PyTorch_Official; both
//          are the authors'.
//
// The text below is that of the PyTorch code with constrained embedding: the vectors that score
// items are also what goes in.  There are two ways to learn it:
//
//   packed    through time, over whole packed histories, as other libraries do
//   session   as the authors do: sessions side by side in the order of time, one event of each a
//             step; states are carried from step to step, gradients are not; the other targets of
//             the step and --negatives items drawn by a power of their count are the negatives
//
// Where they disagree:
//   - the first paper puts items in as one-hot vectors, which is a matrix of [items][3 D] inputs;
//     the second and the code share vectors with the outputs; so do we, or have a table of
//     their own (--no-tied)
//   - the papers and the Theano code reset the state before its matrix, (r * h) U; the PyTorch
//     code after it, r * (h U + b); so do we
//   - all three write h' = (1 - z) h + z c, our gate z is one minus theirs
//   - of session: the paper divides losses by the negatives there are, the code the sum by the
//     batch size; what is carried is a layer's output after dropout; the correction of the
//     cross-entropy for popularity takes log(count) off in-batch scores and log(count^power) off
//     the drawn ones, neither of them divided by a sum; an item that is drawn twice, or is the
//     target, counts; all as the code has it
//   - weights begin uniform within sqrt(6 / (rows + columns)), each gate a matrix of its own
//
// Names    V items, N events of the batch (packed, no padding), D features.
#include "models/network.h"
#include "models/registry.h"
#include "nn/op_recurrent.h"

#include <math.h>
#include <string.h>

typedef struct gru4rec_options {
    network_options base;
    const char *mode;
    double dropout_hidden;
    bool tied;
} gru4rec_options;

// The defaults of the authors' PyTorch class, with the correction that its README recommends.
#define SESSION                                                                                    \
    "loss=sampled logq=yes negatives=2048 sampler=popularity sampler-power=0.5 dim=100 "           \
    "dropout=0 batch=64 shards=1 optimiser=adagrad lr=0.05 epochs=10"

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
    { "mode", "NAME", OPT_CHOICE, offsetof(gru4rec_options, mode), "packed", 0, 0, "packed|session",
      "packed: learns through time over whole histories; session: as the authors do, sessions side "
      "by side, with other defaults: " SESSION },
    OPT_PRESET("mode", "session", SESSION),
    NETWORK_PRESETS,
    OPT_END,
};

enum { BLOCKS_MAX = 64 };

typedef struct gru4rec {
    network base;
    gru_params layer[BLOCKS_MAX]; // gates r, z, c
    double dropout_hidden;
    bool session;
    double power; // items are drawn by this power of their count
} gru4rec;

static habit_status check_session(const network *n, const network_options *o, habit_error *err)
{
    if (n->loss == LOSS_BCE || n->loss == LOSS_GBCE)
        return fail(
            err, HABIT_EINVAL,
            "--loss %s: --mode session takes softmax, sampled, bpr, bpr-max, top1, top1-max",
            o->loss);
    if (n->sharing != NEGATIVES_SHARED && n->loss != LOSS_BPR)
        return fail(err, HABIT_EINVAL, "--negatives-of %s: --mode session has those of a step",
                    o->negatives_of);
    if (strcmp(o->windows, "last") != 0)
        return fail(err, HABIT_EINVAL, "--windows %s: --mode session has no windows", o->windows);
    if (strcmp(o->sampler, "mixed") == 0)
        return fail(err, HABIT_EINVAL,
                    "--sampler mixed: --mode session draws by one power of their count");
    if (n->task != TASK_RANKING)
        return fail(err, HABIT_EINVAL, "--task %s: --mode session learns to rank", o->task);
    if (o->augment)
        return fail(err, HABIT_EINVAL, "--augment %s: --mode session sees no histories",
                    o->augment);
    if (o->inputs && strstr(o->inputs, "time-gap"))
        return fail(err, HABIT_EINVAL,
                    "--inputs %s: the rows of --mode session do not know the "
                    "event before",
                    o->inputs);
    if (o->shards != 1)
        return fail(err, HABIT_EINVAL, "--shards %d: a step of --mode session is one", o->shards);
    return HABIT_OK;
}

static habit_status gru4rec_declare(network *n, const void *options, habit_error *err)
{
    gru4rec *m = (gru4rec *)n;
    const gru4rec_options *own = options;
    const network_options *o = &n->options;
    const size_t V = n->base.items, D = (size_t)o->dim;
    const double limit = sqrt(6.0 / (double)(D + D));
    store *s = n->params;
    m->dropout_hidden = own->dropout_hidden;
    m->session = strcmp(own->mode, "session") == 0;
    m->power = strcmp(own->base.sampler, "popularity") == 0 ? o->sampler_power : 0;
    if (m->session) {
        TRY(check_session(n, &own->base, err));
        n->sharing = NEGATIVES_SHARED;
    }
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

// Numbers that a session brings from step to step: the state of every layer.
static size_t gru4rec_carries(const network *n)
{
    const gru4rec *m = (const gru4rec *)n;
    return m->session ? (size_t)n->options.blocks * (size_t)n->options.dim : 0;
}

// One row per event: out[n] . item[i] + item_bias[i] is the score of item i after event n.
static tensor *gru4rec_forward(tape *t, const network *n, const batch *b)
{
    const gru4rec *m = (const gru4rec *)n;
    const size_t L = (size_t)n->options.blocks, D = (size_t)n->options.dim;
    tensor *first = b->carried ? tape_input(t, b->carried, b->sequences, L * D) : NULL;
    tensor *after = NULL;                // [sequences, L D]
    tensor *x = network_inputs(t, n, b); // [N,D]
    x = op_dropout(t, x, n->options.dropout);
    for (size_t l = 0; l < L; l++) {
        tensor *state = first ? op_columns(t, first, l * D, D) : NULL;
        x = op_gru(t, x, &m->layer[l], b->offset, b->sequences, state);
        x = op_dropout(t, x, m->dropout_hidden);
        if (first) after = after ? op_join(t, after, x) : x;
    }
    if (first) tensor_copy(t, after, b->carry);
    return x;
}

// power * log(count) of some items, or NULL.
static const float *popularity_of(tape *t, const batch *b, const int32_t *item, size_t n,
                                  double power)
{
    float *q = tape_memory(t, n, sizeof *q);
    for (size_t i = 0; q && i < n; i++)
        q[i] = item[i] < 0 ? 0 : (float)power * b->log_count[item[i]];
    return q;
}

static tensor *gru4rec_loss(tape *t, const network *n, const batch *b)
{
    const gru4rec *m = (const gru4rec *)n;
    tensor *h = gru4rec_forward(t, n, b);
    if (!m->session || n->loss == LOSS_SOFTMAX) return network_loss_of(t, n, b, h);
    const bool corrected = n->loss == LOSS_SAMPLED && n->options.logq && b->log_count;
    const loss_targets to = network_targets(n, b);
    const loss_negatives against = {
        .sharing = NEGATIVES_SHARED,
        .count = b->negatives,
        .item = b->negative,
        .logq = corrected ? popularity_of(t, b, b->negative, b->negatives, m->power) : NULL,
        .answer_logq = corrected ? popularity_of(t, b, b->target, b->events, 1) : NULL,
        .in_batch = true,
        .keep_hits = true,
    };
    const sampled_loss loss = network_sampled_loss(n);
    return op_sampled_loss(t, h, &to, &against, &loss);
}

static const network_class gru4rec_network = {
    .size = sizeof(gru4rec),
    .declare = gru4rec_declare,
    .forward = gru4rec_forward,
    .loss = gru4rec_loss,
    .carries = gru4rec_carries,
};

const model_class model_class_gru4rec = {
    .name = "gru4rec",
    .version = 1,
    .title = "GRU4Rec",
    .paper = "Hidasi, Karatzoglou, Baltrunas & Tikk, ICLR 2016, arXiv:1511.06939; Hidasi & "
             "Karatzoglou, CIKM 2018, arXiv:1706.03847",
    .needs = NEEDS_ORDER,
    .table = gru4rec_table,
    .options_size = sizeof(gru4rec_options),
    .network = &gru4rec_network,
    NETWORK_CLASS,
};

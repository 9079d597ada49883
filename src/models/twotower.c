// twotower.c - two towers: what a person wants from a history, what an item is from its features.
//
// Papers   P. Covington, J. Adams and E. Sargin, "Deep neural networks for YouTube recommendations",
//          RecSys 2016: a user's vector from what was watched and from what is known of the user,
//          section 3.2, by a tower of ReLU layers.
//          X. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
//          recommendations", RecSys 2019: a tower for items too, sections 3 and 5, whose inputs share
//          their vectors with the history's; the softmax over sampled items and its correction by the
//          logarithm of their chance (logQ).
//          J. Wang, A. Yessenalina and A. Roshan-Ghias, arXiv:2109.11059: the same with a history on
//          one side and metadata alone on the other, for items that nobody has had.
//
//     an item      x_i = id_i + sum of the vectors of its features          shared by both towers
//     item tower   v_i = MLP(x_i)
//     user tower   u_n = MLP(LSTM(x up to event n) | features of the user)
//     score        the cosine of u_n and v_i, over a temperature in the loss (Yi et al. 3), or with
//                  --no-cosine u_n . v_i; its sigmoid where a probability is wanted
//
// MLP: --tower-layers ReLU layers of the width of vectors, then a linear one; with 0 of them v_i = x_i,
// and u_n is what the LSTM says, plus the features' vectors.
//
// Where we differ:
//   - the history is read by an LSTM, as in lstm.c, where Covington et al. average it
//   - negatives are drawn for a step, where Yi et al. take the step's other targets: those are, here,
//     mostly of the same few people.  With --sampler popularity --sampler-power 1 their distribution
//     is the same, and its chance is known: --logq needs no estimate of it
//   - --id-dropout hides ids of items from the item tower in some steps, so that it also learns to say
//     what an item is from its features alone: M. Volkovs, G. Yu and T. Poutanen, "DropoutNet",
//     NeurIPS 2017.  Without it a new item's vector is what is left when the id is taken away
//
// Names    V items, N events of the batch (packed, no padding), D features.
#include "models/network.h"
#include "models/registry.h"
#include "base/rng.h"
#include "nn/op_recurrent.h"

#include <math.h>

typedef struct twotower_options {
    network_options base;
    const char *item_features, *user_features;
    int tower_layers;
    double id_dropout;
} twotower_options;

static const opt twotower_table[] = {
#define AT(field) offsetof(twotower_options, base.field)
#define NO_HEADS
#define BLOCKS "1"
#define DROPOUT "0.1"
#define COSINE "yes"
#define TEMPERATURE "0.07"
#include "models/network_options.inc.h"
#undef AT
    ,
#define AT(field) offsetof(twotower_options, field)
    { "item-features", "LIST", OPT_LIST, AT(item_features), "", 0, 0, NULL,
      "columns of the table of items, tags or numbers, that the item tower is told" },
    { "user-features", "LIST", OPT_LIST, AT(user_features), "", 0, 0, NULL,
      "columns of the table of users, tags or numbers, that the user tower is told" },
    { "tower-layers", "N", OPT_INT, AT(tower_layers), "1", 0, 8, NULL,
      "ReLU layers of each tower, before a linear one; 0: neither" },
    { "id-dropout", "P", OPT_REAL, AT(id_dropout), "0", 0, 0.95, NULL,
      "chance, item by item and step by step, of hiding its id from the item tower while training; "
      "for items known by --item-features alone" },
#undef AT
    NETWORK_PRESETS,
    OPT_PRESET("task", "rating", "cosine=no temperature=1"),
    OPT_END,
};

enum { BLOCKS_MAX = 64, LAYERS_MAX = 9, STREAM_HIDE = 0x1D };

typedef struct layer {
    param *w, *b;
} layer;

typedef struct twotower {
    network base;
    lstm_params lstm[BLOCKS_MAX]; // gates i, f, g, o
    layer item[LAYERS_MAX], user[LAYERS_MAX];
    int layers; // of each, the linear one too; 0: none
    double id_dropout;
} twotower;

static void declare_tower(store *s, layer *to, const char *name, int layers, size_t in, size_t D)
{
    for (int l = 0; l < layers; l++) {
        to[l].w = store_add(s, store_name(s, "%s.%d.w", name, l), l ? D : in, D, INIT_XAVIER, 0);
        to[l].b = store_add_vector(s, store_name(s, "%s.%d.b", name, l), D, INIT_ZERO, 0);
    }
}

static habit_status twotower_declare(network *n, const void *options, habit_error *err)
{
    twotower *m = (twotower *)n;
    const twotower_options *own = options;
    const network_options *o = &n->options;
    const size_t D = (size_t)o->dim;
    const double limit = sqrt(6.0 / (double)(D + D)); // Glorot, for each gate by itself
    const features_plan items = { "--item-features ", "item_feature", OF_ITEMS, D, o->init_std };
    const features_plan users = { "--user-features ", "user_feature", OF_USERS, D, o->init_std };
    store *s = n->params;
    n->item = store_add(s, "item", n->base.items, D, INIT_NORMAL, o->init_std);
    TRY(features_declare(&n->of_items, s, &items, own->item_features, n->log, err));
    TRY(features_declare(&n->of_users, s, &users, own->user_features, n->log, err));
    for (int l = 0; l < o->blocks; l++)
        m->lstm[l] = (lstm_params){
            .w = store_add(s, store_name(s, "layer.%d.w", l), D, 4 * D, INIT_UNIFORM, limit),
            .u = store_add(s, store_name(s, "layer.%d.u", l), D, 4 * D, INIT_ORTHOGONAL, 0),
            .b = store_add_vector(s, store_name(s, "layer.%d.b", l), 4 * D, INIT_ZERO, 0),
        };
    m->layers = own->tower_layers ? own->tower_layers + 1 : 0;
    m->id_dropout = own->id_dropout;
    if (m->id_dropout > 0 && n->of_items.count == 0)
        return fail(err, HABIT_EINVAL, "--id-dropout: without --item-features an item is its id");
    declare_tower(s, m->item, "item_tower", m->layers, D, D);
    declare_tower(s, m->user, "user_tower", m->layers, n->of_users.count ? 2 * D : D, D);
    return HABIT_OK;
}

static void twotower_draw(network *n, uint64_t seed)
{
    const twotower *m = (const twotower *)n;
    const size_t D = (size_t)n->options.dim;
    (void)seed;
    for (int l = 0; l < n->options.blocks; l++) // forget gates begin open, as in lstm.c
        for (size_t i = D; i < 2 * D; i++) store_put(n->params, m->lstm[l].b, i, 1);
}

static tensor *mlp(tape *t, const twotower *m, const layer *of, tensor *x)
{
    for (int l = 0; l < m->layers; l++)
        x = op_linear(t, x, of[l].w, of[l].b, l + 1 < m->layers ? ACT_RELU : ACT_NONE);
    return x;
}

// --- items ------------------------------------------------------------------------------------------

// The items without those whose ids are hidden in this step.
static const int32_t *hide_ids(tape *t, const twotower *m, const item_list *list)
{
    if (m->id_dropout <= 0 || !tape_trains(t)) return list->item;
    int32_t *id = tape_memory(t, list->count, sizeof *id);
    for (size_t i = 0; id && i < list->count; i++) {
        rng r = rng_at(list->key, STREAM_HIDE, (uint64_t)list->item[i]);
        id[i] = rng_uniform(&r) < m->id_dropout ? -1 : list->item[i];
    }
    return id;
}

// One row per item: v_i.
static tensor *twotower_items(tape *t, const network *n, const item_list *list)
{
    const twotower *m = (const twotower *)n;
    tensor *x = op_embed(t, n->item, hide_ids(t, m, list), list->count); // [count,D]
    x = features_add(t, list->known, list->row, list->count, x);
    return mlp(t, m, m->item, x);
}

// --- people -----------------------------------------------------------------------------------------

// What is known of the person of each row, beside the history.
static tensor *user_features(tape *t, const network *n, const batch *b)
{
    int32_t *user = tape_memory(t, b->sequences, sizeof *user);
    int32_t *of = tape_memory(t, b->events, sizeof *of);
    for (size_t s = 0; user && of && s < b->sequences; s++) {
        user[s] = b->user[s] == USER_NONE ? -1 : (int32_t)b->user[s];
        for (int32_t e = b->offset[s]; e < b->offset[s + 1]; e++) of[e] = (int32_t)s;
    }
    tensor *each = features_add(t, &n->of_users, user, b->sequences, NULL); // [sequences,D]
    return b->last ? each : op_pick(t, each, of, b->events);
}

// One row per event, or per person if only their last rows are asked for: u_n.
static tensor *twotower_forward(tape *t, const network *n, const batch *b)
{
    const twotower *m = (const twotower *)n;
    tensor *x = network_inputs(t, n, b); // [N,D]
    x = features_add(t, &n->of_items, b->item, b->events, x);
    for (int l = 0; l < n->options.blocks; l++) {
        x = op_dropout(t, x, n->options.dropout);
        x = op_lstm(t, x, &m->lstm[l], b->offset, b->sequences, NULL);
    }
    if (b->last) x = op_pick(t, x, b->last, b->sequences);
    if (n->of_users.count) {
        tensor *known = user_features(t, n, b);
        x = m->layers ? op_join(t, x, known) : op_add(t, x, known);
    }
    return mlp(t, m, m->user, x);
}

static const network_class twotower_network = {
    .size = sizeof(twotower),
    .declare = twotower_declare,
    .draw = twotower_draw,
    .forward = twotower_forward,
    .items = twotower_items,
};

const model_class model_class_twotower = {
    .name = "twotower",
    .version = 1,
    .title = "Two towers",
    .paper = "Covington, Adams & Sargin, RecSys 2016; Yi et al., RecSys 2019; Wang, Yessenalina & "
             "Roshan-Ghias, arXiv:2109.11059",
    .needs = NEEDS_ORDER,
    .table = twotower_table,
    .options_size = sizeof(twotower_options),
    .network = &twotower_network,
    NETWORK_CLASS,
};

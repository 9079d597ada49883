// network.c - what every model learned by gradients needs: options, files, queries.
#include "models/network.h"
#include "base/clock.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { PORTION = 1024 }; // events encoded at once, or those of one query if more

// --- making -----------------------------------------------------------------------------------------

static loss_kind loss_of(const char *name)
{
    static const char *const known[] = { "softmax", "sampled", "bce",  "gbce",
                                         "bpr",     "bpr-max", "top1", "top1-max" };
    size_t i = 0;
    while (strcmp(known[i], name) != 0) i++;
    return (loss_kind)i;
}

static sharing sharing_of(const network_options *o)
{
    static const char *const known[] = { "step", "sequence", "target" };
    size_t i = 0;
    const loss_kind loss = loss_of(o->loss);
    if (loss == LOSS_BCE || loss == LOSS_GBCE || loss == LOSS_BPR) return NEGATIVES_OF_ROW;
    while (strcmp(known[i], o->negatives_of) != 0) i++;
    return (sharing)i;
}

// Whoever is to tell values is told those of the past, unless something else was said.
static const char *inputs_of(const network *n, const network_options *o)
{
    return o->inputs || !network_learns_values(n) ? o->inputs : "value";
}

// `log`: NULL when a file will be read.
static habit_status declare(network **out, const model_class *c, const void *options,
                            const log_view *log, tensor_type type, habit_error *err)
{
    network *n = mem_zalloc(1, c->network->size);
    if (!n) return fail_memory(err, c->name, c->network->size);
    n->base.class = c;
    n->base.items = log ? log->items : 0;
    n->options = *(const network_options *)options;
    n->base.dim = n->options.dim;
    n->loss = loss_of(n->options.loss);
    n->sharing = sharing_of(&n->options);
    n->options.loss = n->options.sampler = n->options.optimiser = n->options.schedule = NULL;
    n->options.task = n->options.positive = NULL;
    n->options.precision = n->options.negatives_of = n->options.inputs = n->options.windows =
        n->options.augment = NULL;
    habit_status st = store_new(&n->params, type, err);
    if (st == HABIT_OK)
        st = changes_parse(&n->changes, ((const network_options *)options)->augment, err);
    n->log = log;
    if (st == HABIT_OK) st = head_begin(n, options, err);
    if (st == HABIT_OK) st = c->network->declare(n, options, err);
    if (st == HABIT_OK) st = head_declare(n, err);
    n->log = NULL;
    if (st == HABIT_OK)
        st = inputs_declare(&n->inputs, n->params, inputs_of(n, options), (size_t)n->options.dim,
                            n->options.init_std, log, err);
    if (st == HABIT_OK) st = store_check(n->params, err);
    if (st != HABIT_OK) {
        network_free(&n->base);
        return st;
    }
    *out = n;
    return HABIT_OK;
}

habit_status network_new(network **out, const model_class *c, const void *options,
                         const log_view *log, tensor_type type, uint64_t seed, habit_error *err)
{
    network *n = NULL;
    TRY(declare(&n, c, options, log, type, err));
    habit_status st = store_allocate(n->params, err);
    if (st == HABIT_OK) st = network_room_for_items(n, err);
    if (st != HABIT_OK) {
        network_free(&n->base);
        return st;
    }
    store_draw(n->params, seed);
    if (c->network->draw) c->network->draw(n, seed);
    head_draw(n, log);
    st = network_settle(n, err);
    if (st != HABIT_OK)
        network_free(&n->base);
    else
        *out = n;
    return st;
}

void network_free(model *m)
{
    network *n = (network *)m;
    store_free(n->params);
    inputs_free(&n->inputs, m->loaded);
    mem_free(n->shape);
    features_free(&n->of_items, m->loaded);
    features_free(&n->of_users, m->loaded);
    mem_free(n->vectors);
    mem_free(n);
}

void network_only_last(tape *t, const batch *b, tensor **x, tensor **h, attention_shape *among)
{
    *x = op_pick(t, *x, b->last, b->sequences);
    *h = op_pick(t, *h, b->last, b->sequences);
    among->offset = b->each;
    among->key_offset = b->offset;
}

// --- files ------------------------------------------------------------------------------------------

habit_status network_empty(model **out, const model_class *c, const void *options, habit_error *err)
{
    network *n = NULL;
    TRY(declare(&n, c, options, NULL, TENSOR_F32, err));
    n->fields = store_count(n->params);
    n->shape = mem_zalloc(n->fields, sizeof *n->shape);
    if (!n->shape) {
        const size_t bytes = n->fields * sizeof *n->shape;
        network_free(&n->base);
        return fail_memory(err, c->name, bytes);
    }
    *out = &n->base;
    return HABIT_OK;
}

size_t network_fields(model *m, model_field *out)
{
    network *n = (network *)m;
    const size_t count = store_count(n->params);
    for (size_t i = 0; i < count && i < MODEL_FIELDS; i++) {
        tensor_view v;
        param *p = store_at(n->params, i);
        store_view(n->params, i, &v);
        out[i] = (model_field){ .name = p->name,
                                .type = v.type,
                                .dims = v.dims,
                                .shape = { v.shape[0], v.shape[1] },
                                .data = (const void **)&p->data };
        for (int d = 0; n->shape && d < v.dims; d++) out[i].shape_out[d] = &n->shape[i][d];
    }
    size_t all = count + inputs_fields(&n->inputs, out + count);
    all += features_fields(&n->of_items, out + all);
    all += features_fields(&n->of_users, out + all);
    return all + head_fields(n, out + all);
}

// The number of items is known only from the file: the parameters that were declared with none
// take it, all others must have the shape that the options give them.
habit_status network_ready(model *m, const void *options, habit_error *err)
{
    network *n = (network *)m;
    (void)options;
    for (size_t i = 0; i < n->fields; i++) {
        param *p = store_at(n->params, i);
        uint64_t *size = n->shape[i];
        const bool by_item = p->vector ? p->cols == 0 : p->rows == 0;
        if (p->vector)
            p->cols = p->open ? size[0] : by_item ? m->items : p->cols;
        else
            p->rows = p->open ? size[0] : by_item ? m->items : p->rows;
        if (size[0] != (p->vector ? p->cols : p->rows) || (!p->vector && size[1] != p->cols))
            return fail(err, HABIT_EFORMAT, "array '%s' does not have the shape that options give",
                        p->name);
    }
    if (m->dim != n->options.dim)
        return fail(err, HABIT_EFORMAT, "--dim %d does not fit the model's file", n->options.dim);
    TRY(inputs_check(&n->inputs, m->items, err));
    TRY(features_check(&n->of_items, m->items, err));
    TRY(features_check(&n->of_users, m->users, err));
    TRY(head_check(n, err));
    TRY(network_room_for_items(n, err));
    return network_settle(n, err);
}

// --- the text ---------------------------------------------------------------------------------------

tensor *network_inputs(tape *t, const network *n, const batch *b)
{
    return inputs_add(t, &n->inputs, b, op_embed(t, n->item, b->item, b->events));
}

// --- the loss ---------------------------------------------------------------------------------------

size_t network_negatives(const network *n)
{
    return n->loss == LOSS_SOFTMAX ? 0 : (size_t)n->options.negatives;
}

static size_t negatives_sets(const network *n, const batch *b)
{
    return n->sharing == NEGATIVES_SHARED        ? 1
           : n->sharing == NEGATIVES_OF_SEQUENCE ? b->sequences
                                                 : b->events;
}

// log-probabilities of some items; NULL: not wanted, or no memory.
static const float *logq_of(tape *t, const batch *b, const int32_t *item, size_t n)
{
    float *q = b->log_share ? tape_memory(t, n, sizeof *q) : NULL;
    for (size_t i = 0; q && i < n; i++) q[i] = item[i] < 0 ? 0 : b->log_share[item[i]];
    return q;
}

sampled_loss network_sampled_loss(const network *n)
{
    static const score_loss kinds[] = {
        [LOSS_SAMPLED] = SCORE_SOFTMAX,  [LOSS_BCE] = SCORE_BCE,         [LOSS_GBCE] = SCORE_BCE,
        [LOSS_BPR] = SCORE_BPR,          [LOSS_BPR_MAX] = SCORE_BPR_MAX, [LOSS_TOP1] = SCORE_TOP1,
        [LOSS_TOP1_MAX] = SCORE_TOP1_MAX
    };
    const network_options *o = &n->options;
    const bool calibrated = n->loss == LOSS_GBCE;
    return (sampled_loss){
        .kind = kinds[n->loss],
        .beta = calibrated ? gbce_beta((size_t)o->negatives, n->base.items, o->gbce_t) : 0,
        .elu = o->elu,
        .reg = o->bpreg,
        .mean = n->loss == LOSS_BPR || n->loss == LOSS_TOP1,
    };
}

static tensor *sampled_loss_of(tape *t, const network *n, const batch *b, tensor *h,
                               const loss_targets *to, const int32_t *negative)
{
    const bool corrected = n->loss == LOSS_SAMPLED;
    const size_t drawn = negatives_sets(n, b) * b->negatives;
    const loss_negatives against = {
        .sharing = n->sharing,
        .count = b->negatives,
        .item = negative,
        .logq = corrected ? logq_of(t, b, b->negative, drawn) : NULL,
        .answer_logq = corrected ? logq_of(t, b, b->target, b->events) : NULL,
        .offset = b->offset,
        .sequences = b->sequences,
    };
    const sampled_loss loss = network_sampled_loss(n);
    return op_sampled_loss(t, h, to, &against, &loss);
}

loss_targets network_targets(const network *n, const batch *b)
{
    return (loss_targets){ .item = b->target,
                           .table = n->out,
                           .bias = n->out_bias,
                           .items = n->base.items,
                           .scale = 1 / n->options.temperature,
                           .cosine = n->options.cosine };
}

tensor *network_loss_of(tape *t, const network *n, const batch *b, tensor *h)
{
    if (network_learns_values(n)) return head_loss(t, n, b, h);
    loss_targets to = network_targets(n, b);
    const int32_t *negative = b->negative;
    if (n->base.class->network->items) {
        tower_items tower;
        if (!network_tower(t, n, b, negatives_sets(n, b) * b->negatives, &tower))
            return tape_input(t, &(float){ 0 }, 1, 1); // out of memory
        to.vectors = tower.vectors;
        to.item = tower.target;
        negative = tower.negative;
    }
    return n->loss == LOSS_SOFTMAX ? op_softmax_loss(t, h, &to, 0)
                                   : sampled_loss_of(t, n, b, h, &to, negative);
}

tensor *network_loss(tape *t, const network *n, const batch *b)
{
    return network_loss_of(t, n, b, n->base.class->network->forward(t, n, b));
}

tensor *network_answers(tape *t, const network *n, const batch *b)
{
    tensor *h = n->base.class->network->forward(t, n, b);
    return n->options.cosine ? op_unit(t, h) : h;
}

size_t network_carries(const network *n)
{
    const network_class *c = n->base.class->network;
    return c->carries ? c->carries(n) : 0;
}

// --- answering --------------------------------------------------------------------------------------

// Working memory of one call: a tape and the arrays of a batch, all in the caller's arena.
typedef struct workshop {
    batch_room room;
    tape *tape;
} workshop;

static size_t portion(const network *n)
{
    return (size_t)n->options.max_len > PORTION ? (size_t)n->options.max_len : PORTION;
}

static size_t portion_sequences(const network *n, size_t queries)
{
    return queries < portion(n) ? queries : portion(n);
}

static void place_room(const network *n, batch_room *r, size_t queries, arena *mem)
{
    batch_room_place(r, portion_sequences(n, queries), portion(n),
                     BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, mem);
}

// The vectors of one portion: the last row of every sequence.
static void answer(const network *n, workshop *w, batch *b, float *const *to)
{
    const size_t bytes = (size_t)n->base.dim * sizeof(float);
    batch_ask_last(b, &w->room);
    tape_begin(w->tape, &(tape_pass){ .mode = TAPE_INFER });
    const tensor *h = network_answers(w->tape, n, b);
    const float *row = tensor_data(h);
    const bool all = tensor_rows(h) == b->events;
    for (size_t s = 0; s < b->sequences; s++) {
        const size_t last = all ? (size_t)b->last[s] : s;
        if (row)
            memcpy(to[s], row + last * (size_t)n->base.dim, bytes);
        else
            memset(to[s], 0, bytes);
    }
}

batch_sequence network_window(const network *n, const query *q)
{
    const bool masked = n->base.class->network->traits & NETWORK_MASKS;
    const size_t most = (size_t)n->options.max_len - masked, from = q->n > most ? q->n - most : 0;
    return (batch_sequence){ q->user,
                             q->n - from,
                             q->item + from,
                             q->time ? q->time + from : NULL,
                             q->behaviour ? q->behaviour + from : NULL,
                             q->value ? q->value + from : NULL,
                             q->now,
                             masked };
}

void network_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    const network *net = (const network *)m;
    const size_t mark = arena_mark(scratch);
    workshop w = { .tape = NULL };
    batch b;
    float **to = arena_new(scratch, float *, portion_sequences(net, n));
    place_room(net, &w.room, n, scratch);
    if (scratch->failed || tape_new(&w.tape, net->params, scratch, NULL) != HABIT_OK) return;
    batch_start(&b, &w.room);
    for (size_t k = 0; k < n; k++) {
        const batch_sequence s = network_window(net, &q[k]);
        float *vector = vectors + k * (size_t)m->dim;
        memset(vector, 0, (size_t)m->dim * sizeof *vector); // of somebody without a history
        if (q[k].n == 0) continue;
        if (!batch_add(&b, &w.room, &s, false)) {
            answer(net, &w, &b, to);
            batch_start(&b, &w.room);
            batch_add(&b, &w.room, &s, false);
        }
        to[b.sequences - 1] = vector;
    }
    if (b.sequences) answer(net, &w, &b, to);
    arena_rewind(scratch, mark);
}

// What forward takes for one portion, by running it without computing.
static size_t measure(const network *n, size_t sequences)
{
    const size_t events = portion(n);
    arena mem = { 0 };
    batch_room room;
    batch b;
    tape *t = NULL;
    size_t used = SIZE_MAX / 4;
    batch_room_place(&room, sequences, events, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &mem);
    if (arena_init(&mem, &mem, NULL) != HABIT_OK) return used;
    batch_room_place(&room, sequences, events, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &mem);
    batch_start(&b, &room);
    b.sequences = sequences;
    b.events = events;
    for (size_t s = 0; s <= sequences; s++) room.offset[s] = (int32_t)(events * s / sequences);
    if (tape_new(&t, n->params, NULL, NULL) == HABIT_OK) {
        tape_begin(t, &(tape_pass){ .mode = TAPE_MEASURE });
        network_answers(t, n, &b);
        if (!tape_failed(t)) used = tape_used(t);
        tape_free(t);
    }
    arena_free(&mem);
    return used;
}

size_t network_scratch(const model *m, size_t n)
{
    const network *net = (const network *)m;
    const size_t many = portion_sequences(net, n), one = measure(net, 1), all = measure(net, many);
    arena plan = { 0 };
    batch_room room;
    place_room(net, &room, n, &plan);
    arena_new(&plan, float *, many);
    arena_new(&plan, float, (size_t)m->dim);           // of network_predict()
    return plan.used + (one > all ? one : all) + 4096; // and the tape itself
}

// network_items.c - the vectors that score items, where they are not plain rows of a table: of length
// one, or computed by a tower.
#include "models/network.h"
#include "base/memory.h"
#include "nn/row_set.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512 }; // items computed at once

static const network_class *class_of(const network *n)
{
    return n->base.class->network;
}

habit_status network_room_for_items(network *n, habit_error *err)
{
    const size_t numbers = (size_t)n->base.items * (size_t)n->options.dim;
    if (!(n->options.cosine || class_of(n)->items) || store_type(n->params) != TENSOR_F32)
        return HABIT_OK;
    n->vectors = NEW(float, numbers);
    return n->vectors ? HABIT_OK : fail_memory(err, "item vectors", numbers * sizeof *n->vectors);
}

// --- a tower -----------------------------------------------------------------------------------------

// The vectors of items of the log.
static tensor *tower(tape *t, const network *n, const int32_t *item, size_t count, uint64_t key)
{
    const item_list list = {
        .count = count, .item = item, .known = &n->of_items, .row = item, .key = key
    };
    return class_of(n)->items(t, n, &list);
}

static habit_status fill_tower(network *n, habit_error *err)
{
    const size_t V = n->base.items, D = (size_t)n->options.dim;
    int32_t item[BLOCK];
    tape *t = NULL;
    TRY(tape_new(&t, n->params, NULL, err));
    bool failed = false;
    for (size_t i = 0; i < V && !failed; i += BLOCK) {
        const size_t count = V - i < BLOCK ? V - i : BLOCK;
        for (size_t k = 0; k < count; k++) item[k] = (int32_t)(i + k);
        tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
        tensor_copy(t, tower(t, n, item, count, 0), n->vectors + i * D);
        failed = tape_failed(t);
    }
    tape_free(t);
    return failed ? fail_memory(err, "item vectors", V * D * sizeof(float)) : HABIT_OK;
}

static int32_t *every_item(tape *t, size_t items)
{
    int32_t *all = tape_memory(t, items, sizeof *all);
    for (size_t i = 0; all && i < items; i++) all[i] = (int32_t)i;
    return all;
}

bool network_tower(tape *t, const network *n, const batch *b, size_t drawn, tower_items *out)
{
    row_set met;
    *out = (tower_items){ .target = b->target, .negative = b->negative };
    if (n->loss == LOSS_SOFTMAX && !network_learns_values(n)) {
        const int32_t *all = every_item(t, n->base.items);
        if (all) out->vectors = tower(t, n, all, n->base.items, b->key);
        return all != NULL;
    }
    int32_t *target = tape_memory(t, b->events, sizeof *target);
    int32_t *negative = tape_memory(t, drawn, sizeof *negative);
    if (!target || !negative || !row_set_make(&met, t, b->events + drawn, n->base.items))
        return false;
    for (size_t e = 0; e < b->events; e++)
        target[e] = b->target[e] < 0 ? -1 : (int32_t)row_set_put(&met, b->target[e]);
    for (size_t i = 0; i < drawn; i++) negative[i] = (int32_t)row_set_put(&met, b->negative[i]);
    out->target = target;
    out->negative = negative;
    out->vectors = tower(t, n, met.row, met.count, b->key);
    return true;
}

// --- ready for answers ---------------------------------------------------------------------------------

static void make_unit(float *e, size_t D)
{
    double length2 = 0;
    for (size_t d = 0; d < D; d++) length2 += (double)e[d] * (double)e[d];
    const double by = 1 / fmax(sqrt(length2), 1e-6);
    for (size_t d = 0; d < D; d++) e[d] = (float)((double)e[d] * by);
}

habit_status network_settle(network *n, habit_error *err)
{
    const size_t V = n->base.items, D = (size_t)n->options.dim;
    if (store_type(n->params) != TENSOR_F32) return HABIT_OK;
    if (class_of(n)->items)
        TRY(fill_tower(n, err));
    else if (n->vectors)
        memcpy(n->vectors, n->out->data, V * D * sizeof *n->vectors);
    for (size_t i = 0; n->options.cosine && i < V; i++) make_unit(n->vectors + i * D, D);
    n->base.item_vector = n->vectors ? n->vectors : n->out->data;
    head_settle(n);
    n->base.item_bias = n->out_bias ? n->out_bias->data : NULL;
    return HABIT_OK;
}

// --- newcomers -----------------------------------------------------------------------------------------

habit_status network_item_vector(const network *n, const feature_value *value, size_t count,
                                 float *vector, habit_error *err)
{
    static const int32_t nobody = -1, row = 0;
    features one;
    tape *t = NULL;
    if (!class_of(n)->items || n->of_items.count == 0)
        return fail(err, HABIT_EINVAL, "%s knows items by their ids alone", n->base.class->name);
    TRY(features_of(&one, &n->of_items, value, count, err));
    const item_list list = { .count = 1, .item = &nobody, .known = &one, .row = &row };
    habit_status st = tape_new(&t, n->params, NULL, err);
    if (st == HABIT_OK) {
        tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
        tensor_copy(t, class_of(n)->items(t, n, &list), vector);
        if (tape_failed(t)) st = fail_memory(err, "item vector", 0);
        if (st == HABIT_OK && n->options.cosine) make_unit(vector, (size_t)n->options.dim);
    }
    tape_free(t);
    features_free(&one, false);
    return st;
}

// network_head.c - probabilities and ratings of any network: what --task is about.
//
// Row n of forward() and item i have the score that ranks, s = h_n . v_i + b_i.  From it
//
//     ranking                    s itself
//     probability                sigmoid(a s / T + b): the item is taken, and not one drawn at random
//     probability, --positive R  sigmoid(a x + b): the value given to the item is at least R
//     rating                     x: the value given to the item, kept within the log's
//
//                                x = s / T + h_n . w + c            T: --temperature
//
// Taken: the loss is logistic, of each target against K drawn items, so that sigmoid(s / T) is the
// chance of being one target among K + 1; odds against a single item are K times those (b = log K).
// Values: the loss is logistic or squared, of the value of the event that came next, given its item;
// w and c are what all items share, and values of the past are told to the network.
//
// a and b are 1 and as said, or what Platt's scaling finds on validation events (network_calibrate).
//
// Heads as such: LibRecommender's `task`; the correction for drawn negatives: X. He et al., "Practical
// lessons from predicting clicks on ads at Facebook", ADKDD 2014, section 6.3.
#include "models/network.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { A, B, LOWEST, HIGHEST, SCALES }; // network.scale

network_task network_task_of(const char *name)
{
    return strcmp(name, "rating") == 0        ? TASK_RATING
           : strcmp(name, "probability") == 0 ? TASK_PROBABILITY
                                              : TASK_RANKING;
}

bool network_learns_values(const network *n)
{
    return n->task == TASK_RATING || (n->task == TASK_PROBABILITY && !isnan(n->liked));
}

const char *network_metric(const void *options)
{
    static const char *const metric[] = { "NDCG@10", "LogLoss", "RMSE" };
    return metric[network_task_of(((const network_options *)options)->task)];
}

// --- declaring ----------------------------------------------------------------------------------------

habit_status head_begin(network *n, const network_options *o, habit_error *err)
{
    char *end;
    n->task = network_task_of(o->task);
    n->liked = NAN;
    n->scale = n->own_scale;
    n->own_scale[A] = 1;
    n->own_scale[LOWEST] = -FLT_MAX;
    n->own_scale[HIGHEST] = FLT_MAX;
    if (o->positive && n->task != TASK_PROBABILITY)
        return fail(err, HABIT_EINVAL, "--positive goes with --task probability");
    if (o->positive) {
        n->liked = strtod(o->positive, &end);
        if (end == o->positive || *end || !isfinite(n->liked))
            return fail(err, HABIT_EINVAL, "--positive: '%.40s' is not a number", o->positive);
    }
    if (network_learns_values(n)) {
        n->loss = LOSS_SOFTMAX; // that is, none against drawn items
        return HABIT_OK;
    }
    if (n->task == TASK_PROBABILITY && n->loss != LOSS_BCE)
        return fail(err, HABIT_EINVAL, "--loss %s: --task probability learns with bce", o->loss);
    if (n->task == TASK_PROBABILITY) n->own_scale[B] = logf((float)o->negatives);
    return HABIT_OK;
}

habit_status head_declare(network *n, habit_error *err)
{
    store *s = n->params;
    if (!network_learns_values(n)) return HABIT_OK;
    if (n->log && !n->log->value)
        return fail(err, HABIT_EINVAL,
                    "--task: the log has no values to learn; name their column: --value");
    if (!n->out_bias) n->out_bias = store_add(s, "head.item_bias", n->base.items, 1, INIT_ZERO, 0);
    n->head_user = store_add(s, "head.user", (size_t)n->options.dim, 1, INIT_ZERO, 0);
    n->head_base = store_add_vector(s, "head.base", 1, INIT_ZERO, 0);
    return HABIT_OK;
}

void head_draw(network *n, const log_view *from)
{
    double sum = 0, count = 0, low = INFINITY, high = -INFINITY;
    if (!network_learns_values(n)) return;
    for (uint32_t u = 0; u < from->users; u++)
        for (uint64_t e = from->begin[u]; e < from->end[u]; e++) {
            const double v = (double)from->value[e];
            if (!isfinite(v)) continue;
            sum += n->task == TASK_RATING ? v : v >= n->liked;
            count++;
            low = fmin(low, v);
            high = fmax(high, v);
        }
    if (count == 0) return;
    const double mean = (sum + 0.5) / (count + 1); // neither 0 nor 1
    store_put(n->params, n->head_base, 0,
              n->task == TASK_RATING ? sum / count : log(mean / (1 - mean)));
    if (n->task != TASK_RATING) return;
    n->own_scale[LOWEST] = (float)low;
    n->own_scale[HIGHEST] = (float)high;
}

// --- the loss -----------------------------------------------------------------------------------------

// What is to be told of each row; NAN: nothing.
static const float *labels(tape *t, const network *n, const batch *b)
{
    float *label = tape_memory(t, b->events, sizeof *label);
    for (size_t e = 0; label && e < b->events; e++) {
        const float v = b->next_value && b->target[e] >= 0 ? b->next_value[e] : NAN;
        label[e] = n->task == TASK_RATING || isnan(v) ? v : (double)v >= n->liked ? 1.0f : 0.0f;
    }
    return label;
}

// The vectors of the targets; zeros where there are none.
static tensor *target_vectors(tape *t, const network *n, const batch *b)
{
    tower_items items;
    if (!n->base.class->network->items) return op_embed(t, n->out, b->target, b->events);
    if (!network_tower(t, n, b, 0, &items)) return NULL;
    return op_pick(t, items.vectors, items.target, b->events);
}

tensor *head_loss(tape *t, const network *n, const batch *b, tensor *h)
{
    const float *label = labels(t, n, b);
    tensor *v = target_vectors(t, n, b);
    if (!label || !v) return tape_input(t, &(float){ 0 }, 1, 1); // out of memory
    if (n->options.cosine) {
        h = op_unit(t, h);
        v = op_unit(t, v);
    }
    tensor *x = op_add(t, op_dot(t, h, v), op_embed(t, n->out_bias, b->target, b->events));
    x = op_scale(t, x, 1 / n->options.temperature);
    x = op_add(t, x, op_linear(t, h, n->head_user, n->head_base, ACT_NONE));
    return n->task == TASK_RATING ? op_squared_loss(t, x, label, NULL)
                                  : op_logistic_loss(t, x, label, NULL);
}

// --- answers ------------------------------------------------------------------------------------------

void head_settle(network *n)
{
    model *m = &n->base;
    const double a = (double)n->scale[A];
    m->answers = n->task == TASK_RATING        ? ANSWERS_VALUE
                 : n->task == TASK_PROBABILITY ? ANSWERS_PROBABILITY
                                               : ANSWERS_SCORE;
    m->liked = n->liked;
    m->slope = a / n->options.temperature;
    m->offset = (double)n->scale[B];
}

bool network_calibrate(network *n, double a, double b)
{
    if (n->task != TASK_PROBABILITY || !(a > 0) || !isfinite(a) || !isfinite(b)) return false;
    // after what the head has said so far, which is then at 1 and 0
    n->own_scale[B] = (float)(a * (double)n->scale[B] + b);
    n->own_scale[A] = (float)(a * (double)n->scale[A]);
    n->scale = n->own_scale;
    head_settle(n);
    return true;
}

void network_predict(const model *m, const query *q, const uint32_t *item, size_t count,
                     float *values, arena *scratch)
{
    const network *n = (const network *)m;
    const size_t D = (size_t)m->dim, mark = arena_mark(scratch);
    const double a = (double)n->scale[A], b = (double)n->scale[B];
    float *h = arena_new(scratch, float, D);
    double shared = 0;
    if (!h) return;
    network_encode(m, q, 1, h, scratch);
    if (n->head_user) {
        const float *w = n->head_user->data, *base = n->head_base->data;
        shared = (double)base[0];
        for (size_t d = 0; d < D; d++) shared += (double)h[d] * (double)w[d];
    }
    for (size_t i = 0; i < count; i++) {
        const float *v = m->item_vector + item[i] * D;
        double s = m->item_bias ? (double)m->item_bias[item[i]] : 0;
        for (size_t d = 0; d < D; d++) s += (double)h[d] * (double)v[d];
        const double x = a * (s / n->options.temperature + shared) + b;
        values[i] = n->task == TASK_RATING
                        ? fminf(fmaxf((float)x, n->scale[LOWEST]), n->scale[HIGHEST])
                        : (float)(1 / (1 + exp(-x)));
    }
    arena_rewind(scratch, mark);
}

// --- files --------------------------------------------------------------------------------------------

size_t head_fields(network *n, model_field *out)
{
    if (n->task == TASK_RANKING) return 0;
    if (!n->scales) n->scales = SCALES;
    out[0] = (model_field){ .name = "head.scale",
                            .type = TENSOR_F32,
                            .dims = 1,
                            .shape = { SCALES },
                            .shape_out = { &n->scales },
                            .data = (const void **)&n->scale };
    return 1;
}

habit_status head_check(const network *n, habit_error *err)
{
    bool fits = n->task == TASK_RANKING || n->scales == SCALES;
    for (int i = 0; fits && i < SCALES; i++) fits = isfinite(n->scale[i]);
    return fits && n->scale[A] > 0 ? HABIT_OK
                                   : fail(err, HABIT_EFORMAT, "array 'head.scale' does not fit");
}

// optimiser.c - from the gradients of a step's shards to new parameters.
#include "train/optimiser.h"
#include "base/arena.h"
#include "base/memory.h"
#include "kernels/update.h"
#include "kernels/vector.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 14 }; // numbers of one piece of work

// Rows [from, to) of one parameter: of the matrix if it is dense, else of the list of rows met.
typedef struct piece {
    const param *param;
    const uint32_t *row; // NULL: dense
    size_t from, to;
} piece;

typedef struct moments {
    float *first, *second;
    uint32_t *met; // [rows] the step in which the row was listed last; NULL until needed
    uint32_t *row; // [count] rows of this step
    size_t count, cap;
} moments;

struct optimiser {
    store *params;
    optimiser_options options;
    const update_kernels *kernels;
    const vector_kernels *vector;
    update_fn *run;
    moments *moments;
    arena memory;
    uint64_t steps;
    piece *piece;
    double *norm2; // per piece
    size_t pieces, pieces_cap;
    sink *const *shard;
    size_t shards;
    update update;
    float *buffer; // [threads][widest row]
    size_t widest, workers;
};

static void carve(optimiser *o, arena *mem)
{
    const optimiser_kind kind = o->options.kind;
    const bool first = kind != OPTIMISER_ADAGRAD || o->options.beta1 > 0;
    const bool second = kind != OPTIMISER_SGD;
    for (size_t i = 0; i < store_count(o->params); i++) {
        const param *p = store_at(o->params, i);
        o->moments[i].first = first ? arena_floats(mem, p->rows * p->cols) : NULL;
        o->moments[i].second = second ? arena_floats(mem, p->rows * p->cols) : NULL;
    }
}

habit_status optimiser_new(optimiser **out, store *params, const optimiser_options *options,
                           habit_error *err)
{
    optimiser *o = ZNEW(optimiser, 1);
    if (o) o->moments = ZNEW(moments, store_count(params));
    if (!o || !o->moments) {
        mem_free(o);
        return fail_memory(err, "optimiser", sizeof *o);
    }
    o->params = params;
    o->options = *options;
    o->kernels = update_kernels_pick();
    o->vector = vector_kernels_pick();
    o->run = options->kind == OPTIMISER_SGD       ? o->kernels->sgd
             : options->kind == OPTIMISER_ADAGRAD ? o->kernels->adagrad
                                                  : o->kernels->adam;
    for (size_t i = 0; i < store_count(params); i++)
        if (store_at(params, i)->cols > o->widest) o->widest = store_at(params, i)->cols;
    arena plan = { 0 };
    carve(o, &plan);
    const habit_status st = arena_init(&o->memory, &plan, err);
    if (st != HABIT_OK) {
        optimiser_free(o);
        return st;
    }
    carve(o, &o->memory);
    *out = o;
    return HABIT_OK;
}

void optimiser_free(optimiser *o)
{
    if (!o) return;
    for (size_t i = 0; i < store_count(o->params); i++) {
        mem_free(o->moments[i].met);
        mem_free(o->moments[i].row);
    }
    mem_free(o->moments);
    mem_free(o->piece);
    mem_free(o->norm2);
    mem_free(o->buffer);
    arena_free(&o->memory);
    mem_free(o);
}

uint64_t optimiser_steps(const optimiser *o)
{
    return o->steps;
}

void optimiser_set_steps(optimiser *o, uint64_t steps)
{
    o->steps = steps;
}

float *optimiser_first(optimiser *o, size_t i)
{
    return o->moments[i].first;
}

float *optimiser_second(optimiser *o, size_t i)
{
    return o->moments[i].second;
}

// --- which rows -----------------------------------------------------------------------------------

// The rows that any shard met, each once, in the order in which shards met them.
static habit_status list_rows(optimiser *o, const param *p, habit_error *err)
{
    moments *m = &o->moments[p->index];
    const uint32_t stamp = (uint32_t)o->steps + 1;
    if (!m->met) m->met = ZNEW(uint32_t, p->rows);
    if (!m->met) return fail_memory(err, "optimiser", p->rows * sizeof *m->met);
    m->count = 0;
    for (size_t s = 0; s < o->shards; s++) {
        size_t n;
        const uint32_t *row = sink_rows(o->shard[s], p, &n);
        void *list = m->row;
        TRY(mem_grow(&list, &m->cap, m->count + n, sizeof *m->row, "optimiser", err));
        m->row = list;
        for (size_t k = 0; k < n; k++) {
            if (m->met[row[k]] == stamp) continue;
            m->met[row[k]] = stamp;
            m->row[m->count++] = row[k];
        }
    }
    return HABIT_OK;
}

static sink_kind kind_of(const optimiser *o, const param *p)
{
    sink_kind kind = SINK_NOTHING;
    for (size_t s = 0; s < o->shards; s++) {
        const sink_kind k = sink_kind_of(o->shard[s], p);
        if (k == SINK_DENSE || kind == SINK_NOTHING) kind = k;
    }
    return kind == SINK_ROWS && o->options.dense ? SINK_DENSE : kind;
}

static habit_status add_pieces(optimiser *o, const param *p, const uint32_t *row, size_t count,
                               habit_error *err)
{
    const size_t step = PIECE / p->cols ? PIECE / p->cols : 1;
    for (size_t i = 0; i < count; i += step) {
        void *list = o->piece;
        TRY(mem_grow(&list, &o->pieces_cap, o->pieces + 1, sizeof *o->piece, "optimiser", err));
        o->piece = list;
        o->piece[o->pieces++] = (piece){ p, row, i, count - i < step ? count : i + step };
    }
    return HABIT_OK;
}

static habit_status cut_pieces(optimiser *o, habit_error *err)
{
    const size_t before = o->pieces_cap;
    o->pieces = 0;
    for (size_t i = 0; i < store_count(o->params); i++) {
        const param *p = store_at(o->params, i);
        switch (kind_of(o, p)) {
        case SINK_NOTHING:
            break;
        case SINK_DENSE:
            TRY(add_pieces(o, p, NULL, p->rows, err));
            break;
        case SINK_ROWS:
            TRY(list_rows(o, p, err));
            TRY(add_pieces(o, p, o->moments[i].row, o->moments[i].count, err));
            break;
        }
    }
    if (o->pieces_cap == before) return HABIT_OK;
    mem_free(o->norm2);
    o->norm2 = NEW(double, o->pieces_cap);
    return o->norm2 ? HABIT_OK : fail_memory(err, "optimiser", o->pieces_cap * sizeof(double));
}

// --- the step --------------------------------------------------------------------------------------

// The sum of the shards' gradients of one row; `to` [cols] is used only if there are several.
static const float *row_sum(const optimiser *o, const param *p, size_t row, float *to)
{
    const float *only = NULL;
    bool summed = false;
    for (size_t s = 0; s < o->shards; s++) {
        const float *g = sink_find(o->shard[s], p, row);
        if (!g) continue;
        if (!only) {
            only = g;
            continue;
        }
        if (!summed) memcpy(to, only, p->cols * sizeof *to);
        summed = true;
        o->vector->axpy(to, 1, g, p->cols);
    }
    if (summed) return to;
    return only ? only : memset(to, 0, p->cols * sizeof *to);
}

static void norm_piece(void *ctx, size_t k, int worker)
{
    optimiser *o = ctx;
    const piece *c = &o->piece[k];
    float *buffer = o->buffer + (size_t)worker * o->widest;
    double sum = 0;
    for (size_t i = c->from; i < c->to; i++) {
        const float *g = row_sum(o, c->param, c->row ? c->row[i] : i, buffer);
        for (size_t j = 0; j < c->param->cols; j++) sum += (double)g[j] * (double)g[j];
    }
    o->norm2[k] = sum;
}

static void update_piece(void *ctx, size_t k, int worker)
{
    optimiser *o = ctx;
    const piece *c = &o->piece[k];
    const size_t cols = c->param->cols;
    const moments *m = &o->moments[c->param->index];
    float *buffer = o->buffer + (size_t)worker * o->widest;
    update u = o->update;
    if (c->param->vector) u.decay = u.l2 = 0;
    for (size_t i = c->from; i < c->to; i++) {
        const size_t row = c->row ? c->row[i] : i;
        const float *g = row_sum(o, c->param, row, buffer);
        o->run((float *)c->param->data + row * cols, m->first ? m->first + row * cols : NULL,
               m->second ? m->second + row * cols : NULL, g, &u, cols);
    }
}

static habit_status make_buffers(optimiser *o, pool *p, habit_error *err)
{
    const size_t workers = (size_t)pool_threads(p);
    if (workers <= o->workers) return HABIT_OK;
    mem_free(o->buffer);
    o->buffer = NEW(float, workers * o->widest);
    o->workers = o->buffer ? workers : 0;
    return o->buffer ? HABIT_OK : fail_memory(err, "optimiser", workers * o->widest * 4);
}

static void set_update(optimiser *o, double lr)
{
    const optimiser_options *w = &o->options;
    const double t = (double)o->steps + 1;
    const bool l2 = w->kind == OPTIMISER_ADAM;
    o->update = (update){ .lr = (float)lr,
                          .beta1 = (float)w->beta1,
                          .beta2 = (float)w->beta2,
                          .correct1 = (float)(1 / (1 - pow(w->beta1, t))),
                          .correct2 = (float)(1 / (1 - pow(w->beta2, t))),
                          .eps = (float)w->eps,
                          .decay = l2 ? 0 : (float)w->weight_decay,
                          .l2 = l2 ? (float)w->weight_decay : 0,
                          .factor = 1 };
}

habit_status optimiser_step(optimiser *o, sink *const *shard, size_t shards, double lr, pool *p,
                            double *norm, habit_error *err)
{
    o->shard = shard;
    o->shards = shards;
    TRY(make_buffers(o, p, err));
    TRY(cut_pieces(o, err));
    set_update(o, lr);
    if (o->options.clip > 0) {
        double sum = 0;
        pool_run(p, o->pieces, norm_piece, o);
        for (size_t k = 0; k < o->pieces; k++) sum += o->norm2[k];
        const double length = sqrt(sum);
        if (!isfinite(length))
            return fail(err, HABIT_EDIVERGED, "the gradient of step %llu is not finite",
                        (unsigned long long)o->steps + 1);
        if (length > o->options.clip) o->update.factor = (float)(o->options.clip / length);
        if (norm) *norm = length;
    }
    pool_run(p, o->pieces, update_piece, o);
    o->steps++;
    return HABIT_OK;
}

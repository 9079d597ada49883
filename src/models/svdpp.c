// svdpp.c - SVD++: ratings predicted from what was rated, and from what was rated at all.
//
// Paper    Y. Koren, "Factorization meets the neighborhood: a multifaceted collaborative filtering
//          model", KDD 2008, section 4.1, equations (15) and (16).
//
//     r_ui = mu + b_u + b_i + <q_i, p_u + z_u>        z_u = |N(u)|^-1/2 sum_{j in N(u)} y_j
//
// N(u) is all that u had to do with, rated or not.  For each rating, with e = r - r_ui:
//
//     b_u += lr (e - reg_bias b_u)     p_u += lr (e q_i - reg p_u)
//     b_i += lr (e - reg_bias b_i)     q_i += lr (e (p_u + z_u) - reg q_i)
//     y_j += lr (e |N(u)|^-1/2 q_i - reg y_j)   for all j in N(u)
//
// Where we differ from the paper: it goes from rating to rating.  We take users in batches, and in
// each go through its ratings twice: first the user's side (b_u, p_u and the y_j) with the items'
// (b_i, q_i) held, then the items' side with the users' held.  Users of a batch do not see each
// other's changes, nor do its items; so each half runs in parallel, with the same bits at any
// number of threads.
//
// In the first half the y_j need not be touched at each rating.  All of them decay alike and get
// the same addition, so with keep = 1 - lr reg, after m ratings,
//
//     p_u = keep^m p_u + c     y_j = keep^m y_j + |N(u)|^-1/2 c     z_u = keep^m z_u + c
//     c = sum over ratings of lr e q_i, decayed by each later one
//
// which is the paper's own result at m |N(u)| times less work.
#include "models/factors.h"
#include "models/ratings.h"
#include "models/registry.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kernels/factor.h"
#include "kernels/vector.h"

#include <math.h>
#include <string.h>

typedef struct svdpp_options {
    int dim, epochs;
    double lr, lr_decay, reg, reg_bias, init_std;
} svdpp_options;

static const opt svdpp_table[] = {
#define AT(field) offsetof(svdpp_options, field)
    FACTORS_DIM(AT(dim), "64"),
    { "epochs", "N", OPT_INT, AT(epochs), "50", 1, 100000, NULL, "passes over the ratings" },
    { "lr", "R", OPT_REAL, AT(lr), "0.02", 1e-9, 1, NULL, "learning rate of the first epoch" },
    { "lr-decay", "R", OPT_REAL, AT(lr_decay), "0.92", 0.01, 1, NULL,
      "factor on the learning rate after each epoch" },
    { "reg", "R", OPT_REAL, AT(reg), "0.05", 0, 10, NULL, "L2 penalty on vectors, per rating" },
    { "reg-bias", "R", OPT_REAL, AT(reg_bias), "0.03", 0, 10, NULL,
      "L2 penalty on biases, per rating" },
    { "init-std", "R", OPT_REAL, AT(init_std), "0.01", 0, 10, NULL,
      "standard deviation of the vectors at the start" },
#undef AT
    OPT_END,
};

// The vectors `user` of factors are p_u + z_u.
typedef struct svdpp {
    factors base;
    const float *own;       // p [users][dim]
    const float *implied;   // y [items][dim]
    const float *user_bias; // [users]
    const float *scale;     // [3]: mu, lowest and highest rating
    uint64_t loaded[6];
} svdpp;

// --- training: what is at work -----------------------------------------------------------------

enum { PIECES = 16 };

typedef struct svdpp_work {
    const svdpp_options *o;
    const vector_kernels *k;
    size_t users, items, dim, pad;
    ratings r;
    float *p, *q, *y;        // [users][pad], [items][pad], [items][pad]
    float *bu, *bi;          // [users], [items]
    float *v, *c;            // [BATCH_MAX][pad]: p_u + z_u, and c above
    float keep_m[BATCH_MAX]; // keep^m
    float root[BATCH_MAX];   // |N(u)|^-1/2
    double error[BATCH_MAX]; // sum of squares before each step
    size_t batch;            // at work
    float lr, keep, reg_bias;
} svdpp_work;

// --- one half: the users of a batch ----------------------------------------------------------------

static void user_piece(void *ctx, size_t slot, int worker)
{
    (void)worker;
    svdpp_work *w = ctx;
    const vector_kernels *k = w->k;
    const size_t at = w->batch * w->r.width + slot, u = w->r.order[at], pad = w->pad;
    const rating *list = w->r.by_user + w->r.begin[at];
    const size_t n = (size_t)(w->r.begin[at + 1] - w->r.begin[at]);
    float *v = w->v + slot * pad, *c = w->c + slot * pad, *p = w->p + u * pad;
    float bias = w->bu[u], keep_m = 1;
    double error = 0;

    memset(v, 0, pad * sizeof *v);
    memset(c, 0, pad * sizeof *c);
    w->root[slot] = n ? 1 / sqrtf((float)n) : 0;
    for (size_t e = 0; e < n; e++) k->axpy(v, w->root[slot], w->y + list[e].item * pad, pad);
    k->axpy(v, 1, p, pad);

    for (size_t e = 0; e < n; e++) {
        if (isnan(list[e].value)) continue;
        const float *q = w->q + list[e].item * pad;
        const float miss =
            list[e].value - (w->r.mu + bias + w->bi[list[e].item] + k->dot(q, v, pad));
        const float step = w->lr * miss;
        error += (double)miss * (double)miss;
        bias += step - w->lr * w->reg_bias * bias;
        k->scale(v, w->keep, pad); // p_u and z_u move alike: twice the step
        k->axpy(v, 2 * step, q, pad);
        k->scale(c, w->keep, pad);
        k->axpy(c, step, q, pad);
        keep_m *= w->keep;
    }
    k->scale(p, keep_m, pad);
    k->axpy(p, 1, c, pad);
    w->bu[u] = bias;
    w->keep_m[slot] = keep_m;
    w->error[slot] = error;
}

// --- the other half: the items of a batch ----------------------------------------------------------

static void item_step(svdpp_work *w, const rating *at)
{
    const vector_kernels *k = w->k;
    const size_t pad = w->pad, i = at->item, slot = at->slot;
    const float *v = w->v + slot * pad;
    float *y = w->y + i * pad, *q = w->q + i * pad;
    k->scale(y, w->keep_m[slot], pad);
    k->axpy(y, w->root[slot], w->c + slot * pad, pad);
    if (isnan(at->value)) return;
    const float bias = w->bu[w->r.order[w->batch * w->r.width + slot]];
    const float step = w->lr * (at->value - (w->r.mu + bias + w->bi[i] + k->dot(q, v, pad)));
    w->bi[i] += step - w->lr * w->reg_bias * w->bi[i];
    k->scale(q, w->keep, pad);
    k->axpy(q, step, v, pad);
}

// A stretch of the batch's ratings by item, moved so that no item is cut in two.
static void item_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    svdpp_work *w = ctx;
    const size_t first = w->batch * w->r.width;
    const size_t last = first + w->r.width < w->users ? first + w->r.width : w->users;
    const rating *list = w->r.by_item + w->r.begin[first];
    const size_t n = (size_t)(w->r.begin[last] - w->r.begin[first]);
    size_t e = pool_cut(n, PIECES, piece), end = pool_cut(n, PIECES, piece + 1);
    while (e > 0 && e < n && list[e].item == list[e - 1].item) e++;
    while (end > 0 && end < n && list[end].item == list[end - 1].item) end++;
    for (; e < end; e++) item_step(w, &list[e]);
}

// --- training --------------------------------------------------------------------------------------

static void work_free(svdpp_work *w)
{
    void *const owned[] = { w->p, w->q, w->y, w->bu, w->bi, w->v, w->c };
    for (size_t k = 0; k < COUNT_OF(owned); k++) mem_free(owned[k]);
    ratings_free(&w->r);
}

static habit_status work_new(svdpp_work *w, const log_view *log, const svdpp_options *o,
                             const run *r, habit_error *err)
{
    const uint64_t seed = r ? r->seed : 0;
    w->o = o;
    w->k = vector_kernels_pick();
    w->users = log->users;
    w->items = log->items;
    w->dim = (size_t)o->dim;
    w->pad = factor_pad(w->dim);
    TRY(ratings_take(&w->r, log, r, err));
    w->p = NEW(float, w->users * w->pad);
    w->q = NEW(float, w->items * w->pad);
    w->y = NEW(float, w->items * w->pad);
    w->bu = ZNEW(float, w->users);
    w->bi = ZNEW(float, w->items);
    w->v = NEW(float, BATCH_MAX * w->pad);
    w->c = NEW(float, BATCH_MAX * w->pad);
    if (!w->p || !w->q || !w->y || !w->bu || !w->bi || !w->v || !w->c)
        return fail_memory(err, "svdpp", (w->users + 2 * w->items) * w->pad * sizeof(float));
    factors_draw(w->p, w->users, w->dim, o->init_std, seed);
    factors_draw(w->q, w->items, w->dim, o->init_std, seed + 1);
    factors_draw(w->y, w->items, w->dim, o->init_std, seed + 2);
    return HABIT_OK;
}

static double run_batch(svdpp_work *w, pool *p, size_t batch)
{
    const size_t left = w->users - batch * w->r.width, n = left < w->r.width ? left : w->r.width;
    w->batch = batch;
    pool_run(p, n, user_piece, w);
    pool_run(p, PIECES, item_piece, w);
    double error = 0;
    for (size_t slot = 0; slot < n; slot++) error += w->error[slot];
    return error;
}

static habit_status run_epochs(svdpp_work *w, const run *r, habit_error *err)
{
    const svdpp_options *o = w->o;
    const size_t batches = ratings_batches(&w->r);
    w->reg_bias = (float)o->reg_bias;
    for (int epoch = 0; epoch < o->epochs; epoch++) {
        TRY(run_progress(r, "svdpp", (uint64_t)epoch, (uint64_t)o->epochs, err));
        const double began = clock_wall();
        w->lr = (float)(o->lr * pow(o->lr_decay, epoch));
        w->keep = 1 - w->lr * (float)o->reg;
        double error = 0;
        for (size_t b = 0; b < batches; b++) error += run_batch(w, run_pool(r), b);
        const double loss = error / fmax(1, w->r.rated); // its root is the train RMSE
        const epoch_note note = { epoch + 1, o->epochs, loss, (uint64_t)w->r.rated,
                                  clock_wall() - began };
        run_epoch(r, "svdpp", &note);
        if (!isfinite(loss))
            return fail(err, HABIT_EDIVERGED,
                        "svdpp: the error of epoch %d is not finite; lower --lr (%g)", epoch + 1,
                        o->lr);
    }
    return run_progress(r, "svdpp", (uint64_t)o->epochs, (uint64_t)o->epochs, err);
}

// --- the model -------------------------------------------------------------------------------------

static void svdpp_free(model *m)
{
    svdpp *s = (svdpp *)m;
    if (!m->loaded) {
        mem_free((void *)s->own);
        mem_free((void *)s->implied);
        mem_free((void *)s->user_bias);
        mem_free((void *)s->scale);
    }
    factors_release(&s->base);
    mem_free(s);
}

// p_u + z_u of every user, in place of w->p, whose rows have been kept.
static void add_implied(svdpp_work *w)
{
    for (size_t at = 0; at < w->users; at++) {
        float *p = w->p + w->r.order[at] * w->pad;
        const size_t n = (size_t)(w->r.begin[at + 1] - w->r.begin[at]);
        for (uint64_t e = w->r.begin[at]; e < w->r.begin[at + 1]; e++)
            w->k->axpy(p, 1 / sqrtf((float)n), w->y + w->r.by_user[e].item * w->pad, w->pad);
    }
}

static habit_status svdpp_learn(svdpp *m, svdpp_work *w, habit_error *err)
{
    float *scale = NEW(float, 3);
    m->scale = scale;
    m->own = factors_compact(w->p, w->users, w->dim, w->pad);
    m->implied = factors_compact(w->y, w->items, w->dim, w->pad);
    m->user_bias = factors_compact(w->bu, 1, w->users, w->users);
    if (!scale || !m->own || !m->implied || !m->user_bias)
        return fail_memory(err, "svdpp", (w->users + w->items) * w->dim * sizeof(float));
    scale[0] = w->r.mu;
    scale[1] = w->r.lowest;
    scale[2] = w->r.highest;
    add_implied(w);
    return factors_learn(&m->base, w->p, w->q, w->bi, w->pad, err);
}

static habit_status svdpp_fit(model **out, const log_view *log, const void *options, const run *r,
                              habit_error *err)
{
    const svdpp_options *o = options;
    if (!log->value)
        return fail(
            err, HABIT_EINVAL,
            "svdpp learns from ratings; this log has no value column (--columns value=...)");
    void *made = NULL;
    TRY(factors_new(&made, &model_class_svdpp, sizeof(svdpp), err));
    svdpp *m = made;
    m->base.base.users = log->users;
    m->base.base.items = log->items;
    m->base.base.dim = o->dim;
    svdpp_work w = { 0 };
    habit_status st = work_new(&w, log, o, r, err);
    if (st == HABIT_OK) st = run_epochs(&w, r, err);
    if (st == HABIT_OK) st = svdpp_learn(m, &w, err);
    work_free(&w);
    if (st == HABIT_OK)
        *out = &m->base.base;
    else
        svdpp_free(&m->base.base);
    return st;
}

static size_t svdpp_fields(model *m, model_field *out)
{
    svdpp *s = (svdpp *)m;
    const uint64_t dim = (uint64_t)m->dim;
    size_t n = factors_fields(&s->base, out);
    out[n++] = (model_field){ .name = "own",
                              .type = TENSOR_F32,
                              .dims = 2,
                              .shape = { m->users, dim },
                              .data = (const void **)&s->own,
                              .shape_out = { &s->loaded[0], &s->loaded[1] } };
    out[n++] = (model_field){ .name = "implied",
                              .type = TENSOR_F32,
                              .dims = 2,
                              .shape = { m->items, dim },
                              .data = (const void **)&s->implied,
                              .shape_out = { &s->loaded[2], &s->loaded[3] } };
    out[n++] = (model_field){ .name = "user_bias",
                              .type = TENSOR_F32,
                              .dims = 1,
                              .shape = { m->users },
                              .data = (const void **)&s->user_bias,
                              .shape_out = { &s->loaded[4] } };
    out[n++] = (model_field){ .name = "scale",
                              .type = TENSOR_F32,
                              .dims = 1,
                              .shape = { 3 },
                              .data = (const void **)&s->scale,
                              .shape_out = { &s->loaded[5] } };
    return n;
}

static habit_status svdpp_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(factors_new(&made, &model_class_svdpp, sizeof(svdpp), err));
    *out = made;
    return HABIT_OK;
}

static habit_status svdpp_ready(model *m, const void *options, habit_error *err)
{
    (void)options;
    const svdpp *s = (const svdpp *)m;
    TRY(factors_ready((factors *)m, err));
    const uint64_t dim = (uint64_t)m->dim;
    if (!s->base.bias || s->loaded[0] != m->users || s->loaded[1] != dim ||
        s->loaded[2] != m->items || s->loaded[3] != dim || s->loaded[4] != m->users ||
        s->loaded[5] != 3)
        return fail(err, HABIT_EFORMAT,
                    "svdpp: the arrays do not fit together: the file is damaged");
    return HABIT_OK;
}

// --- answers ---------------------------------------------------------------------------------------

// p_u + z_u from the history that was asked with; a stranger has no p_u.
static void svdpp_vector(const svdpp *m, const query *q, float *to)
{
    const size_t dim = (size_t)m->base.base.dim;
    if (q->n == 0) {
        memcpy(to, factors_of_user(&m->base, q->user), dim * sizeof *to);
        return;
    }
    const vector_kernels *k = vector_kernels_pick();
    memset(to, 0, dim * sizeof *to);
    if (q->user < m->base.base.users) memcpy(to, m->own + (size_t)q->user * dim, dim * sizeof *to);
    const float root = 1 / sqrtf((float)q->n);
    for (size_t e = 0; e < q->n; e++) k->axpy(to, root, m->implied + q->item[e] * dim, dim);
}

static void svdpp_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    (void)scratch;
    for (size_t k = 0; k < n; k++)
        svdpp_vector((const svdpp *)m, &q[k], vectors + k * (size_t)m->dim);
}

// How far a stranger's own ratings lie above what is predicted, damped as by 5 ratings at 0.
static float stranger_bias(const svdpp *m, const query *q, const float *v)
{
    enum { DAMPING = 5 };
    const vector_kernels *k = vector_kernels_pick();
    const size_t dim = (size_t)m->base.base.dim;
    double sum = 0, n = DAMPING;
    for (size_t e = 0; q->value && e < q->n; e++) {
        const size_t i = q->item[e];
        if (isnan(q->value[e])) continue;
        sum += (double)(q->value[e] - m->scale[0] - m->base.bias[i] -
                        k->dot(m->base.item + i * dim, v, dim));
        n++;
    }
    return (float)(sum / n);
}

static void svdpp_predict(const model *base, const query *q, const uint32_t *item, size_t n,
                          float *values, arena *scratch)
{
    const svdpp *m = (const svdpp *)base;
    const size_t dim = (size_t)base->dim;
    const vector_kernels *k = vector_kernels_pick();
    float v[FACTORS_DIM_MAX];
    (void)scratch;
    svdpp_vector(m, q, v);
    const float bias = q->user < base->users ? m->user_bias[q->user] : stranger_bias(m, q, v);
    for (size_t i = 0; i < n; i++) {
        const float r = m->scale[0] + bias + m->base.bias[item[i]] +
                        k->dot(m->base.item + item[i] * dim, v, dim);
        values[i] = r < m->scale[1] ? m->scale[1] : r > m->scale[2] ? m->scale[2] : r;
    }
}

const model_class model_class_svdpp = {
    .name = "svdpp",
    .version = 1,
    .title = "SVD++",
    .paper = "Koren, KDD 2008",
    .needs = NEEDS_VALUE | PREDICTS_VALUE,
    .table = svdpp_table,
    .options_size = sizeof(svdpp_options),
    .fit = svdpp_fit,
    .fields = svdpp_fields,
    .empty = svdpp_empty,
    .ready = svdpp_ready,
    .free = svdpp_free,
    .encode = svdpp_encode,
    .predict = svdpp_predict,
    .user_vectors = factors_user_vectors,
};

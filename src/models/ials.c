// ials.c - matrix factorisation of implicit feedback by alternating least squares.
//
// Paper    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback
//          datasets", ICDM 2008.  Conjugate gradients: G. Takacs, I. Pilaszy and D. Tikk,
//          "Applications of the conjugate gradient method for implicit feedback collaborative
//          filtering", RecSys 2011.  The form of the loss and its recipe: S. Rendle, W. Krichene,
//          L. Zhang and Y. Koren, "Revisiting the performance of iALS on item recommendation
//          benchmarks", RecSys 2022, arXiv:2110.14037.
// Code     github.com/google-research/google-research/tree/master/ials (Rendle et al.)
//
// With x_u, y_i the vectors, S the pairs that met, w their weights, U users and V items:
//
//     sum_{ui in S} w_ui (1 - <x_u, y_i>)^2  +  alpha0 sum_{all u, i} <x_u, y_i>^2
//       +  sum_u l_u |x_u|^2  +  sum_i l_i |y_i|^2
//
//     l_u = reg (sum_i w_ui + alpha0 V)^reg_exp       l_i = reg (sum_u w_ui + alpha0 U)^reg_exp
//
// Where Hu et al. and Rendle et al. disagree (weight 1 + alpha r and target 1 on S, against the
// two separate sums above) we follow Rendle et al.; alpha of the former is 1 / alpha0.
//
// Each half of an iteration minimises over one side exactly, or nearly.  A row's system is
//
//     (alpha0 Y^T Y + l_u I + sum_i w_ui y_i y_i^T) x_u = sum_i w_ui y_i
//
// Before it, both sides are rotated to the principal axes of Y^T Y, which changes no score: the
// first two terms are then diagonal, so that a step of conjugate gradients costs nothing beyond
// the row's own items, and preconditioning by that diagonal makes it exact after as many steps as
// the row has items.  Both papers pay a product with the full matrix in each step.
//
// The vector of one who asks is solved exactly from the history given, so that strangers and
// longer histories are answered at once.
#include "models/factors.h"
#include "models/least_squares.h"
#include "models/registry.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kernels/lapack.h"

#include <math.h>
#include <string.h>

typedef struct ials_options {
    int dim, iterations, cg_steps;
    double reg, reg_exp, alpha0, init_std;
    const char *solver;
    interaction_options of;
} ials_options;

static const opt ials_table[] = {
#define AT(field) offsetof(ials_options, field)
    FACTORS_DIM(AT(dim), "64"),
    { "iterations", "N", OPT_INT, AT(iterations), "16", 1, 10000, NULL,
      "times that users and then items are solved for" },
    { "reg", "R", OPT_REAL, AT(reg), "0.003", 1e-9, 1e9, NULL,
      "regularisation, lambda in the paper" },
    { "reg-exp", "R", OPT_REAL, AT(reg_exp), "1", 0, 2, NULL,
      "how it grows with what a user or item has, nu in the paper" },
    { "alpha0", "R", OPT_REAL, AT(alpha0), "0.05", 0, 1e6, NULL,
      "weight of pairs that did not meet, against 1 for those that did" },
    { "init-std", "R", OPT_REAL, AT(init_std), "0.1", 1e-6, 1e3, NULL,
      "length of the vectors at the start, roughly" },
    { "solver", "NAME", OPT_CHOICE, AT(solver), "cg", 0, 0, "cg|cholesky",
      "conjugate gradients, or exact" },
    { "cg-steps", "N", OPT_INT, AT(cg_steps), "3", 1, 1000, NULL,
      "steps of conjugate gradients per vector and iteration" },
    INTERACTION_ROWS(ials_options, of),
#undef AT
    OPT_END,
};

// What the loss of one row depends on.
typedef struct ials_rule {
    double alpha0, reg, reg_exp;
} ials_rule;

typedef struct ials {
    factors base;
    ials_rule rule;
    interaction_options of; // strings are literals: options do not live as long as models
    float *gram;            // [pad] alpha0 times the diagonal of Y^T Y, derived
} ials;

// --- one half of an iteration ----------------------------------------------------------------------

enum { GRAM_PIECES = 16, ROTATE_PIECES = 256, SOLVE_PIECES = 1024, BLOCK = 96 };

typedef struct ials_side {
    float *vector; // [rows][pad]
    size_t rows;
    const csr *met; // rows of this side by rows of the other
} ials_side;

typedef struct ials_work {
    const ials_options *o;
    ials_rule rule;
    const factor_kernels *kernels;
    size_t dim, pad;
    interactions log;
    ials_side users, items;
    ials_side *target, *source; // of this half
    bool exact;
    float *partial;        // [GRAM_PIECES][pad][pad]
    float *axes;           // [pad][pad], its columns are the axes
    float *gram;           // [pad] alpha0 times the squares along the axes
    double *matrix, *size; // [dim][dim], [dim]
    arena *memory;         // [threads]
    solver *solvers;       // [threads]
    float *rows;           // [threads][BLOCK][pad]
} ials_work;

static void gram_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const ials_work *w = ctx;
    const size_t square = w->pad * w->pad;
    const size_t end = pool_cut(w->source->rows, GRAM_PIECES, piece + 1);
    float *c = w->partial + piece * square;
    memset(c, 0, square * sizeof *c);
    for (size_t r = pool_cut(w->source->rows, GRAM_PIECES, piece); r < end; r += BLOCK)
        w->kernels->gram(c, w->source->vector + r * w->pad, end - r < BLOCK ? end - r : BLOCK,
                         w->pad);
}

// The axes of Y^T Y and the squared lengths along them.
static habit_status find_axes(ials_work *w, const run *r, habit_error *err)
{
    const size_t dim = w->dim, pad = w->pad;
    pool_run(run_pool(r), GRAM_PIECES, gram_piece, w);
    for (size_t i = 0; i < dim; i++)
        for (size_t j = i; j < dim; j++) {
            double sum = 0;
            for (size_t p = 0; p < GRAM_PIECES; p++)
                sum += (double)w->partial[(p * pad + i) * pad + j];
            w->matrix[i * dim + j] = w->matrix[j * dim + i] = sum;
        }
    TRY(lapack_eigen(w->matrix, w->size, dim, err));
    for (size_t k = 0; k < dim; k++) {
        w->gram[k] = (float)(w->o->alpha0 * fmax(0, w->size[k]));
        for (size_t i = 0; i < dim; i++) w->axes[i * pad + k] = (float)w->matrix[k * dim + i];
    }
    return HABIT_OK;
}

static void rotate_rows(const ials_work *w, const ials_side *side, size_t piece, float *rows)
{
    const size_t end = pool_cut(side->rows, ROTATE_PIECES, piece + 1);
    for (size_t r = pool_cut(side->rows, ROTATE_PIECES, piece); r < end; r += BLOCK) {
        const size_t n = end - r < BLOCK ? end - r : BLOCK;
        float *at = side->vector + r * w->pad;
        w->kernels->rotate(rows, at, w->axes, n, w->pad);
        memcpy(at, rows, n * w->pad * sizeof *at);
    }
}

static void rotate_piece(void *ctx, size_t piece, int worker)
{
    const ials_work *w = ctx;
    float *rows = w->rows + (size_t)worker * BLOCK * w->pad;
    rotate_rows(w, w->source, piece, rows);
    if (!w->exact) rotate_rows(w, w->target, piece, rows); // where conjugate gradients begin
}

// l_u of a row with weights weight[n], `others` rows being on the other side.  Never zero.
static float row_reg(const ials_rule *o, const float *weight, size_t n, size_t others)
{
    double sum = o->alpha0 * (double)others;
    for (size_t i = 0; i < n; i++) sum += (double)weight[i];
    return (float)fmax(1e-12, o->reg * pow(sum, o->reg_exp));
}

static void solve_piece(void *ctx, size_t piece, int worker)
{
    const ials_work *w = ctx;
    const csr *met = w->target->met;
    const size_t others = w->source->rows;
    const size_t end = pool_cut(w->target->rows, SOLVE_PIECES, piece + 1);
    for (size_t r = pool_cut(w->target->rows, SOLVE_PIECES, piece); r < end; r++) {
        const uint64_t at = met->start[r];
        const size_t n = (size_t)(met->start[r + 1] - at);
        const least_squares p = { .table = w->source->vector,
                                  .index = met->index + at,
                                  .weight = met->weight + at,
                                  .n = n,
                                  .width = w->pad,
                                  .d = w->gram,
                                  .plus = row_reg(&w->rule, met->weight + at, n, others) };
        float *x = w->target->vector + r * w->pad;
        if (n == 0) {
            memset(x, 0, w->pad * sizeof *x);
            continue;
        }
        if (w->exact)
            solver_exact(&w->solvers[worker], &p, x);
        else
            solver_conjugate(&w->solvers[worker], &p, x, w->o->cg_steps);
    }
}

static habit_status half_iteration(ials_work *w, ials_side *target, ials_side *source, const run *r,
                                   habit_error *err)
{
    w->target = target;
    w->source = source;
    TRY(find_axes(w, r, err));
    pool_run(run_pool(r), ROTATE_PIECES, rotate_piece, w);
    pool_run(run_pool(r), SOLVE_PIECES, solve_piece, w);
    return HABIT_OK;
}

// --- training --------------------------------------------------------------------------------------

static void work_free(ials_work *w, int threads)
{
    for (int t = 0; w->memory && t < threads; t++) arena_free(&w->memory[t]);
    mem_free(w->memory);
    mem_free(w->solvers);
    mem_free(w->rows);
    mem_free(w->users.vector);
    mem_free(w->items.vector);
    mem_free(w->partial);
    mem_free(w->axes);
    mem_free(w->gram);
    mem_free(w->matrix);
    mem_free(w->size);
    interactions_free(&w->log);
}

static habit_status solvers_new(ials_work *w, int threads, habit_error *err)
{
    w->memory = ZNEW(arena, (size_t)threads);
    w->solvers = ZNEW(solver, (size_t)threads);
    if (!w->memory || !w->solvers) return fail_memory(err, "ials", sizeof *w->solvers);
    for (int t = 0; t < threads; t++) {
        arena plan = { 0 };
        solver_carve(&w->solvers[t], w->pad, &plan);
        TRY(arena_init(&w->memory[t], &plan, err));
        solver_carve(&w->solvers[t], w->pad, &w->memory[t]);
    }
    return HABIT_OK;
}

static habit_status work_new(ials_work *w, const log_view *log, const ials_options *o, const run *r,
                             habit_error *err)
{
    const size_t threads = (size_t)run_threads(r);
    w->o = o;
    w->rule = (ials_rule){ o->alpha0, o->reg, o->reg_exp };
    w->kernels = factor_kernels_pick();
    w->dim = (size_t)o->dim;
    w->pad = factor_pad(w->dim);
    TRY(interactions_build(&w->log, log, &o->of, r, err));
    const size_t users = log->users, items = log->items, square = w->pad * w->pad;
    w->users = (ials_side){ ZNEW(float, users * w->pad), users, &w->log.by_user };
    w->items = (ials_side){ NEW(float, items * w->pad), items, &w->log.by_item };
    w->partial = NEW(float, GRAM_PIECES *square);
    w->axes = ZNEW(float, square);
    w->gram = ZNEW(float, w->pad);
    w->matrix = NEW(double, w->dim * w->dim);
    w->size = NEW(double, w->dim);
    w->rows = NEW(float, threads *BLOCK * w->pad);
    if (!w->users.vector || !w->items.vector || !w->partial || !w->axes || !w->gram || !w->matrix ||
        !w->size || !w->rows)
        return fail_memory(err, "ials", (users + items) * w->pad * sizeof(float));
    // Beyond dim the axes are those of the padding: zero stays zero.
    factors_draw(w->items.vector, items, w->dim, o->init_std / sqrt((double)o->dim),
                 r ? r->seed : 0);
    return solvers_new(w, (int)threads, err);
}

static habit_status iterate(ials_work *w, const run *r, habit_error *err)
{
    w->exact = strcmp(w->o->solver, "cholesky") == 0;
    for (int i = 0; i < w->o->iterations; i++) {
        TRY(run_progress(r, "ials", (uint64_t)i, (uint64_t)w->o->iterations, err));
        const double began = clock_wall();
        TRY(half_iteration(w, &w->users, &w->items, r, err));
        TRY(half_iteration(w, &w->items, &w->users, r, err));
        const epoch_note note = { i + 1, w->o->iterations, NAN, w->log.by_user.count,
                                  clock_wall() - began };
        run_epoch(r, "ials", &note);
    }
    // The users once more, exactly: what is stored is what an answer computes.
    w->exact = true;
    TRY(half_iteration(w, &w->users, &w->items, r, err));
    return run_progress(r, "ials", (uint64_t)w->o->iterations, (uint64_t)w->o->iterations, err);
}

static const char *literal(const char *name)
{
    static const char *const known[] = { "one", "count", "value" };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(name, known[i]) == 0) return known[i];
    return known[0];
}

// Keeps the options that answers need, and derives the diagonal of Y^T Y: the last thing training
// did was to turn the items to its axes.
static habit_status ials_derive(ials *m, const ials_options *o, habit_error *err)
{
    const size_t dim = (size_t)m->base.base.dim, items = m->base.base.items;
    m->rule = (ials_rule){ o->alpha0, o->reg, o->reg_exp };
    m->of = (interaction_options){ literal(o->of.weight), o->of.half_life };
    double *sum = ZNEW(double, dim);
    m->gram = ZNEW(float, factor_pad(dim));
    if (!sum || !m->gram) {
        mem_free(sum);
        return fail_memory(err, "the Gram matrix", dim * sizeof *sum);
    }
    for (size_t i = 0; i < items; i++)
        for (size_t k = 0; k < dim; k++) {
            const double y = (double)m->base.item[i * dim + k];
            sum[k] += y * y;
        }
    for (size_t k = 0; k < dim; k++) m->gram[k] = (float)(o->alpha0 * sum[k]);
    mem_free(sum);
    return HABIT_OK;
}

static void ials_free(model *m)
{
    factors_release((factors *)m);
    mem_free(((ials *)m)->gram);
    mem_free(m);
}

static habit_status ials_fit(model **out, const log_view *log, const void *options, const run *r,
                             habit_error *err)
{
    const ials_options *o = options;
    void *made = NULL;
    TRY(factors_new(&made, &model_class_ials, sizeof(ials), err));
    ials *m = made;
    m->base.base.users = log->users;
    m->base.base.items = log->items;
    m->base.base.dim = o->dim;
    ials_work w = { 0 };
    habit_status st = work_new(&w, log, o, r, err);
    if (st == HABIT_OK) st = iterate(&w, r, err);
    if (st == HABIT_OK)
        st = factors_learn(&m->base, w.users.vector, w.items.vector, NULL, w.pad, err);
    if (st == HABIT_OK) st = ials_derive(m, o, err);
    work_free(&w, run_threads(r));
    if (st == HABIT_OK)
        *out = &m->base.base;
    else
        ials_free(&m->base.base);
    return st;
}

// --- files and answers -----------------------------------------------------------------------------

static size_t ials_fields(model *m, model_field *out)
{
    return factors_fields((factors *)m, out);
}

static habit_status ials_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(factors_new(&made, &model_class_ials, sizeof(ials), err));
    *out = made;
    return HABIT_OK;
}

static habit_status ials_ready(model *m, const void *options, habit_error *err)
{
    TRY(factors_ready((factors *)m, err));
    return ials_derive((ials *)m, options, err);
}

typedef struct answer {
    basket basket;
    solver solver;
    float *weight, *x; // [items], [pad]
} answer;

static void answer_carve(answer *a, const ials *m, arena *memory)
{
    const size_t dim = (size_t)m->base.base.dim;
    solver_carve(&a->solver, dim, memory);
    a->weight = arena_floats(memory, m->base.base.items);
    a->x = arena_floats(memory, factor_pad(dim));
}

static size_t ials_scratch(const model *m, size_t n)
{
    (void)n;
    arena plan = { 0 };
    answer a;
    answer_carve(&a, (const ials *)m, &plan);
    return plan.used + basket_bytes(m->items);
}

static void encode_one(const ials *m, answer *a, const query *q, float *vector)
{
    const model *base = &m->base.base;
    const size_t dim = (size_t)base->dim;
    basket_fill(&a->basket, q, &m->of);
    if (a->basket.n == 0) {
        memcpy(vector, factors_of_user(&m->base, q->user), dim * sizeof *vector);
        return;
    }
    for (size_t i = 0; i < a->basket.n; i++) a->weight[i] = a->basket.weight[a->basket.item[i]];
    const least_squares p = { .table = m->base.item,
                              .index = a->basket.item,
                              .weight = a->weight,
                              .n = a->basket.n,
                              .width = dim,
                              .d = m->gram,
                              .plus = row_reg(&m->rule, a->weight, a->basket.n, base->items) };
    solver_exact(&a->solver, &p, a->x);
    memcpy(vector, a->x, dim * sizeof *vector);
}

static void ials_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    answer a;
    answer_carve(&a, (const ials *)m, scratch);
    basket_open(&a.basket, m->items, scratch);
    for (size_t k = 0; k < n; k++)
        encode_one((const ials *)m, &a, &q[k], vectors + k * (size_t)m->dim);
    arena_rewind(scratch, mark);
}

const model_class model_class_ials = {
    .name = "ials",
    .version = 1,
    .title = "iALS",
    .paper = "Hu, Koren & Volinsky, ICDM 2008; Rendle et al., RecSys 2022, arXiv:2110.14037",
    .table = ials_table,
    .options_size = sizeof(ials_options),
    .fit = ials_fit,
    .fields = ials_fields,
    .empty = ials_empty,
    .ready = ials_ready,
    .free = ials_free,
    .encode = ials_encode,
    .scratch = ials_scratch,
    .user_vectors = factors_user_vectors,
};

// ease.c - Embarrassingly Shallow Autoencoders for Sparse Data (EASE^R).
//
// Paper    H. Steck, WWW 2019, arXiv:1905.03375.  Sections cited as 3.x.
// Code     The paper has it in full: its Algorithm 1, fifteen lines of NumPy.
//
// 3.1  Model: score S_ui = X_u. B_.i, with X the users x items matrix and diag(B) = 0: an item
//      may not explain itself.
// 3.2  Objective: min_B |X - X B|_F^2 + lambda |B|_F^2.
// 3.3  Closed form: with P = (X^T X + lambda I)^-1,
//
//          B_ji = -P_ji / P_ii  for j != i,    B_ii = 0
//
// Where we go beyond the paper:
//   - the paper's X is binary; `--weight` and `--half-life` make other matrices, same solution
//   - the paper computes in double; we use float, half the memory, and refuse a Gram matrix that
//     is not positive definite in float (a larger lambda cures it)
//   - `--top N` keeps the N largest weights in magnitude of each predicted item, by which the
//     model on disk and in memory becomes sparse (the memory to fit it stays)
//
// One V x V matrix is all there is: Gram, inverse and B take turns in the same place.
//
// Names    V items.
#include "models/direct.h"
#include "models/registry.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kernels/lapack.h"
#include "kernels/vector.h"

#include <math.h>
#include <string.h>

typedef struct ease_options {
    interaction_options log;
    double l2;
    int top;
} ease_options;

static const opt ease_table[] = {
#define AT(field) offsetof(ease_options, field)
    { "l2", "R", OPT_REAL, AT(l2), "100", 1e-3, 1e9, NULL,
      "lambda of the paper: penalty on the weights; grows with the log" },
    { "top", "N", OPT_INT, AT(top), "0", 0, 1000000, NULL,
      "weights kept per item, for a smaller model; 0: all" },
    INTERACTION_ROWS(ease_options, log),
#undef AT
    OPT_END,
};

typedef struct ease {
    direct direct;
    interaction_options log;
    const vector_kernels *vector;
    const float *weight; // B [V][V], row j the weights of a past item j; NULL if pruned
    csr pruned;          // the same, sparse
    uint64_t loaded[2];
} ease;

// --- 3.3: the closed form ----------------------------------------------------------------------

enum { PIECES = 1024, TILE = 64 };

typedef struct ease_work {
    float *matrix; // [V][V]
    size_t items;
    const interactions *x;
    float *inverse_diagonal; // [V] 1 / P_ii
    size_t top;
    csr_entry *entries; // [threads][V]
} ease_work;

// G = X^T X + lambda I, upper triangle: row i is the sum over the users of i of their rows.  The
// first rows have the most to do, and pieces are small: threads finish together.
static void gram_rows(void *ctx, size_t piece, int worker)
{
    ease_work *w = ctx;
    const csr *by_item = &w->x->by_item, *by_user = &w->x->by_user;
    (void)worker;
    const size_t end = pool_cut(w->items, PIECES, piece + 1);
    for (size_t i = pool_cut(w->items, PIECES, piece); i < end; i++) {
        float *row = w->matrix + i * w->items;
        memset(row, 0, w->items * sizeof *row);
        for (uint64_t e = by_item->start[i]; e < by_item->start[i + 1]; e++) {
            const uint32_t u = by_item->index[e];
            for (uint64_t f = by_user->start[u + 1]; f-- > by_user->start[u];) {
                const uint32_t j = by_user->index[f];
                if (j < i) break; // ascending: the rest is below the diagonal
                row[j] += by_item->weight[e] * by_user->weight[f];
            }
        }
    }
}

// Mirrors the upper triangle of P into the lower one, tile by tile for the cache.
static void mirror_rows(void *ctx, size_t piece, int worker)
{
    const ease_work *w = ctx;
    const size_t V = w->items, begin = piece * TILE, end = begin + TILE < V ? begin + TILE : V;
    (void)worker;
    for (size_t left = 0; left < end; left += TILE)
        for (size_t i = begin; i < end; i++) {
            const size_t right = left + TILE < i ? left + TILE : i;
            for (size_t j = left; j < right; j++) w->matrix[i * V + j] = w->matrix[j * V + i];
        }
}

// B_ji = -P_ji / P_ii, in place.
static void scale_rows(void *ctx, size_t piece, int worker)
{
    const ease_work *w = ctx;
    (void)worker;
    const size_t end = pool_cut(w->items, PIECES, piece + 1);
    for (size_t j = pool_cut(w->items, PIECES, piece); j < end; j++) {
        float *row = w->matrix + j * w->items;
        for (size_t i = 0; i < w->items; i++) row[i] *= -w->inverse_diagonal[i];
        row[j] = 0;
    }
}

// Row i of P, which is symmetric, is column i of B but for the factor: the `top` largest weights
// by which other items predict i.
static void prune_row(void *ctx, uint64_t i, int worker, csr_rows *out)
{
    const ease_work *w = ctx;
    const float *row = w->matrix + i * w->items;
    csr_entry *e = w->entries + (size_t)worker * w->items;
    size_t n = 0;
    for (size_t j = 0; j < w->items; j++)
        if (j != i) e[n++] = (csr_entry){ (uint32_t)j, fabsf(row[j]) };
    n = csr_best(e, n, w->top);
    for (size_t k = 0; k < n; k++) e[k].weight = -row[e[k].index] * w->inverse_diagonal[i];
    csr_put(out, e, n);
}

static habit_status prune(csr *out, ease_work *w, const run *r, habit_error *err)
{
    csr by_target = { 0 };
    w->entries = NEW(csr_entry, (size_t)run_threads(r) * w->items);
    if (!w->entries) return fail_memory(err, "ease: pruning", w->items * sizeof *w->entries);
    habit_status st = csr_build(&by_target, w->items, (uint32_t)w->items, prune_row, w,
                                "keeping the largest weights", r, err);
    mem_free(w->entries);
    if (st == HABIT_OK) st = csr_transpose(out, &by_target, err);
    csr_free(&by_target);
    return st;
}

// Turns the empty matrix into P, both triangles.
static habit_status solve(ease_work *w, double l2, const run *r, habit_error *err)
{
    TRY(run_progress(r, "ease: co-occurrences", 0, 1, err));
    pool_run(run_pool(r), PIECES, gram_rows, w);
    TRY(run_progress(r, "ease: co-occurrences", 1, 1, err));
    for (size_t i = 0; i < w->items; i++) w->matrix[i * w->items + i] += (float)l2;

    TRY(lapack_inverse(w->matrix, w->items, r, err));
    pool_run(run_pool(r), (w->items + TILE - 1) / TILE, mirror_rows, w);
    for (size_t i = 0; i < w->items; i++) w->inverse_diagonal[i] = 1 / w->matrix[i * w->items + i];
    return HABIT_OK;
}

// Says what it will take, and refuses what this machine does not have.
static habit_status check_memory(size_t items, const run *r, habit_error *err)
{
    const double need = (double)items * (double)items * sizeof(float);
    const size_t available = memory_available();
    run_log(r, LOG_NOTE, "ease: one matrix of %zu x %zu items takes %.2f GiB (%.2f GiB available)",
            items, items, need / 0x1p30, (double)available / 0x1p30);
    if (need < 0x1p62 && (available == 0 || need <= (double)available)) return HABIT_OK;
    return fail(err, HABIT_ENOMEM,
                "ease: the matrix of %zu x %zu items takes %.2f GiB and this machine has %.2f GiB "
                "left: import with a higher --min-item-events, or use itemknn",
                items, items, need / 0x1p30, (double)available / 0x1p30);
}

// --- learning ------------------------------------------------------------------------------------

static void ease_free(model *base)
{
    ease *m = (ease *)base;
    direct_release(&m->direct);
    if (!base->loaded) {
        mem_free((void *)m->weight);
        csr_free(&m->pruned);
    }
    mem_free(m);
}

static habit_status ease_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(direct_new(&made, &model_class_ease, sizeof(ease), err));
    *out = made;
    return HABIT_OK;
}

static habit_status learn_weights(ease *m, const interactions *x, const ease_options *o,
                                  const run *r, habit_error *err)
{
    ease_work w = { .items = x->items, .x = x, .top = (size_t)o->top };
    TRY(check_memory(w.items, r, err));
    w.matrix = NEW(float, w.items *w.items);
    w.inverse_diagonal = NEW(float, w.items);
    habit_status st = HABIT_OK;
    if (!w.matrix || !w.inverse_diagonal)
        st = fail_memory(err, "ease: the item matrix", w.items * w.items * sizeof *w.matrix);
    if (st == HABIT_OK) st = solve(&w, o->l2, r, err);
    if (st == HABIT_OK && o->top > 0) {
        st = prune(&m->pruned, &w, r, err);
    } else if (st == HABIT_OK) {
        pool_run(run_pool(r), PIECES, scale_rows, &w);
        m->weight = w.matrix;
        w.matrix = NULL;
    }
    mem_free(w.matrix);
    mem_free(w.inverse_diagonal);
    return st;
}

static habit_status ease_fit(model **out, const log_view *log, const void *options, const run *r,
                             habit_error *err)
{
    const ease_options *o = options;
    interactions x = { 0 };
    model *base = NULL;
    TRY(ease_empty(&base, err));
    ease *m = (ease *)base;
    habit_status st = interactions_build(&x, log, &o->log, r, err);
    if (st == HABIT_OK) st = direct_learn(&m->direct, x.users, x.items, &x.by_item, err);
    if (st == HABIT_OK) st = learn_weights(m, &x, o, r, err);
    interactions_free(&x);
    if (st != HABIT_OK) {
        ease_free(base);
        return st;
    }
    m->log = interaction_options_keep(&o->log);
    m->vector = vector_kernels_pick();
    *out = base;
    return HABIT_OK;
}

// --- keeping -------------------------------------------------------------------------------------

// Dense or pruned: a fitted model lists what it has, an empty one both.
static size_t ease_fields(model *base, model_field *out)
{
    static const char *const arrays[] = { "weight.start", "weight.index", "weight.value" };
    ease *m = (ease *)base;
    const bool empty = !m->weight && !m->pruned.start;
    size_t n = direct_fields(&m->direct, out);
    if (m->weight || empty)
        out[n++] = (model_field){ .name = "weight",
                                  .type = TENSOR_F32,
                                  .dims = 2,
                                  .shape = { base->items, base->items },
                                  .data = (const void **)&m->weight,
                                  .shape_out = { &m->loaded[0], &m->loaded[1] },
                                  .optional = true };
    if (m->pruned.start || empty) {
        const size_t first = n;
        n += csr_fields(&m->pruned, arrays, out + n);
        for (size_t i = first; i < n; i++) out[i].optional = true;
    }
    return n;
}

static habit_status ease_ready(model *base, const void *options, habit_error *err)
{
    ease *m = (ease *)base;
    m->log = interaction_options_keep(&((const ease_options *)options)->log);
    m->vector = vector_kernels_pick();
    TRY(direct_ready(&m->direct, err));
    if (!m->weight) {
        if (!m->pruned.start || !m->pruned.index || !m->pruned.weight)
            return fail(err, HABIT_EFORMAT, "ease: the file holds no weights: it is damaged");
        return csr_ready(&m->pruned, base->items, base->items, "ease", err);
    }
    if (m->loaded[0] == base->items && m->loaded[1] == base->items) return HABIT_OK;
    return fail(err, HABIT_EFORMAT, "ease: %llu x %llu weights for %u items: the file is damaged",
                (unsigned long long)m->loaded[0], (unsigned long long)m->loaded[1], base->items);
}

// --- answering -----------------------------------------------------------------------------------

// 3.1: S_u. = sum_j X_uj B_j.
static void ease_score(const model *base, const query *q, size_t n, float *scores, arena *scratch)
{
    const ease *m = (const ease *)base;
    const size_t V = base->items, mark = arena_mark(scratch);
    basket x;
    basket_open(&x, base->items, scratch);
    for (size_t k = 0; k < n; k++) {
        float *s = scores + k * V;
        basket_fill(&x, &q[k], &m->log);
        if (x.n == 0) {
            direct_cold(&m->direct, s);
            continue;
        }
        memset(s, 0, V * sizeof *s);
        for (size_t i = 0; i < x.n; i++) {
            const uint32_t j = x.item[i];
            if (m->weight)
                m->vector->axpy(s, x.weight[j], m->weight + j * V, V);
            else
                csr_axpy(s, x.weight[j], &m->pruned, j);
        }
    }
    arena_rewind(scratch, mark);
}

static size_t ease_scratch(const model *m, size_t n)
{
    (void)n;
    return basket_bytes(m->items);
}

const model_class model_class_ease = {
    .name = "ease",
    .version = 1,
    .title = "EASE^R",
    .paper = "Steck, WWW 2019, arXiv:1905.03375",
    .table = ease_table,
    .options_size = sizeof(ease_options),
    .fit = ease_fit,
    .fields = ease_fields,
    .empty = ease_empty,
    .ready = ease_ready,
    .free = ease_free,
    .score = ease_score,
    .scratch = ease_scratch,
};

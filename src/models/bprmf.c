// bprmf.c - matrix factorisation learned from pairwise comparisons.
//
// Paper    S. Rendle, C. Freudenthaler, Z. Gantner and L. Schmidt-Thieme, "BPR: Bayesian
//          personalized ranking from implicit feedback", UAI 2009, arXiv:1205.2618.
//          Parallel order: R. Gemulla, E. Nijkamp, P. Haas and Y. Sismanis, "Large-scale matrix
//          factorization with distributed stochastic gradient descent", KDD 2011 (DSGD).
//          Hard negatives: W. Zhang, T. Chen, J. Wang and Y. Yu, "Optimizing top-N collaborative
//          filtering via dynamic negative item sampling", SIGIR 2013.
//
// For a user u, an item i that she took and one j that she did not, ascend
//
//     ln sigma(<u, i - j> + b_i - b_j) - regularisation
//
// Where we differ from the paper:
//   - it draws (u, i) with replacement; we visit every pair once an epoch, in random order
//   - it draws j uniformly from all items that u did not take; we take the hardest of several
//     drawn so, after Zhang et al.; with --negatives 1 we do as the paper
//
// Several threads, no locks, the same bits at any number of threads: the pairs of an epoch are dealt
// into blocks that share nothing (models/blocks.h), and a block's negatives are its own items.
// Since groups are dealt anew each epoch, over epochs every item meets every user as a negative
// with the same chance.
#include "models/bprmf.h"
#include "models/blocks.h"
#include "models/factors.h"
#include "models/registry.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "kernels/vector.h"

#include <math.h>
#include <string.h>

typedef struct bpr_options {
    int dim, epochs, negatives;
    double lr, lr_end, reg_user, reg_item, init_std;
    bool bias;
} bpr_options;

static const opt bpr_table[] = {
#define AT(field) offsetof(bpr_options, field)
    FACTORS_DIM(AT(dim), "64"),
    { "epochs", "N", OPT_INT, AT(epochs), "60", 1, 100000, NULL, "passes over the pairs" },
    { "lr", "R", OPT_REAL, AT(lr), "0.1", 1e-6, 10, NULL, "learning rate of the first epoch" },
    { "lr-end", "R", OPT_REAL, AT(lr_end), "0.2", 1e-6, 1, NULL,
      "learning rate of the last epoch, as a share of the first; geometric between" },
    { "reg-user", "R", OPT_REAL, AT(reg_user), "0.01", 0, 10, NULL, "L2 penalty on user vectors" },
    { "reg-item", "R", OPT_REAL, AT(reg_item), "0.01", 0, 10, NULL,
      "L2 penalty on item vectors and biases" },
    { "negatives", "N", OPT_INT, AT(negatives), "8", 1, 1024, NULL,
      "items drawn per step, of which the one scored highest is compared; 1 is the paper's way" },
    { "init-std", "R", OPT_REAL, AT(init_std), "0.1", 0, 10, NULL,
      "standard deviation of the vectors at the start" },
    { "bias", NULL, OPT_FLAG, AT(bias), "false", 0, 0, NULL,
      "gives each item a number of its own, its appeal to everybody" },
#undef AT
    OPT_END,
};

typedef struct bpr {
    factors base;
    float lr, reg_user; // for those who were not there
    int negatives;
} bpr;

// Every pair counts alike.
static const interaction_options plain = { "one", 0 };

// --- one step --------------------------------------------------------------------------------------

float bpr_step(const factor_kernels *k, const bpr_triple *t, size_t dim, const bpr_rates *rates)
{
    float x = k->pair_score(t->user, t->item, t->other, dim);
    if (t->item_bias) x += *t->item_bias - *t->other_bias;
    const float slope = 1 / (1 + expf(x)); // sigma(-x): overflow of expf gives 0
    const float step = rates->lr * slope, keep_item = 1 - rates->lr * rates->reg_item;
    k->pair_step(t->user, t->item, t->other, step, 1 - rates->lr * rates->reg_user, keep_item, dim);
    if (t->item_bias) {
        *t->item_bias = keep_item * *t->item_bias + step;
        *t->other_bias = keep_item * *t->other_bias - step;
    }
    return x > 0 ? log1pf(expf(-x)) : log1pf(expf(x)) - x;
}

typedef struct bpr_work {
    const bpr_options *o;
    const factor_kernels *kernels;
    const vector_kernels *vector;
    size_t pad;
    uint64_t seed;
    interactions log;
    blocks blocks;
    float *user, *item, *bias; // [users][pad], [items][pad], [items] or NULL
    uint64_t epoch;
    size_t shift; // the diagonal of blocks at work
    double loss[BLOCKS_MAX];
    bpr_rates rates;
} bpr_work;

// --- one block -------------------------------------------------------------------------------------

static bool took(const csr *met, uint32_t user, uint32_t item)
{
    uint64_t lo = met->start[user], hi = met->start[user + 1];
    while (lo < hi) {
        const uint64_t mid = lo + (hi - lo) / 2;
        if (met->index[mid] == item) return true;
        if (met->index[mid] < item)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

// The one scored highest of the items of group `g` drawn that the user did not take; ITEM_NONE if
// none turns up.  Only what would be chosen is looked up: of N drawn, about ln N.
static uint32_t draw_negative(const bpr_work *w, uint32_t user, size_t g, rng *draw)
{
    enum { TRIES = 16 };
    const size_t first = w->blocks.item_start[g], n = w->blocks.item_start[g + 1] - first;
    const float *u = w->user + user * w->pad;
    const int wanted = w->o->negatives;
    uint32_t best = ITEM_NONE;
    float best_score = -INFINITY;
    for (int tries = 0; n && tries < wanted + TRIES; tries++) {
        if (tries >= wanted && best != ITEM_NONE) break;
        const uint32_t j = w->blocks.item[first + (size_t)rng_below(draw, n)];
        const float score = wanted == 1 ? 0
                                        : w->vector->dot(u, w->item + j * w->pad, w->pad) +
                                              (w->bias ? w->bias[j] : 0);
        if (!(score > best_score) || took(&w->log.by_user, user, j)) continue;
        best_score = score;
        best = j;
    }
    return best;
}

static void shuffle(pair *list, size_t n, rng *draw)
{
    for (size_t left = n; left > 1; left--) {
        const size_t k = (size_t)rng_below(draw, left);
        const pair swap = list[k];
        list[k] = list[left - 1];
        list[left - 1] = swap;
    }
}

// Asks for the rows of a pair to come soon: they are all over memory.
static void fetch_rows(const bpr_work *w, pair at)
{
#if defined(__GNUC__)
    for (size_t k = 0; k < w->pad; k += FACTOR_PAD) {
        __builtin_prefetch(w->user + at.user * w->pad + k);
        __builtin_prefetch(w->item + at.item * w->pad + k);
    }
    __builtin_prefetch(&w->log.by_user.start[at.user]);
#else
    (void)w, (void)at;
#endif
}

static void block_piece(void *ctx, size_t piece, int worker)
{
    enum { AHEAD = 4 };
    (void)worker;
    bpr_work *w = ctx;
    const blocks *b = &w->blocks;
    const size_t g = (piece + w->shift) % b->groups, block = piece * b->groups + g;
    pair *list = b->pairs + b->start[block];
    const size_t n = (size_t)(b->start[block + 1] - b->start[block]);
    rng draw = rng_at(w->seed + 1, w->epoch, block);
    double loss = 0;
    shuffle(list, n, &draw);
    for (size_t k = 0; k < n; k++) {
        const pair at = list[k];
        if (k + AHEAD < n) fetch_rows(w, list[k + AHEAD]);
        const uint32_t other = draw_negative(w, at.user, g, &draw);
        if (other == ITEM_NONE) continue;
        const bpr_triple t = { .user = w->user + at.user * w->pad,
                               .item = w->item + at.item * w->pad,
                               .other = w->item + other * w->pad,
                               .item_bias = w->bias ? w->bias + at.item : NULL,
                               .other_bias = w->bias ? w->bias + other : NULL };
        loss += (double)bpr_step(w->kernels, &t, w->pad, &w->rates);
    }
    w->loss[block] = loss;
}

// --- training --------------------------------------------------------------------------------------

static void work_free(bpr_work *w)
{
    blocks_free(&w->blocks);
    interactions_free(&w->log);
    mem_free(w->user);
    mem_free(w->item);
    mem_free(w->bias);
}

static habit_status work_new(bpr_work *w, const log_view *log, const bpr_options *o, const run *r,
                             habit_error *err)
{
    const size_t users = log->users, items = log->items;
    w->o = o;
    w->kernels = factor_kernels_pick();
    w->vector = vector_kernels_pick();
    w->pad = factor_pad((size_t)o->dim);
    w->seed = r ? r->seed : 0;
    TRY(interactions_build(&w->log, log, &plain, r, err));
    TRY(blocks_new(&w->blocks, &w->log.by_user, w->seed, err));
    w->user = NEW(float, users * w->pad);
    w->item = NEW(float, items * w->pad);
    if (o->bias) w->bias = ZNEW(float, items);
    if (!w->user || !w->item || (o->bias && !w->bias))
        return fail_memory(err, "bpr", (users + items) * w->pad * sizeof(float));
    factors_draw(w->user, users, (size_t)o->dim, o->init_std, w->seed);
    factors_draw(w->item, items, (size_t)o->dim, o->init_std, w->seed + 1);
    return HABIT_OK;
}

static habit_status run_epochs(bpr_work *w, const run *r, habit_error *err)
{
    const bpr_options *o = w->o;
    w->rates.reg_user = (float)o->reg_user;
    w->rates.reg_item = (float)o->reg_item;
    for (int epoch = 0; epoch < o->epochs; epoch++) {
        TRY(run_progress(r, "bpr", (uint64_t)epoch, (uint64_t)o->epochs, err));
        const double began = clock_wall();
        const double share = o->epochs > 1 ? (double)epoch / (o->epochs - 1) : 0;
        w->rates.lr = (float)(o->lr * pow(o->lr_end, share));
        w->epoch = (uint64_t)epoch;
        blocks_deal(&w->blocks, w->epoch, run_pool(r));
        for (w->shift = 0; w->shift < w->blocks.groups; w->shift++)
            pool_run(run_pool(r), w->blocks.groups, block_piece, w);
        double loss = 0;
        for (size_t b = 0; b < w->blocks.groups * w->blocks.groups; b++) loss += w->loss[b];
        loss /= fmax(1, (double)w->log.by_user.count);
        const epoch_note note = { epoch + 1, o->epochs, loss, w->log.by_user.count,
                                  clock_wall() - began };
        run_epoch(r, "bpr", &note);
        if (!isfinite(loss))
            return fail(err, HABIT_EDIVERGED,
                        "bpr: the loss of epoch %d is not finite; lower --lr (%g)", epoch + 1,
                        o->lr);
    }
    return run_progress(r, "bpr", (uint64_t)o->epochs, (uint64_t)o->epochs, err);
}

// Users of whom nothing was seen are given the mean of the others, not where they began.
static void settle_strangers(bpr_work *w)
{
    const csr *met = &w->log.by_user;
    const size_t dim = (size_t)w->o->dim;
    for (size_t k = 0; k < dim; k++) {
        double sum = 0, n = 0;
        for (size_t u = 0; u < w->log.users; u++) {
            if (met->start[u] == met->start[u + 1]) continue;
            sum += (double)w->user[u * w->pad + k];
            n++;
        }
        const float mean = (float)(sum / fmax(1, n));
        for (size_t u = 0; u < w->log.users; u++)
            if (met->start[u] == met->start[u + 1]) w->user[u * w->pad + k] = mean;
    }
}

static void bpr_free(model *m)
{
    factors_release((factors *)m);
    mem_free(m);
}

static void keep_options(bpr *m, const bpr_options *o)
{
    m->lr = (float)o->lr;
    m->reg_user = (float)o->reg_user;
    m->negatives = o->negatives;
}

static habit_status bpr_fit(model **out, const log_view *log, const void *options, const run *r,
                            habit_error *err)
{
    const bpr_options *o = options;
    void *made = NULL;
    TRY(factors_new(&made, &model_class_bpr, sizeof(bpr), err));
    bpr *m = made;
    m->base.base.users = log->users;
    m->base.base.items = log->items;
    m->base.base.dim = o->dim;
    keep_options(m, o);
    bpr_work *w = ZNEW(bpr_work, 1);
    habit_status st = w ? HABIT_OK : fail_memory(err, "bpr", sizeof *w);
    if (st == HABIT_OK) st = work_new(w, log, o, r, err);
    if (st == HABIT_OK) st = run_epochs(w, r, err);
    if (st == HABIT_OK) {
        settle_strangers(w);
        st = factors_learn(&m->base, w->user, w->item, w->bias, w->pad, err);
    }
    if (w) work_free(w);
    mem_free(w);
    if (st == HABIT_OK)
        *out = &m->base.base;
    else
        bpr_free(&m->base.base);
    return st;
}

// --- files and answers -----------------------------------------------------------------------------

static size_t bpr_fields(model *m, model_field *out)
{
    return factors_fields((factors *)m, out);
}

static habit_status bpr_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(factors_new(&made, &model_class_bpr, sizeof(bpr), err));
    *out = made;
    return HABIT_OK;
}

static habit_status bpr_ready(model *m, const void *options, habit_error *err)
{
    keep_options((bpr *)m, options);
    return factors_ready((factors *)m, err);
}

// The item scored highest by u of those drawn that are not in the basket; ITEM_NONE if none is.
static uint32_t draw_rival(const bpr *m, const basket *b, const float *u, rng *draw)
{
    const model *base = &m->base.base;
    const vector_kernels *k = vector_kernels_pick();
    const size_t dim = (size_t)base->dim;
    uint32_t best = ITEM_NONE;
    float best_score = -INFINITY;
    for (int n = 0; n < m->negatives; n++) {
        const uint32_t j = (uint32_t)rng_below(draw, base->items);
        if (b->weight[j] > 0) continue;
        const float score = k->dot(u, base->item_vector + j * dim, dim) +
                            (base->item_bias ? base->item_bias[j] : 0);
        if (!(score > best_score)) continue;
        best_score = score;
        best = j;
    }
    return best;
}

// A stranger learns a vector from her history as users did, from where the mean user stands, the
// items held.  On users held out of Gowalla that gives Recall@20 .159 where the mean of the items'
// vectors gives .150.
static void fold_in(const bpr *m, const basket *b, float *u)
{
    enum { PASSES = 10, STEPS_MAX = 4096 };
    const model *base = &m->base.base;
    const vector_kernels *k = vector_kernels_pick();
    const size_t dim = (size_t)base->dim, most = b->n * PASSES;
    const size_t steps = most < STEPS_MAX ? most : STEPS_MAX;
    rng draw = rng_at(b->n, b->item[0], 0); // the same history, the same answer
    memcpy(u, m->base.mean, dim * sizeof *u);
    for (size_t s = 0; s < steps; s++) {
        // Where there are more items than steps, a sample of them.
        const uint32_t i = b->item[b->n <= STEPS_MAX ? s % b->n : rng_below(&draw, b->n)];
        const uint32_t j = draw_rival(m, b, u, &draw);
        if (j == ITEM_NONE) continue;
        const float *taken = base->item_vector + i * dim, *other = base->item_vector + j * dim;
        float x = k->dot(u, taken, dim) - k->dot(u, other, dim);
        if (base->item_bias) x += base->item_bias[i] - base->item_bias[j];
        const float step = m->lr / (1 + expf(x));
        k->scale(u, 1 - m->lr * m->reg_user, dim);
        k->axpy(u, step, taken, dim);
        k->axpy(u, -step, other, dim);
    }
}

static size_t bpr_scratch(const model *m, size_t n)
{
    (void)n;
    return basket_bytes(m->items);
}

static void bpr_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    const size_t mark = arena_mark(scratch), dim = (size_t)m->dim;
    basket b;
    basket_open(&b, m->items, scratch);
    for (size_t k = 0; k < n; k++) {
        float *to = vectors + k * dim;
        if (q[k].user >= m->users && q[k].n > 0) {
            basket_fill(&b, &q[k], &plain);
            fold_in((const bpr *)m, &b, to);
        } else
            memcpy(to, factors_of_user((const factors *)m, q[k].user), dim * sizeof *to);
    }
    arena_rewind(scratch, mark);
}

const model_class model_class_bpr = {
    .name = "bpr",
    .version = 1,
    .title = "BPR-MF",
    .paper = "Rendle, Freudenthaler, Gantner & Schmidt-Thieme, UAI 2009, arXiv:1205.2618",
    .table = bpr_table,
    .options_size = sizeof(bpr_options),
    .fit = bpr_fit,
    .fields = bpr_fields,
    .empty = bpr_empty,
    .ready = bpr_ready,
    .free = bpr_free,
    .encode = bpr_encode,
    .scratch = bpr_scratch,
    .user_vectors = factors_user_vectors,
};

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
//   - it draws j uniformly from all items that u did not take; we do so over epochs, see below
//
// Several threads, no locks, the same bits at any number of threads: each epoch deals users and
// items at random into G groups, which makes G x G blocks of pairs.  The blocks (g, g + s) of one
// s share neither users nor items, nor do their negatives, which are drawn from the block's own
// items; so they may run at once, in any order.  G depends on the log only.
//
//               items 0   1   2   3
//     users 0   | s=0 | 1 | 2 | 3 |       first all blocks marked 0, then all marked 1, ...
//           1   |  3  | 0 | 1 | 2 |
//           2   |  2  | 3 | 0 | 1 |
//           3   |  1  | 2 | 3 | 0 |
//
// Since groups are dealt anew each epoch, over epochs every item meets every user as a negative
// with the same chance.
#include "models/bprmf.h"
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
    { "epochs", "N", OPT_INT, AT(epochs), "100", 1, 100000, NULL, "passes over the pairs" },
    { "lr", "R", OPT_REAL, AT(lr), "0.05", 1e-6, 10, NULL, "learning rate of the first epoch" },
    { "lr-end", "R", OPT_REAL, AT(lr_end), "0.1", 1e-6, 1, NULL,
      "learning rate of the last epoch, as a share of the first; geometric between" },
    { "reg-user", "R", OPT_REAL, AT(reg_user), "0.01", 0, 10, NULL, "L2 penalty on user vectors" },
    { "reg-item", "R", OPT_REAL, AT(reg_item), "0.01", 0, 10, NULL,
      "L2 penalty on item vectors and biases" },
    { "negatives", "N", OPT_INT, AT(negatives), "1", 1, 1024, NULL,
      "items drawn per step, of which the one scored highest is compared" },
    { "init-std", "R", OPT_REAL, AT(init_std), "0.1", 0, 10, NULL,
      "standard deviation of the vectors at the start" },
    { "bias", NULL, OPT_FLAG, AT(bias), "true", 0, 0, NULL,
      "gives each item a number of its own, its appeal to everybody" },
#undef AT
    OPT_END,
};

typedef struct bpr {
    factors base;
    bpr_rates rates;
} bpr;

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

// --- the blocks of an epoch ------------------------------------------------------------------------

enum { GROUPS_MAX = 16, GROUP_ITEMS = 32, DEAL_PIECES = 64, BLOCKS_MAX = GROUPS_MAX * GROUPS_MAX };

typedef struct pair {
    uint32_t user, item;
} pair;

typedef struct bpr_work {
    const bpr_options *o;
    const factor_kernels *kernels;
    const vector_kernels *vector;
    size_t pad;
    uint64_t seed;
    interactions log;
    float *user, *item, *bias; // [users][pad], [items][pad], [items] or NULL

    size_t groups;
    uint64_t epoch;
    size_t shift;                     // the diagonal of blocks at work
    uint8_t *user_group, *item_group; // [users], [items]
    uint32_t *dealt;                  // [items] by group
    size_t group_start[GROUPS_MAX + 1];
    pair *pairs; // [count] by block
    uint64_t block_start[BLOCKS_MAX + 1];
    uint64_t (*place)[BLOCKS_MAX]; // [DEAL_PIECES] counts, then where the next pair goes
    double loss[BLOCKS_MAX];
    bpr_rates rates;
} bpr_work;

static size_t piece_end(const bpr_work *w, size_t piece)
{
    return pool_cut(w->log.users, DEAL_PIECES, piece);
}

static void count_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    bpr_work *w = ctx;
    const csr *met = &w->log.by_user;
    uint64_t *count = w->place[piece];
    memset(count, 0, sizeof w->place[piece]);
    for (size_t u = piece_end(w, piece); u < piece_end(w, piece + 1); u++) {
        rng draw = rng_at(w->seed, 2 * w->epoch, u);
        w->user_group[u] = (uint8_t)rng_below(&draw, w->groups);
        for (uint64_t e = met->start[u]; e < met->start[u + 1]; e++)
            count[w->user_group[u] * w->groups + w->item_group[met->index[e]]]++;
    }
}

static void place_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    bpr_work *w = ctx;
    const csr *met = &w->log.by_user;
    for (size_t u = piece_end(w, piece); u < piece_end(w, piece + 1); u++)
        for (uint64_t e = met->start[u]; e < met->start[u + 1]; e++) {
            const uint32_t i = met->index[e];
            uint64_t *to = &w->place[piece][w->user_group[u] * w->groups + w->item_group[i]];
            w->pairs[(*to)++] = (pair){ (uint32_t)u, i };
        }
}

static void deal_items(bpr_work *w)
{
    size_t next[GROUPS_MAX + 1] = { 0 };
    for (size_t i = 0; i < w->log.items; i++) {
        rng draw = rng_at(w->seed, 2 * w->epoch + 1, i);
        w->item_group[i] = (uint8_t)rng_below(&draw, w->groups);
        next[w->item_group[i] + 1]++;
    }
    for (size_t g = 0; g < w->groups; g++) next[g + 1] += next[g];
    memcpy(w->group_start, next, sizeof next);
    for (size_t i = 0; i < w->log.items; i++) w->dealt[next[w->item_group[i]]++] = (uint32_t)i;
}

static void deal(bpr_work *w, pool *p)
{
    const size_t blocks = w->groups * w->groups;
    deal_items(w);
    pool_run(p, DEAL_PIECES, count_piece, w);
    uint64_t sum = 0;
    for (size_t b = 0; b < blocks; b++) {
        w->block_start[b] = sum;
        for (size_t k = 0; k < DEAL_PIECES; k++) {
            const uint64_t n = w->place[k][b];
            w->place[k][b] = sum;
            sum += n;
        }
    }
    w->block_start[blocks] = sum;
    pool_run(p, DEAL_PIECES, place_piece, w);
}

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
    const size_t first = w->group_start[g], n = w->group_start[g + 1] - first;
    const float *u = w->user + user * w->pad;
    const int wanted = w->o->negatives;
    uint32_t best = ITEM_NONE;
    float best_score = -INFINITY;
    for (int tries = 0; n && tries < wanted + TRIES; tries++) {
        if (tries >= wanted && best != ITEM_NONE) break;
        const uint32_t j = w->dealt[first + (size_t)rng_below(draw, n)];
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
    const size_t g = (piece + w->shift) % w->groups, block = piece * w->groups + g;
    pair *list = w->pairs + w->block_start[block];
    const size_t n = (size_t)(w->block_start[block + 1] - w->block_start[block]);
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
    interactions_free(&w->log);
    mem_free(w->user);
    mem_free(w->item);
    mem_free(w->bias);
    mem_free(w->user_group);
    mem_free(w->item_group);
    mem_free(w->dealt);
    mem_free(w->pairs);
    mem_free(w->place);
}

static habit_status work_new(bpr_work *w, const log_view *log, const bpr_options *o, const run *r,
                             habit_error *err)
{
    static const interaction_options plain = { "one", 0 };
    const size_t users = log->users, items = log->items;
    w->o = o;
    w->kernels = factor_kernels_pick();
    w->vector = vector_kernels_pick();
    w->pad = factor_pad((size_t)o->dim);
    w->seed = r ? r->seed : 0;
    w->groups = items / GROUP_ITEMS; // enough items in each to draw negatives from
    if (w->groups > GROUPS_MAX) w->groups = GROUPS_MAX;
    if (w->groups < 1) w->groups = 1;
    TRY(interactions_build(&w->log, log, &plain, r, err));
    w->user = NEW(float, users * w->pad);
    w->item = NEW(float, items * w->pad);
    w->user_group = NEW(uint8_t, users);
    w->item_group = NEW(uint8_t, items);
    w->dealt = NEW(uint32_t, items);
    w->pairs = NEW(pair, (size_t)w->log.by_user.count);
    w->place = mem_alloc(DEAL_PIECES, sizeof *w->place);
    if (o->bias) w->bias = ZNEW(float, items);
    if (!w->user || !w->item || !w->user_group || !w->item_group || !w->dealt || !w->pairs ||
        !w->place || (o->bias && !w->bias))
        return fail_memory(err, "bpr",
                           (users + items) * w->pad * sizeof(float) +
                               (size_t)w->log.by_user.count * sizeof(pair));
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
        deal(w, run_pool(r));
        for (w->shift = 0; w->shift < w->groups; w->shift++)
            pool_run(run_pool(r), w->groups, block_piece, w);
        double loss = 0;
        for (size_t b = 0; b < w->groups * w->groups; b++) loss += w->loss[b];
        loss /= fmax(1, (double)w->log.by_user.count);
        run_log(r, LOG_DETAIL, "bpr: epoch %d of %d: loss %.4f, %.4f s", epoch + 1, o->epochs, loss,
                clock_wall() - began);
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
    (void)options;
    return factors_ready((factors *)m, err);
}

static void bpr_encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    (void)scratch;
    const factors *f = (const factors *)m;
    const size_t dim = (size_t)m->dim;
    for (size_t k = 0; k < n; k++) {
        float *to = vectors + k * dim;
        if (q[k].user < m->users || q[k].n == 0) {
            memcpy(to, factors_of_user(f, q[k].user), dim * sizeof *to);
            continue;
        }
        memset(to, 0, dim * sizeof *to);
        for (size_t i = 0; i < q[k].n; i++)
            for (size_t j = 0; j < dim; j++)
                to[j] += f->item[q[k].item[i] * dim + j] / (float)q[k].n;
    }
}

const model_class model_class_bpr = {
    .name = "bpr",
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
    .user_vectors = factors_user_vectors,
};

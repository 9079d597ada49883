// test_bprmf.c - BPR: its step is the gradient; its epochs do not depend on threads.
#include "tests/model_check.h"
#include "kernels/cpu.h"
#include "models/blocks.h"
#include "models/bprmf.h"
#include "models/interactions.h"

enum { DIM = FACTOR_PAD, PARAMETERS = 3 * DIM + 2 };

// theta: u, i, j, b_i, b_j.
static double loss(const double *theta, double reg_user, double reg_item)
{
    const double *u = theta, *i = u + DIM, *j = i + DIM, *b = j + DIM;
    double x = b[0] - b[1], penalty = reg_item / 2 * (b[0] * b[0] + b[1] * b[1]);
    for (size_t k = 0; k < DIM; k++) {
        x += u[k] * (i[k] - j[k]);
        penalty += reg_user / 2 * u[k] * u[k] + reg_item / 2 * (i[k] * i[k] + j[k] * j[k]);
    }
    return log1p(exp(-x)) + penalty;
}

// A step of length lr, over lr, is minus the slope along each parameter.
static void test_gradient(const factor_kernels *kernels, uint64_t seed)
{
    const bpr_rates rates = { .lr = 0.01f, .reg_user = 0.3f, .reg_item = 0.2f };
    double theta[PARAMETERS];
    float row[PARAMETERS];
    rng r = rng_at(seed, 0, 0);
    for (size_t k = 0; k < PARAMETERS; k++) {
        row[k] = (float)(rng_uniform(&r) * 2 - 1);
        theta[k] = (double)row[k];
    }
    const bpr_triple t = { row, row + DIM, row + 2 * DIM, row + 3 * DIM, row + 3 * DIM + 1 };
    const float x = bpr_step(kernels, &t, DIM, &rates);
    CHECK(fabs((double)x - loss(theta, 0, 0)) < 1e-5, "%s: loss %g, want %g", kernels->name,
          (double)x, loss(theta, 0, 0));
    for (size_t k = 0; k < PARAMETERS; k++) {
        const double was = theta[k], h = 1e-5;
        theta[k] = was + h;
        const double up = loss(theta, (double)rates.reg_user, (double)rates.reg_item);
        theta[k] = was - h;
        const double down = loss(theta, (double)rates.reg_user, (double)rates.reg_item);
        theta[k] = was;
        const double slope = (up - down) / (2 * h), step = ((double)row[k] - was) / 0.01;
        CHECK(fabs(step + slope) < 1e-4, "%s [%zu]: step %g, slope %g", kernels->name, k, step,
              slope);
    }
}

// Far from zero neither the loss nor the step may overflow.
static void test_extremes(void)
{
    const bpr_rates rates = { .lr = 0.1f };
    for (int sign = -1; sign <= 1; sign += 2) {
        float u[DIM] = { 20 }, i[DIM] = { 10 * (float)sign }, j[DIM] = { -10 * (float)sign };
        const bpr_triple t = { u, i, j, NULL, NULL };
        const float x = bpr_step(factor_kernels_pick(), &t, DIM, &rates);
        CHECK(sign > 0 ? x == 0 : fabsf(x - 400) < 0.1f, "sign %d: loss %g", sign, (double)x);
        for (size_t k = 0; k < DIM; k++)
            CHECK(isfinite(u[k]) && isfinite(i[k]) && isfinite(j[k]), "sign %d", sign);
    }
}

// --- a log large enough for all groups -------------------------------------------------------------

enum { U = 400, V = 640, EACH = 15 };

static void make_wide_log(tiny_log *t)
{
    static tiny_event e[U * EACH];
    for (uint32_t u = 0; u < U; u++)
        for (size_t k = 0; k < EACH; k++) {
            rng r = rng_at(29, u, k);
            e[u * EACH + k] = (tiny_event){ u, (uint32_t)(rng_below(&r, V / 4) * 4 + u % 4), 0, 1 };
        }
    tiny_log_make(t, e, U * EACH, U, V, 0);
}

static void test_threads(const char *options)
{
    static tiny_log tiny;
    make_wide_log(&tiny);
    fitted one;
    fit_model(&one, "bpr", options, &tiny.view, NULL);
    for (int threads = 2; threads <= 4; threads++) {
        run r = { 0 };
        fitted f;
        CHECK_OK(pool_new(&r.pool, threads, err));
        fit_model(&f, "bpr", options, &tiny.view, &r);
        const size_t dim = (size_t)f.model->dim;
        CHECK(memcmp(f.model->item_vector, one.model->item_vector, V * dim * sizeof(float)) == 0,
              "%s: items at %d threads", options, threads);
        CHECK(memcmp(f.class->user_vectors(f.model), one.class->user_vectors(one.model),
                     U * dim * sizeof(float)) == 0,
              "%s: users at %d threads", options, threads);
        fitted_free(&f);
        pool_free(r.pool);
    }
    run other = { .seed = 7 };
    fitted f;
    fit_model(&f, "bpr", options, &tiny.view, &other);
    CHECK(memcmp(f.model->item_vector, one.model->item_vector, sizeof(float) * V) != 0,
          "%s: the seed does not matter", options);
    fitted_free(&f);
    fitted_free(&one);
}

// Each pair is in one block, the block of its groups; groups are all that the blocks of one turn
// could share.  Over many deals each item stands with each user as often.
static void test_blocks(void)
{
    enum { DEALS = 200 };
    static tiny_log tiny;
    static int together[V];
    make_wide_log(&tiny);
    const interaction_options one = { "one", 0 };
    interactions log = { 0 };
    blocks b = { 0 };
    CHECK_OK(interactions_build(&log, &tiny.view, &one, NULL, err));
    CHECK_OK(blocks_new(&b, &log.by_user, 5, err));
    CHECK(b.groups == GROUPS_MAX, "%zu groups", b.groups);
    for (uint64_t deal = 0; deal < DEALS; deal++) {
        uint32_t seen[U] = { 0 };
        blocks_deal(&b, deal, NULL);
        CHECK(b.start[b.groups * b.groups] == log.by_user.count, "pairs are lost");
        for (size_t block = 0; block < b.groups * b.groups; block++)
            for (uint64_t e = b.start[block]; e < b.start[block + 1]; e++) {
                const pair at = b.pairs[e];
                CHECK(b.user_group[at.user] * b.groups + b.item_group[at.item] == block,
                      "a pair in a block not its own");
                seen[at.user]++;
            }
        for (size_t u = 0; u < U; u++)
            CHECK(seen[u] == log.by_user.start[u + 1] - log.by_user.start[u], "user %zu", u);
        for (size_t g = 0; g < b.groups; g++)
            for (size_t i = b.item_start[g]; i < b.item_start[g + 1]; i++)
                CHECK(b.item_group[b.item[i]] == g, "an item in a group not its own");
        for (size_t i = 0; i < V; i++) together[i] += b.item_group[i] == b.user_group[0];
    }
    // Binomial: mean 12.5, deviation 3.4; of 640 items none is six deviations off.
    for (size_t i = 0; i < V; i++)
        CHECK(together[i] < DEALS / GROUPS_MAX + 21, "item %zu: %d times with user 0", i,
              together[i]);
    blocks_free(&b);
    interactions_free(&log);
}

// Who was not there, but has a history, is answered nearly as well as who was.
static void test_strangers(void)
{
    static structured_log s;
    structured_log_make(&s);
    fitted f;
    fit_model(&f, "bpr", "dim=16 epochs=60", &s.tiny.view, NULL);
    float scores[CHECK_ITEMS];
    int hits[2] = { 0 };
    for (uint32_t u = 0; u < CHECK_USERS; u++)
        for (int known = 0; known < 2; known++) {
            query q = query_of(&s.tiny.view, u);
            if (!known) q.user = USER_NONE;
            scores_of(f.model, &q, 1, scores);
            int rank = 0;
            for (uint32_t i = 0; i < CHECK_ITEMS; i++)
                rank += i != s.target[u] && !(scores[i] < scores[s.target[u]]);
            hits[known] += rank < 10;
        }
    CHECK(hits[0] > 0.9 * hits[1], "%d hits for strangers, %d for users", hits[0], hits[1]);
    fitted_free(&f);
}

// A user who took everything has no negatives: nothing to learn, nothing to wait for.
static void test_no_negatives(void)
{
    static tiny_log tiny;
    const tiny_event e[] = { { 0, 0 }, { 0, 1 }, { 0, 2 }, { 1, 1 } };
    tiny_log_make(&tiny, e, COUNT_OF(e), 2, 3, 0);
    fitted f;
    fit_model(&f, "bpr", "dim=4 epochs=50 negatives=3", &tiny.view, NULL);
    float scores[3];
    const query q = query_of(&tiny.view, 1);
    scores_of(f.model, &q, 1, scores);
    CHECK(scores[1] > scores[0] && scores[1] > scores[2], "%g %g %g", (double)scores[0],
          (double)scores[1], (double)scores[2]);
    fitted_free(&f);
}

int main(void)
{
    for (size_t k = 0; factor_kernels_at(k); k++)
        if (cpu_allows(factor_kernels_at(k)->name, factor_kernels_at(k)->needs))
            for (uint64_t seed = 1; seed <= 3; seed++) test_gradient(factor_kernels_at(k), seed);
    test_extremes();
    test_threads("dim=8 epochs=3 negatives=1");
    test_threads("dim=20 epochs=2 negatives=4 bias=true");
    test_no_negatives();
    test_blocks();
    test_strangers();
    model_check("bpr", "dim=8 epochs=2");
    model_check("bpr", "dim=5 epochs=2 bias=true negatives=3");
    check_beats_popularity("bpr", "dim=16 epochs=60", 0.2);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

// test_optimiser.c - optimisers do what their papers say, shard by shard and row by row, and the
// gradients of single users add up to that of all.
#include "kernels/cpu.h"
#include "kernels/update.h"
#include "nn/ops.h"
#include "tests/check.h"
#include "train/optimiser.h"
#include "train/schedule.h"

#include <math.h>
#include <string.h>

// --- the loops -------------------------------------------------------------------------------------

static void test_update_kernels(void)
{
    enum { N = 37 };
    const update u = { 0.1f, 0.9f, 0.99f, 10, 100, 1e-8f, 0.01f, 0.02f, 0.5f };
    for (size_t k = 0; update_kernels_at(k); k++) {
        const update_kernels *kernels = update_kernels_at(k);
        if (!cpu_allows(kernels->name, kernels->needs)) continue;
        float w[N], m[N], v[N], g[N];
        for (int i = 0; i < N; i++) {
            w[i] = sinf((float)i), g[i] = cosf((float)i);
            m[i] = 0.1f * g[i], v[i] = 0.2f;
        }
        kernels->adam(w, m, v, g, &u, N);
        for (int i = 0; i < N; i++) {
            const double x = sin(i), d = 0.5 * cos(i) + 0.02 * x;
            const double mi = 0.9 * 0.1 * cos(i) + 0.1 * d, vi = 0.99 * 0.2 + 0.01 * d * d;
            const double want = x - 0.1 * (mi * 10 / (sqrt(vi * 100) + 1e-8) + 0.01 * x);
            CHECK(fabs((double)w[i] - want) < 2e-6, "%s adam: %g, want %g", kernels->name,
                  (double)w[i], want);
        }
        for (int i = 0; i < N; i++) w[i] = 1, v[i] = 3, m[i] = 0, g[i] = 2;
        const update plain = { .lr = 0.1f, .factor = 1 };
        kernels->adagrad(w, m, v, g, &plain, N);
        CHECK(fabs((double)w[N - 1] - (1 - 0.2 / sqrt(7))) < 1e-6, "%s adagrad", kernels->name);
        const update heavy = { .lr = 0.1f, .beta1 = 0.5f, .factor = 1 };
        for (int i = 0; i < N; i++) w[i] = 1, v[i] = 3, m[i] = 4, g[i] = 2;
        kernels->adagrad(w, m, v, g, &heavy, N); // the last move halved, and the plain one
        CHECK(fabs((double)w[N - 1] - (3 - 0.2 / sqrt(7))) < 1e-6, "%s adagrad with momentum: %g",
              kernels->name, (double)w[N - 1]);
        for (int i = 0; i < N; i++) w[i] = 1, m[i] = 4, g[i] = 2;
        kernels->sgd(w, m, NULL, g, &heavy, N);
        CHECK(fabs((double)w[3] - 0.6) < 1e-6, "%s sgd: %g", kernels->name, (double)w[3]);
    }
}

// --- shards ----------------------------------------------------------------------------------------

enum { ROWS = 9, COLS = 5 };

static store *parameters(void)
{
    store *s;
    CHECK_OK(store_new(&s, TENSOR_F32, err));
    store_add(s, "table", ROWS, COLS, INIT_NORMAL, 1);
    store_add(s, "w", COLS, 3, INIT_XAVIER, 0);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 5);
    return s;
}

static void add_row(sink *k, const param *p, size_t row, float by)
{
    float *g = sink_row(k, p, row);
    for (int i = 0; i < COLS; i++) g[i] += by;
}

// SGD with rate 1 moves parameters by exactly the summed gradient; rows nobody met stay.
static void test_shards(void)
{
    store *s = parameters();
    param *table = store_at(s, 0), *w = store_at(s, 1);
    const optimiser_options options = { .kind = OPTIMISER_SGD };
    sink *shard[3];
    optimiser *o;
    float before[ROWS * COLS];
    memcpy(before, table->data, sizeof before);
    const float w0 = ((const float *)w->data)[0];
    for (int i = 0; i < 3; i++) CHECK_OK(sink_new(&shard[i], s, err));
    CHECK_OK(optimiser_new(&o, s, &options, err));
    add_row(shard[0], table, 2, 1);
    add_row(shard[2], table, 2, 10);
    add_row(shard[1], table, 7, 3);
    ((float *)sink_dense(shard[1], w))[0] = 4;
    CHECK_OK(optimiser_step(o, shard, 3, 1, NULL, NULL, err));
    const float *now = table->data;
    for (int r = 0; r < ROWS; r++) {
        const float want = before[r * COLS] - (r == 2 ? 11 : r == 7 ? 3 : 0);
        CHECK(fabsf(now[r * COLS] - want) < 1e-5f, "row %d: %g", r, (double)now[r * COLS]);
    }
    CHECK(fabsf(((const float *)w->data)[0] - (w0 - 4)) < 1e-5f, "dense");

    // One shard dense, another by rows: the sum is dense.
    for (int i = 0; i < 3; i++) sink_clear(shard[i]);
    memcpy(before, table->data, sizeof before);
    add_row(shard[0], table, 1, 2);
    ((float *)sink_dense(shard[1], table))[COLS] = 5;
    CHECK_OK(optimiser_step(o, shard, 3, 1, NULL, NULL, err));
    CHECK(fabsf(now[COLS] - (before[COLS] - 7)) < 1e-5f, "mixed: %g", (double)now[COLS]);
    optimiser_free(o);
    for (int i = 0; i < 3; i++) sink_free(shard[i]);
    store_free(s);
}

static void test_clipping(void)
{
    store *s = parameters();
    param *table = store_at(s, 0);
    const optimiser_options options = { .kind = OPTIMISER_SGD, .clip = 2 };
    sink *shard;
    optimiser *o;
    double norm = 0;
    const float before = ((const float *)table->data)[0];
    CHECK_OK(sink_new(&shard, s, err));
    CHECK_OK(optimiser_new(&o, s, &options, err));
    add_row(shard, table, 0, 4); // of length 4 sqrt(5)
    CHECK_OK(optimiser_step(o, &shard, 1, 1, NULL, &norm, err));
    CHECK(fabs(norm - 4 * sqrt(5)) < 1e-5, "norm %g", norm);
    CHECK(fabs((double)(before - ((const float *)table->data)[0]) - 2 / sqrt(5)) < 1e-5, "clipped");
    sink_clear(shard);
    add_row(shard, table, 0, NAN);
    habit_error err = { 0 };
    CHECK(optimiser_step(o, &shard, 1, 1, NULL, NULL, &err) == HABIT_EDIVERGED, "%s", err.message);
    CHECK(isfinite(((const float *)table->data)[0]), "a NaN reached the parameters");
    optimiser_free(o);
    sink_free(shard);
    store_free(s);
}

// --- users one by one -------------------------------------------------------------------------------

// What differential privacy stands on: gradients of single users, their norms, and their sum.
static void test_user_by_user(void)
{
    static const int32_t item[] = { 1, 4, 4, 0, 8 }, offset[] = { 0, 2, 3, 5 };
    static const double ones[5 * 3] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6 };
    store *s;
    CHECK_OK(store_new(&s, TENSOR_F64, err));
    store_add(s, "table", ROWS, COLS, INIT_NORMAL, 1);
    store_add(s, "w", COLS, 3, INIT_XAVIER, 0);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 5);
    tape *t;
    sink *all, *user, *sum;
    double norms = 0;
    CHECK_OK(tape_new(&t, s, NULL, err));
    CHECK_OK(sink_new(&all, s, err));
    CHECK_OK(sink_new(&user, s, err));
    CHECK_OK(sink_new(&sum, s, err));
    for (int u = -1; u < 3; u++) { // -1: all together
        const int from = u < 0 ? 0 : offset[u], to = u < 0 ? 5 : offset[u + 1];
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        tensor *x = op_embed(t, store_at(s, 0), item + from, (size_t)(to - from));
        x = op_linear(t, x, store_at(s, 1), NULL, ACT_TANH);
        sink_clear(user);
        tape_backward(t, x, ones + (size_t)from * 3, NULL, u < 0 ? all : user);
        if (u < 0) continue;
        norms += sink_norm2(user);
        sink_add(sum, user, 1);
    }
    CHECK(norms > 0 && fabs(norms - sink_norm2(all)) > 1e-3, "norms are of users, not of all");
    const double norm2 = sink_norm2(all);
    sink_add(sum, all, -1);
    CHECK(sink_norm2(sum) < 1e-24 * norm2, "users do not add up: %g", sink_norm2(sum));

    // A mask leaves a parameter out.
    const bool mask[2] = { false, true };
    sink_clear(user);
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *x = op_linear(t, op_embed(t, store_at(s, 0), item, 5), store_at(s, 1), NULL, ACT_NONE);
    tape_backward(t, x, ones, mask, user);
    CHECK(sink_kind_of(user, store_at(s, 0)) == SINK_NOTHING, "masked");
    CHECK(sink_kind_of(user, store_at(s, 1)) == SINK_DENSE, "not masked");
    sink_free(sum);
    sink_free(user);
    sink_free(all);
    tape_free(t);
    store_free(s);
}

static void test_schedules(void)
{
    const schedule flat = { SCHEDULE_CONSTANT, 0.1, 0, 10, 100, 0 };
    CHECK(fabs(schedule_at(&flat, 4) - 0.05) < 1e-12, "warm-up");
    CHECK(fabs(schedule_at(&flat, 50) - 0.1) < 1e-12, "constant");
    const schedule cosine = { SCHEDULE_COSINE, 1, 0.1, 0, 100, 0 };
    CHECK(fabs(schedule_at(&cosine, 0) - 1) < 1e-12, "cosine begins");
    CHECK(fabs(schedule_at(&cosine, 50) - 0.55) < 1e-12, "cosine in the middle");
    CHECK(fabs(schedule_at(&cosine, 100) - 0.1) < 1e-12, "cosine ends");
    const schedule drop = { SCHEDULE_STEP, 1, 0.5, 0, 100, 10 };
    CHECK(fabs(schedule_at(&drop, 25) - 0.25) < 1e-12, "step");
    const schedule line = { SCHEDULE_LINEAR, 1, 0.2, 0, 10, 0 };
    CHECK(fabs(schedule_at(&line, 5) - 0.6) < 1e-12, "linear");
}

int main(void)
{
    test_update_kernels();
    test_shards();
    test_clipping();
    test_user_by_user();
    test_schedules();
    return CHECK_DONE();
}

// test_ials.c - iALS against dense systems in double, and what alternating least squares promises.
#include "tests/model_check.h"
#include "models/least_squares.h"

enum { U = 50, V = 40, DIM = 24 };

typedef struct setting {
    const char *options;
    int dim;
    double reg, reg_exp, alpha0;
    bool counts;
} setting;

// clang-format off
static const setting settings[] = {
    { "dim=3 reg=0.01 reg-exp=1 alpha0=0.1", 3, 0.01, 1, 0.1, false },
    { "dim=8 reg=0.05 reg-exp=0.5 alpha0=0.5", 8, 0.05, 0.5, 0.5, false },
    { "dim=24 reg=0.02 reg-exp=1 alpha0=0.05 weight=count", 24, 0.02, 1, 0.05, true },
    { "dim=16 reg=1 reg-exp=0 alpha0=1 weight=count", 16, 1, 0, 1, true },
};
// clang-format on

static tiny_log tiny;
static double met[2][U][V]; // times that they met; [0] cut to 1

// Users with 0 to 60 events, so that both sizes of system are solved.
static void make_log(void)
{
    static tiny_event e[U * 60];
    size_t n = 0;
    for (uint32_t u = 0; u < U; u++)
        for (size_t k = 0; k < (u * 7u) % 61u; k++) {
            rng r = rng_at(17, u, k);
            const uint32_t i = (uint32_t)((rng_below(&r, V) * rng_below(&r, V) / V + u) % V);
            e[n++] = (tiny_event){ u, i, 0, 1 };
            met[0][u][i] = 1;
            met[1][u][i]++;
        }
    tiny_log_make(&tiny, e, n, U, V, 0);
}

static double regulariser(const setting *s, double sum, double others)
{
    return s->reg * pow(sum + s->alpha0 * others, s->reg_exp);
}

// x solves its user's system (or its item's, if `of_item`) given the other side's vectors.
static void dense_row(double *x, const setting *s, const float *other, bool of_item, size_t row)
{
    const size_t d = (size_t)s->dim, others = of_item ? U : V;
    double a[DIM][DIM + 1] = { { 0 } }, sum = 0;
    for (size_t o = 0; o < others; o++) {
        const double w = of_item ? met[s->counts][o][row] : met[s->counts][row][o];
        sum += w;
        for (size_t i = 0; i < d; i++) {
            const double y = (double)other[o * d + i];
            for (size_t j = 0; j < d; j++)
                a[i][j] += (s->alpha0 + w) * y * (double)other[o * d + j];
            a[i][d] += w * y;
        }
    }
    for (size_t i = 0; i < d; i++) a[i][i] += regulariser(s, sum, (double)others);
    for (size_t c = 0; c < d; c++) // positive definite: no exchanges
        for (size_t i = 0; i < d; i++) {
            const double factor = a[i][c] / a[c][c];
            if (i == c) continue;
            for (size_t j = c; j <= d; j++) a[i][j] -= factor * a[c][j];
        }
    for (size_t i = 0; i < d; i++) x[i] = a[i][d] / a[i][i];
}

static double objective(const setting *s, const float *x, const float *y)
{
    const size_t d = (size_t)s->dim;
    double loss = 0;
    for (size_t u = 0; u < U; u++)
        for (size_t i = 0; i < V; i++) {
            double score = 0;
            for (size_t k = 0; k < d; k++) score += (double)x[u * d + k] * (double)y[i * d + k];
            loss += met[s->counts][u][i] * (1 - score) * (1 - score) + s->alpha0 * score * score;
        }
    for (size_t side = 0; side < 2; side++)
        for (size_t r = 0; r < (side ? V : U); r++) {
            double sum = 0, square = 0;
            for (size_t o = 0; o < (side ? U : V); o++)
                sum += side ? met[s->counts][o][r] : met[s->counts][r][o];
            const float *v = (side ? y : x) + r * d;
            for (size_t k = 0; k < d; k++) square += (double)v[k] * (double)v[k];
            loss += regulariser(s, sum, side ? U : V) * square;
        }
    return loss;
}

static void fit_for(fitted *f, const setting *s, const char *by, int iterations)
{
    char text[256];
    snprintf(text, sizeof text, "%s solver=%s iterations=%d init-std=0.5", s->options, by,
             iterations);
    fit_model(f, "ials", text, &tiny.view, NULL);
}

static void test_dense(const setting *s)
{
    fitted f;
    double x[DIM];
    fit_for(&f, s, "cholesky", 60);
    const float *user = f.class->user_vectors(f.model), *item = f.model->item_vector;
    const size_t d = (size_t)s->dim;
    for (size_t u = 0; u < U; u++) {
        dense_row(x, s, item, false, u);
        for (size_t k = 0; k < d; k++)
            CHECK(fabs(x[k] - (double)user[u * d + k]) < 2e-5, "%s: user %zu [%zu] %g, want %g",
                  s->options, u, k, (double)user[u * d + k], x[k]);
    }
    // After many iterations the items are at rest too.
    double off = 0, all = 0;
    for (size_t i = 0; i < V; i++) {
        dense_row(x, s, user, true, i);
        for (size_t k = 0; k < d; k++) {
            const double y = (double)item[i * d + k];
            off += (x[k] - y) * (x[k] - y);
            all += y * y;
        }
    }
    CHECK(all > 1e-3 && off < 1e-4 * all, "%s: items %g off, of %g", s->options, off, all);
    fitted_free(&f);
}

static void test_descent(const setting *s)
{
    double last = INFINITY;
    for (int iterations = 1; iterations <= 8; iterations++) {
        fitted exact, cg;
        fit_for(&exact, s, "cholesky", iterations);
        fit_for(&cg, s, "cg", iterations);
        const double loss =
            objective(s, exact.class->user_vectors(exact.model), exact.model->item_vector);
        const double near = objective(s, cg.class->user_vectors(cg.model), cg.model->item_vector);
        CHECK(loss <= last * (1 + 1e-6), "%s: %g after %g", s->options, loss, last);
        CHECK(near < loss * 1.05, "%s: conjugate gradients %g, exact %g", s->options, near, loss);
        last = loss;
        fitted_free(&exact);
        fitted_free(&cg);
    }
}

// Somebody with the same history as a user is given that user's vector.
static void test_fold_in(const setting *s)
{
    fitted f;
    fit_for(&f, s, "cg", 3);
    const size_t d = (size_t)s->dim;
    const float *user = f.class->user_vectors(f.model);
    arena scratch = { 0 };
    CHECK_OK(arena_init_bytes(&scratch, f.class->scratch(f.model, 1), err));
    for (uint32_t u = 1; u < U; u++) {
        float v[DIM];
        query q = query_of(&tiny.view, u);
        if (q.n == 0) continue;
        q.user = USER_NONE;
        f.class->encode(f.model, &q, 1, v, &scratch);
        for (size_t k = 0; k < d; k++)
            CHECK(fabs((double)(v[k] - user[u * d + k])) < 1e-5, "%s: user %u [%zu] %g, trained %g",
                  s->options, u, k, (double)v[k], (double)user[u * d + k]);
    }
    arena_free(&scratch);
    fitted_free(&f);
}

// --- the solver alone ------------------------------------------------------------------------------

enum { ROWS = 3000, WIDTH = 20 };

// Both systems, and conjugate gradients, agree; 3000 rows take more than one chunk.
static void test_solver(size_t n)
{
    static float table[ROWS * WIDTH], weight[ROWS];
    static uint32_t index[ROWS];
    float d[32], x[32] = { 0 }, y[32] = { 0 };
    double left[WIDTH] = { 0 };
    for (size_t k = 0; k < 32; k++) d[k] = (float)k;
    for (size_t r = 0; r < ROWS; r++) {
        rng at = rng_at(23, r, 0);
        index[r] = (uint32_t)rng_below(&at, ROWS);
        weight[r] = (float)rng_below(&at, 4);
        for (size_t k = 0; k < WIDTH; k++)
            table[r * WIDTH + k] = (float)(rng_uniform(&at) - 0.5) * 0.3f;
    }
    arena plan = { 0 }, memory = { 0 };
    solver s;
    solver_carve(&s, WIDTH, &plan);
    CHECK_OK(arena_init(&memory, &plan, err));
    solver_carve(&s, WIDTH, &memory);
    const least_squares p = {
        .table = table, .index = index, .weight = weight, .n = n, .width = WIDTH, .d = d, .plus = 1
    };
    solver_exact(&s, &p, x);
    solver_conjugate(&s, &p, y, 40);
    for (size_t k = 0; k < WIDTH; k++) left[k] = (1 + (double)d[k]) * (double)x[k];
    for (size_t r = 0; r < n; r++) {
        const float *row = table + index[r] * WIDTH;
        double dot = 0;
        for (size_t k = 0; k < WIDTH; k++) dot += (double)row[k] * (double)x[k];
        for (size_t k = 0; k < WIDTH; k++)
            left[k] -= (double)weight[r] * (1 - dot) * (double)row[k];
    }
    for (size_t k = 0; k < WIDTH; k++) {
        CHECK(fabs(left[k]) < 1e-4 * (1 + (double)n / 100), "n=%zu: %g left over", n, left[k]);
        CHECK(fabs((double)(x[k] - y[k])) < 1e-4, "n=%zu: %g by gradients, %g exactly", n,
              (double)y[k], (double)x[k]);
    }
    arena_free(&memory);
}

int main(void)
{
    static const size_t counts[] = { 0, 1, 2, 19, 31, 32, 33, 500, ROWS };
    for (size_t k = 0; k < COUNT_OF(counts); k++) test_solver(counts[k]);
    make_log();
    for (size_t k = 0; k < COUNT_OF(settings); k++) {
        test_dense(&settings[k]);
        test_descent(&settings[k]);
        test_fold_in(&settings[k]);
    }
    model_check("ials", "dim=8 iterations=2");
    model_check("ials", "dim=5 iterations=2 solver=cholesky weight=value half-life=1d");
    check_beats_popularity("ials", "dim=16 reg=0.01", 0.2);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

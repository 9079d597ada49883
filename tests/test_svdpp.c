// test_svdpp.c - SVD++: its epoch is the gradient of the paper's loss; it finds hidden factors.
#include "tests/model_check.h"

// --- one epoch of tiny steps is minus the gradient -------------------------------------------------

enum { U = 7, V = 6, DIM = 3, OF_USER = DIM + 1, OF_ITEM = 2 * DIM + 1 };
enum { PARAMETERS = U * OF_USER + V * OF_ITEM };

static tiny_log tiny;
static float rated[U][V]; // NAN: met, but not rated; 0: not met

static void make_log(void)
{
    static tiny_event e[U * V];
    size_t n = 0;
    for (uint32_t u = 0; u < U; u++)
        for (uint32_t i = 0; i < V; i++) {
            rng r = rng_at(31, u, i);
            if (rng_uniform(&r) < 0.4) continue;
            rated[u][i] = rng_uniform(&r) < 0.2 ? NAN : (float)(1 + rng_below(&r, 5));
            e[n++] = (tiny_event){ u, i, 0, rated[u][i] };
        }
    tiny_log_make(&tiny, e, n, U, V, TINY_VALUE);
}

// theta: per user p, b_u; then per item q, y, b_i.  The sum over ratings of half of (1) the squared
// error, (2) reg times the squares of all vectors in it, (3) reg_bias times those of its biases.
static double loss(const double *theta, double mu, double reg, double reg_bias)
{
    double sum = 0;
    for (size_t u = 0; u < U; u++) {
        const double *p = theta + u * OF_USER, *items = theta + U * OF_USER;
        double z[DIM] = { 0 }, n = 0, squares = 0;
        for (size_t j = 0; j < V; j++) n += rated[u][j] != 0;
        for (size_t j = 0; j < V; j++)
            for (size_t k = 0; rated[u][j] != 0 && k < DIM; k++) {
                const double y = items[j * OF_ITEM + DIM + k];
                z[k] += y / sqrt(n);
                squares += y * y;
            }
        for (size_t k = 0; k < DIM; k++) squares += p[k] * p[k];
        for (size_t i = 0; i < V; i++) {
            const double *q = items + i * OF_ITEM;
            if (rated[u][i] == 0 || isnan(rated[u][i])) continue;
            double e = (double)rated[u][i] - mu - p[DIM] - q[2 * DIM], own = 0;
            for (size_t k = 0; k < DIM; k++) {
                e -= q[k] * (p[k] + z[k]);
                own += q[k] * q[k];
            }
            sum += (e * e + reg * (squares + own) +
                    reg_bias * (p[DIM] * p[DIM] + q[2 * DIM] * q[2 * DIM])) /
                   2;
        }
    }
    return sum;
}

static const float *array(model *m, const char *name)
{
    model_field field[MODEL_FIELDS];
    const size_t n = m->class->fields(m, field);
    for (size_t k = 0; k < n; k++)
        if (strcmp(field[k].name, name) == 0) return *field[k].data;
    CHECK(false, "no array %s", name);
    exit(check_done());
}

static void read_parameters(double *theta, double *mu, const char *options)
{
    fitted f;
    fit_model(&f, "svdpp", options, &tiny.view, NULL);
    const float *own = array(f.model, "own"), *bu = array(f.model, "user_bias");
    const float *q = array(f.model, "item"), *y = array(f.model, "implied");
    const float *bi = array(f.model, "bias");
    for (size_t u = 0; u < U; u++) {
        for (size_t k = 0; k < DIM; k++) *theta++ = (double)own[u * DIM + k];
        *theta++ = (double)bu[u];
    }
    for (size_t i = 0; i < V; i++) {
        for (size_t k = 0; k < DIM; k++) *theta++ = (double)q[i * DIM + k];
        for (size_t k = 0; k < DIM; k++) *theta++ = (double)y[i * DIM + k];
        *theta++ = (double)bi[i];
    }
    *mu = (double)array(f.model, "scale")[0];
    fitted_free(&f);
}

// Where training begins, biases are zero and say nothing of their penalty: so the slope is taken
// after some epochs, as the difference that one epoch more makes.
static void test_gradient(void)
{
    double from[PARAMETERS], to[PARAMETERS], mu = 0;
    // The second epoch moves 0.001 as much as the first.
    const char *const options = "dim=3 init-std=0.7 lr=0.05 lr-decay=0.01 reg=0.4 reg-bias=0.9";
    char text[256];
    snprintf(text, sizeof text, "%s epochs=1", options);
    read_parameters(from, &mu, text);
    snprintf(text, sizeof text, "%s epochs=2", options);
    read_parameters(to, &mu, text);
    double largest = 0;
    for (size_t k = 0; k < PARAMETERS; k++) {
        const double was = from[k], h = 1e-5;
        from[k] = was + h;
        const double up = loss(from, mu, 0.4, 0.9);
        from[k] = was - h;
        const double down = loss(from, mu, 0.4, 0.9);
        from[k] = was;
        const double slope = (up - down) / (2 * h), step = (to[k] - was) / (0.05 * 0.01);
        CHECK(fabs(step + slope) < 0.01 * (1 + fabs(slope)), "parameter %zu: step %g, slope %g", k,
              step, slope);
        largest = fmax(largest, fabs(slope));
    }
    CHECK(largest > 1, "all slopes are flat: %g", largest);
}

// --- hidden factors ----------------------------------------------------------------------------------

enum { PEOPLE = 400, FILMS = 90, SHOWN = 40 };

static double taste(uint32_t row, size_t k)
{
    rng r = rng_at(37, row, k);
    return rng_normal(&r);
}

// Ratings 1 to 5 from two hidden factors and two biases, with noise of 0.2.
static float true_rating(uint32_t u, uint32_t i)
{
    rng noise = rng_at(41, u, i);
    const double x =
        3 + 0.4 * taste(u, 2) + 0.4 * taste(PEOPLE + i, 2) +
        0.7 * (taste(u, 0) * taste(PEOPLE + i, 0) + taste(u, 1) * taste(PEOPLE + i, 1)) +
        0.2 * rng_normal(&noise);
    return (float)fmin(5, fmax(1, x));
}

static void make_films(tiny_log *t)
{
    static tiny_event e[PEOPLE * SHOWN];
    for (uint32_t u = 0; u < PEOPLE; u++)
        for (uint32_t k = 0; k < SHOWN; k++) {
            const uint32_t i = (u * 7 + k * 11) % FILMS; // 11 and 90 share no factor: all differ
            e[u * SHOWN + k] = (tiny_event){ u, i, 0, true_rating(u, i) };
        }
    tiny_log_make(t, e, PEOPLE * SHOWN, PEOPLE, FILMS, TINY_VALUE);
}

static double rmse(const fitted *f, const log_view *log, bool known)
{
    double error = 0, n = 0;
    for (uint32_t u = 0; u < PEOPLE; u++)
        for (uint32_t k = SHOWN; k < SHOWN + 10; k++) {
            const uint32_t i = (u * 7 + k * 11) % FILMS;
            query q = query_of(log, u);
            if (!known) q.user = USER_NONE;
            const double miss = (double)(predicted(f->model, &q, i) - true_rating(u, i));
            error += miss * miss;
            n++;
        }
    return sqrt(error / n);
}

static void test_recovery(void)
{
    static tiny_log films;
    make_films(&films);
    fitted f, flat;
    fit_model(&f, "svdpp", "dim=8 epochs=120 reg=0.02 lr-decay=0.99", &films.view, NULL);
    fit_model(&flat, "svdpp", "dim=1 epochs=30 init-std=0 lr-decay=0.99", &films.view, NULL);
    const double got = rmse(&f, &films.view, true), biases = rmse(&flat, &films.view, true);
    const double stranger = rmse(&f, &films.view, false);
    CHECK(got < 0.4, "RMSE %.3f, noise 0.2", got);
    CHECK(biases > 2 * got, "RMSE %.3f by biases alone, %.3f in all", biases, got);
    CHECK(stranger < 1.1 * biases, "RMSE %.3f for strangers, %.3f by biases alone", stranger,
          biases);
    fitted_free(&f);
    fitted_free(&flat);
}

// --- the edges ---------------------------------------------------------------------------------------

static void test_edges(void)
{
    static tiny_log t;
    const tiny_event e[] = { { 0, 0, 0, 2 },    { 0, 1, 0, 4 },   { 1, 0, 0, NAN },
                             { 1, 0, 1, 2.5f }, { 1, 2, 1, NAN }, { 2, 1, 0, NAN } };
    tiny_log_make(&t, e, COUNT_OF(e), 4, 3, TINY_VALUE);
    fitted f;
    fit_model(&f, "svdpp", "dim=2 epochs=5 init-std=2", &t.view, NULL);
    CHECK(fabsf(array(f.model, "scale")[0] - 8.5f / 3) < 1e-6f, "mean %g",
          (double)array(f.model, "scale")[0]);
    for (uint32_t u = 0; u <= 4; u++) // the last two have no history, the very last no number
        for (uint32_t i = 0; i < 3; i++) {
            query q = u < 4 ? query_of(&t.view, u) : (query){ .user = USER_NONE };
            const float r = predicted(f.model, &q, i);
            CHECK(r >= 2 && r <= 4, "user %u item %u: %g", u, i, (double)r);
        }
    fitted_free(&f);

    for (size_t k = 0; k < COUNT_OF(e); k++) t.value[k] = NAN;
    habit_error err = { 0 };
    CHECK(fit_status(&f, "svdpp", "", &t.view, NULL, &err) == HABIT_EINVAL, "%s", err.message);
    t.view.value = NULL;
    CHECK(fit_status(&f, "svdpp", "", &t.view, NULL, &err) == HABIT_EINVAL, "%s", err.message);
    make_films(&t);
    CHECK(fit_status(&f, "svdpp", "lr=1 init-std=10 lr-decay=1", &t.view, NULL, &err) ==
              HABIT_EDIVERGED,
          "%s", err.message);
}

int main(void)
{
    make_log();
    test_gradient();
    test_recovery();
    test_edges();
    model_check("svdpp", "dim=8 epochs=2");
    model_check("svdpp", "dim=17 epochs=2");
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

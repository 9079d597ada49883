// test_ease.c - EASE against the closed form in double, and what the closed form promises.
#include "tests/model_check.h"

enum { U = 60, V = 24 };

static tiny_log tiny;
static double matrix[U][V];

static void make_log(void)
{
    static tiny_event e[U * 10];
    size_t n = 0;
    for (uint32_t u = 0; u < U; u++)
        for (size_t k = 0; k < 10; k++, n++) {
            rng r = rng_at(13, u, k);
            const uint32_t i = (uint32_t)(rng_below(&r, V) * rng_below(&r, V) / V);
            e[n] = (tiny_event){ u, i, (int64_t)n, (float)(1 + rng_below(&r, 5)) };
        }
    tiny_log_make(&tiny, e, n, U, V, TINY_TIME | TINY_VALUE);
}

// Gauss-Jordan with row exchanges: another way to the inverse than ours.
static void invert(double a[V][V], double inverse[V][V])
{
    for (int i = 0; i < V; i++)
        for (int j = 0; j < V; j++) inverse[i][j] = i == j;
    for (int c = 0; c < V; c++) {
        int best = c;
        for (int i = c + 1; i < V; i++)
            if (fabs(a[i][c]) > fabs(a[best][c])) best = i;
        for (int j = 0; j < V; j++) {
            const double x = a[c][j], y = inverse[c][j];
            a[c][j] = a[best][j], a[best][j] = x;
            inverse[c][j] = inverse[best][j], inverse[best][j] = y;
        }
        const double pivot = a[c][c];
        for (int j = 0; j < V; j++) a[c][j] /= pivot, inverse[c][j] /= pivot;
        for (int i = 0; i < V; i++) {
            const double factor = a[i][c];
            if (i == c) continue;
            for (int j = 0; j < V; j++) {
                a[i][j] -= factor * a[c][j];
                inverse[i][j] -= factor * inverse[c][j];
            }
        }
    }
}

// B of the paper, keeping the `top` largest weights in magnitude of each column.
static void closed_form(double b[V][V], double l2, int top)
{
    static double gram[V][V], p[V][V];
    for (int i = 0; i < V; i++)
        for (int j = 0; j < V; j++) {
            gram[i][j] = i == j ? l2 : 0;
            for (int u = 0; u < U; u++) gram[i][j] += matrix[u][i] * matrix[u][j];
        }
    invert(gram, p);
    for (int j = 0; j < V; j++)
        for (int i = 0; i < V; i++) b[j][i] = i == j ? 0 : -p[j][i] / p[i][i];
    for (int i = 0; i < V; i++)
        for (int j = 0; j < V; j++) {
            int larger = 0;
            for (int k = 0; k < V; k++) larger += fabs(b[k][i]) > fabs(b[j][i]);
            if (top && larger >= top) b[j][i] = NAN; // marked: others still look at it
        }
    for (int i = 0; i < V; i++)
        for (int j = 0; j < V; j++)
            if (isnan(b[j][i])) b[j][i] = 0;
}

static void test_closed_form(void)
{
    static const struct {
        const char *options;
        bool valued;
        double l2;
        int top;
    } cases[] = {
        { "l2=5", false, 5, 0 },
        { "l2=0.5", false, 0.5, 0 },
        { "l2=20 weight=value", true, 20, 0 },
        { "l2=5 top=4", false, 5, 4 },
        { "l2=5 top=1000", false, 5, 0 },
    };
    static double b[V][V];
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        memset(matrix, 0, sizeof matrix);
        for (uint32_t u = 0; u < U; u++)
            for (uint64_t e = tiny.view.begin[u]; e < tiny.view.end[u]; e++) {
                double *x = &matrix[u][tiny.item[e]];
                *x = cases[c].valued ? *x + (double)tiny.value[e] : 1;
            }
        closed_form(b, cases[c].l2, cases[c].top);
        fitted f;
        fit_model(&f, "ease", cases[c].options, &tiny.view, NULL);
        for (uint32_t u = 0; u < U; u++) {
            float got[V];
            const query q = query_of(&tiny.view, u);
            scores_of(f.model, &q, 1, got);
            for (int i = 0; i < V; i++) {
                double want = 0;
                for (int j = 0; j < V; j++) want += matrix[u][j] * b[j][i];
                CHECK(fabs((double)got[i] - want) < 2e-5 * (1 + fabs(want)),
                      "'%s': user %u item %d: %g, want %g", cases[c].options, u, i, (double)got[i],
                      want);
            }
        }
        fitted_free(&f);
    }
}

// A catalogue whose matrix no machine holds is refused before anything is tried.
static void test_too_large(void)
{
    habit_error err = { 0 };
    fitted f;
    static const tiny_event e[] = { { 0, 1, 0, 0 }, { 0, 2999999, 0, 0 } };
    tiny_log_make(&tiny, e, COUNT_OF(e), 1, 3000000, 0);
    const habit_status st = fit_status(&f, "ease", "", &tiny.view, NULL, &err);
    CHECK(st == HABIT_ENOMEM, "%s", habit_status_text(st));
    CHECK(strstr(err.message, "33527.61 GiB") != NULL, "does not say how much: %s", err.message);
    CHECK(memory_available() > 0, "this system does not say how much memory is left");
}

int main(void)
{
    make_log();
    test_closed_form();
    test_too_large();
    model_check("ease", "l2=10");
    model_check("ease", "l2=10 top=7 weight=count half-life=30d");
    check_beats_popularity("ease", "l2=10", 0.2);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

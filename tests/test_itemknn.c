// test_itemknn.c - item neighbours against brute force over dense rows.
#include "tests/model_check.h"

enum { U = 40, V = 14 };

static tiny_log tiny;
static double matrix[U][V]; // the log, counted

static void make_log(void)
{
    static tiny_event e[400];
    size_t n = 0;
    for (uint32_t u = 0; u < U; u++) {
        rng r = rng_at(11, u, 0);
        const size_t have = 2 + rng_below(&r, 8);
        for (size_t k = 0; k < have; k++, n++) {
            const uint32_t i = (uint32_t)(rng_below(&r, V) * rng_below(&r, V) / V);
            e[n] = (tiny_event){ u, i, (int64_t)n, (float)(1 + rng_below(&r, 5)) };
        }
    }
    tiny_log_make(&tiny, e, n, U, V, TINY_TIME | TINY_VALUE);
}

static void fill_matrix(bool counted)
{
    memset(matrix, 0, sizeof matrix);
    for (uint32_t u = 0; u < U; u++)
        for (uint64_t e = tiny.view.begin[u]; e < tiny.view.end[u]; e++) {
            double *x = &matrix[u][tiny.item[e]];
            *x = counted ? *x + 1 : 1;
        }
}

// The formulas of similarity.h and itemknn.c once more, dense, in double, with nothing clever.
typedef struct oracle {
    const char *weighting, *similarity;
    double alpha, shrink, mean_power;
    int neighbours;
    bool target_side, counted;
} oracle;

static void weigh(double x[U][V], const oracle *o)
{
    double total = 0;
    memcpy(x, matrix, sizeof matrix);
    for (int u = 0; u < U; u++)
        for (int i = 0; i < V; i++) total += matrix[u][i];
    for (int u = 0; u < U; u++) {
        int df = 0;
        for (int i = 0; i < V; i++) df += matrix[u][i] > 0;
        const double idf = fmax(0, log((double)V / (1 + df)));
        for (int i = 0; i < V; i++) {
            double length = 0;
            for (int v = 0; v < U; v++) length += matrix[v][i];
            const double w = matrix[u][i], norm = 1 - 0.75 + 0.75 * length / (total / V);
            if (strcmp(o->weighting, "tfidf") == 0) x[u][i] = sqrt(w) * idf;
            if (strcmp(o->weighting, "bm25") == 0 && w > 0)
                x[u][i] = w * 2.2 / (w + 1.2 * norm) * idf;
        }
    }
}

// known is i, predicted is j
static double compare(double x[U][V], int i, int j, const oracle *o)
{
    double dot = 0, ii = 0, jj = 0;
    for (int u = 0; u < U; u++) {
        dot += x[u][i] * x[u][j];
        ii += x[u][i] * x[u][i];
        jj += x[u][j] * x[u][j];
    }
    if (dot <= 0) return 0;
    if (strcmp(o->similarity, "cosine") == 0) return dot / (sqrt(ii * jj) + o->shrink);
    if (strcmp(o->similarity, "jaccard") == 0) return dot / (ii + jj - dot + o->shrink);
    if (strcmp(o->similarity, "asymmetric") == 0)
        return dot / (pow(ii, o->alpha) * pow(jj, 1 - o->alpha) + o->shrink);
    return dot;
}

// similar[known][predicted]
static void neighbours(double similar[V][V], const oracle *o)
{
    static double x[U][V];
    weigh(x, o);
    memset(similar, 0, sizeof(double) * V * V);
    for (int row = 0; row < V; row++) {
        double all[V];
        for (int c = 0; c < V; c++)
            all[c] = c == row ? 0 : o->target_side ? compare(x, c, row, o) : compare(x, row, c, o);
        double left[V] = { 0 }, sum = 0;
        int n = 0;
        for (int k = 0; k < o->neighbours; k++) {
            int best = -1;
            for (int c = 0; c < V; c++)
                if (all[c] > 0 && !(left[c] > 0) && (best < 0 || all[c] > all[best] + 1e-12))
                    best = c;
            if (best < 0) break;
            sum += left[best] = all[best];
            n++;
        }
        for (int c = 0; c < V; c++) {
            if (!(left[c] > 0)) continue;
            const double s = left[c] / pow(sum / n, o->mean_power);
            *(o->target_side ? &similar[c][row] : &similar[row][c]) = s;
        }
    }
}

static void check_case(const char *options, const oracle *o)
{
    static double similar[V][V];
    fitted f;
    fill_matrix(o->counted);
    neighbours(similar, o);
    fit_model(&f, "itemknn", options, &tiny.view, NULL);
    for (uint32_t u = 0; u < U; u++) {
        float got[V];
        const query q = query_of(&tiny.view, u);
        scores_of(f.model, &q, 1, got);
        for (int i = 0; i < V; i++) {
            double want = 0;
            for (int j = 0; j < V; j++) want += matrix[u][j] * similar[j][i];
            CHECK(fabs((double)got[i] - want) <= 1e-5 * (1 + fabs(want)),
                  "'%s': user %u item %d: %g, want %g", options, u, i, (double)got[i], want);
        }
    }
    fitted_free(&f);
}

static void test_against_brute_force(void)
{
    static const char *const similarities[] = { "cosine", "asymmetric", "jaccard", "dot" };
    static const char *const weightings[] = { "none", "tfidf", "bm25" };
    // clang-format off
    static const oracle rest[] = {
        { .alpha = 0.5, .neighbours = V, .target_side = true },
        { .alpha = 0.7, .shrink = 2, .neighbours = 4, .target_side = true, .mean_power = 0.5 },
        { .alpha = 0.3, .shrink = 1, .neighbours = 3, .mean_power = 1, .counted = true },
        { .alpha = 1, .neighbours = 5, .target_side = true, .counted = true },
    };
    // clang-format on
    for (size_t s = 0; s < COUNT_OF(similarities); s++)
        for (size_t w = 0; w < COUNT_OF(weightings); w++)
            for (size_t k = 0; k < COUNT_OF(rest); k++) {
                oracle o = rest[k];
                char options[200];
                o.similarity = similarities[s];
                o.weighting = weightings[w];
                if (strcmp(o.similarity, "dot") == 0) o.shrink = 0;
                snprintf(options, sizeof options,
                         "similarity=%s weighting=%s alpha=%g shrink=%g neighbours=%d side=%s "
                         "mean-power=%g weight=%s",
                         o.similarity, o.weighting, o.alpha, o.shrink, o.neighbours,
                         o.target_side ? "target" : "history", o.mean_power,
                         o.counted ? "count" : "one");
                check_case(options, &o);
            }
}

// Three users, by hand: items 0 and 1 always together, item 2 once with item 1.
static void test_by_hand(void)
{
    static const tiny_event e[] = { { 0, 0, 0, 0 }, { 0, 1, 0, 0 }, { 1, 0, 0, 0 },
                                    { 1, 1, 0, 0 }, { 2, 1, 0, 0 }, { 2, 2, 0, 0 } };
    static const uint32_t had[] = { 1 };
    const query q = { .user = USER_NONE, .item = had, .n = 1, .now = TIME_NONE };
    float got[3];
    fitted f;
    tiny_log_make(&tiny, e, COUNT_OF(e), 3, 3, 0);
    fit_model(&f, "itemknn", "similarity=cosine weighting=none mean-power=0", &tiny.view, NULL);
    scores_of(f.model, &q, 1, got);
    const double want[] = { 2 / sqrt(2 * 3), 0, 1 / sqrt(3 * 1) };
    for (int i = 0; i < 3; i++)
        CHECK(fabs((double)got[i] - want[i]) < 1e-6, "item %d: %g", i, (double)got[i]);

    const query cold = { .user = USER_NONE, .now = TIME_NONE };
    scores_of(f.model, &cold, 1, got);
    CHECK(got[0] == 2 && got[1] == 3 && got[2] == 1, "a cold user sees popularity");
    fitted_free(&f);
    CHECK(fit_status(&f, "itemknn", "similarity=dot shrink=1", &tiny.view, NULL, NULL) ==
              HABIT_EINVAL,
          "dot with shrinkage");
}

int main(void)
{
    make_log();
    test_against_brute_force();
    test_by_hand();
    model_check("itemknn", "");
    model_check("itemknn", "neighbours=3 side=history similarity=asymmetric weight=value");
    check_beats_popularity("itemknn", "", 0.2);
    check_beats_popularity("itemknn", "side=history similarity=cosine weighting=none", 0.2);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

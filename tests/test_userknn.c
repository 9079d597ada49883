// test_userknn.c - user neighbours against brute force over dense rows.
#include "tests/model_check.h"

enum { U = 40, V = 14 };

static tiny_log tiny;
static double matrix[U][V]; // the log, counted or not

static void make_log(void)
{
    static tiny_event e[400];
    size_t n = 0;
    for (uint32_t u = 0; u < U; u++) {
        rng r = rng_at(19, u, 0);
        const size_t have = 2 + rng_below(&r, 8);
        for (size_t k = 0; k < have; k++, n++) {
            const uint32_t i = (uint32_t)(rng_below(&r, V) * rng_below(&r, V) / V);
            e[n] = (tiny_event){ u, i, (int64_t)n, (float)(1 + rng_below(&r, 5)) };
        }
    }
    tiny_log_make(&tiny, e, n, U, V, TINY_TIME | TINY_VALUE);
}

typedef struct oracle {
    const char *weighting, *similarity;
    double alpha, shrink, sum_power;
    int neighbours;
    bool counted;
} oracle;

static double idf_of(int item)
{
    int with = 0;
    for (int u = 0; u < U; u++) with += matrix[u][item] > 0;
    return fmax(0, log((double)U / (1 + with)));
}

// One row weighted, as a user of the log or one who asks.
static void weigh(double out[V], const double row[V], const oracle *o)
{
    double total = 0, length = 0;
    for (int u = 0; u < U; u++)
        for (int i = 0; i < V; i++) total += matrix[u][i];
    for (int i = 0; i < V; i++) length += row[i];
    for (int i = 0; i < V; i++) {
        const double w = row[i], norm = 1 - 0.75 + 0.75 * length / (total / U);
        out[i] = w;
        if (strcmp(o->weighting, "tfidf") == 0) out[i] = sqrt(w) * idf_of(i);
        if (strcmp(o->weighting, "bm25") == 0) out[i] = w * 2.2 / (w + 1.2 * norm) * idf_of(i);
    }
}

static double compare(const double *x, const double *y, const oracle *o)
{
    double dot = 0, xx = 0, yy = 0;
    for (int i = 0; i < V; i++) dot += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
    if (dot <= 0) return 0;
    if (strcmp(o->similarity, "cosine") == 0) return dot / (sqrt(xx * yy) + o->shrink);
    if (strcmp(o->similarity, "jaccard") == 0) return dot / (xx + yy - dot + o->shrink);
    if (strcmp(o->similarity, "asymmetric") == 0)
        return dot / (pow(xx, o->alpha) * pow(yy, 1 - o->alpha) + o->shrink);
    return dot;
}

static void vote(double want[V], const double row[V], int self, const oracle *o)
{
    double mine[V], theirs[V], alike[U], sum = 0;
    memset(want, 0, V * sizeof *want);
    weigh(mine, row, o);
    for (int v = 0; v < U; v++) {
        weigh(theirs, matrix[v], o);
        alike[v] = v == self ? 0 : compare(mine, theirs, o);
    }
    for (int k = 0; k < o->neighbours; k++) {
        int best = 0;
        for (int v = 1; v < U; v++)
            if (alike[v] > alike[best] * (1 + 1e-6)) best = v; // float ties: the smaller number
        if (!(alike[best] > 0)) break;
        double says = 0;
        for (int i = 0; i < V; i++) says += matrix[best][i];
        for (int i = 0; i < V; i++)
            want[i] += alike[best] * matrix[best][i] / pow(says, o->sum_power);
        sum += alike[best];
        alike[best] = 0;
    }
    for (int i = 0; i < V; i++) want[i] = sum > 0 ? want[i] / sum : 0;
}

static void check_case(const char *options, const oracle *o)
{
    memset(matrix, 0, sizeof matrix);
    for (uint32_t u = 0; u < U; u++)
        for (uint64_t e = tiny.view.begin[u]; e < tiny.view.end[u]; e++) {
            double *x = &matrix[u][tiny.item[e]];
            *x = o->counted ? *x + 1 : 1;
        }
    fitted f;
    fit_model(&f, "userknn", options, &tiny.view, NULL);
    for (uint32_t u = 0; u < U; u++)
        for (int stranger = 0; stranger < 2; stranger++) {
            query q = query_of(&tiny.view, u);
            float got[V];
            double want[V];
            if (stranger) q.user = USER_NONE; // finds himself in the log
            vote(want, matrix[u], stranger ? -1 : (int)u, o);
            scores_of(f.model, &q, 1, got);
            for (int i = 0; i < V; i++)
                CHECK(fabs((double)got[i] - want[i]) <= 1e-5 * (1 + fabs(want[i])),
                      "'%s': user %u%s item %d: %g, want %g", options, u,
                      stranger ? ", as a stranger," : "", i, (double)got[i], want[i]);
        }
    fitted_free(&f);
}

static void test_against_brute_force(void)
{
    static const char *const similarities[] = { "cosine", "asymmetric", "jaccard", "dot" };
    static const char *const weightings[] = { "none", "tfidf", "bm25" };
    static const oracle rest[] = {
        { .alpha = 0.5, .neighbours = U },
        { .alpha = 0.7, .shrink = 2, .neighbours = 7, .sum_power = 0.5 },
        { .alpha = 0.2, .shrink = 1, .neighbours = 4, .counted = true, .sum_power = 1 },
    };
    for (size_t s = 0; s < COUNT_OF(similarities); s++)
        for (size_t w = 0; w < COUNT_OF(weightings); w++)
            for (size_t k = 0; k < COUNT_OF(rest); k++) {
                oracle o = rest[k];
                char options[200];
                o.similarity = similarities[s];
                o.weighting = weightings[w];
                if (strcmp(o.similarity, "dot") == 0) o.shrink = 0;
                snprintf(options, sizeof options,
                         "similarity=%s weighting=%s alpha=%g shrink=%g neighbours=%d "
                         "sum-power=%g weight=%s",
                         o.similarity, o.weighting, o.alpha, o.shrink, o.neighbours, o.sum_power,
                         o.counted ? "count" : "one");
                check_case(options, &o);
            }
}

// User 0 had 0 and 1.  User 1 had 0, 1, 2: cosine 2/sqrt 6.  User 2 had 1 and 3: cosine 1/2.
static void test_by_hand(void)
{
    static const tiny_event e[] = { { 0, 0, 0, 0 }, { 0, 1, 0, 0 }, { 1, 0, 0, 0 }, { 1, 1, 0, 0 },
                                    { 1, 2, 0, 0 }, { 2, 1, 0, 0 }, { 2, 3, 0, 0 } };
    float got[4];
    fitted f;
    tiny_log_make(&tiny, e, COUNT_OF(e), 3, 4, 0);
    fit_model(&f, "userknn", "similarity=cosine weighting=none", &tiny.view, NULL);
    const query q = query_of(&tiny.view, 0);
    scores_of(f.model, &q, 1, got);
    const double a = 2 / sqrt(6), b = 0.5;
    const double want[] = { a / (a + b), 1, a / (a + b), b / (a + b) };
    for (int i = 0; i < 4; i++)
        CHECK(fabs((double)got[i] - want[i]) < 1e-6, "item %d: %g", i, (double)got[i]);

    const query cold = { .user = 0, .now = TIME_NONE };
    scores_of(f.model, &cold, 1, got);
    CHECK(got[0] == 2 && got[1] == 3 && got[2] == 1, "no history: popularity");
    fitted_free(&f);
}

int main(void)
{
    make_log();
    test_against_brute_force();
    test_by_hand();
    model_check("userknn", "");
    model_check("userknn", "weighting=bm25 neighbours=5 weight=value sum-power=0.5");
    check_beats_popularity("userknn", "", 0.2);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}

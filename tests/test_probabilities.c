// test_probabilities.c - AUC, log loss, accuracy and calibration error of models that answer with
// probabilities, against numbers worked out here.
#include "tests/check.h"
#include "tests/eval_fakes.h"
#include "eval/probabilities.h"

#include <math.h>

// Scores from a table, which are probabilities where they are asked for as such.
static const model_class likes_class = {
    .name = "likes", .title = "Likes from a table", .score = table_score, .predict = table_predict
};

static const uint64_t begin[] = { 0, 2, 3, 5 };
static const uint32_t had[] = { 0, 0, 1, 2, 3 }, item[] = { 1, 2, 3, 0, 1 };
static const float value[] = { 5, NAN, 2, 4, 1 };

// Three people and four items; each had what is in `had` and then takes what is in `item`.
static void ask(questions *q, bool values)
{
    const log_view history = {
        .users = 3, .items = 4, .begin = begin, .end = begin + 1, .item = had
    };
    log_view targets = history;
    targets.item = item;
    targets.value = values ? value : NULL;
    targets.events = 5;
    const questions_options how = { .seed = 3 };
    CHECK_OK(questions_make(q, &history, &targets, &how, NULL, err));
}

static void make(measures *m, const questions *q, const model *of)
{
    const contestant c = { .name = "it", .model = of };
    const measures_base base = { .questions = q };
    const measures_plan plan = { .cut = { 1 }, .cuts = 1, .main = 1, .pairs = true };
    CHECK_OK(measures_make(m, &base, &c, &plan, NULL, err));
}

static void expect(const measures *m, const char *name, double want)
{
    const measure *x = measures_find(m, name);
    CHECK(x, "no %s", name);
    if (x) CHECK(fabs(x->value - want) < 1e-6, "%s is %g, not %g", name, x->value, want);
}

// Examples: .8 of a like, .6 of none, .55 of a like, .3 of none; a rating that is missing says nothing.
static void test_likes(void)
{
    static const float table[] = { 0, 0.8F, 0.9F, 0, /**/ 0, 0, 0, 0.6F, /**/ 0.55F, 0.3F, 0, 0 };
    table_model t = { .base = { .class = &likes_class,
                                .users = 3,
                                .items = 4,
                                .answers = ANSWERS_PROBABILITY,
                                .liked = 4 },
                      .score = table };
    questions q;
    measures m;
    ask(&q, true);
    make(&m, &q, &t.base);
    expect(&m, "AUC", 0.75);
    expect(&m, "Accuracy", 0.75);
    expect(&m, "LogLoss", -(log(0.8) + log(0.4) + log(0.55) + log(0.7)) / 4);
    expect(&m, "ECE", (0.2 + 0.6 + 0.45 + 0.3) / 4); // four bins of one each
    CHECK(m.pairs < 0, "there are no pairs of likes");
    measures_free(&m);
    t.base.liked = 5; // one like left, and .55 and .6 share no bin still
    make(&m, &q, &t.base);
    expect(&m, "AUC", 1);
    expect(&m, "ECE", (0.2 + 0.6 + 0.55 + 0.3) / 4);
    measures_free(&m);
    questions_free(&q);

    ask(&q, false);
    make(&m, &q, &t.base);
    CHECK(isnan(measures_find(&m, "LogLoss")->value) && isnan(measures_find(&m, "ECE")->value),
          "likes where nothing has a value");
    measures_free(&m);
    questions_free(&q);
}

// Probabilities in one bin are judged by their mean.
static void test_bin(void)
{
    static const float table[] = { 0, 0.61F, 0, 0, /**/ 0, 0, 0, 0.65F, /**/ 0.66F, 0.62F, 0, 0 };
    const table_model t = { .base = { .class = &likes_class,
                                      .users = 3,
                                      .items = 4,
                                      .answers = ANSWERS_PROBABILITY,
                                      .liked = 4 },
                            .score = table };
    questions q;
    measures m;
    ask(&q, true);
    make(&m, &q, &t.base);
    expect(&m, "ECE", (0.61 + 0.65 + 0.66 + 0.62) / 4 - 0.5);
    measures_free(&m);
    questions_free(&q);
}

// A model's own probabilities of being taken are not scaled.
static void test_taken(void)
{
    float table[12];
    for (int i = 0; i < 12; i++) table[i] = (float)(i * 5 % 12) / 4 - 1;
    const table_model t = { .base = { .class = &likes_class,
                                      .users = 3,
                                      .items = 4,
                                      .answers = ANSWERS_PROBABILITY,
                                      .liked = NAN,
                                      .slope = 1.5,
                                      .offset = -0.25 },
                            .score = table };
    questions q;
    measures m;
    double loss = 0, n = 0;
    ask(&q, true);
    make(&m, &q, &t.base);
    for (size_t k = 0; k < q.count; k++)
        for (uint64_t i = q.target_begin[k]; i < q.target_begin[k + 1]; i++) {
            if (q.probe[i] == ITEM_NONE) continue;
            const float *s = table + 4 * q.user[k];
            loss += log1p(exp(-(1.5 * (double)s[q.target[i]] - 0.25)));
            loss += log1p(exp(1.5 * (double)s[q.probe[i]] - 0.25));
            n += 2;
        }
    CHECK(n >= 6, "%g examples", n);
    expect(&m, "LogLoss", loss / n);
    CHECK(m.pairs >= 0, "no pairs");
    measures_free(&m);
    questions_free(&q);
}

// --- Platt scaling of what a model says -------------------------------------------------------------------

static void says_x(const model *m, const query *q, const uint32_t *of, size_t n, float *values,
                   arena *scratch)
{
    (void)m, (void)of, (void)scratch;
    for (size_t i = 0; i < n; i++) { // of the user's own x
        rng r = rng_at(5, q->user, 0);
        values[i] = (float)(1 / (1 + exp(-2 * rng_normal(&r))));
    }
}

static const model_class x_class = {
    .name = "x", .title = "Somebody's x", .score = table_score, .predict = says_x
};

static void test_fit(void)
{
    enum { USERS = 20000 };
    uint64_t *first = NEW(uint64_t, USERS + 1);
    uint32_t *zeros = ZNEW(uint32_t, USERS);
    float *liked = NEW(float, USERS);
    for (uint32_t u = 0; u <= USERS; u++) first[u] = u;
    for (uint32_t u = 0; u < USERS; u++) {
        rng r = rng_at(5, u, 0), coin = rng_at(6, u, 0);
        const double x = 2 * rng_normal(&r);
        liked[u] = rng_uniform(&coin) < 1 / (1 + exp(-(0.5 * x - 0.3))) ? 5 : 1;
    }
    const log_view history = {
        .users = USERS, .items = 2, .begin = first, .end = first + 1, .item = zeros
    };
    log_view targets = history;
    targets.value = liked;
    targets.events = USERS;
    const table_model t = { .base = { .class = &x_class,
                                      .users = USERS,
                                      .items = 2,
                                      .answers = ANSWERS_PROBABILITY,
                                      .liked = 3 } };
    const contestant c = { .name = "x", .model = &t.base };
    const questions_options how = { .seed = 3 };
    questions q;
    double a = 0, b = 0;
    bool found = false;
    CHECK_OK(questions_make(&q, &history, &targets, &how, NULL, err));
    CHECK_OK(probabilities_fit(&a, &b, &found, &q, &c, NULL, err));
    CHECK(found && fabs(a - 0.5) < 0.03 && fabs(b + 0.3) < 0.04, "a %g, b %g", a, b);
    questions_free(&q);

    targets.users = 90; // 90 events cannot be 50 of each
    CHECK_OK(questions_make(&q, &history, &targets, &how, NULL, err));
    CHECK_OK(probabilities_fit(&a, &b, &found, &q, &c, NULL, err));
    CHECK(!found, "fitted to %zu events", q.count);
    questions_free(&q);
    mem_free(first);
    mem_free(zeros);
    mem_free(liked);
}

int main(void)
{
    test_likes();
    test_bin();
    test_taken();
    test_fit();
    return CHECK_DONE();
}

// test_heads.c - probabilities and ratings of networks: gradients, promises, and known truths.
#include "tests/network_check.h"

// --- every network's promises ---------------------------------------------------------------------------

static void check_promises(void)
{
    static const char *const networks[] = {
        "rnn",      "lstm",    "gru4rec", "lru",      "sasrec",
        "bert4rec", "esasrec", "hstu",    "twotower", "seq2seq"
    };
    for (size_t i = 0; i < COUNT_OF(networks); i++) {
        network_check_gradient(networks[i], "dim=6 max-len=8 task=rating");
        network_check_gradient(networks[i], "dim=6 max-len=8 task=probability positive=2");
        network_check_gradient(networks[i], "dim=6 max-len=8 task=probability negatives=3");
    }
    network_check_gradient("sasrec", "dim=6 max-len=8 task=rating cosine=yes temperature=0.3");
    network_check_gradient("twotower", "dim=6 max-len=8 task=rating cosine=yes temperature=0.3 "
                                       "item-features=circle,price user-features=age");
    network_check_gradient("bert4rec", "dim=6 max-len=8 task=rating mask-share=0.5 inputs=value");
    network_check("sasrec", "dim=6 max-len=8 task=rating", NETWORK_CAUSAL);
    network_check("lstm", "dim=6 max-len=8 task=probability negatives=3", NETWORK_CAUSAL);
    network_check("twotower", "dim=6 max-len=8 task=probability positive=3 item-features=price",
                  NETWORK_CAUSAL);
}

// --- a world of known chances -----------------------------------------------------------------------------

// Two groups of people, told apart by their first item, 0 or 1; the other items are taken, liked and
// rated by chances that depend on group and item.
enum { PEOPLE = 1000, EVENTS = 9, FIRST = 2, ITEMS = 42, KINDS = ITEMS - FIRST };

static double weight(int group, uint32_t item)
{
    return 1 + (double)((item + 20 * (uint32_t)group) % KINDS) / 4;
}

static double share(int group, uint32_t item)
{
    double sum = 0;
    for (uint32_t i = FIRST; i < ITEMS; i++) sum += weight(group, i);
    return weight(group, item) / sum;
}

static double liking(int group, uint32_t item)
{
    return 0.1 + 0.8 * (double)((item * 7 + (uint32_t)group * 19) % KINDS) / KINDS;
}

static double rating(int group, uint32_t item)
{
    return 1.5 + 3 * liking(group, item);
}

static uint32_t draw_item(int group, rng *r)
{
    double x = rng_uniform(r);
    for (uint32_t i = FIRST; i + 1 < ITEMS; i++)
        if ((x -= share(group, i)) < 0) return i;
    return ITEMS - 1;
}

static void make_world(tiny_log *log, bool rated)
{
    static tiny_event e[PEOPLE * EVENTS];
    for (uint32_t u = 0; u < PEOPLE; u++) {
        rng r = rng_at(51, u, rated);
        const int group = (int)(u % 2);
        for (uint32_t k = 0; k < EVENTS; k++) {
            const uint32_t item = k ? draw_item(group, &r) : (uint32_t)group;
            double value = NAN; // of the marks, and of some others
            if (k && k != 3)
                value = rated ? rating(group, item) + 0.3 * rng_normal(&r)
                              : rng_uniform(&r) < liking(group, item);
            e[u * EVENTS + k] = (tiny_event){ u, item, 0, (float)value, 0 };
        }
    }
    tiny_log_make(log, e, COUNT_OF(e), PEOPLE, ITEMS, TINY_VALUE);
    static dataset data = { .ordered = true };
    log->view.data = &data;
}

// That an item is taken, and not another one that the person has not had drawn in its place.
static double taking(int group, uint32_t item)
{
    double unseen = 1; // the mark of the other group
    for (uint32_t i = FIRST; i < ITEMS; i++) unseen += pow(1 - share(group, i), EVENTS - 1);
    const double drawn = pow(1 - share(group, item), EVENTS - 1) / unseen;
    return share(group, item) / (share(group, item) + drawn);
}

// Root of the mean squared error against the truth, of answers to people who have only a mark; of
// which `spread` is that of the truth itself around its mean.
static double off_truth(const model *m, double (*truth)(int, uint32_t), double *spread)
{
    double square = 0, sum = 0, sum2 = 0;
    for (int group = 0; group < 2; group++)
        for (uint32_t i = FIRST; i < ITEMS; i++) {
            const uint32_t mark = (uint32_t)group;
            const query q = { .user = USER_NONE, .item = &mark, .n = 1, .now = TIME_NONE };
            const double t = truth(group, i), d = (double)predicted(m, &q, i) - t;
            square += d * d;
            sum += t;
            sum2 += t * t;
        }
    *spread = sqrt(sum2 / (2 * KINDS) - sum * sum / (4.0 * KINDS * KINDS));
    return sqrt(square / (2 * KINDS));
}

static void check_truths(void)
{
    static const struct {
        const char *model, *options;
        double (*truth)(int, uint32_t);
        double most;
        model_answers answers;
    } cases[] = {
        { "lstm", "epochs=60 task=probability negatives=4", taking, 0.08, ANSWERS_PROBABILITY },
        { "twotower", "epochs=60 task=probability negatives=4", taking, 0.08, ANSWERS_PROBABILITY },
        { "lstm", "epochs=15 task=probability positive=1", liking, 0.08, ANSWERS_PROBABILITY },
        { "twotower", "cosine=no temperature=1 epochs=15 task=probability positive=0.5", liking,
          0.08, ANSWERS_PROBABILITY },
        { "lstm", "epochs=15 task=rating", rating, 0.12, ANSWERS_VALUE },
        { "sasrec", "epochs=15 task=rating", rating, 0.12, ANSWERS_VALUE },
    };
    static tiny_log log;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fitted f;
        char options[160];
        double spread;
        snprintf(options, sizeof options, "dim=8 batch=64 lr=0.01 max-len=9 %s", cases[i].options);
        make_world(&log, cases[i].truth == rating);
        fit_model(&f, cases[i].model, options, &log.view, NULL);
        CHECK(model_says(f.model) == cases[i].answers, "%s: answers", cases[i].options);
        const double off = off_truth(f.model, cases[i].truth, &spread);
        CHECK(off < cases[i].most && spread > 2 * cases[i].most, "%s %s: off by %.3f of %.3f",
              cases[i].model, cases[i].options, off, spread);
        fitted_free(&f);
    }
}

// --- what a head says -------------------------------------------------------------------------------------

static void check_calibrate(void)
{
    static tiny_log log;
    fitted f;
    const uint32_t mark = 1;
    const query q = { .user = USER_NONE, .item = &mark, .n = 1, .now = TIME_NONE };
    float before[ITEMS], after[ITEMS];
    make_world(&log, false);
    for (int likes = 0; likes < 2; likes++) {
        const char *options = likes ? "dim=4 epochs=1 task=probability positive=1"
                                    : "dim=4 epochs=1 task=probability temperature=0.5";
        fit_model(&f, "lstm", options, &log.view, NULL);
        network *n = (network *)f.model;
        scores_of(f.model, &q, 1, before);
        const double p = (double)predicted(f.model, &q, 7), x = log1p(p / (1 - p) - 1);
        CHECK(likes || fabs(x - (f.model->slope * (double)before[7] + f.model->offset)) < 1e-5,
              "slope and offset");
        CHECK(network_calibrate(n, 2, -0.5) && network_calibrate(n, 0.5, 0.1), "refused");
        const double want = 1 / (1 + exp(-(0.5 * (2 * x - 0.5) + 0.1)));
        CHECK(fabs((double)predicted(f.model, &q, 7) - want) < 1e-5, "%g, not %g",
              (double)predicted(f.model, &q, 7), want);
        scores_of(f.model, &q, 1, after);
        CHECK(memcmp(before, after, sizeof after) == 0, "calibration changes the ranking");
        CHECK(!network_calibrate(n, 0, 1) && !network_calibrate(n, -1, 0) &&
                  !network_calibrate(n, NAN, 0),
              "accepted");
        check_file(&f, options, &log.view);
        fitted_free(&f);
    }
    fit_model(&f, "lstm", "dim=4 epochs=1 task=rating lr=0.5", &log.view, NULL);
    for (uint32_t i = 0; i < ITEMS; i++) {
        const float r = predicted(f.model, &q, i);
        CHECK(r >= 0 && r <= 1, "a rating of %g", (double)r); // of the log: 0 and 1
    }
    CHECK(!network_calibrate((network *)f.model, 2, 0), "a rating is no probability");
    fitted_free(&f);
}

static void check_refusals(void)
{
    static const struct {
        const char *model, *options, *words;
        bool values;
    } wrong[] = {
        { "lstm", "positive=3", "--positive", true },
        { "lstm", "task=rating positive=3", "--positive", true },
        { "lstm", "task=probability positive=three", "--positive", true },
        { "lstm", "task=probability loss=softmax", "--loss softmax", true },
        { "lstm", "task=rating", "--value", false },
        { "twotower", "task=probability positive=3", "--value", false },
        { "gru4rec", "task=rating mode=session", "--task rating", true },
    };
    static tiny_log log;
    make_world(&log, true);
    const float *values = log.view.value;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        fitted f;
        habit_error e = { 0 };
        log.view.value = wrong[i].values ? values : NULL;
        CHECK(fit_status(&f, wrong[i].model, wrong[i].options, &log.view, NULL, &e) == HABIT_EINVAL,
              "%s: accepted", wrong[i].options);
        CHECK(strstr(e.message, wrong[i].words), "%s: '%s'", wrong[i].options, e.message);
    }
}

static void check_bad_file(void)
{
    static tiny_log log;
    static const char path[] = "test_heads.tmp", options[] = "dim=4 epochs=1 task=rating";
    static const float wrong[][4] = { { 0, 0, 1, 5 }, { NAN, 0, 1, 5 }, { 1, INFINITY, 1, 5 } };
    make_world(&log, true);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        fitted f, back = { .class = model_find("lstm") };
        opt_values o = { 0 };
        fit_model(&f, "lstm", options, &log.view, NULL);
        memcpy(((network *)f.model)->own_scale, wrong[i], sizeof wrong[i]);
        CHECK_OK(parse_options(&o, back.class, options, err));
        CHECK_OK(model_save(f.model, path, err));
        CHECK(model_load(&back.model, back.class, path, o.values, NULL) == HABIT_EFORMAT,
              "flaw %zu: accepted", i);
        opt_values_free(&o);
        fitted_free(&f);
        unlink(path);
    }
}

int main(void)
{
    check_truths();
    check_calibrate();
    check_refusals();
    check_bad_file();
    check_promises();
    return CHECK_DONE();
}

// probabilities.c - examples of what was the case and how likely it was said to be.
#include "eval/probabilities.h"

#include "base/memory.h"
#include "eval/predictions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALIBRATION_PAIRS = 40000, // two numbers are fitted: more change nothing
    BINS = 15,
    FEW = 50
};

typedef struct example {
    double probability;
    float score;
    uint32_t entry; // question << 1 | was the case
} example;

typedef struct examples {
    example *list;
    size_t n;
} examples;

bool probabilities_of_likes(const contestant *c)
{
    return model_says(c->model) == ANSWERS_PROBABILITY && !isnan(c->model->liked);
}

// --- targets and probes ----------------------------------------------------------------------------

static bool is_pair(const questions *q, uint64_t t)
{
    return q->target[t] != ITEM_NONE && q->probe[t] != ITEM_NONE;
}

// Scores of pairs of questions k with k % 2 != skip, closed up; of very many, an even selection.
static size_t collect_pairs(const ranking *r, size_t skip, float *positive, float *negative)
{
    const questions *q = r->of;
    const size_t stride = questions_targets(q) / CALIBRATION_PAIRS + 1;
    size_t n = 0;
    for (size_t k = 0; k < q->count; k++) {
        if (k / 2 % stride != 0) continue;
        for (uint64_t t = q->target_begin[k]; k % 2 != skip && t < q->target_begin[k + 1]; t++) {
            if (!is_pair(q, t)) continue;
            positive[n] = r->score[t];
            negative[n++] = r->probe_score[t];
        }
    }
    return n;
}

// For questions with an even and an odd number.
static habit_status fit_pairs(calibration fitted[2], const ranking *r, const questions *other,
                              const contestant *c, const run *rn, habit_error *err)
{
    ranking from = *r;
    if (other) TRY(ranking_make(&from, other, c, &(ranking_plan){ .scores = true }, rn, err));
    const size_t targets = questions_targets(from.of);
    float *positive = NEW(float, targets), *negative = NEW(float, targets);
    const bool ok = positive && negative;
    for (size_t half = 0; half < 2 && ok; half++) {
        const size_t skip = other ? 2 : half; // a question is never in its own fit
        const size_t n = collect_pairs(&from, skip, positive, negative);
        fitted[half] = calibration_fit(positive, negative, n);
    }
    mem_free(positive);
    mem_free(negative);
    if (other) ranking_free(&from);
    return ok ? HABIT_OK : fail_memory(err, "calibration", 2 * targets * sizeof(float));
}

// What a model that has probabilities of its own says.
static calibration own_calibration(const model *m)
{
    return (calibration){ .a = m->slope, .b = m->offset, .floor = -1e30 };
}

static habit_status take_pairs(examples *out, const ranking *r, const measures_base *base,
                               const contestant *c, const run *rn, habit_error *err)
{
    const questions *q = r->of;
    calibration by[2];
    out->list = NEW(example, 2 * questions_targets(q));
    if (!out->list) return fail_memory(err, "pairs", 2 * questions_targets(q) * sizeof(example));
    if (model_says(c->model) == ANSWERS_PROBABILITY)
        by[0] = by[1] = own_calibration(c->model);
    else
        TRY(fit_pairs(by, r, base->calibration, c, rn, err));
    for (size_t k = 0; k < q->count; k++)
        for (uint64_t t = q->target_begin[k]; t < q->target_begin[k + 1]; t++) {
            const float score[] = { r->probe_score[t], r->score[t] };
            for (uint32_t taken = 2; is_pair(q, t) && taken-- > 0;)
                out->list[out->n++] =
                    (example){ .probability = calibration_probability(&by[k % 2], score[taken]),
                               .score = score[taken],
                               .entry = (uint32_t)k << 1 | taken };
        }
    return HABIT_OK;
}

// --- likes -----------------------------------------------------------------------------------------

typedef struct likes {
    example *list;
    const uint64_t *first; // [questions] where a question's target events begin in the list
    const questions *q;
    double liked;
} likes;

// Events that nothing is said of stay as they were made: entries of UINT32_MAX.
static void take_like(void *ctx, const prediction *p)
{
    const likes *l = ctx;
    const uint64_t begin = l->q->targets.begin[l->q->user[p->question]];
    const bool liked = (double)p->value >= l->liked;
    l->list[l->first[p->question] + (p->event - begin)] =
        (example){ .probability = fmin(fmax((double)p->guess, 1e-6), 1 - 1e-6),
                   .score = p->guess,
                   .entry = (uint32_t)p->question << 1 | liked };
}

static habit_status take_likes(examples *out, const questions *q, const contestant *c,
                               const run *rn, habit_error *err)
{
    uint64_t *first = NEW(uint64_t, q->count + 1);
    uint64_t n = 0;
    for (size_t k = 0; first && k < q->count; k++) {
        first[k] = n;
        n += q->targets.end[q->user[k]] - q->targets.begin[q->user[k]];
    }
    out->list = NEW(example, n);
    habit_status st = first && out->list ? HABIT_OK : fail_memory(err, "likes", n * 16);
    for (uint64_t i = 0; st == HABIT_OK && i < n; i++) out->list[i].entry = UINT32_MAX;
    likes l = { out->list, first, q, c->model->liked };
    if (st == HABIT_OK && q->targets.value) st = predictions_each(q, c, take_like, &l, rn, err);
    for (uint64_t i = 0; st == HABIT_OK && i < n; i++)
        if (out->list[i].entry != UINT32_MAX) out->list[out->n++] = out->list[i];
    mem_free(first);
    return st;
}

// --- sums ------------------------------------------------------------------------------------------

static void add_columns(const probability_columns *to, const examples *e, bool pairs)
{
    for (size_t i = 0; i < e->n; i++) {
        const example *x = &e->list[i];
        const bool was = x->entry & 1;
        double *row = to->value + (size_t)(x->entry >> 1) * to->columns;
        row[to->loss] -= was ? log(x->probability) : log1p(-x->probability);
        row[to->right] += was ? x->probability > 0.5 : x->probability < 0.5;
        row[to->examples] += 1;
        if (!pairs) continue;
        row[was ? to->positive : to->negative] += x->probability;
        row[to->pairs] += was;
    }
}

static double calibration_error(const examples *e)
{
    double said[BINS] = { 0 }, was[BINS] = { 0 }, error = 0;
    for (size_t i = 0; i < e->n; i++) {
        const int bin = (int)(e->list[i].probability * BINS);
        said[bin < BINS ? bin : BINS - 1] += e->list[i].probability;
        was[bin < BINS ? bin : BINS - 1] += e->list[i].entry & 1;
    }
    for (int b = 0; b < BINS; b++) error += fabs(said[b] - was[b]);
    return e->n ? error / (double)e->n : (double)NAN;
}

// Ascending; what counts against the model first: NaN positives, then by score, positives before
// negatives, NaN negatives last.
static int compare_examples(const void *a, const void *b)
{
    const example *x = a, *y = b;
    const int x_none = isnan(x->score) ? (x->entry & 1 ? -1 : 1) : 0;
    const int y_none = isnan(y->score) ? (y->entry & 1 ? -1 : 1) : 0;
    if (x_none != y_none) return x_none < y_none ? -1 : 1;
    if (!x_none && x->score != y->score) return x->score < y->score ? -1 : 1;
    if ((x->entry ^ y->entry) & 1) return x->entry & 1 ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static habit_status fill_pool(pooled *to, const examples *e, habit_error *err)
{
    to->entry = NEW(uint32_t, e->n);
    if (!to->entry) return fail_memory(err, "pooled pairs", e->n * sizeof *to->entry);
    if (e->n) qsort(e->list, e->n, sizeof *e->list, compare_examples);
    for (size_t i = 0; i < e->n; i++) to->entry[i] = e->list[i].entry;
    to->n = e->n;
    return HABIT_OK;
}

habit_status probabilities_make(const probability_columns *to, pooled *all, double *ece,
                                const ranking *r, const measures_base *base, const contestant *c,
                                const run *rn, habit_error *err)
{
    const bool of_likes = probabilities_of_likes(c);
    examples e = { 0 };
    habit_status st =
        of_likes ? take_likes(&e, r->of, c, rn, err) : take_pairs(&e, r, base, c, rn, err);
    if (st == HABIT_OK) {
        add_columns(to, &e, !of_likes);
        *ece = calibration_error(&e);
        st = fill_pool(all, &e, err);
    }
    mem_free(e.list);
    return st;
}

// --- Platt scaling of a model's own probabilities ----------------------------------------------------

// What the sigmoid is taken of, of the examples of one kind; NaN up to `n` of them.
static size_t logits(float *to, size_t n, const examples *e, uint32_t was)
{
    size_t count = 0;
    for (size_t i = 0; i < e->n; i++) {
        const double p = e->list[i].probability;
        if ((e->list[i].entry & 1) == was) to[count++] = (float)log(p / (1 - p));
    }
    for (size_t i = count; i < n; i++) to[i] = NAN;
    return count;
}

habit_status probabilities_fit(double *a, double *b, bool *found, const questions *q,
                               const contestant *c, const run *rn, habit_error *err)
{
    const measures_base base = { .questions = q };
    ranking r = { .of = q };
    examples e = { 0 };
    habit_status st = HABIT_OK;
    *found = false;
    if (probabilities_of_likes(c)) {
        st = take_likes(&e, q, c, rn, err);
    } else {
        st = ranking_make(&r, q, c, &(ranking_plan){ .scores = true }, rn, err);
        if (st == HABIT_OK) st = take_pairs(&e, &r, &base, c, rn, err);
        ranking_free(&r);
    }
    float *was = NEW(float, e.n), *was_not = NEW(float, e.n);
    if (st == HABIT_OK && (!was || !was_not)) st = fail_memory(err, "calibration", e.n * 8);
    if (st == HABIT_OK) {
        const size_t some = logits(was, e.n, &e, 1), others = logits(was_not, e.n, &e, 0);
        const calibration fitted = calibration_fit(was, was_not, e.n);
        *a = fitted.a;
        *b = fitted.b;
        *found = some >= FEW && others >= FEW;
    }
    mem_free(was);
    mem_free(was_not);
    mem_free(e.list);
    return st;
}

// calibration.c - Platt scaling by Newton's method with backtracking.
#include "eval/calibration.h"

#include <math.h>
#include <stdbool.h>

enum { STEPS = 100 };

typedef struct pairs {
    const float *positive, *negative;
    size_t n;
    double mean, scale; // scores are standardised first: one step size fits all models
    double high, low;   // Platt's targets: not quite 1 and 0, so that a stays finite
} pairs;

static double soft_log(double z) // log(1 + exp(z)) without overflow
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static double place(const pairs *p, float score)
{
    return ((double)score - p->mean) / p->scale;
}

// Adds one example to loss, gradient and Hessian at (a, b).
static void add(double a, double b, double x, double target, double sum[6])
{
    const double z = a * x + b, prob = 1 / (1 + exp(-z)), d = prob - target, h = prob * (1 - prob);
    sum[0] += soft_log(z) - target * z;
    sum[1] += d * x;
    sum[2] += d;
    sum[3] += h * x * x;
    sum[4] += h * x;
    sum[5] += h;
}

static void evaluate(const pairs *p, double a, double b, double sum[6])
{
    for (int i = 0; i < 6; i++) sum[i] = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (isfinite(p->positive[i])) add(a, b, place(p, p->positive[i]), p->high, sum);
        if (isfinite(p->negative[i])) add(a, b, place(p, p->negative[i]), p->low, sum);
    }
}

// Moments of the finite scores; false if they do not differ.
static bool standardise(pairs *p, calibration *c)
{
    double sum = 0, square = 0, count = 0, positives = 0;
    c->floor = INFINITY;
    for (int pass = 0; pass < 2; pass++) { // two passes: no cancellation
        for (size_t i = 0; i < 2 * p->n; i++) {
            const float s = i < p->n ? p->positive[i] : p->negative[i - p->n];
            if (!isfinite(s)) continue;
            if (pass == 0) {
                sum += (double)s, count++;
                positives += i < p->n;
                c->floor = fmin(c->floor, (double)s);
            } else {
                square += ((double)s - p->mean) * ((double)s - p->mean);
            }
        }
        p->mean = sum / count;
    }
    p->scale = sqrt(square / count);
    p->high = (positives + 1) / (positives + 2);
    p->low = 1 / (count - positives + 2);
    if (!isfinite(c->floor)) c->floor = 0;
    return count > 0 && p->scale > 0;
}

calibration calibration_fit(const float *positive, const float *negative, size_t n)
{
    calibration c = { 0 };
    pairs p = { .positive = positive, .negative = negative, .n = n };
    if (!standardise(&p, &c)) return c;

    double a = 0, b = 0, now[6], next[6];
    evaluate(&p, a, b, now);
    for (int step = 0; step < STEPS; step++) {
        const double ridge = 1e-12 * (now[3] + now[5]) + 1e-300;
        const double haa = now[3] + ridge, hab = now[4], hbb = now[5] + ridge;
        const double det = haa * hbb - hab * hab;
        const double da = -(hbb * now[1] - hab * now[2]) / det;
        const double db = -(haa * now[2] - hab * now[1]) / det;
        double size = 1;
        for (; size > 1e-10; size /= 2) { // backtrack until the loss falls
            evaluate(&p, a + size * da, b + size * db, next);
            if (next[0] <= now[0] + 1e-4 * size * (now[1] * da + now[2] * db)) break;
        }
        if (size <= 1e-10) break;
        a += size * da, b += size * db;
        for (int i = 0; i < 6; i++) now[i] = next[i];
        if (fabs(now[1]) + fabs(now[2]) < 1e-9 * (double)(2 * n)) break;
    }
    c.a = a / p.scale;
    c.b = b - c.a * p.mean;
    return c;
}

double calibration_probability(const calibration *c, float score)
{
    const double s = isfinite(score) ? (double)score : c->floor;
    const double prob = 1 / (1 + exp(-(c->a * s + c->b)));
    return fmin(fmax(prob, 1e-6), 1 - 1e-6);
}

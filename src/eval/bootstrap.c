// bootstrap.c - resampled sums of per-user columns.
#include "eval/bootstrap.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_BOOTSTRAP = 21 };
enum { TOGETHER = 8 }; // resamples that share one pass over the columns

typedef struct worker {
    uint16_t *weight; // [TOGETHER][users] times each user was drawn
    double *sum;      // [TOGETHER][columns]
} worker;

typedef struct job {
    const sampling *s;
    double *out;
    worker *workers;
} job;

// Share of pairs in order, each user's entries counted weight[user] times (NULL: once).
static double pooled_auc(const pooled *p, const uint16_t *weight)
{
    double below = 0, right = 0, positives = 0;
    for (size_t i = 0; i < p->n; i++) {
        const double w = weight ? (double)weight[p->entry[i] >> 1] : 1;
        if (p->entry[i] & 1) {
            right += w * below;
            positives += w;
        } else {
            below += w;
        }
    }
    return positives > 0 && below > 0 ? right / (positives * below) : (double)NAN;
}

static void statistics(double *out, const sampling *s, const double *sum, const uint16_t *weight)
{
    for (size_t i = 0; i < s->count; i++) {
        const ratio *r = &s->ratios[i];
        if (r->num < 0) {
            out[i] = s->pool ? pooled_auc(s->pool, weight) : (double)NAN;
            continue;
        }
        const double value = sum[r->den] > 0 ? sum[r->num] / sum[r->den] : (double)NAN;
        out[i] = r->root ? sqrt(value) : value;
    }
}

// Pairwise in blocks, so that a million users lose no digits.
static void add_columns(double *sum, const sampling *s, size_t begin, size_t end)
{
    for (size_t u = begin; u < end; u++)
        for (size_t c = 0; c < s->columns; c++) sum[c] += s->value[u * s->columns + c];
}

void bootstrap_values(double *out, const sampling *s)
{
    enum { BLOCK = 1024, COLUMNS = 512 };
    double sum[COLUMNS] = { 0 };
    for (size_t begin = 0; begin < s->users; begin += BLOCK) {
        double part[COLUMNS] = { 0 };
        add_columns(part, s, begin, s->users - begin < BLOCK ? s->users : begin + BLOCK);
        for (size_t c = 0; c < s->columns; c++) sum[c] += part[c];
    }
    statistics(out, s, sum, NULL);
}

static void resample_piece(void *ctx, size_t piece, int number)
{
    const job *j = ctx;
    const sampling *s = j->s;
    worker *w = &j->workers[number];
    const size_t first = piece * TOGETHER;
    size_t n = (size_t)s->resamples - first;
    if (n > TOGETHER) n = TOGETHER;

    memset(w->weight, 0, n * s->users * sizeof *w->weight);
    memset(w->sum, 0, n * s->columns * sizeof *w->sum);
    for (size_t b = 0; b < n; b++) {
        rng r = rng_at(s->seed, STREAM_BOOTSTRAP, first + b);
        uint16_t *weight = w->weight + b * s->users;
        for (size_t u = 0; u < s->users; u++) weight[rng_below(&r, s->users)]++;
    }
    for (size_t u = 0; u < s->users; u++) {
        const double *row = s->value + u * s->columns;
        for (size_t b = 0; b < n; b++) {
            const double times = (double)w->weight[b * s->users + u];
            double *sum = w->sum + b * s->columns;
            if (times != 0)
                for (size_t c = 0; c < s->columns; c++) sum[c] += times * row[c];
        }
    }
    for (size_t b = 0; b < n; b++)
        statistics(j->out + (first + b) * s->count, s, w->sum + b * s->columns,
                   w->weight + b * s->users);
}

habit_status bootstrap_samples(double *out, const sampling *s, const run *rn, habit_error *err)
{
    const int threads = run_threads(rn);
    job j = { .s = s, .out = out, .workers = ZNEW(worker, (size_t)threads) };
    habit_status st = HABIT_OK;
    if (!j.workers) return fail_memory(err, "bootstrap", (size_t)threads * sizeof(worker));
    for (int i = 0; i < threads && st == HABIT_OK; i++) {
        j.workers[i].weight = NEW(uint16_t, TOGETHER * s->users);
        j.workers[i].sum = NEW(double, TOGETHER * s->columns);
        if (!j.workers[i].weight || !j.workers[i].sum)
            st = fail_memory(err, "bootstrap", TOGETHER * (s->users * 2 + s->columns * 8));
    }
    const size_t pieces = ((size_t)s->resamples + TOGETHER - 1) / TOGETHER;
    if (st == HABIT_OK) pool_run(run_pool(rn), pieces, resample_piece, &j);
    for (int i = 0; i < threads; i++) {
        mem_free(j.workers[i].weight);
        mem_free(j.workers[i].sum);
    }
    mem_free(j.workers);
    return st;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
    const double at = q * (double)(n - 1);
    const size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

bool bootstrap_interval(double interval[2], const double *values, size_t n, size_t stride,
                        double *scratch)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i * stride])) scratch[kept++] = values[i * stride];
    if (kept < 2) return false;
    qsort(scratch, kept, sizeof *scratch, compare_doubles);
    interval[0] = quantile(scratch, kept, 0.025);
    interval[1] = quantile(scratch, kept, 0.975);
    return true;
}

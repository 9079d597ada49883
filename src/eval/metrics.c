// metrics.c - metrics from positions.
#include "eval/metrics.h"

#include <math.h>
#include <stdlib.h>

// Targets among the first k.
static size_t found(hits h, size_t k)
{
    size_t n = 0;
    while (n < h.n && h.position[n] <= k) n++;
    return n;
}

double metric_hr(hits h, size_t k)
{
    return found(h, k) > 0;
}

double metric_recall(hits h, size_t k)
{
    return (double)found(h, k) / (double)h.targets;
}

double metric_precision(hits h, size_t k)
{
    return (double)found(h, k) / (double)k;
}

double metric_f1(hits h, size_t k)
{
    // 2PR / (P + R) with P = f/k, R = f/T; no division by zero where nothing was found
    return 2 * (double)found(h, k) / ((double)k + (double)h.targets);
}

double metric_ndcg(hits h, size_t k)
{
    const size_t n = found(h, k), best = k < h.targets ? k : h.targets;
    double gain = 0, ideal = 0;
    for (size_t j = 0; j < n; j++) gain += 1 / log2(1 + (double)h.position[j]);
    for (size_t j = 1; j <= best && n; j++) ideal += 1 / log2(1 + (double)j);
    return n ? gain / ideal : 0;
}

double metric_mrr(hits h, size_t k)
{
    return found(h, k) ? 1 / (double)h.position[0] : 0;
}

double metric_map(hits h, size_t k)
{
    const size_t n = found(h, k);
    double sum = 0;
    for (size_t j = 0; j < n; j++) sum += (double)(j + 1) / (double)h.position[j];
    return sum / (double)h.targets;
}

double metric_auc(const uint32_t *rivals, size_t targets, uint32_t against)
{
    double sum = 0;
    for (size_t t = 0; t < targets; t++) sum += (double)rivals[t];
    return 1 - sum / ((double)targets * (double)against);
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

double metric_gini(uint32_t *counts, size_t n)
{
    double sum = 0, weighted = 0;
    qsort(counts, n, sizeof *counts, compare_u32);
    for (size_t i = 0; i < n; i++) {
        sum += (double)counts[i];
        weighted += (2 * (double)(i + 1) - (double)n - 1) * (double)counts[i];
    }
    return sum > 0 ? weighted / ((double)n * sum) : (double)NAN;
}

double metric_coverage(const uint32_t *counts, size_t n)
{
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) shown += counts[i] > 0;
    return n ? (double)shown / (double)n : 0;
}

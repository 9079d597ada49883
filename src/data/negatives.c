// negatives.c - items drawn to stand against the targets.
#include "data/negatives.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

struct negatives {
    uint32_t items;
    float *log_share; // [items]
    double *upto;     // [items] running sum of chances; NULL: all alike
};

static void count_items(double *count, const log_view *log)
{
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++)
            if (log->item[e] < log->items) count[log->item[e]]++;
}

static void weigh(negatives *n, double power)
{
    double sum = 0;
    for (uint32_t i = 0; i < n->items; i++) sum += pow(n->upto[i], power);
    double running = 0;
    for (uint32_t i = 0; i < n->items; i++) {
        const double share = pow(n->upto[i], power) / sum;
        n->log_share[i] = (float)log(share);
        n->upto[i] = running += share;
    }
}

habit_status negatives_new(negatives **out, const log_view *log, const char *sampler, double power,
                           habit_error *err)
{
    const bool popular = strcmp(sampler, "popularity") == 0;
    negatives *n = ZNEW(negatives, 1);
    if (n) n->log_share = NEW(float, log->items);
    if (n && popular) n->upto = ZNEW(double, log->items);
    if (!n || !n->log_share || (popular && !n->upto)) {
        negatives_free(n);
        return fail_memory(err, "negatives", log->items * sizeof(double));
    }
    n->items = log->items;
    for (uint32_t i = 0; i < n->items; i++) n->log_share[i] = -logf((float)n->items);
    if (popular) {
        count_items(n->upto, log);
        weigh(n, power);
    }
    *out = n;
    return HABIT_OK;
}

void negatives_free(negatives *n)
{
    if (!n) return;
    mem_free(n->log_share);
    mem_free(n->upto);
    mem_free(n);
}

static int32_t draw(const negatives *n, rng *r)
{
    if (!n->upto) return (int32_t)rng_below(r, n->items);
    const double x = rng_uniform(r);
    uint32_t lo = 0, hi = n->items - 1;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (n->upto[mid] > x)
            hi = mid;
        else
            lo = mid + 1;
    }
    return (int32_t)lo;
}

void negatives_draw_shared(const negatives *n, uint64_t key, int32_t *to, size_t count)
{
    rng r = rng_at(key, 1, 0);
    for (size_t i = 0; i < count; i++) to[i] = draw(n, &r);
}

void negatives_draw_own(const negatives *n, uint64_t key, const batch *b, int32_t *to, size_t each)
{
    for (size_t e = 0; e < b->events; e++) {
        rng r = rng_at(key, 2, b->first_event + e);
        for (size_t i = 0; i < each; i++) *to++ = draw(n, &r);
    }
}

const float *negatives_log_share(const negatives *n)
{
    return n->log_share;
}

// topk.c - the k best items by a heap whose root is the worst of them.
#include "index/topk.h"

// True if the answer at `a` should stand behind the answer at `b`.
static bool worse(const topk *t, size_t a, size_t b)
{
    if (t->score[a] != t->score[b]) return t->score[a] < t->score[b];
    return t->item[a] > t->item[b];
}

static void swap(topk *t, size_t a, size_t b)
{
    const uint32_t item = t->item[a];
    const float score = t->score[a];
    t->item[a] = t->item[b], t->score[a] = t->score[b];
    t->item[b] = item, t->score[b] = score;
}

// Restores the heap of the first n below place `at`.
static void sift_down(topk *t, size_t at, size_t n)
{
    for (;;) {
        size_t down = 2 * at + 1;
        if (down >= n) return;
        if (down + 1 < n && worse(t, down + 1, down)) down++;
        if (!worse(t, down, at)) return;
        swap(t, at, down);
        at = down;
    }
}

void topk_offer(topk *t, uint32_t item, float score)
{
    if (!(score > topk_threshold(t))) return; // an equal score with a higher number loses
    if (t->n == t->k) {
        t->item[0] = item, t->score[0] = score;
        sift_down(t, 0, t->n);
        return;
    }
    size_t at = t->n++;
    t->item[at] = item, t->score[at] = score;
    for (; at && worse(t, at, (at - 1) / 2); at = (at - 1) / 2) swap(t, at, (at - 1) / 2);
}

void topk_finish(topk *t)
{
    for (size_t n = t->n; n > 1; n--) {
        swap(t, 0, n - 1);
        sift_down(t, 0, n - 1);
    }
}

void topk_scan(topk *t, const rank_kernel *k, uint32_t first, const float *scores, size_t n,
               uint32_t *where)
{
    const size_t found = k->above(scores, n, topk_threshold(t), where);
    for (size_t j = 0; j < found; j++) topk_offer(t, first + where[j], scores[where[j]]);
}

void topk_mask(float *scores, uint32_t first, size_t n, const uint32_t *excluded, size_t count,
               size_t *at)
{
    while (*at < count && excluded[*at] < first) ++*at;
    for (; *at < count && excluded[*at] - first < n; ++*at)
        scores[excluded[*at] - first] = -INFINITY;
}

enum { SCAN = 512 }; // scores looked through at once

void topk_scores(topk_query *q, float *scores, uint32_t items)
{
    const rank_kernel *k = rank_pick();
    uint32_t where[SCAN];
    size_t at = 0;
    q->answer.n = 0;
    topk_mask(scores, 0, items, q->excluded, q->excluded_count, &at);
    for (uint32_t first = 0; first < items; first += SCAN) {
        const size_t n = items - first < SCAN ? items - first : SCAN;
        topk_scan(&q->answer, k, first, scores + first, n, where);
    }
    topk_finish(&q->answer);
}

typedef struct dot_sweep {
    topk_query *query;
    const rank_kernel *kernel;
    uint32_t *where; // [tile]
    size_t *masked;  // [queries] place in each exclusion list
} dot_sweep;

static void dot_row(void *ctx, size_t row, uint32_t first, float *scores, size_t n)
{
    dot_sweep *s = ctx;
    topk_query *q = s->query + row;
    topk_mask(scores, first, n, q->excluded, q->excluded_count, &s->masked[row]);
    topk_scan(&q->answer, s->kernel, first, scores, n, s->where);
}

// Scratch, in floats: the sweep's own | where | masked; the first two are multiples of 16 floats.
static size_t round_up(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

size_t topk_dot_scratch(const catalogue *c, size_t n)
{
    return round_up(catalogue_scratch(c, n)) + round_up(c->tile) +
           n * (sizeof(size_t) / sizeof(float));
}

void topk_dot(topk_query *q, const float *vectors, size_t n, const catalogue *c, float *scratch)
{
    float *where = scratch + round_up(catalogue_scratch(c, n));
    float *masked = where + round_up(c->tile);
    dot_sweep s = { q, c->kernel, (void *)where, (void *)masked };
    for (size_t i = 0; i < n; i++) {
        q[i].answer.n = 0;
        s.masked[i] = 0;
    }
    catalogue_sweep(c, vectors, n, scratch, dot_row, &s);
    for (size_t i = 0; i < n; i++) topk_finish(&q[i].answer);
}

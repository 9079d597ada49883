// topk.c - the k best items by a heap whose root is the worst of them.
#include "index/topk.h"

// True if the first answer should stand behind the second.  Without branches: which child is worse
// is a coin toss that no processor can predict.
static inline bool worse(float a, uint32_t a_item, float b, uint32_t b_item)
{
    return (a < b) | ((a == b) & (a_item > b_item));
}

static inline void put(topk *t, size_t at, uint32_t item, float score)
{
    t->item[at] = item, t->score[at] = score;
}

// Puts an answer into the heap of the first n, whose place `at` is free, or further down.
static void sift_down(topk *t, size_t at, size_t n, uint32_t item, float score)
{
    const uint32_t *const items = t->item;
    const float *const scores = t->score;
    for (size_t down; (down = 2 * at + 1) < n; at = down) {
        if (down + 1 < n)
            down += worse(scores[down + 1], items[down + 1], scores[down], items[down]);
        if (!worse(scores[down], items[down], score, item)) break;
        put(t, at, items[down], scores[down]);
    }
    put(t, at, item, score);
}

void topk_offer(topk *t, uint32_t item, float score)
{
    if (!(score > topk_threshold(t))) return; // an equal score with a higher number loses
    if (t->n == t->k) {
        sift_down(t, 0, t->n, item, score);
        return;
    }
    size_t at = t->n++;
    while (at) {
        const size_t up = (at - 1) / 2;
        if (!worse(score, item, t->score[up], t->item[up])) break;
        put(t, at, t->item[up], t->score[up]);
        at = up;
    }
    put(t, at, item, score);
}

void topk_finish(topk *t)
{
    for (size_t n = t->n; n > 1; n--) { // the worst goes last
        const uint32_t item = t->item[n - 1];
        const float score = t->score[n - 1];
        put(t, n - 1, t->item[0], t->score[0]);
        sift_down(t, 0, n - 1, item, score);
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

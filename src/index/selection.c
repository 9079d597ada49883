// selection.c - quickselect over batches of candidates.
#include "index/selection.h"

#include <math.h>
#include <string.h>

enum { BATCH_LEAST = 256 };

static size_t batch_of(size_t k)
{
    return 2 * k > BATCH_LEAST ? 2 * k : BATCH_LEAST;
}

size_t selection_room(size_t k)
{
    return batch_of(k) + SELECTION_SCAN;
}

selection selection_begin(uint64_t *key, size_t k)
{
    return (selection){ .key = key, .k = k, .level = k ? -INFINITY : INFINITY };
}

// Floats compare as their bits do, if those of negative ones are inverted.
static uint64_t key_of(float score, uint32_t item)
{
    uint32_t bits;
    score += 0.0f; // -0 is 0
    memcpy(&bits, &score, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
    return (uint64_t)bits << 32 | (uint32_t)~item;
}

static float score_of(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float score;
    bits = bits >> 31 ? bits ^ UINT32_C(1) << 31 : ~bits;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static void swap(uint64_t *a, uint64_t *b)
{
    const uint64_t t = *a;
    *a = *b;
    *b = t;
}

// Which of three places holds the middle number.
static size_t middle(const uint64_t *key, size_t a, size_t b, size_t c)
{
    if (key[a] < key[b]) return key[b] < key[c] ? b : key[a] < key[c] ? c : a;
    return key[a] < key[c] ? a : key[b] < key[c] ? c : b;
}

// Hoare's quickselect: afterwards the k greatest of n distinct numbers stand first, in any order.
static void keep_greatest(uint64_t *key, size_t n, size_t k)
{
    size_t low = 0, high = n;
    while (high - low > 1 && low < k && k < high) {
        const size_t last = high - 1;
        swap(&key[middle(key, low, low + (high - low) / 2, last)], &key[last]);
        const uint64_t pivot = key[last];
        size_t to = low;
        for (size_t i = low; i < last; i++) { // without a branch on what no one can predict
            const uint64_t x = key[i];
            key[i] = key[to];
            key[to] = x;
            to += x > pivot;
        }
        swap(&key[to], &key[last]);
        if (k <= to)
            high = to;
        else
            low = to + 1;
    }
}

static void shrink(selection *s)
{
    if (s->n <= s->k) return;
    keep_greatest(s->key, s->n, s->k);
    s->n = s->k;
    uint64_t least = s->key[0];
    for (size_t i = 1; i < s->n; i++) least = s->key[i] < least ? s->key[i] : least;
    s->level = score_of(least);
}

void selection_scan(selection *s, const rank_kernel *kernel, uint32_t first, const float *scores,
                    size_t n, uint32_t *where)
{
    const size_t found = kernel->above(scores, n, s->level, where);
    for (size_t j = 0; j < found; j++)
        s->key[s->n + j] = key_of(scores[where[j]], first + where[j]);
    s->n += found;
    if (s->n >= batch_of(s->k)) shrink(s);
}

// Restores the heap of n numbers, the least at its root, below place `at`.
static void sift_down(uint64_t *key, size_t at, size_t n)
{
    const uint64_t x = key[at];
    for (size_t down; (down = 2 * at + 1) < n; at = down) {
        if (down + 1 < n) down += key[down + 1] < key[down];
        if (x <= key[down]) break;
        key[at] = key[down];
    }
    key[at] = x;
}

size_t selection_finish(selection *s, uint32_t *item)
{
    if (s->k) shrink(s);
    for (size_t i = s->n / 2; i-- > 0;) sift_down(s->key, i, s->n);
    for (size_t n = s->n; n > 1; n--) { // heap sort: the least goes last
        swap(&s->key[0], &s->key[n - 1]);
        sift_down(s->key, 0, n - 1);
    }
    for (size_t i = 0; i < s->n; i++) item[i] = ~(uint32_t)s->key[i];
    return s->n;
}

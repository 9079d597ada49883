// cuts.c - consecutive ranges of users, and the distribution of records over them.
#include "data/cuts.h"
#include "base/memory.h"

#include <string.h>

enum { GUESS_BITS = 14 };

// The end of the range that begins at user u.
static uint32_t range_end(const uint64_t *offset, uint32_t u, uint32_t to, uint64_t limit)
{
    uint32_t low = u + 1, high = to; // the end is in low..high
    while (low < high) {
        const uint32_t mid = high - (high - low) / 2;
        if (offset[mid] - offset[u] <= limit)
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

habit_status cuts_make(cuts *out, const uint64_t *offset, uint32_t from, uint32_t to,
                       uint64_t limit, habit_error *err)
{
    // two neighbours together exceed the limit, or they would be one
    const uint64_t most = 2 * ((offset[to] - offset[from]) / (limit ? limit : 1)) + 2;
    const uint64_t users = (uint64_t)to - from;
    const size_t cap = (size_t)(most < users ? most : users) + 1;
    cuts c = { .first = NEW(uint32_t, cap + 1) };
    while (users >> c.shift >= UINT64_C(1) << GUESS_BITS) c.shift++;
    const size_t guesses = (size_t)(users >> c.shift) + 1;
    c.guess = NEW(uint32_t, guesses);
    if (!c.first || !c.guess) {
        cuts_free(&c);
        return fail_memory(err, "sorting", (cap + guesses) * sizeof(uint32_t));
    }
    c.first[0] = from;
    for (uint32_t u = from; u < to; u = c.first[c.count])
        c.first[++c.count] = range_end(offset, u, to, limit);
    uint32_t k = 0;
    for (size_t g = 0; g < guesses; g++) {
        const uint64_t user = from + ((uint64_t)g << c.shift);
        while (k + 1 < c.count && user >= c.first[k + 1]) k++;
        c.guess[g] = k;
    }
    *out = c;
    return HABIT_OK;
}

void cuts_free(cuts *c)
{
    mem_free(c->first);
    mem_free(c->guess);
    *c = (cuts){ 0 };
}

// --- distribution --------------------------------------------------------------------------------

habit_status scatter_init(scatter *s, const cuts *c, size_t n_max, size_t width, habit_error *err)
{
    *s = (scatter){ .cuts = c, .width = width };
    s->next = ZNEW(uint64_t, c->count);
    s->counts = NEW(uint64_t, (size_t)c->count * SCATTER_PIECES);
    s->range = NEW(uint32_t, n_max);
    if (s->next && s->counts && s->range) return HABIT_OK;
    scatter_free(s);
    return fail_memory(err, "sorting", n_max * sizeof *s->range);
}

void scatter_free(scatter *s)
{
    mem_free(s->next);
    mem_free(s->counts);
    mem_free(s->range);
    *s = (scatter){ 0 };
}

static void count_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const scatter *s = ctx;
    uint64_t *counts = s->counts + piece * s->cuts->count;
    memset(counts, 0, s->cuts->count * sizeof *counts);
    const size_t to = pool_cut(s->n, SCATTER_PIECES, piece + 1);
    for (size_t i = pool_cut(s->n, SCATTER_PIECES, piece); i < to; i++) {
        uint32_t user;
        memcpy(&user, s->src + i * s->width, sizeof user);
        s->range[i] = cuts_find(s->cuts, user);
        counts[s->range[i]]++;
    }
}

// Words of 8 bytes, the last one overlapping: width is at least 8.
static void copy_record(unsigned char *to, const unsigned char *from, size_t width)
{
    size_t at = 0;
    for (; at + 8 <= width; at += 8) memcpy(to + at, from + at, 8);
    if (at < width) memcpy(to + width - 8, from + width - 8, 8);
}

static void move_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const scatter *s = ctx;
    uint64_t *next = s->counts + piece * s->cuts->count;
    const size_t to = pool_cut(s->n, SCATTER_PIECES, piece + 1);
    for (size_t i = pool_cut(s->n, SCATTER_PIECES, piece); i < to; i++)
        copy_record(s->dst + next[s->range[i]]++ * s->width, s->src + i * s->width, s->width);
}

void scatter_run(const scatter *s, pool *p)
{
    const uint32_t ranges = s->cuts->count;
    pool_run(p, SCATTER_PIECES, count_piece, (void *)(uintptr_t)s);
    for (uint32_t r = 0; r < ranges; r++) {
        if (s->packed) s->next[r] = r ? s->next[r - 1] : 0;
        for (size_t k = 0; k < SCATTER_PIECES; k++) { // counts become first places
            uint64_t *count = &s->counts[k * ranges + r];
            const uint64_t here = *count;
            *count = s->next[r];
            s->next[r] += here;
        }
    }
    pool_run(p, SCATTER_PIECES, move_piece, (void *)(uintptr_t)s);
}

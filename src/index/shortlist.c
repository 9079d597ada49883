// shortlist.c - a scan of bytes, then exact scores of the best of them.
#include "index/shortlist.h"
#include "base/arena.h"
#include "base/memory.h"
#include "index/selection.h"
#include "index/topk.h"

#include <math.h>
#include <stdlib.h>

enum {
    TILE = SELECTION_SCAN, // scores looked at together
    LISTED_AT_LEAST = 64,  // of the shortlist, beside
    LISTED_FOR_ONE = 4,    // so many for each item that is wanted
    FEW = 16,              // where fewer than one in so many are allowed, they are scored at once
    PACK_PIECE = 1024,     // items
};

struct shortlist {
    const int8_kernel *kernel;
    const rank_kernel *exact;
    catalogue_items from;
    size_t cols, quads, panels;
    int8_t *panel; // [panels][quads][cols][4]
    float *scale;  // [panels * cols]
    float *bias;   // the same; -inf where there is no vector
    // Of cosines: 1 / |vector|, the scale of the vector over its length, and 0 in place of biases.
    float *over, *unit, *none;
};

static size_t place_of(const catalogue_items *from, size_t i)
{
    return i >= from->items ? CATALOGUE_NONE : from->map ? from->map[i] : i;
}

static float largest(const float *v, size_t n)
{
    float most = 0;
    for (size_t k = 0; k < n; k++) most = fabsf(v[k]) > most ? fabsf(v[k]) : most;
    return most;
}

static bool is_finite(const float *v, size_t n)
{
    float zero = 0;
    for (size_t k = 0; k < n; k++) zero += v[k] * 0; // NaN of an infinity, too
    return zero == 0;
}

// v ~ scale * byte; returns the scale.
static float round_bytes(int8_t *byte, const float *v, size_t n, size_t step_of_four)
{
    const float most = largest(v, n), by = most > 0 ? INT8_MOST / most : 0;
    for (size_t k = 0; k < n; k++) byte[k / 4 * step_of_four + k % 4] = (int8_t)lrintf(v[k] * by);
    return most / INT8_MOST;
}

// 1 / |v|, or 0
static float over_length(const float *v, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (double)v[k] * (double)v[k];
    return sum > 0 ? (float)(1 / sqrt(sum)) : 0;
}

static void pack_piece(void *ctx, size_t piece, int worker)
{
    shortlist *s = ctx;
    const size_t cols = s->cols, begin = piece * PACK_PIECE, all = s->panels * cols;
    (void)worker;
    for (size_t i = begin; i < all && i < begin + PACK_PIECE; i++) {
        int8_t *byte = s->panel + (i / cols * s->quads * cols + i % cols) * 4;
        const size_t v = place_of(&s->from, i), dim = (size_t)s->from.dim;
        const bool any = v != CATALOGUE_NONE && is_finite(s->from.vector + v * dim, dim);
        s->bias[i] = !any ? -INFINITY : s->from.bias ? s->from.bias[v] : 0;
        s->none[i] = any ? 0 : -INFINITY;
        if (!any) continue;
        s->scale[i] = round_bytes(byte, s->from.vector + v * dim, dim, cols * 4);
        s->over[i] = over_length(s->from.vector + v * dim, dim);
        s->unit[i] = s->scale[i] * s->over[i];
    }
}

habit_status shortlist_new(shortlist **out, const catalogue_items *from, pool *p, habit_error *err)
{
    if (from->dim > INT8_DIM)
        return fail(err, HABIT_ELIMIT, "vectors of %d features; a shortlist takes %d", from->dim,
                    INT8_DIM);
    shortlist *s = ZNEW(shortlist, 1);
    if (!s) return fail_memory(err, "rounded items", sizeof *s);
    s->kernel = int8_pick();
    s->exact = rank_pick();
    s->from = *from;
    s->cols = (size_t)s->kernel->cols;
    s->quads = ((size_t)from->dim + 3) / 4;
    s->panels = (from->items + s->cols - 1) / s->cols;
    s->panel = ZNEW(int8_t, s->panels * s->cols * s->quads * 4);
    s->scale = ZNEW(float, s->panels * s->cols);
    s->bias = NEW(float, s->panels * s->cols);
    s->over = ZNEW(float, s->panels * s->cols);
    s->unit = ZNEW(float, s->panels * s->cols);
    s->none = NEW(float, s->panels * s->cols);
    if (!s->panel || !s->scale || !s->bias || !s->over || !s->unit || !s->none) {
        const size_t bytes = shortlist_memory(s);
        shortlist_free(s);
        return fail_memory(err, "rounded items", bytes);
    }
    pool_run(p, (s->panels * s->cols + PACK_PIECE - 1) / PACK_PIECE, pack_piece, s);
    *out = s;
    return HABIT_OK;
}

void shortlist_free(shortlist *s)
{
    if (!s) return;
    mem_free(s->panel);
    mem_free(s->scale);
    mem_free(s->bias);
    mem_free(s->over);
    mem_free(s->unit);
    mem_free(s->none);
    mem_free(s);
}

size_t shortlist_memory(const shortlist *s)
{
    return s->panels * s->cols * (s->quads * 4 + 5 * sizeof(float));
}

// --- a query ----------------------------------------------------------------------------------------

typedef struct room {
    uint64_t *key;   // of the selections
    float *scores;   // [TILE + cols]
    uint32_t *where; // [TILE + cols]
    uint32_t *item;  // [listed]
    float *exact;    // [listed]
    int8_t *query;
} room;

static size_t listed_for(size_t k)
{
    return LISTED_FOR_ONE * k + LISTED_AT_LEAST;
}

static size_t place_room(room *r, const shortlist *s, size_t k, void *scratch)
{
    const size_t listed = listed_for(k) > TILE ? listed_for(k) : TILE;
    arena a = { .base = scratch, .cap = SIZE_MAX / 2 };
    if (!scratch) a = (arena){ 0 };
    r->key = arena_new(&a, uint64_t, selection_room(listed_for(k)) + SELECTION_SCAN);
    r->scores = arena_new(&a, float, TILE + s->cols);
    r->where = arena_new(&a, uint32_t, TILE + s->cols);
    r->item = arena_new(&a, uint32_t, listed);
    r->exact = arena_new(&a, float, listed);
    r->query = arena_new(&a, int8_t, s->quads * 4);
    return a.used;
}

size_t shortlist_scratch(const shortlist *s, size_t k)
{
    room r;
    return place_room(&r, s, k, NULL);
}

static bool is_allowed(const uint64_t *allowed, size_t i)
{
    return !allowed || allowed[i / 64] >> i % 64 & 1;
}

// Scores of those of first .. first + n - 1 that are not allowed become -inf.
static void mask(float *scores, const uint64_t *allowed, size_t first, size_t n)
{
    const size_t end = first + n;
    for (size_t word = first / 64; word * 64 < end; word++) {
        uint64_t out = ~allowed[word];
        if (word * 64 < first) out &= ~UINT64_C(0) << first % 64;
        if (end - word * 64 < 64) out &= (UINT64_C(1) << end % 64) - 1;
        for (; out; out &= out - 1) {
            const size_t i = word * 64 + (size_t)__builtin_ctzll(out);
            scores[i - first] = -INFINITY;
        }
    }
}

static size_t count_allowed(const shortlist *s, const uint64_t *allowed)
{
    size_t n = 0;
    if (!allowed) return s->from.items;
    for (size_t i = 0; i < s->from.items; i += 64) {
        uint64_t word = allowed[i / 64];
        if (s->from.items - i < 64) word &= (UINT64_C(1) << (s->from.items - i)) - 1;
        n += (size_t)__builtin_popcountll(word);
    }
    return n;
}

// The best by bytes, in no order of worth.
static size_t list(const shortlist *s, const shortlist_query *q, room *r)
{
    const float by = round_bytes(r->query, q->vector, (size_t)s->from.dim, 4);
    const float *scale = q->cosine ? s->unit : s->scale, *bias = q->cosine ? s->none : s->bias;
    selection best = selection_begin(r->key, listed_for(q->k));
    const size_t items = s->from.items, panels = TILE / s->cols;
    for (size_t p = 0; p < s->panels; p += panels) {
        const size_t i = p * s->cols, some = s->panels - p < panels ? s->panels - p : panels;
        const size_t n = items - i < some * s->cols ? items - i : some * s->cols;
        s->kernel->scores(r->scores, r->query, s->panel + p * s->quads * s->cols * 4,
                          scale + p * s->cols, by, bias + p * s->cols, some, (int)s->quads);
        if (q->extra)
            for (size_t j = 0; j < n; j++) r->scores[j] += q->extra[i + j];
        if (q->allowed) mask(r->scores, q->allowed, i, n);
        selection_scan(&best, s->exact, (uint32_t)i, r->scores, n, r->where);
    }
    return selection_finish(&best, r->item);
}

// Exact scores of r->item, n of them, which are offered to the answer.
static void offer(const shortlist *s, const shortlist_query *q, room *r, size_t n, topk *answer)
{
    const float by = q->cosine ? over_length(q->vector, (size_t)s->from.dim) : 1;
    const float *bias = q->cosine ? NULL : s->from.bias;
    for (size_t at = 0; at < n; at += TILE) {
        const size_t some = n - at < TILE ? n - at : TILE;
        for (size_t j = 0; j < some; j++)
            r->where[j] = (uint32_t)place_of(&s->from, r->item[at + j]);
        s->exact->dots(r->exact + at, q->vector, s->from.vector, bias, r->where, some, s->from.dim);
    }
    for (size_t j = 0; j < n; j++) {
        const uint32_t i = r->item[j];
        if (q->cosine) r->exact[j] *= s->over[i] * by;
        topk_offer(answer, i, q->extra ? r->exact[j] + q->extra[i] : r->exact[j]);
    }
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// All that are allowed, if they are few.
static void score_few(const shortlist *s, const shortlist_query *q, room *r, topk *answer)
{
    size_t n = 0;
    for (size_t i = 0; i < s->from.items; i++) {
        if (i % 64 == 0 && !q->allowed[i / 64]) {
            i += 63;
            continue;
        }
        if (!is_allowed(q->allowed, i) || place_of(&s->from, i) == CATALOGUE_NONE) continue;
        r->item[n++] = (uint32_t)i;
        if (n == TILE) offer(s, q, r, n, answer), n = 0;
    }
    offer(s, q, r, n, answer);
}

size_t shortlist_best(const shortlist *s, const shortlist_query *q, uint32_t *item, float *score,
                      void *scratch)
{
    room r;
    topk answer = { .item = item, .score = score, .k = q->k };
    place_room(&r, s, q->k, scratch);
    if (!is_finite(q->vector, (size_t)s->from.dim)) return 0;
    if (q->allowed && count_allowed(s, q->allowed) < s->from.items / FEW) {
        score_few(s, q, &r, &answer);
    } else {
        const size_t n = list(s, q, &r);
        qsort(r.item, n, sizeof *r.item, ascending); // ties go to the lower number
        offer(s, q, &r, n, &answer);
    }
    topk_finish(&answer);
    return answer.n;
}

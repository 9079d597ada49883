// allowed.c - which items may be answered: all filters become one bitmap before anything is ranked.
#include "serve/ranker.h"

void ranker_forbid(ranker *r, uint32_t item)
{
    if (item < r->count) r->allowed[item / 64] &= ~(UINT64_C(1) << item % 64);
}

static void keep_sets(ranker *r, size_t words)
{
    const wish *w = r->wish;
    for (size_t k = 0; k < words && w->where; k++) r->allowed[k] &= subset_word(w->where, k);
    for (size_t k = 0; k < words && w->categories; k++) {
        uint64_t any = 0;
        for (size_t c = 0; c < w->categories; c++) any |= subset_word(w->category[c].set, k);
        r->allowed[k] &= any;
    }
}

static void keep_listed(ranker *r, size_t words)
{
    const wish *w = r->wish;
    const size_t mark = arena_mark(&r->memory);
    uint64_t *listed = arena_new(&r->memory, uint64_t, words);
    for (size_t i = 0; i < w->listed && listed; i++)
        if (w->list[i] < r->count) listed[w->list[i] / 64] |= UINT64_C(1) << w->list[i] % 64;
    for (size_t k = 0; k < words; k++) r->allowed[k] &= listed ? listed[k] : 0;
    arena_rewind(&r->memory, mark);
}

// What was never said to be published is as old as can be.
static void keep_published(ranker *r, size_t words)
{
    const int64_t *published = r->table->published, since = r->wish->published_since;
    for (size_t k = 0; k < words; k++) {
        uint64_t young = 0;
        for (size_t i = k * 64; i < r->count && i < k * 64 + 64; i++)
            young |= (uint64_t)(published[i] >= since) << i % 64;
        r->allowed[k] &= young;
    }
}

void ranker_allow(ranker *r)
{
    const wish *w = r->wish;
    const size_t words = (r->count + 63) / 64;
    items_visible(r->table, r->allowed, r->count);
    keep_sets(r, words);
    if (w->only) keep_listed(r, words);
    if (w->published_since) keep_published(r, words);
    for (size_t i = 0; i < w->denied; i++) ranker_forbid(r, w->deny[i]);
    for (size_t i = 0; i < w->mores; i++) ranker_forbid(r, w->more[i]);
    for (size_t i = 0; i < w->lesses; i++) ranker_forbid(r, w->less[i]);
    if (w->kind == WISH_SIMILAR) ranker_forbid(r, w->like);
}

double ranker_boost(const ranker *r, uint32_t item)
{
    double factor = 1;
    for (size_t i = 0; i < r->wish->boosts; i++) {
        const wish_boost *b = &r->wish->boost[i];
        if (b->set ? subset_has(b->set, item) : b->item == item) factor *= b->factor;
    }
    return factor;
}

// fallback.c - candidates where the model has none: what goes with the session, then what is popular
// near to it, then what is popular, then anything.
//
// Weights.  a counts back from the person's last different item, 0, 1, ...; next(i | j) is the share
// of item i among what was often taken beside j (items.h):
//
//     session    w(i) = sum over recent j of 0.8^a next(i | j)
//     neighbour  w(i) = sum over session items j of w(j) next(i | j)
//     category   w(i) = sum over categories c of i, of 0.8^a summed over recent items in c, times the
//                popularity of i over that of the most popular in c
//     popular    events, each halved with every half life
//
// more_like items count as recent ones with weight strength / how many, less_like ones the same,
// negative.  Boosts multiply weights.
#include "serve/ranker.h"

#include <math.h>
#include <stdlib.h>

enum { CATEGORIES_MOST = 16 }; // of a person, the strongest
static const double fading = 0.8;

static bool wanted(const ranker *r, uint32_t item)
{
    if (!ranker_may(r, item)) return false;
    const served *s = r->model;
    return !r->only_fresh || item >= s->items || s->to_model[item] == ITEM_NONE;
}

static void add(ranker *r, uint32_t item, double weight)
{
    float *w = tally_of(&r->weights, item);
    if (w) *w += (float)weight;
}

// --- from weights to candidates ---------------------------------------------------------------------

typedef struct weighed {
    float weight;
    uint32_t item;
} weighed;

static int by_weight(const void *a, const void *b)
{
    const weighed *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return (x->item < y->item) - (x->item > y->item); // newer ones first
}

// The heaviest of the tally that are wanted.
static bool take_heaviest(ranker *r)
{
    const size_t mark = arena_mark(&r->memory);
    weighed *all = arena_new(&r->memory, weighed, r->weights.n);
    size_t n = 0;
    for (size_t i = 0; i < r->weights.n && all; i++) {
        const uint32_t item = r->weights.number[i];
        const double weight = (double)r->weights.weight[i];
        if (!(weight > 0) || !wanted(r, item)) continue;
        all[n++] = (weighed){ (float)(weight * ranker_boost(r, item)), item };
    }
    qsort(all, n, sizeof *all, by_weight);
    r->chunk.n = n < RANKER_CHUNK ? n : RANKER_CHUNK;
    for (size_t i = 0; i < r->chunk.n; i++)
        r->chunk.item[i] = all[i].item, r->chunk.score[i] = all[i].weight;
    arena_rewind(&r->memory, mark);
    return r->chunk.n > 0;
}

// --- what goes with the session ---------------------------------------------------------------------

static void add_next(ranker *r, uint32_t of, double weight)
{
    if (of >= r->table->names.count) return;
    const item_row *i = &r->table->at[of];
    double sum = 0;
    for (int k = 0; k < ITEM_NEXT; k++) sum += (double)i->next_weight[k];
    for (int k = 0; k < ITEM_NEXT; k++)
        if (i->next[k] != IDS_NONE) add(r, i->next[k], weight * (double)i->next_weight[k] / sum);
}

typedef void about_fn(ranker *r, uint32_t item, double weight);

// Calls fn for all that the wish is about.
static void about(ranker *r, about_fn *fn)
{
    const wish *w = r->wish;
    double weight = 1;
    for (size_t i = 0; i < r->recents; i++, weight *= fading) fn(r, r->recent[i], weight);
    for (size_t i = 0; i < w->mores; i++) fn(r, w->more[i], w->strength / (double)w->mores);
    for (size_t i = 0; i < w->lesses; i++) fn(r, w->less[i], -w->strength / (double)w->lesses);
}

static bool next_session(ranker *r)
{
    tally_clear(&r->weights);
    about(r, add_next);
    return take_heaviest(r);
}

static bool next_neighbours(ranker *r)
{
    tally_clear(&r->weights);
    about(r, add_next);
    const size_t mark = arena_mark(&r->memory), n = r->weights.n;
    weighed *first = arena_new(&r->memory, weighed, n);
    for (size_t i = 0; i < n && first; i++)
        first[i] = (weighed){ r->weights.weight[i], r->weights.number[i] };
    tally_clear(&r->weights);
    for (size_t i = 0; i < n && first; i++)
        if (first[i].weight > 0) add_next(r, first[i].item, (double)first[i].weight);
    arena_rewind(&r->memory, mark);
    return take_heaviest(r);
}

// --- what is popular in its categories ----------------------------------------------------------------

static void add_categories(ranker *r, uint32_t of, double weight)
{
    if (of >= r->table->names.count) return;
    const item_row *i = &r->table->at[of];
    for (int k = 0; k < i->categories; k++) add(r, i->category[k], weight);
}

// The strongest categories of the tally.
static size_t strongest(const ranker *r, weighed *best)
{
    size_t n = 0;
    for (size_t i = 0; i < r->weights.n; i++) {
        const weighed x = { r->weights.weight[i], r->weights.number[i] };
        size_t at = n;
        if (!(x.weight > 0)) continue;
        while (at > 0 && by_weight(&x, &best[at - 1]) < 0) at--;
        if (at == CATEGORIES_MOST) continue;
        n += n < CATEGORIES_MOST;
        for (size_t k = n - 1; k > at; k--) best[k] = best[k - 1];
        best[at] = x;
    }
    return n;
}

static bool next_category(ranker *r)
{
    weighed best[CATEGORIES_MOST];
    tally_clear(&r->weights);
    about(r, add_categories);
    const size_t n = strongest(r, best);
    tally_clear(&r->weights);
    for (size_t c = 0; c < n; c++) {
        const leaders *l = items_of_category(r->table, best[c].item);
        for (size_t i = 0; l && i < l->n; i++)
            add(r, l->at[i].item, (double)best[c].weight * exp2(l->at[i].key - l->at[0].key));
    }
    return take_heaviest(r);
}

// --- what is popular, latest, or there at all ---------------------------------------------------------

static void add_leaders(ranker *r, const leaders *l, bool popular)
{
    for (size_t i = 0; l && i < l->n && r->chunk.n < RANKER_CHUNK; i++) {
        const uint32_t item = l->at[i].item;
        if (!wanted(r, item)) continue;
        const double score = popular ? items_popularity(r->table, item, r->wish->now)
                                     : (l->at[i].key - (double)r->wish->now) / 1e6;
        r->chunk.item[r->chunk.n] = item;
        r->chunk.score[r->chunk.n++] = (float)score;
    }
}

// Of equal weights the order stays.
static void apply_boosts(ranker *r)
{
    chunk *c = &r->chunk;
    for (size_t i = 0; i < c->n; i++) c->score[i] *= (float)ranker_boost(r, c->item[i]);
    for (size_t i = 1; i < c->n; i++) { // nearly in order
        const float score = c->score[i];
        const uint32_t item = c->item[i];
        size_t at = i;
        for (; at > 0 && c->score[at - 1] < score; at--)
            c->score[at] = c->score[at - 1], c->item[at] = c->item[at - 1];
        c->score[at] = score, c->item[at] = item;
    }
}

static bool next_popular(ranker *r)
{
    const wish *w = r->wish;
    add_leaders(r, &r->table->popular, true);
    // Who is among the leaders of a category alone is less popular than all of those.
    for (size_t c = 0; c < w->categories && r->chunk.n == 0; c++)
        add_leaders(r, items_of_category(r->table, w->category[c].number), true);
    if (w->boosts) apply_boosts(r);
    return r->chunk.n > 0;
}

static bool next_latest(ranker *r)
{
    add_leaders(r, &r->table->latest, false);
    return r->chunk.n > 0;
}

static bool next_of_catalogue(ranker *r)
{
    const wish *w = r->wish;
    chunk *c = &r->chunk;
    for (size_t i = 0; w->only && i < w->listed && c->n < RANKER_CHUNK; i++)
        if (wanted(r, w->list[i])) c->item[c->n++] = w->list[i];
    for (size_t k = (r->count + 63) / 64; !w->only && k-- > 0 && c->n < RANKER_CHUNK;)
        for (uint64_t word = r->allowed[k]; word && c->n < RANKER_CHUNK;) {
            const int bit = 63 - __builtin_clzll(word);
            word &= ~(UINT64_C(1) << bit);
            c->item[c->n++] = (uint32_t)(k * 64 + (size_t)bit);
        }
    for (size_t i = 0; i < c->n; i++) c->score[i] = 0;
    return c->n > 0;
}

bool fallback_next(ranker *r, source from)
{
    r->chunk.n = 0;
    r->chunk.from = from;
    switch (from) {
    case SOURCE_SESSION:
    case SOURCE_TOGETHER:
        return next_session(r);
    case SOURCE_NEIGHBOUR:
        return next_neighbours(r);
    case SOURCE_CATEGORY:
        return next_category(r);
    case SOURCE_POPULAR:
        return next_popular(r);
    case SOURCE_LATEST:
        return next_latest(r);
    default:
        return next_of_catalogue(r);
    }
}

// Fresh items stand in a chunk of their own, one source after the other.
bool fallback_fresh(ranker *r, answered *out)
{
    static const source order[] = { SOURCE_SESSION, SOURCE_NEIGHBOUR, SOURCE_CATEGORY,
                                    SOURCE_POPULAR, SOURCE_LATEST };
    while (r->fresh_at == r->fresh.n && r->fresh_stage < COUNT_OF(order)) {
        const chunk kept = r->chunk;
        r->chunk = r->fresh;
        r->only_fresh = true;
        fallback_next(r, order[r->fresh_stage++]);
        r->only_fresh = false;
        r->fresh = r->chunk;
        r->chunk = kept;
        r->fresh_at = 0;
    }
    if (r->fresh_at == r->fresh.n) return false;
    const size_t i = r->fresh_at++;
    *out = (answered){ r->fresh.item[i], r->fresh.score[i], r->fresh.from };
    return true;
}

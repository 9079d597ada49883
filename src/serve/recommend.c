// recommend.c - the steps of an answer: what may be answered, what the model thinks, then one source
// after the other until there are enough.
#include "serve/recommend.h"
#include "base/memory.h"
#include "serve/ranker.h"

#include <math.h>

enum {
    ALIGNMENTS = 64 * ARENA_ALIGN, // of everything in the arena together
    MODEL_TURNS = 4,               // chunks of the model, where caps refuse many
};

const char *source_name(source s)
{
    static const char *const text[SOURCES] = { "model",    "session", "together", "neighbour",
                                               "category", "popular", "latest",   "catalogue" };
    return text[s];
}

ranker *ranker_new(void)
{
    return ZNEW(ranker, 1);
}

void ranker_free(ranker *r)
{
    if (!r) return;
    arena_free(&r->memory);
    mem_free(r);
}

// --- beginning ----------------------------------------------------------------------------------------

// What stays from request to request.
static void place_fixed(ranker *r, arena *a)
{
    r->chunk.item = arena_new(a, uint32_t, RANKER_MOST);
    r->chunk.score = arena_floats(a, RANKER_MOST);
    r->out = arena_new(a, answered, WISH_DEEP);
    r->fresh.item = arena_new(a, uint32_t, RANKER_CHUNK);
    r->fresh.score = arena_floats(a, RANKER_CHUNK);
    tally_place(&r->weights, a);
    tally_place(&r->counts, a);
}

static size_t bytes_for(size_t count, const served *s, size_t ring)
{
    ranker measured = { 0 };
    place_fixed(&measured, &measured.memory);
    size_t bytes = measured.memory.used + ALIGNMENTS;
    bytes += 2 * (count / 64 + 1) * sizeof(uint64_t); // allowed, listed
    bytes += count * sizeof(float);                   // boosts
    bytes += TALLY_MOST * 2 * (sizeof(float) + sizeof(uint32_t));
    bytes += arrange_scratch(s);
    if (s) bytes += served_scratch(s, RANKER_MOST, ring) + refine_scratch(s);
    return bytes;
}

static habit_status make_room(ranker *r, size_t count, const served *s, size_t ring,
                              habit_error *err)
{
    if (bytes_for(count, s, ring) <= r->memory.cap) return HABIT_OK;
    arena_free(&r->memory);
    r->memory = (arena){ 0 };
    // Catalogues grow: there is room for a quarter more.
    TRY(arena_init_bytes(&r->memory, bytes_for(count + count / 4 + 1024, s, ring), err));
    place_fixed(r, &r->memory);
    r->fixed = arena_mark(&r->memory);
    return HABIT_OK;
}

habit_status ranker_begin(ranker *r, const wish *w, items *t, const served *m, size_t ring,
                          habit_error *err)
{
    items_read(t);
    size_t count = t->names.count;
    items_done(t);
    const size_t all = m && m->items > count ? m->items : count;
    TRY(make_room(r, all, m, ring, err));
    arena_rewind(&r->memory, r->fixed);
    r->memory.failed = false;
    r->wish = w, r->table = t, r->model = m;
    r->count = count;
    r->recents = r->fresh_at = r->fresh_stage = r->fresh.n = r->n = 0;
    r->want = w->offset + w->n < WISH_DEEP ? w->offset + w->n : WISH_DEEP;
    r->knows = false;
    tally_clear(&r->counts);
    r->allowed = arena_new(&r->memory, uint64_t, all / 64 + 1);
    items_read(t);
    ranker_allow(r);
    items_done(t);
    return HABIT_OK;
}

// --- who asks -----------------------------------------------------------------------------------------

static void keep_recent(ranker *r, uint32_t item)
{
    for (size_t i = 0; i < r->recents; i++)
        if (r->recent[i] == item) return;
    if (r->recents < RANKER_RECENT) r->recent[r->recents++] = item;
}

void ranker_hear(ranker *r, person *p, uint32_t user, bool passing)
{
    const wish *w = r->wish;
    for (size_t i = p->events; i-- > 0;) {
        if (w->exclude_seen) ranker_forbid(r, p->event[i].item);
        if (w->kind == WISH_PERSON) keep_recent(r, p->event[i].item);
    }
    for (size_t i = 0; w->exclude_seen && i < p->showns; i++) ranker_forbid(r, p->shown[i]);
    const served_ask a = { .who = p, .user = user, .now = w->now, .passing = passing };
    if (w->kind == WISH_PERSON && r->model)
        r->knows = served_look(r->model, &a, &r->view, &r->memory);
}

// --- the model ----------------------------------------------------------------------------------------

// A step of `deviation` for each factor e.
static void add_boost(const ranker *r, float *extra, const wish_boost *b, double deviation)
{
    const float step = (float)(deviation * log(b->factor));
    const size_t count = r->model->items;
    if (!b->set) {
        if (b->item < count) extra[b->item] += step;
        return;
    }
    for (size_t k = 0; k < (count + 63) / 64; k++)
        for (uint64_t word = subset_word(b->set, k) & r->allowed[k]; word; word &= word - 1) {
            const size_t i = k * 64 + (size_t)__builtin_ctzll(word);
            if (i < count) extra[i] += step;
        }
}

// What is added to the scores of boosted items; NULL if there is nothing to boost.
static const float *boosts_of(ranker *r, served_choice *c)
{
    chunk *k = &r->chunk;
    if (r->wish->boosts == 0) return NULL;
    const size_t plenty = c->k;
    c->k = RANKER_CHUNK;
    k->n = served_pick(r->model, &r->view, c, k->item, k->score, &r->memory);
    c->k = plenty;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < k->n; i++) sum += (double)k->score[i];
    for (size_t i = 0; i < k->n; i++) {
        const double x = (double)k->score[i] - sum / (double)k->n;
        squares += x * x;
    }
    const double deviation = squares > 0 ? sqrt(squares / (double)k->n) : 1;
    float *extra = arena_floats(&r->memory, r->model->items);
    for (size_t i = 0; i < r->wish->boosts && extra; i++)
        add_boost(r, extra, &r->wish->boost[i], deviation);
    return extra;
}

// Models that write all scores give 0 to items they know nothing of.
static void drop_unknown(ranker *r)
{
    chunk *c = &r->chunk;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->score[i] == 0) continue;
        c->item[n] = c->item[i], c->score[n++] = c->score[i];
    }
    c->n = n;
}

// The scan is the long part: nobody waits for a lock meanwhile.
static void ask_model(ranker *r)
{
    const size_t mark = arena_mark(&r->memory), step = RANKER_STEP;
    chunk *c = &r->chunk;
    const bool plain = arrange_is_plain(r->wish);
    served_choice choice = { .allowed = r->allowed,
                             .k = plain ? (r->want + step - 1) / step * step : RANKER_CHUNK,
                             .cosine = r->wish->kind == WISH_SIMILAR };
    if (choice.k > r->count && r->count > 0) choice.k = r->count;
    choice.extra = boosts_of(r, &choice);
    for (int turn = 0; turn < MODEL_TURNS && r->n < r->want; turn++) {
        c->from = SOURCE_MODEL;
        c->n = served_pick(r->model, &r->view, &choice, c->item, c->score, &r->memory);
        const bool more = c->n == choice.k;
        if (!r->view.vector) drop_unknown(r);
        items_read(r->table);
        arrange(r);
        items_done(r->table);
        if (!more || plain) break;
    }
    arena_rewind(&r->memory, mark);
}

// --- the answer ---------------------------------------------------------------------------------------

static const source orders[][7] = {
    [WISH_PERSON] = { SOURCE_MODEL, SOURCE_SESSION, SOURCE_NEIGHBOUR, SOURCE_CATEGORY,
                      SOURCE_POPULAR, SOURCE_CATALOGUE, SOURCES },
    [WISH_SIMILAR] = { SOURCE_MODEL, SOURCE_TOGETHER, SOURCE_NEIGHBOUR, SOURCE_CATEGORY, SOURCES },
    [WISH_POPULAR] = { SOURCE_POPULAR, SOURCES },
    [WISH_LATEST] = { SOURCE_LATEST, SOURCES },
};

// Similar items are asked for by the item's own vector.
static void look_at_item(ranker *r)
{
    const float *v = r->model ? served_item(r->model, r->wish->like) : NULL;
    r->recent[0] = r->wish->like;
    r->recents = 1;
    if (v) r->view = (served_view){ .vector = (float *)(uintptr_t)v };
    r->knows = v;
}

answer ranker_answer(ranker *r)
{
    const wish *w = r->wish;
    if (w->kind == WISH_SIMILAR) look_at_item(r);
    if (w->kind == WISH_PERSON) ranker_refine(r);
    r->has_fresh =
        w->kind == WISH_PERSON && w->fresh > 0 && r->knows && r->count > r->model->model->items;
    for (const source *s = orders[w->kind]; *s != SOURCES && r->n < r->want; s++) {
        if (*s == SOURCE_MODEL) {
            if (r->knows) ask_model(r);
            continue;
        }
        items_read(r->table);
        while (r->n < r->want && fallback_next(r, *s)) {
            arrange(r);
            for (size_t i = 0; i < r->chunk.n; i++) ranker_forbid(r, r->chunk.item[i]);
        }
        items_done(r->table);
    }
    const size_t skip = w->offset < r->n ? w->offset : r->n;
    return (answer){ r->out + skip, r->n - skip, r->model ? r->model->version : 0 };
}

// test_recommend.c - from wishes to answers: filters, sources in their order, diversity, pages,
// refinement, memory.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "tests/recommend_world.h"

#include <pthread.h>
#include <stdatomic.h>

static world w;

// --- properties of every answer -----------------------------------------------------------------------

// A wish of any kind; its lists live in `list` and `deny`.
static wish any_wish(rng *r, uint32_t *list, uint32_t *deny)
{
    wish x = { .now = WORLD_NOW + 1000, .n = 1 + rng_below(r, 30), .offset = rng_below(r, 3) * 7 };
    x.kind = rng_below(r, 4) ? WISH_PERSON : (wish_kind)rng_below(r, 4);
    x.like = (uint32_t)rng_below(r, WORLD_ITEMS);
    x.exclude_seen = rng_below(r, 2);
    if (rng_below(r, 3) == 0) x.where = world_subset(&w, SUBSET_FILTER, "price < 40");
    for (size_t k = rng_below(r, 3) ? 0 : 1 + rng_below(r, 2); k > 0; k--) {
        const char *c = world_category((int)rng_below(r, WORLD_CATEGORIES));
        x.category[x.categories++] = (wish_category){ ids_get(&w.table.categories, c, strlen(c)),
                                                      world_subset(&w, SUBSET_CATEGORY, c) };
    }
    x.only = rng_below(r, 4) == 0;
    x.list = list, x.listed = 100;
    for (size_t i = 0; i < x.listed; i++) list[i] = (uint32_t)rng_below(r, WORLD_ITEMS + 9);
    x.deny = deny, x.denied = rng_below(r, 60);
    for (size_t i = 0; i < x.denied; i++) deny[i] = (uint32_t)rng_below(r, WORLD_ITEMS + 9);
    if (rng_below(r, 3) == 0) x.published_since = WORLD_NOW - 20 * WORLD_DAY;
    if (rng_below(r, 3) == 0) x.diversity = rng_uniform(r);
    if (rng_below(r, 3) == 0) x.category_most = 1 + rng_below(r, 4);
    if (rng_below(r, 3) == 0) x.fresh = 0.1;
    if (rng_below(r, 4) == 0) {
        x.boost[x.boosts++] = (wish_boost){ .item = 20, .factor = 3 };
        x.boost[x.boosts++] =
            (wish_boost){ .set = world_subset(&w, SUBSET_FILTER, "price > 90"), .factor = 0.5 };
    }
    if (rng_below(r, 4) == 0) {
        x.strength = 1;
        x.more[x.mores++] = (uint32_t)rng_below(r, WORLD_ITEMS + 5);
        x.less[x.lesses++] = (uint32_t)rng_below(r, WORLD_ITEMS + 5);
    }
    return x;
}

static bool is_listed(const uint32_t *list, size_t n, uint32_t item)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == item) return true;
    return false;
}

static bool in_a_category(const wish *x, uint32_t item)
{
    for (size_t i = 0; i < x->categories; i++)
        if (items_has_category(&w.table, item, x->category[i].number)) return true;
    return x->categories == 0;
}

// By the words of the header, one item at a time.
static bool may_be_answered(const wish *x, const person *p, uint32_t item)
{
    const item_row *i = &w.table.at[item];
    int price = -1;
    if (i->fields) sscanf(i->fields, "{\"price\":%d", &price);
    if (i->hidden || i->deleted || (x->where && !(i->fields && price < 40))) return false;
    if (!in_a_category(x, item) || is_listed(x->deny, x->denied, item)) return false;
    if (x->only && !is_listed(x->list, x->listed, item)) return false;
    if (x->published_since && w.table.published[item] < x->published_since) return false;
    if (is_listed(x->more, x->mores, item) || is_listed(x->less, x->lesses, item)) return false;
    if (x->kind == WISH_SIMILAR && item == x->like) return false;
    for (size_t k = 0; k < p->events && x->exclude_seen; k++)
        if (p->event[k].item == item) return false;
    return true;
}

static void check_caps(const wish *x, const answer *a)
{
    size_t count[WORLD_CATEGORIES] = { 0 };
    for (size_t i = 0; i < a->n && x->category_most; i++) {
        const item_row *row = &w.table.at[a->at[i].item];
        for (int k = 0; k < row->categories; k++)
            CHECK(++count[row->category[k]] <= x->category_most, "a category is over its cap");
    }
}

// Sources come in their order but for fresh items, which the model does not know.
static void check_sources(const wish *x, const served *m, const answer *a)
{
    source last = SOURCE_MODEL;
    for (size_t i = 0; i < a->n; i++) {
        const answered *at = &a->at[i];
        const size_t place = x->offset + i;
        const bool fresh = floor((double)(place + 1) * x->fresh) > floor((double)place * x->fresh);
        CHECK(at->from != SOURCE_MODEL || world_knows(m, at->item), "the model does not know %u",
              at->item);
        if (fresh && !world_knows(m, at->item)) continue;
        CHECK(at->from >= last, "place %zu: %s after %s", i, source_name(at->from),
              source_name(last));
        last = at->from;
    }
}

static void check_answer(const wish *x, const served *m, int who, const answer *a)
{
    person nobody = { 0 }, *p = who >= 0 ? world_take(&w, who) : &nobody;
    size_t may = 0;
    for (uint32_t i = 0; i < w.table.names.count; i++) may += may_be_answered(x, p, i);
    for (size_t i = 0; i < a->n; i++) {
        CHECK(may_be_answered(x, p, a->at[i].item), "item %u leaks (%s)", a->at[i].item,
              source_name(a->at[i].from));
        for (size_t k = 0; k < i; k++)
            CHECK(a->at[k].item != a->at[i].item, "item %u comes twice", a->at[i].item);
    }
    const size_t rest = may > x->offset ? may - x->offset : 0;
    if (x->kind == WISH_PERSON && x->category_most == 0)
        CHECK(a->n == (x->n < rest ? x->n : rest), "%zu answers of %zu; %zu may be answered", a->n,
              x->n, may);
    CHECK(a->n <= x->n && a->model == (m ? m->version : 0), "the answer");
    check_caps(x, a);
    check_sources(x, m, a);
    if (who >= 0) people_give(&w.everybody, p);
}

// The same in pages of five as in one answer.
static void check_pages(const wish *x, const served *m, int who)
{
    answered whole[20];
    wish one = *x, page = *x;
    one.n = 20, one.offset = 0;
    const answer a = world_ask(&w, m, &one, who);
    const size_t n = a.n;
    memcpy(whole, a.at, n * sizeof *whole);
    for (page.n = 5, page.offset = 0; page.offset < 20; page.offset += 5) {
        const answer b = world_ask(&w, m, &page, who);
        CHECK(b.n == (page.offset >= n ? 0 : n - page.offset < 5 ? n - page.offset : 5), "pages");
        for (size_t i = 0; i < b.n && page.offset + i < n; i++)
            CHECK(b.at[i].item == whole[page.offset + i].item, "place %zu differs by page",
                  page.offset + i);
    }
}

static void test_properties(void)
{
    rng r = rng_at(21, 0, 0);
    uint32_t list[100], deny[100];
    const served *const models[] = { NULL, w.by_vectors, w.by_scores };
    for (int turn = 0; turn < 1500; turn++) {
        wish x = any_wish(&r, list, deny);
        const served *m = models[turn % 3];
        const int who = (int)rng_below(&r, WORLD_PEOPLE + 2) - 1;
        const answer a = world_ask(&w, m, &x, who);
        check_answer(&x, m, who, &a);
        if (turn % 5 == 0) check_pages(&x, m, who);
        world_drop(&w, &x);
    }
}

// --- order --------------------------------------------------------------------------------------------

// The scores of the vector model for a person, by definition; -inf for what it does not know.
static void plain_scores(int who, double *score, double *asked)
{
    person *p = world_take(&w, who);
    size_t last = p->events;
    for (int d = 0; d < WORLD_DIM; d++) asked[d] = 0;
    for (size_t k = 0; k < p->events; k++)
        if (served_item(w.by_vectors, p->event[k].item)) last = k;
    for (size_t k = 0; k < p->events; k++) {
        const float *v = served_item(w.by_vectors, p->event[k].item);
        for (int d = 0; v && d < WORLD_DIM; d++) asked[d] += (double)v[d] * (k == last ? 2 : 1);
    }
    people_give(&w.everybody, p);
    for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
        const float *v = served_item(w.by_vectors, i);
        score[i] = v ? (double)w.item_bias[w.by_vectors->to_model[i]] : -INFINITY;
        for (int d = 0; v && d < WORLD_DIM; d++) score[i] += asked[d] * (double)v[d];
        if (w.table.at[i].hidden || w.table.at[i].deleted) score[i] = -INFINITY;
    }
}

static uint32_t best_of(const double *score)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < WORLD_ITEMS; i++)
        if (score[i] > score[best]) best = i;
    return best;
}

static void check_order(const char *name, double *score, const answer *a)
{
    for (size_t i = 0; i < a->n; i++) {
        const uint32_t want = best_of(score);
        CHECK(a->at[i].item == want || fabs(score[want] - score[a->at[i].item]) < 1e-4,
              "%s, place %zu: item %u, want %u", name, i, a->at[i].item, want);
        score[a->at[i].item] = -INFINITY;
    }
}

static void test_plain(void)
{
    double score[WORLD_ITEMS], asked[WORLD_DIM];
    wish x = { .now = WORLD_NOW + 1000, .n = 15 };
    for (int who = 1; who < WORLD_PEOPLE; who++) {
        plain_scores(who, score, asked);
        answer a = world_ask(&w, w.by_vectors, &x, who);
        CHECK(a.n == 15 && a.at[0].from == SOURCE_MODEL, "answers");
        check_order("plain", score, &a);
        plain_scores(who, score, asked);
        x.diversity = 1e-9; // the way of MMR, and its relevance alone
        a = world_ask(&w, w.by_vectors, &x, who);
        check_order("lambda 1", score, &a);
        x.diversity = 0;
    }
}

// Far down the model still answers as long as it has items, in its order, however few at a time.
static void test_deep(void)
{
    double score[WORLD_ITEMS], asked[WORLD_DIM];
    wish x = { .now = WORLD_NOW + 1000, .n = 10, .offset = 300 };
    plain_scores(3, score, asked);
    for (int i = 0; i < 300; i++) score[best_of(score)] = -INFINITY;
    answer a = world_ask(&w, w.by_vectors, &x, 3);
    CHECK(a.n == 10 && a.at[9].from == SOURCE_MODEL, "place 310: %s", source_name(a.at[9].from));
    check_order("place 300", score, &a);
    x.offset = RANKER_CHUNK + 20, x.diversity = 0.2;
    a = world_ask(&w, w.by_vectors, &x, 3);
    CHECK(a.n == 10 && a.at[9].from == SOURCE_MODEL, "the next chunk: %s",
          source_name(a.at[9].from));
}

// MMR by its formula, over the best RANKER_CHUNK.
static void test_mmr(void)
{
    double score[WORLD_ITEMS], asked[WORLD_DIM], rel[RANKER_CHUNK], pen[RANKER_CHUNK] = { 0 };
    uint32_t item[RANKER_CHUNK];
    const double lambda = 0.6;
    const wish x = { .now = WORLD_NOW + 1000, .n = 25, .diversity = 1 - lambda };
    plain_scores(3, score, asked);
    for (int i = 0; i < RANKER_CHUNK; i++) {
        item[i] = best_of(score);
        rel[i] = score[item[i]];
        score[item[i]] = -INFINITY;
    }
    const double most = rel[0], least = rel[RANKER_CHUNK - 1];
    const answer a = world_ask(&w, w.by_vectors, &x, 3);
    CHECK(a.n == x.n, "%zu answers", a.n);
    for (size_t place = 0; place < a.n; place++) {
        int best = -1;
        double worth = -INFINITY;
        for (int i = 0; i < RANKER_CHUNK; i++) {
            const double y = lambda * (rel[i] - least) / (most - least) - (1 - lambda) * pen[i];
            if (item[i] != IDS_NONE && y > worth) worth = y, best = i;
        }
        CHECK(a.at[place].item == item[best], "MMR, place %zu: %u, want %u", place,
              a.at[place].item, item[best]);
        const float *u = served_item(w.by_vectors, item[best]);
        item[best] = IDS_NONE;
        for (int i = 0; i < RANKER_CHUNK; i++) {
            double dot = 0, uu = 0, vv = 0;
            const float *v = item[i] == IDS_NONE ? u : served_item(w.by_vectors, item[i]);
            for (int d = 0; d < WORLD_DIM; d++) {
                dot += (double)u[d] * (double)v[d];
                uu += (double)u[d] * (double)u[d], vv += (double)v[d] * (double)v[d];
            }
            pen[i] = fmax(pen[i], dot / sqrt(uu * vv));
        }
    }
}

static void test_boosts(void)
{
    double score[WORLD_ITEMS], best[WORLD_ITEMS], asked[WORLD_DIM], sum = 0, squares = 0;
    wish x = { .now = WORLD_NOW + 1000, .n = 15, .boosts = 3 };
    x.boost[0] = (wish_boost){ .item = 20, .factor = 1e6 };
    x.boost[1] = (wish_boost){ .set = world_subset(&w, SUBSET_CATEGORY, "red"), .factor = 4 };
    x.boost[2] =
        (wish_boost){ .set = world_subset(&w, SUBSET_FILTER, "price < 50"), .factor = 0.2 };
    plain_scores(4, score, asked);
    memcpy(best, score, sizeof best);
    for (int i = 0; i < RANKER_CHUNK; i++) {
        const uint32_t k = best_of(best);
        sum += best[k], squares += best[k] * best[k];
        best[k] = -INFINITY;
    }
    const double mean = sum / RANKER_CHUNK, deviation = sqrt(squares / RANKER_CHUNK - mean * mean);
    for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
        double factor = i == 20 ? 1e6 : 1;
        if (subset_has(x.boost[1].set, i)) factor *= 4;
        if (subset_has(x.boost[2].set, i)) factor *= 0.2;
        score[i] += deviation * log(factor);
    }
    const answer a = world_ask(&w, w.by_vectors, &x, 4);
    CHECK(a.n == 15 && a.at[0].item == 20, "a boost of a million");
    check_order("boosts", score, &a);
    world_drop(&w, &x);
}

static void unit(const float *v, double *u)
{
    double vv = 0;
    for (int d = 0; d < WORLD_DIM; d++) vv += (double)v[d] * (double)v[d];
    for (int d = 0; d < WORLD_DIM; d++) u[d] = (double)v[d] / sqrt(vv);
}

// q' = q + strength |q| (mean u(more) - mean u(less)); of somebody unknown, |q| is 1.
static void test_refinement(void)
{
    wish x = { .now = WORLD_NOW + 1000, .n = 15, .strength = 0.7, .mores = 2, .lesses = 1 };
    x.more[0] = 30, x.more[1] = 31, x.less[0] = 60;
    for (int who = 0; who < 5; who++) { // person 0 has no events
        double score[WORLD_ITEMS], asked[WORLD_DIM], u[WORLD_DIM], length = 0;
        plain_scores(who, score, asked);
        for (int d = 0; d < WORLD_DIM; d++) length += asked[d] * asked[d];
        length = who ? sqrt(length) : 1;
        for (int k = 0; k < 3; k++) {
            unit(served_item(w.by_vectors, k == 0 ? 30 : k == 1 ? 31 : 60), u);
            for (int d = 0; d < WORLD_DIM; d++)
                asked[d] += 0.7 * length * u[d] * (k == 2 ? -1 : 0.5);
        }
        for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
            const float *v = served_item(w.by_vectors, i);
            if (score[i] > -INFINITY) score[i] = (double)w.item_bias[w.by_vectors->to_model[i]];
            for (int d = 0; d < WORLD_DIM && v; d++) score[i] += asked[d] * (double)v[d];
        }
        score[30] = score[31] = score[60] = -INFINITY;
        const answer a = world_ask(&w, w.by_vectors, &x, who);
        CHECK(a.n == 15 && a.at[0].from == SOURCE_MODEL, "refined");
        check_order("refined", score, &a);
    }
    // A model of scores: what it says of somebody with that one item.
    wish y = { .now = WORLD_NOW + 1000, .n = 5, .strength = 50, .mores = 1 };
    y.more[0] = 401;
    const answer a = world_ask(&w, w.by_scores, &y, 2);
    for (size_t i = 0; i < a.n; i++)
        CHECK(abs((int)a.at[i].item - 401) < 8, "more like 401: %u", a.at[i].item);
}

// --- sources ------------------------------------------------------------------------------------------

static void check_first(const char *what, const answer *a, source from, uint32_t item)
{
    CHECK(a->n > 0 && a->at[0].from == from && (item == IDS_NONE || a->at[0].item == item),
          "%s: %s %u", what, a->n ? source_name(a->at[0].from) : "nothing",
          a->n ? a->at[0].item : 0);
}

static void test_sources(void)
{
    wish x = { .now = WORLD_NOW + 9000, .n = 10, .exclude_seen = true };
    const uint32_t new = items_number(&w.table, world_text("brand new"));
    for (int k = 0; k < 20; k++) { // many take the new one after item 77
        world_event(&w, 100 + k, 77, 5000 + 2 * k);
        world_event(&w, 100 + k, new, 5001 + 2 * k);
    }
    answer a = world_ask(&w, w.by_vectors, &x, 0);
    check_first("nobody knows them", &a, SOURCE_POPULAR, IDS_NONE);
    world_event(&w, 200, 77, 6000); // item 77 the model does not know
    a = world_ask(&w, w.by_vectors, &x, 200);
    check_first("one event of an unknown item", &a, SOURCE_SESSION, new);
    world_event(&w, 200, 20, 6001);
    a = world_ask(&w, w.by_vectors, &x, 200);
    check_first("one of a known one", &a, SOURCE_MODEL, IDS_NONE);
    x.fresh = 0.2;
    a = world_ask(&w, w.by_vectors, &x, 200);
    CHECK(a.at[4].item == new &&a.at[4].from == SOURCE_SESSION, "the place of a fresh item");
    CHECK(!world_knows(w.by_vectors, a.at[9].item) && a.at[3].from == SOURCE_MODEL, "and the next");
    x.fresh = 0;
    items_delete(&w.table, world_text("brand new"));
    a = world_ask(&w, w.by_vectors, &x, 200);
    for (size_t i = 0; i < a.n; i++) CHECK(a.at[i].item != new, "a deleted item");
    // Nobody and nothing: the newest items of the catalogue.
    items empty;
    CHECK_OK(items_init(&empty, 1000, err));
    for (uint32_t i = 0; i < 5; i++) {
        char id[2] = { (char)('a' + i), 0 };
        items_number(&empty, world_text(id));
    }
    CHECK_OK(ranker_begin(w.ranker, &x, &empty, NULL, WORLD_RING, err));
    a = ranker_answer(w.ranker);
    CHECK(a.n == 5, "%zu of five items", a.n);
    check_first("an empty service", &a, SOURCE_CATALOGUE, 4);
    items_free(&empty);
}

// The weights of fallback.c by its formulas, for somebody of whom the model knows nothing.
static void test_weights(void)
{
    static const uint32_t took[] = { 203, 70, 63, 210, 70 };
    double weight[3][WORLD_ITEMS] = { { 0 } };
    for (size_t i = 0; i < COUNT_OF(took); i++) world_event(&w, 300, took[i], 7000 + (int)i);
    static const uint32_t recent[] = { 70, 210, 63, 203 };
    double fade = 1, of[WORLD_CATEGORIES] = { 0 };
    for (size_t a = 0; a < COUNT_OF(recent); a++, fade *= 0.8) {
        const item_row *j = &w.table.at[recent[a]];
        double sum = 0;
        for (int k = 0; k < ITEM_NEXT; k++) sum += (double)j->next_weight[k];
        for (int k = 0; k < ITEM_NEXT; k++)
            if (j->next[k] != IDS_NONE)
                weight[0][j->next[k]] += fade * (double)j->next_weight[k] / sum;
        for (int k = 0; k < j->categories; k++) of[j->category[k]] += fade;
    }
    for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
        const item_row *j = &w.table.at[i];
        double sum = 0;
        for (int k = 0; k < ITEM_NEXT; k++) sum += (double)j->next_weight[k];
        for (int k = 0; k < ITEM_NEXT; k++)
            if (j->next[k] != IDS_NONE)
                weight[1][j->next[k]] += weight[0][i] * (double)j->next_weight[k] / sum;
        for (int k = 0; k < j->categories; k++)
            weight[2][i] +=
                of[j->category[k]] * exp2(popular_key(&w.table, i) -
                                          items_of_category(&w.table, j->category[k])->at[0].key);
    }
    const wish x = { .now = WORLD_NOW + 9000, .n = 300 };
    const answer a = world_ask(&w, NULL, &x, 300);
    size_t seen[SOURCES] = { 0 };
    for (size_t i = 0; i < a.n; i++) {
        const answered *at = &a.at[i];
        seen[at->from]++;
        if (i && a.at[i - 1].from == at->from)
            CHECK(at->score <= a.at[i - 1].score, "%s: order", source_name(at->from));
        const double want = at->from == SOURCE_SESSION     ? weight[0][at->item]
                            : at->from == SOURCE_NEIGHBOUR ? weight[1][at->item]
                            : at->from == SOURCE_CATEGORY  ? weight[2][at->item]
                                                           : (double)at->score;
        CHECK(fabs(want - (double)at->score) <= 1e-5 * want, "%s: item %u has %g, want %g",
              source_name(at->from), at->item, (double)at->score, want);
    }
    CHECK(seen[SOURCE_SESSION] > 3 && seen[SOURCE_NEIGHBOUR] > 3 && seen[SOURCE_CATEGORY] > 3 &&
              seen[SOURCE_POPULAR] > 3,
          "%zu %zu %zu %zu", seen[SOURCE_SESSION], seen[SOURCE_NEIGHBOUR], seen[SOURCE_CATEGORY],
          seen[SOURCE_POPULAR]);
}

static void test_lists(void)
{
    wish x = { .kind = WISH_POPULAR, .now = WORLD_NOW + 9000, .n = 30 };
    answer a = world_ask(&w, NULL, &x, -1);
    CHECK(a.n == 30, "popular");
    for (size_t i = 1; i < a.n; i++)
        CHECK(items_popularity(&w.table, a.at[i].item, x.now) <=
                  items_popularity(&w.table, a.at[i - 1].item, x.now),
              "popular: order");
    x.kind = WISH_LATEST;
    a = world_ask(&w, NULL, &x, -1);
    CHECK(a.n == 30, "latest");
    for (size_t i = 1; i < a.n; i++)
        CHECK(w.table.published[a.at[i].item] <= w.table.published[a.at[i - 1].item],
              "latest: order");
}

static void test_similar(void)
{
    double cosine[WORLD_ITEMS], u[WORLD_DIM], v[WORLD_DIM];
    wish x = { .kind = WISH_SIMILAR, .now = WORLD_NOW + 9000, .n = 12, .like = 15 };
    answer a = world_ask(&w, w.by_vectors, &x, -1);
    unit(served_item(w.by_vectors, 15), u);
    for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
        const bool may = i != 15 && world_knows(w.by_vectors, i) && !w.table.at[i].hidden &&
                         !w.table.at[i].deleted;
        cosine[i] = may ? 0 : -INFINITY;
        if (may) unit(served_item(w.by_vectors, i), v);
        for (int d = 0; d < WORLD_DIM && may; d++) cosine[i] += u[d] * v[d];
    }
    CHECK(a.n == 12 && a.at[0].from == SOURCE_MODEL, "similar");
    for (size_t i = 0; i < a.n; i++)
        CHECK(fabs((double)a.at[i].score - cosine[a.at[i].item]) < 1e-5, "a cosine");
    check_order("similar", cosine, &a);
    x.like = 77; // no vector
    a = world_ask(&w, w.by_vectors, &x, -1);
    CHECK(a.n > 0 && a.at[0].from == SOURCE_TOGETHER, "taken together");
    a = world_ask(&w, w.by_scores, &x, -1);
    CHECK(a.n > 0 && a.at[0].from == SOURCE_TOGETHER, "by a model without vectors");
    x.like = IDS_NONE;
    a = world_ask(&w, w.by_vectors, &x, -1);
    CHECK(a.n == 0, "similar to nothing");
}

// All of a posted list come back, by what is thought of them, the others as they were posted.
static void test_rerank(void)
{
    static const uint32_t list[] = { 7, 14, 20, 21, 22, 350, 20, IDS_NONE, 699 };
    wish x = { .now = WORLD_NOW + 9000, .n = 100, .only = true, .list = list };
    x.listed = COUNT_OF(list);
    answer a = world_ask(&w, w.by_vectors, &x, 5);
    size_t shown = 0;
    for (size_t i = 0; i < x.listed; i++)
        shown += list[i] < WORLD_ITEMS && i != 6 && !w.table.at[list[i]].hidden;
    CHECK(a.n == shown, "%zu of %zu", a.n, shown);
    for (size_t i = 1; i < a.n; i++)
        if (a.at[i].from == SOURCE_MODEL)
            CHECK(a.at[i].score <= a.at[i - 1].score, "reranked: order");
    a = world_ask(
        &w, NULL,
        &(wish){ .n = 9, .only = true, .list = (uint32_t[]){ 691, 698, 693 }, .listed = 3 }, -1);
    CHECK(a.n == 3 && a.at[0].item == 691 && a.at[1].item == 698, "as posted");
}

// --- a person kept and a history posted ---------------------------------------------------------------

static void test_passing(void)
{
    wish x = { .now = WORLD_NOW + 9000, .n = 10, .exclude_seen = true };
    answered kept[10];
    for (int who = 1; who < 10; who++) {
        answer a = world_ask(&w, w.by_vectors, &x, who);
        memcpy(kept, a.at, sizeof kept);
        person *p = world_take(&w, who), posted = { .event = p->event, .events = p->events };
        CHECK_OK(ranker_begin(w.ranker, &x, &w.table, w.by_vectors, WORLD_RING, err));
        ranker_hear(w.ranker, &posted, USER_NONE, true);
        a = ranker_answer(w.ranker);
        CHECK(!posted.state[0].bytes && memcmp(kept, a.at, sizeof kept) == 0,
              "a posted history is answered otherwise");
        CHECK(served_remembered(w.by_vectors, p) && !served_remembered(w.by_scores, p), "memory");
        people_give(&w.everybody, p);
    }
}

// Each event is in the next answer.
static void test_events(void)
{
    double score[WORLD_ITEMS], asked[WORLD_DIM];
    const wish x = { .now = WORLD_NOW + 9000, .n = 10 };
    for (int k = 0; k < 20; k++) {
        world_event(&w, 400, (uint32_t)(k * 31 % WORLD_ITEMS),
                    k == 12 ? 7999 : 8000 + k); // one late
        plain_scores(400, score, asked);
        const answer a = world_ask(&w, w.by_vectors, &x, 400);
        if (k) check_order("after an event", score, &a);
    }
}

// --- many at once -------------------------------------------------------------------------------------

static atomic_int troubles;

// Asks for people while others post events and change items.
static void *ask_at_once(void *ctx)
{
    rng r = rng_at(31, (uint64_t)(size_t)ctx, 0);
    ranker *k = ranker_new();
    for (int turn = 0; turn < 400; turn++) {
        wish x = { .now = WORLD_NOW + 9000, .n = 10, .exclude_seen = true, .fresh = 0.2 };
        char id[16];
        person *p = NULL;
        const subset *where = NULL;
        if (turn % 3 == 0) x.diversity = 0.3;
        if (turn % 5 == 0) x.category_most = 2;
        if (turn % 4 == 0)
            troubles += subsets_take(w.sets, &where, SUBSET_FILTER, world_text("price < 60"),
                                     &w.table, NULL) != HABIT_OK;
        x.where = where;
        snprintf(id, sizeof id, "u%d", (int)rng_below(&r, 10));
        const served *m = turn % 2 ? w.by_vectors : w.by_scores;
        if (ranker_begin(k, &x, &w.table, m, WORLD_RING, NULL) != HABIT_OK ||
            people_take(&w.everybody, &p, world_text(id), NULL, NULL, NULL) != HABIT_OK) {
            troubles++;
            break;
        }
        ranker_hear(k, p, USER_NONE, false);
        people_give(&w.everybody, p);
        const answer a = ranker_answer(k);
        troubles += a.n > 10 || (a.n < 10 && !x.category_most);
        for (size_t i = 0; i < a.n; i++) troubles += where && !subset_has(where, a.at[i].item);
        subsets_give(w.sets, where);
    }
    ranker_free(k);
    return NULL;
}

static void *change_at_once(void *ctx)
{
    rng r = rng_at(32, 0, 0);
    (void)ctx;
    for (int turn = 0; turn < 1500; turn++) {
        char id[16], item[16], fields[32];
        const person_event e = { .place = 20000 + turn,
                                 .time = WORLD_NOW + 20000 + turn,
                                 .item = (uint32_t)rng_below(&r, WORLD_ITEMS),
                                 .value = NAN };
        snprintf(id, sizeof id, "u%d", (int)rng_below(&r, 10));
        items_count(&w.table, e.item, people_heard(&w.everybody, world_text(id), &e), e.time);
        snprintf(item, sizeof item, turn % 2 ? "i%d" : "later%d",
                 (int)rng_below(&r, turn % 2 ? WORLD_ITEMS : 2000));
        snprintf(fields, sizeof fields, "{\"price\":%d}", (int)rng_below(&r, 100));
        const db_item one = { .id = world_text(item), .fields = world_text(fields), .time = 5 };
        if (turn % 10 == 9)
            items_delete(&w.table, one.id);
        else
            troubles += items_put(&w.table, &one, NULL) != HABIT_OK;
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t t[3];
    pthread_create(&t[0], NULL, change_at_once, NULL);
    for (size_t i = 1; i < COUNT_OF(t); i++) pthread_create(&t[i], NULL, ask_at_once, (void *)i);
    for (size_t i = 0; i < COUNT_OF(t); i++) pthread_join(t[i], NULL);
    CHECK(troubles == 0, "%d answers are wrong", (int)troubles);
}

static void test_memory(void)
{
    rng r = rng_at(22, 0, 0);
    uint32_t list[100], deny[100];
    const served *const models[] = { NULL, w.by_vectors, w.by_scores };
    long before = 0;
    for (int turn = 0; turn < 1200; turn++) {
        if (turn % 600 == 0) r = rng_at(22, 0, 0); // the second time all is warm
        wish x = any_wish(&r, list, deny);
        if (turn == 600) before = mem_count();
        const answer a = world_ask(&w, models[turn % 3], &x, (int)rng_below(&r, 4));
        CHECK(a.n <= x.n, "answers");
        world_drop(&w, &x);
    }
    CHECK(mem_count() == before, "%ld allocations in requests", mem_count() - before);
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    world_make(&w);
    test_properties();
    test_plain();
    test_deep();
    test_mmr();
    test_boosts();
    test_refinement();
    test_similar();
    test_rerank();
    test_lists();
    test_weights();
    test_events();
    test_passing();
    test_sources();
    test_memory();
    test_threads();
    world_free(&w);
    CHECK(mem_live() == 0, "%ld blocks are left", mem_live());
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}

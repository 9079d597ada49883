// itemknn.c - item-based nearest neighbours: people who had this also had that.
//
// Papers   B. Sarwar, G. Karypis, J. Konstan and J. Riedl, "Item-based collaborative filtering
//          recommendation algorithms", WWW 2001.
//          M. Deshpande and G. Karypis, "Item-based top-N recommendation algorithms", ACM TOIS
//          22(1), 2004.  Sections cited as D x.
// Code     None by the authors; `implicit` (github.com/benfred/implicit, nearest_neighbours.py)
//          is the one most people use, and where its choices differ we follow the papers.
//
// D 4.1  Model: for each item the K others most similar to it (similarity.h), as a sparse matrix.
// D 4.2  Answer: the score of i is the sum of sim(j, i) over the items j of the history.
//
// Where they disagree:
//   - whose K neighbours count?  Sarwar sums over the neighbours of the *predicted* item that the
//     user had; Deshpande & Karypis and implicit over the neighbours of the items *had*.  `--side
//     target` and `--side history`; the default is the better of the two on validation (docs).
//   - D 4.1.3 divides the similarities of an item's neighbours by their sum, so that items with
//     loose neighbourhoods count as much as others; Sarwar and implicit do not.  We divide by their
//     mean, which is the same for items with K neighbours; for those with fewer the sum would
//     reward having few, and on thin logs do harm.  `--mean-power` is the power: 0 turns
//     it off
//   - the papers compare by cosine or conditional probability; the default is the Jaccard (for
//     weights: Tanimoto) coefficient of rows weighted by the idf of their users, better than the
//     cosine on every log we validated on
//   - implicit counts an item among its own neighbours; the papers and we do not
//   - in the answer, the user's row is weighted by --weight and --half-life only, as in implicit
#include "models/direct.h"
#include "models/registry.h"
#include "models/similarity.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

typedef struct itemknn_options {
    interaction_options log;
    similarity_options similarity;
    int neighbours;
    const char *side;
    double mean_power;
} itemknn_options;

static const opt itemknn_table[] = {
#define AT(field) offsetof(itemknn_options, field)
    { "neighbours", "K", OPT_INT, AT(neighbours), "100", 1, 1000000, NULL,
      "most similar items kept per item" },
    SIMILARITY_ROWS(itemknn_options, similarity, "jaccard", "tfidf"),
    { "side", "SIDE", OPT_CHOICE, AT(side), "target", 0, 0, "target|history",
      "whose neighbours count: those of the item predicted, or of the items had" },
    { "mean-power", "R", OPT_REAL, AT(mean_power), "1", 0, 1, NULL,
      "divides each item's similarities by this power of their mean; 0: not" },
    INTERACTION_ROWS(itemknn_options, log),
#undef AT
    OPT_END,
};

typedef struct itemknn {
    direct direct;
    interaction_options log;
    csr similar; // row j: items i that a past item j speaks for, with sim(j, i)
} itemknn;

// --- D 4.1: the model ----------------------------------------------------------------------------

typedef struct itemknn_work {
    similarity similarity;
    const csr *by_item, *by_user; // weighted
    const float *norm2;           // [items]
    size_t neighbours;
    bool target_side;
    double mean_power;
    float **product;     // [threads][items], all 0 between rows
    csr_entry **entries; // [threads][items]
} itemknn_work;

// x.y of item `row` with every item that shares a user with it: lists them, returns how many.
static size_t multiply_row(const itemknn_work *w, uint64_t row, float *product, csr_entry *entries)
{
    size_t n = 0;
    for (uint64_t e = w->by_item->start[row]; e < w->by_item->start[row + 1]; e++) {
        const uint32_t u = w->by_item->index[e];
        const float x = w->by_item->weight[e];
        for (uint64_t f = w->by_user->start[u]; f < w->by_user->start[u + 1]; f++) {
            const uint32_t i = w->by_user->index[f];
            const float xy = x * w->by_user->weight[f];
            if (!(xy > 0)) continue; // so that 0 means: not yet listed
            if (product[i] == 0) entries[n++].index = i;
            product[i] += xy;
        }
    }
    return n;
}

static void similar_row(void *ctx, uint64_t row, int worker, csr_rows *out)
{
    const itemknn_work *w = ctx;
    float *product = w->product[worker];
    csr_entry *e = w->entries[worker];
    const size_t met = multiply_row(w, row, product, e);
    const double own = (double)w->norm2[row];

    size_t n = 0;
    for (size_t k = 0; k < met; k++) {
        const uint32_t i = e[k].index;
        const double other = (double)w->norm2[i], dot = (double)product[i];
        product[i] = 0;
        if (i == row) continue;
        e[n].index = i;
        e[n].weight = w->target_side ? similarity_value(&w->similarity, dot, other, own)
                                     : similarity_value(&w->similarity, dot, own, other);
        n += e[n].weight > 0;
    }
    n = csr_best(e, n, w->neighbours);
    if (w->mean_power > 0 && n > 0) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += (double)e[k].weight;
        const double scale = pow(sum / (double)n, -w->mean_power);
        for (size_t k = 0; k < n; k++) e[k].weight = (float)((double)e[k].weight * scale);
    }
    csr_put(out, e, n);
}

static habit_status compare_items(csr *out, itemknn_work *w, uint32_t items, const run *r,
                                  habit_error *err)
{
    const size_t threads = (size_t)run_threads(r);
    csr rows = { 0 };
    w->product = ZNEW(float *, threads);
    w->entries = ZNEW(csr_entry *, threads);
    float *products = ZNEW(float, threads *items);
    csr_entry *entries = NEW(csr_entry, threads * items);
    habit_status st = HABIT_OK;
    if (!w->product || !w->entries || !products || !entries) {
        st = fail_memory(err, "itemknn: rows of all items", threads * items * 12);
        goto out;
    }
    for (size_t t = 0; t < threads; t++) {
        w->product[t] = products + t * items;
        w->entries[t] = entries + t * items;
    }
    st = csr_build(&rows, items, items, similar_row, w, "itemknn: comparing items", r, err);
    if (st != HABIT_OK) goto out;
    if (w->target_side) { // made by target, asked by history
        st = csr_transpose(out, &rows, err);
        csr_free(&rows);
    } else {
        *out = rows;
    }
out:
    mem_free(w->product);
    mem_free(w->entries);
    mem_free(products);
    mem_free(entries);
    return st;
}

// Weighs the log, items as documents, and compares them.
static habit_status learn_similar(itemknn *m, interactions *x, const itemknn_options *o,
                                  const run *r, habit_error *err)
{
    itemknn_work w = { .by_item = &x->by_item,
                       .by_user = &x->by_user,
                       .neighbours = (size_t)o->neighbours,
                       .target_side = strcmp(o->side, "target") == 0,
                       .mean_power = o->mean_power };
    TRY(similarity_open(&w.similarity, &o->similarity, err));
    float *idf = NEW(float, x->users), *norm2 = NEW(float, x->items);
    habit_status st = HABIT_OK;
    if (!idf || !norm2) st = fail_memory(err, "itemknn: weights", x->users * sizeof *idf);
    if (st == HABIT_OK) {
        similarity_weigh(&w.similarity, &x->by_item, idf, norm2);
        w.norm2 = norm2;
        csr_free(&x->by_user); // not weighted: made anew
        st = csr_transpose(&x->by_user, &x->by_item, err);
    }
    if (st == HABIT_OK) st = compare_items(&m->similar, &w, x->items, r, err);
    mem_free(idf);
    mem_free(norm2);
    return st;
}

static void itemknn_free(model *base)
{
    itemknn *m = (itemknn *)base;
    direct_release(&m->direct);
    if (!base->loaded) csr_free(&m->similar);
    mem_free(m);
}

static habit_status itemknn_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(direct_new(&made, &model_class_itemknn, sizeof(itemknn), err));
    *out = made;
    return HABIT_OK;
}

static habit_status itemknn_fit(model **out, const log_view *log, const void *options, const run *r,
                                habit_error *err)
{
    const itemknn_options *o = options;
    interactions x = { 0 };
    model *base = NULL;
    TRY(itemknn_empty(&base, err));
    itemknn *m = (itemknn *)base;
    habit_status st = interactions_build(&x, log, &o->log, r, err);
    if (st == HABIT_OK) st = direct_learn(&m->direct, x.users, x.items, &x.by_item, err);
    if (st == HABIT_OK) st = learn_similar(m, &x, o, r, err);
    interactions_free(&x);
    if (st != HABIT_OK) {
        itemknn_free(base);
        return st;
    }
    m->log = interaction_options_keep(&o->log);
    run_log(r, LOG_DETAIL, "itemknn: %llu similarities, %.1f per item, %.1f MiB",
            (unsigned long long)m->similar.count,
            (double)m->similar.count / (base->items ? base->items : 1),
            (double)m->similar.count * 8 / 0x1p20);
    *out = base;
    return HABIT_OK;
}

// --- keeping -------------------------------------------------------------------------------------

static size_t itemknn_fields(model *base, model_field *out)
{
    static const char *const arrays[] = { "similar.start", "similar.index", "similar.value" };
    itemknn *m = (itemknn *)base;
    const size_t n = direct_fields(&m->direct, out);
    return n + csr_fields(&m->similar, arrays, out + n);
}

static habit_status itemknn_ready(model *base, const void *options, habit_error *err)
{
    itemknn *m = (itemknn *)base;
    m->log = interaction_options_keep(&((const itemknn_options *)options)->log);
    TRY(direct_ready(&m->direct, err));
    return csr_ready(&m->similar, base->items, base->items, "itemknn", err);
}

// --- D 4.2: the answer ---------------------------------------------------------------------------

static void itemknn_score(const model *base, const query *q, size_t n, float *scores,
                          arena *scratch)
{
    const itemknn *m = (const itemknn *)base;
    const size_t mark = arena_mark(scratch);
    basket x;
    basket_open(&x, base->items, scratch);
    for (size_t k = 0; k < n; k++) {
        float *s = scores + k * base->items;
        basket_fill(&x, &q[k], &m->log);
        if (x.n == 0) {
            direct_cold(&m->direct, s);
            continue;
        }
        memset(s, 0, base->items * sizeof *s);
        for (size_t i = 0; i < x.n; i++) csr_axpy(s, x.weight[x.item[i]], &m->similar, x.item[i]);
    }
    arena_rewind(scratch, mark);
}

static size_t itemknn_scratch(const model *m, size_t n)
{
    (void)n;
    return basket_bytes(m->items);
}

const model_class model_class_itemknn = {
    .name = "itemknn",
    .version = 1,
    .title = "Item-based nearest neighbours",
    .paper = "Sarwar et al., WWW 2001; Deshpande & Karypis, TOIS 2004",
    .table = itemknn_table,
    .options_size = sizeof(itemknn_options),
    .fit = itemknn_fit,
    .fields = itemknn_fields,
    .empty = itemknn_empty,
    .ready = itemknn_ready,
    .free = itemknn_free,
    .score = itemknn_score,
    .scratch = itemknn_scratch,
};

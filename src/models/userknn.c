// userknn.c - user-based nearest neighbours: what people like you had.
//
// Papers   P. Resnick, N. Iacovou, M. Suchak, P. Bergstrom and J. Riedl, "GroupLens: an open
//          architecture for collaborative filtering of netnews", CSCW 1994.
//          J. Herlocker, J. Konstan, A. Borchers and J. Riedl, "An algorithmic framework for
//          performing collaborative filtering", SIGIR 1999.  Sections cited as H x.
//
// Both predict ratings: correlate two users over the items they both rated, and average what the
// neighbours gave, less their mean.  On logs without ratings there is nothing to correlate and no
// mean to subtract; what remains of the framework is
//
//   H 5.1, 5.2  weigh the similarity of the one who asks with every user (similarity.h; shrinkage
//               is their significance weighting, TF-IDF and BM25 their variance weighting)
//   H 6         choose the K most similar
//   H 7         combine: the score of i is sum_v sim(v) r_vi / sum_v sim(v), the share of
//               neighbours who had i, by similarity
//
// Neighbours are found when the question comes, through an inverted index of the log: strangers
// are served like users of the log, and a user's newest events count.  A user of the log is not a
// neighbour of himself.  `--sum-power` divides what a neighbour says by a power of how much he has
// to say: someone who had everything recommends nothing.
#include "models/direct.h"
#include "models/registry.h"
#include "models/similarity.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

typedef struct userknn_options {
    interaction_options log;
    similarity_options similarity;
    int neighbours;
    double sum_power;
} userknn_options;

static const opt userknn_table[] = {
#define AT(field) offsetof(userknn_options, field)
    { "neighbours", "K", OPT_INT, AT(neighbours), "100", 1, 1000000, NULL,
      "most similar users who have a say" },
    SIMILARITY_ROWS(userknn_options, similarity, "cosine", "tfidf"),
    { "sum-power", "R", OPT_REAL, AT(sum_power), "0", 0, 1, NULL,
      "divides a neighbour's say by this power of the sum of his weights" },
    INTERACTION_ROWS(userknn_options, log),
#undef AT
    OPT_END,
};

typedef struct userknn {
    direct direct;
    interaction_options log;
    similarity similarity; // its mean_length is *mean_length
    size_t neighbours;
    csr say;                  // [users] rows of items: r_vi
    csr index;                // [items] rows of users, weighted for comparison
    const float *norm2;       // [users] squared norms of the weighted rows
    const float *idf;         // [items]
    const float *mean_length; // [1] of rows, for bm25
    uint64_t loaded[3];       // lengths of the last three as a file gave them
} userknn;

// --- learning: the log, weighted and turned round --------------------------------------------------

static void userknn_free(model *base)
{
    userknn *m = (userknn *)base;
    direct_release(&m->direct);
    if (!base->loaded) {
        csr_free(&m->say);
        csr_free(&m->index);
        mem_free((void *)m->norm2);
        mem_free((void *)m->idf);
        mem_free((void *)m->mean_length);
    }
    mem_free(m);
}

static habit_status userknn_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(direct_new(&made, &model_class_userknn, sizeof(userknn), err));
    *out = made;
    return HABIT_OK;
}

// Options that count at the question, too; called by fit and by ready.
static habit_status take_options(userknn *m, const userknn_options *o, habit_error *err)
{
    m->log = interaction_options_keep(&o->log);
    m->neighbours = (size_t)o->neighbours;
    return similarity_open(&m->similarity, &o->similarity, err);
}

static void scale_say(csr *say, double sum_power)
{
    float *weight = (float *)say->weight;
    for (uint64_t v = 0; sum_power > 0 && v < say->rows; v++) {
        double sum = 0;
        for (uint64_t e = say->start[v]; e < say->start[v + 1]; e++) sum += (double)weight[e];
        const float scale = sum > 0 ? (float)pow(sum, -sum_power) : 0;
        for (uint64_t e = say->start[v]; e < say->start[v + 1]; e++) weight[e] *= scale;
    }
}

// Takes the rows of x: users are the documents, items the terms.
static habit_status learn_users(userknn *m, interactions *x, const userknn_options *o,
                                habit_error *err)
{
    float *norm2 = NEW(float, x->users), *idf = NEW(float, x->items), *mean = NEW(float, 1);
    m->norm2 = norm2;
    m->idf = idf;
    m->mean_length = mean;
    if (!norm2 || !idf || !mean)
        return fail_memory(err, "userknn: weights", (size_t)x->users * sizeof *norm2);
    csr_free(&x->by_item); // counted; the weighted one takes its place
    TRY(csr_transpose(&x->by_item, &x->by_user, err));
    TRY(csr_transpose(&m->say, &x->by_item, err));
    scale_say(&m->say, o->sum_power);
    similarity_weigh(&m->similarity, &x->by_user, idf, norm2);
    *mean = (float)m->similarity.mean_length;
    m->similarity.mean_length = (double)*mean; // the same after loading
    return csr_transpose(&m->index, &x->by_user, err);
}

static habit_status userknn_fit(model **out, const log_view *log, const void *options, const run *r,
                                habit_error *err)
{
    const userknn_options *o = options;
    interactions x = { 0 };
    model *base = NULL;
    TRY(userknn_empty(&base, err));
    userknn *m = (userknn *)base;
    habit_status st = take_options(m, o, err);
    if (st == HABIT_OK) st = interactions_build(&x, log, &o->log, r, err);
    if (st == HABIT_OK) st = direct_learn(&m->direct, x.users, x.items, &x.by_item, err);
    if (st == HABIT_OK) st = learn_users(m, &x, o, err);
    interactions_free(&x);
    if (st != HABIT_OK) {
        userknn_free(base);
        return st;
    }
    *out = base;
    return HABIT_OK;
}

// --- keeping -------------------------------------------------------------------------------------

static size_t userknn_fields(model *base, model_field *out)
{
    static const char *const say[] = { "say.start", "say.index", "say.value" };
    static const char *const index[] = { "users.start", "users.index", "users.value" };
    userknn *m = (userknn *)base;
    size_t n = direct_fields(&m->direct, out);
    n += csr_fields(&m->say, say, out + n);
    n += csr_fields(&m->index, index, out + n);
    const struct {
        const char *name;
        uint64_t length;
        const float **data;
    } rest[] = { { "norm2", base->users, &m->norm2 },
                 { "idf", base->items, &m->idf },
                 { "mean_length", 1, &m->mean_length } };
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        out[n++] = (model_field){ .name = rest[i].name,
                                  .type = TENSOR_F32,
                                  .dims = 1,
                                  .shape = { rest[i].length },
                                  .data = (const void **)rest[i].data,
                                  .shape_out = { &m->loaded[i] } };
    return n;
}

static habit_status userknn_ready(model *base, const void *options, habit_error *err)
{
    userknn *m = (userknn *)base;
    TRY(take_options(m, options, err));
    TRY(direct_ready(&m->direct, err));
    if (m->loaded[0] != base->users || m->loaded[1] != base->items || m->loaded[2] != 1)
        return fail(err, HABIT_EFORMAT, "userknn: weights do not fit the log: the file is damaged");
    m->similarity.mean_length = (double)*m->mean_length;
    TRY(csr_ready(&m->say, base->users, base->items, "userknn", err));
    return csr_ready(&m->index, base->items, base->users, "userknn", err);
}

// --- answering -----------------------------------------------------------------------------------

typedef struct userknn_work {
    basket x;
    float *product;     // [users], all 0 between questions
    csr_entry *entries; // [users]
} userknn_work;

static void work_carve(userknn_work *w, const model *m, arena *a)
{
    basket_open(&w->x, m->items, a);
    w->product = arena_floats(a, m->users);
    w->entries = arena_new(a, csr_entry, m->users);
}

static size_t userknn_scratch(const model *m, size_t n)
{
    arena plan = { 0 };
    userknn_work w;
    (void)n;
    work_carve(&w, m, &plan);
    return plan.used;
}

// H 5: compares the basket with every user who shares an item; returns how many are alike.
static size_t compare_users(const userknn *m, userknn_work *w, uint32_t self)
{
    double length = 0, norm2 = 0;
    size_t met = 0, n = 0;
    for (size_t k = 0; k < w->x.n; k++) length += (double)w->x.weight[w->x.item[k]];
    for (size_t k = 0; k < w->x.n; k++) {
        const uint32_t i = w->x.item[k];
        const float mine = similarity_entry(&m->similarity, w->x.weight[i], m->idf[i], length);
        norm2 += (double)mine * (double)mine;
        for (uint64_t e = m->index.start[i]; e < m->index.start[i + 1]; e++) {
            const uint32_t v = m->index.index[e];
            const float xy = mine * m->index.weight[e];
            if (!(xy > 0)) continue; // so that 0 means: not yet listed
            if (w->product[v] == 0) w->entries[met++].index = v;
            w->product[v] += xy;
        }
    }
    for (size_t k = 0; k < met; k++) {
        const uint32_t v = w->entries[k].index;
        const double dot = (double)w->product[v];
        w->product[v] = 0;
        if (v == self) continue;
        w->entries[n].index = v;
        w->entries[n].weight = similarity_value(&m->similarity, dot, norm2, (double)m->norm2[v]);
        n += w->entries[n].weight > 0;
    }
    return n;
}

static void answer(const userknn *m, const query *q, float *scores, userknn_work *w)
{
    basket_fill(&w->x, q, &m->log);
    if (w->x.n == 0) {
        direct_cold(&m->direct, scores);
        return;
    }
    size_t n = compare_users(m, w, q->user);
    n = csr_best(w->entries, n, m->neighbours); // H 6
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (double)w->entries[k].weight;
    memset(scores, 0, m->direct.base.items * sizeof *scores);
    for (size_t k = 0; k < n; k++) // H 7
        csr_axpy(scores, (float)((double)w->entries[k].weight / sum), &m->say, w->entries[k].index);
}

static void userknn_score(const model *base, const query *q, size_t n, float *scores,
                          arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    userknn_work w;
    work_carve(&w, base, scratch);
    for (size_t k = 0; k < n; k++)
        answer((const userknn *)base, &q[k], scores + k * base->items, &w);
    arena_rewind(scratch, mark);
}

const model_class model_class_userknn = {
    .name = "userknn",
    .version = 1,
    .title = "User-based nearest neighbours",
    .paper = "Resnick et al., CSCW 1994; Herlocker et al., SIGIR 1999",
    .table = userknn_table,
    .options_size = sizeof(userknn_options),
    .fit = userknn_fit,
    .fields = userknn_fields,
    .empty = userknn_empty,
    .ready = userknn_ready,
    .free = userknn_free,
    .score = userknn_score,
    .scratch = userknn_scratch,
};

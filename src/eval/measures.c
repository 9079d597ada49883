// measures.c - per-user columns from a ranking.
#include "eval/measures.h"

#include "base/clock.h"
#include "base/memory.h"
#include "eval/predictions.h"
#include "eval/probabilities.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 128,               // users of one piece
    CO_OCCURRENCE_USERS = 2000 // ILD without tags is measured on this many users
};

// --- the table of columns --------------------------------------------------------------------------

// The metrics of each cut-off, in the order of their columns.
static const struct {
    const char *name;
    double (*of)(hits h, size_t k);
} cut_metrics[] = {
    { "HR", metric_hr },   { "Recall", metric_recall }, { "Precision", metric_precision },
    { "F1", metric_f1 },   { "NDCG", metric_ndcg },     { "MRR", metric_mrr },
    { "MAP", metric_map },
};

enum { HR, RECALL, PRECISION, F1, NDCG, MRR, MAP, CUT_METRICS };

// Places of the columns of a user's row.
typedef struct layout {
    int ones, cut, mrr, auc, auc_weight;
    int listed, novelty, head, diversity, diverse;
    int square, absolute, values;
    int loss, right, examples, positive, negative, pairs;
    int columns;
} layout;

static layout layout_of(const measures_plan *p)
{
    layout l = { .ones = 0, .cut = 1 };
    int next = 1 + (int)p->cuts * CUT_METRICS;
    int *const rest[] = { &l.mrr,     &l.auc,      &l.auc_weight, &l.listed,   &l.diversity,
                          &l.diverse, &l.square,   &l.absolute,   &l.values,   &l.loss,
                          &l.right,   &l.examples, &l.positive,   &l.negative, &l.pairs };
    for (size_t i = 0; i < COUNT_OF(rest); i++) *rest[i] = next++;
    l.novelty = next, next += (int)p->cuts;
    l.head = next, next += (int)p->cuts;
    l.columns = next;
    return l;
}

typedef struct fill {
    const measures_base *base;
    const contestant *c;
    const measures_plan *plan;
    measures *m;
    layout at;
    uint32_t *scratch; // [targets]
    size_t diversity_stride;
} fill;

// --- one user ------------------------------------------------------------------------------------

hits measures_hits(const ranking *r, size_t k, uint32_t *scratch)
{
    const questions *q = r->of;
    const size_t begin = (size_t)q->target_begin[k], known = questions_known(q, k);
    memcpy(scratch, r->position + begin, known * sizeof *scratch);
    return (hits){ scratch, known ? items_distinct(scratch, known) : 0,
                   (size_t)(q->target_begin[k + 1] - begin) };
}

static void fill_positions(const fill *f, size_t k, double *row)
{
    const ranking *r = &f->m->ranking;
    const questions *q = r->of;
    const size_t begin = (size_t)q->target_begin[k];
    const hits h = measures_hits(r, k, f->scratch + begin);
    row[f->at.ones] = 1;
    for (size_t c = 0; c < f->plan->cuts; c++)
        for (size_t i = 0; i < CUT_METRICS; i++)
            row[(size_t)f->at.cut + c * CUT_METRICS + i] = cut_metrics[i].of(h, f->plan->cut[c]);
    row[f->at.mrr] = metric_mrr(h, METRIC_NO_CUT);
    if (r->against[k]) {
        row[f->at.auc_weight] = (double)h.targets;
        row[f->at.auc] =
            (double)h.targets * metric_auc(r->rivals + begin, h.targets, r->against[k]);
    }
}

static void fill_lists(const fill *f, size_t k, double *row)
{
    const ranking *r = &f->m->ranking;
    const uint32_t *list = r->listed + k * r->list;
    uint32_t n = 0;
    double novelty = 0, head = 0;
    size_t c = 0;
    while (n < r->list && list[n] != ITEM_NONE) {
        novelty += popularity_novelty(f->base->popularity, list[n]);
        head += popularity_is_head(f->base->popularity, list[n]);
        n++;
        for (; c < f->plan->cuts && f->plan->cut[c] == n; c++) {
            row[(size_t)f->at.novelty + c] = novelty / n;
            row[(size_t)f->at.head + c] = head / n;
        }
    }
    if (!n) return;
    row[f->at.listed] = 1;
    for (; c < f->plan->cuts; c++) { // a list shorter than the cut-off is taken whole
        row[(size_t)f->at.novelty + c] = novelty / n;
        row[(size_t)f->at.head + c] = head / n;
    }
    double unlike;
    const size_t top = n < f->plan->main ? n : f->plan->main;
    if (f->base->diversity && k % f->diversity_stride == 0 &&
        diversity_of(f->base->diversity, list, top, &unlike)) {
        row[f->at.diversity] = unlike;
        row[f->at.diverse] = 1;
    }
}

static void fill_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const fill *f = ctx;
    measures *m = f->m;
    for (size_t k = piece * PIECE; k < m->users && k < (piece + 1) * PIECE; k++) {
        double *row = m->value + k * m->columns;
        fill_positions(f, k, row);
        if (m->ranking.list) fill_lists(f, k, row);
    }
}

// --- names and values --------------------------------------------------------------------------------

static measure *add_measure(measures *m, const char *name, uint32_t cut)
{
    measure *x = &m->list[m->count++];
    *x = (measure){ .value = (double)NAN, .sampled = -1 };
    if (cut)
        snprintf(x->name, sizeof x->name, "%s@%u", name, cut);
    else
        snprintf(x->name, sizeof x->name, "%s", name);
    return x;
}

static void add_ratio(measures *m, const char *name, uint32_t cut, ratio r)
{
    add_measure(m, name, cut)->sampled = (int)m->ratios_count;
    m->ratios[m->ratios_count++] = r;
}

static habit_status add_exposure(measures *m, const measures_plan *plan, habit_error *err)
{
    const ranking *r = &m->ranking;
    const uint32_t items = r->of->items;
    uint32_t *shown = NEW(uint32_t, items);
    if (!shown) return fail_memory(err, "exposure counts", items * sizeof *shown);
    for (size_t c = 0; c < plan->cuts; c++) {
        memset(shown, 0, items * sizeof *shown);
        for (size_t k = 0; k < m->users; k++)
            for (size_t i = 0; i < plan->cut[c] && i < r->list; i++)
                if (r->listed[k * r->list + i] != ITEM_NONE) shown[r->listed[k * r->list + i]]++;
        add_measure(m, "Coverage", plan->cut[c])->value = metric_coverage(shown, items);
        add_measure(m, "Gini", plan->cut[c])->value = metric_gini(shown, items);
    }
    mem_free(shown);
    return HABIT_OK;
}

static void name_measures(measures *m, const measures_plan *plan, const layout *at, double ece)
{
    for (size_t c = 0; c < plan->cuts; c++)
        for (int i = 0; i < CUT_METRICS; i++)
            add_ratio(m, cut_metrics[i].name, plan->cut[c],
                      (ratio){ at->cut + (int)c * CUT_METRICS + i, at->ones, false });
    add_ratio(m, "MRR", 0, (ratio){ at->mrr, at->ones, false });
    if (plan->pairs) add_ratio(m, "AUC", 0, (ratio){ -1, -1, false });
    add_ratio(m, "GAUC", 0, (ratio){ at->auc, at->auc_weight, false });
    for (size_t c = 0; c < plan->cuts && m->ranking.list; c++) {
        add_ratio(m, "Novelty", plan->cut[c], (ratio){ at->novelty + (int)c, at->listed, false });
        add_ratio(m, "PopShare", plan->cut[c], (ratio){ at->head + (int)c, at->listed, false });
    }
    if (m->ranking.list)
        add_ratio(m, "ILD", plan->main, (ratio){ at->diversity, at->diverse, false });
    if (plan->pairs) {
        add_ratio(m, "Accuracy", 0, (ratio){ at->right, at->examples, false });
        add_ratio(m, "LogLoss", 0, (ratio){ at->loss, at->examples, false });
        add_measure(m, "ECE", 0)->value = ece;
    }
}

static void count_targets(measures *m)
{
    const ranking *r = &m->ranking;
    m->targets = questions_targets(r->of);
    for (size_t t = 0; t < m->targets; t++) {
        m->misses += r->position[t] == 0;
        m->ties += r->tied[t];
    }
}

// --- the whole -----------------------------------------------------------------------------------

static habit_status measure_all(fill *f, const run *rn, habit_error *err)
{
    measures *m = f->m;
    const questions *q = f->base->questions;
    double ece = NAN;
    const double start = clock_wall();
    const ranking_plan ranks = { .list = f->plan->lists ? f->plan->cut[f->plan->cuts - 1] : 0 };
    TRY(ranking_make(&m->ranking, q, f->c, &ranks, rn, err));
    m->seconds = clock_wall() - start;

    m->users = q->count;
    m->columns = (size_t)f->at.columns;
    m->value = ZNEW(double, m->users * m->columns);
    f->scratch = NEW(uint32_t, questions_targets(q));
    if (!m->value || !f->scratch)
        return fail_memory(err, "metrics of users", m->users * m->columns * sizeof(double));
    if (f->plan->pairs) {
        const probability_columns to = { m->value,       m->columns,     f->at.loss,
                                         f->at.right,    f->at.examples, f->at.positive,
                                         f->at.negative, f->at.pairs };
        TRY(probabilities_make(&to, &m->pool, &ece, &m->ranking, f->base, f->c, rn, err));
    }
    pool_run(run_pool(rn), (m->users + PIECE - 1) / PIECE, fill_piece, f);
    count_targets(m);
    name_measures(m, f->plan, &f->at, ece);
    if (m->ranking.list) TRY(add_exposure(m, f->plan, err));
    if (f->plan->values && predictions_possible(q, f->c)) {
        const predictions_columns to = { m->value, m->columns, f->at.square, f->at.absolute,
                                         f->at.values };
        TRY(predictions_make(&to, q, f->c, rn, err));
        add_ratio(m, "RMSE", 0, (ratio){ f->at.square, f->at.values, true });
        add_ratio(m, "MAE", 0, (ratio){ f->at.absolute, f->at.values, false });
    }
    double value[MEASURES_MAX];
    const sampling s = measures_sampling(m, 0, 0);
    bootstrap_values(value, &s);
    for (size_t i = 0; i < m->count; i++)
        if (m->list[i].sampled >= 0) m->list[i].value = value[m->list[i].sampled];
    return HABIT_OK;
}

habit_status measures_make(measures *out, const measures_base *base, const contestant *c,
                           const measures_plan *plan, const run *rn, habit_error *err)
{
    measures *m = ZNEW(measures, 1); // large: not on the stack of a thread
    if (!m) return fail_memory(err, "metrics", sizeof *m);
    fill f = { .base = base, .c = c, .plan = plan, .m = m, .at = layout_of(plan) };
    const bool by_users = base->diversity && !base->diversity->tags;
    f.diversity_stride = by_users ? base->questions->count / CO_OCCURRENCE_USERS + 1 : 1;

    size_t place = 0;
    while (place + 1 < plan->cuts && plan->cut[place] != plan->main) place++;
    const int cut = f.at.cut + (int)place * CUT_METRICS;
    m->hr = cut + HR, m->recall = cut + RECALL, m->ndcg = cut + NDCG;
    const bool pairs = plan->pairs && !probabilities_of_likes(c);
    m->positive = pairs ? f.at.positive : -1;
    m->negative = pairs ? f.at.negative : -1;
    m->pairs = pairs ? f.at.pairs : -1;

    const habit_status st = measure_all(&f, rn, err);
    mem_free(f.scratch);
    if (st == HABIT_OK)
        *out = *m;
    else
        measures_free(m);
    mem_free(m);
    return st;
}

void measures_free(measures *m)
{
    mem_free(m->value);
    mem_free(m->pool.entry);
    ranking_free(&m->ranking);
    m->value = NULL;
    m->pool = (pooled){ 0 };
}

const measure *measures_find(const measures *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->list[i].name, name) == 0) return &m->list[i];
    return NULL;
}

sampling measures_sampling(const measures *m, int resamples, uint64_t seed)
{
    return (sampling){ .value = m->value,
                       .users = m->users,
                       .columns = m->columns,
                       .ratios = m->ratios,
                       .count = m->ratios_count,
                       .pool = &m->pool,
                       .resamples = resamples,
                       .seed = seed };
}

habit_status measures_shrink(measures *m, habit_error *err)
{
    const int keep[] = { m->hr, m->recall, m->ndcg };
    double *value = NEW(double, m->users *COUNT_OF(keep));
    if (!value) return fail_memory(err, "metrics of users", m->users * sizeof keep);
    for (size_t u = 0; u < m->users; u++)
        for (size_t c = 0; c < COUNT_OF(keep); c++)
            value[u * COUNT_OF(keep) + c] = m->value[u * m->columns + (size_t)keep[c]];
    measures_free(m);
    m->value = value;
    m->columns = COUNT_OF(keep);
    for (size_t i = 0; i < m->ratios_count; i++)
        for (int c = 0; c < (int)COUNT_OF(keep); c++)
            if (m->ratios[i].num == keep[c]) {
                m->ratios[i].num = c;
                break;
            }
    m->hr = 0, m->recall = 1, m->ndcg = 2;
    m->positive = m->negative = m->pairs = -1;
    return HABIT_OK;
}

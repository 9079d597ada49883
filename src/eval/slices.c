// slices.c - cold and warm, head and tail; points of the report's curves.
#include "eval/slices.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

// --- users by length of history --------------------------------------------------------------------

static const struct {
    const char *name;
    uint64_t most;
} user_slices[] = {
    { "new (0 events)", 0 },  { "cold (1-5 events)", 5 },        { "6-20 events", 20 },
    { "21-100 events", 100 }, { "over 100 events", UINT64_MAX },
};

static size_t user_slice(const questions *q, size_t k)
{
    const log_view *h = &q->history;
    const uint32_t u = q->user[k];
    const uint64_t n = u < h->users ? h->end[u] - h->begin[u] : 0;
    size_t s = 0;
    while (n > user_slices[s].most) s++;
    return s;
}

static void set_metric(json_t *o, const char *name, uint32_t cut, double sum, size_t n)
{
    char key[MEASURE_NAME];
    snprintf(key, sizeof key, "%s@%u", name, cut);
    if (n) json_object_set_new(o, key, json_real(sum / (double)n));
}

static json_t *users_json(const measures *m, uint32_t cut)
{
    enum { SLICES = COUNT_OF(user_slices) };
    size_t users[SLICES] = { 0 };
    double hr[SLICES] = { 0 }, recall[SLICES] = { 0 }, ndcg[SLICES] = { 0 };
    for (size_t k = 0; k < m->users; k++) {
        const double *row = m->value + k * m->columns;
        const size_t s = user_slice(m->ranking.of, k);
        users[s]++;
        hr[s] += row[m->hr];
        recall[s] += row[m->recall];
        ndcg[s] += row[m->ndcg];
    }
    json_t *list = json_array();
    for (size_t s = 0; s < SLICES; s++) {
        json_t *o =
            json_pack("{s:s, s:I}", "slice", user_slices[s].name, "users", (json_int_t)users[s]);
        set_metric(o, "HR", cut, hr[s], users[s]);
        set_metric(o, "Recall", cut, recall[s], users[s]);
        set_metric(o, "NDCG", cut, ndcg[s], users[s]);
        json_array_append_new(list, o);
    }
    return list;
}

// --- items by popularity ---------------------------------------------------------------------------

typedef struct recall_of {
    size_t targets, found;
} recall_of;

static void count_target(recall_of *r, uint32_t position, uint32_t cut)
{
    r->targets++;
    r->found += position && position <= cut;
}

static json_t *items_json(const measures *m, const popularity *p, uint32_t cut)
{
    recall_of sum[ITEM_SLICES + 1] = { 0 };
    const questions *q = m->ranking.of;
    for (size_t t = 0; t < m->targets; t++) {
        const size_t s = q->target[t] < p->items ? popularity_slice(p, q->target[t]) : ITEM_SLICES;
        count_target(&sum[s], m->ranking.position[t], cut);
    }
    json_t *list = json_array();
    for (size_t s = 0; s <= ITEM_SLICES; s++) {
        const char *name = s < ITEM_SLICES ? item_slice_name[s] : "unknown to the log";
        json_t *o = json_pack("{s:s, s:I}", "slice", name, "targets", (json_int_t)sum[s].targets);
        set_metric(o, "Recall", cut, (double)sum[s].found, sum[s].targets);
        json_array_append_new(list, o);
    }
    return list;
}

habit_status slices_json(json_t **out, const measures *m, const popularity *p, uint32_t cut,
                         habit_error *err)
{
    json_t *o =
        json_pack("{s:o, s:o}", "users", users_json(m, cut), "items", items_json(m, p, cut));
    if (!o) return fail_memory(err, "slices", 0);
    *out = o;
    return HABIT_OK;
}

// --- curves --------------------------------------------------------------------------------------

static json_t *recall_curve(const measures *m, uint32_t most)
{
    // Cumulative: the share of a user's targets found grows at each position by 1 / targets.
    const questions *q = m->ranking.of;
    double *gain = ZNEW(double, (size_t)most + 1);
    json_t *k_list = json_array(), *values = json_array();
    for (size_t k = 0; gain && k < m->users; k++)
        for (uint64_t t = q->target_begin[k]; t < q->target_begin[k + 1]; t++) {
            const uint32_t at = m->ranking.position[t];
            const double share = 1 / (double)(q->target_begin[k + 1] - q->target_begin[k]);
            if (at && at <= most) gain[at] += share;
        }
    double sum = 0;
    for (uint32_t at = 1; gain && at <= most && m->users; at++) {
        sum += gain[at];
        json_array_append_new(k_list, json_integer(at));
        json_array_append_new(values, json_real(sum / (double)m->users));
    }
    mem_free(gain);
    return json_pack("{s:o, s:o}", "k", k_list, "value", values);
}

static json_t *popularity_curve(const measures *m, const popularity *p, uint32_t cut)
{
    recall_of sum[POPULARITY_GROUPS] = { 0 };
    const questions *q = m->ranking.of;
    for (size_t t = 0; t < m->targets; t++)
        if (q->target[t] < p->items)
            count_target(&sum[popularity_group(p, q->target[t])], m->ranking.position[t], cut);
    json_t *tenth = json_array(), *targets = json_array(), *recall = json_array();
    for (int g = 0; g < POPULARITY_GROUPS; g++) {
        json_array_append_new(tenth, json_integer(g + 1));
        json_array_append_new(targets, json_integer((json_int_t)sum[g].targets));
        json_array_append_new(recall, sum[g].targets
                                          ? json_real((double)sum[g].found / (double)sum[g].targets)
                                          : json_null());
    }
    return json_pack("{s:o, s:o, s:o}", "tenth", tenth, "targets", targets, "recall", recall);
}

typedef struct point {
    double mean, positive, negative;
    size_t user;
} point;

static int compare_points(const void *a, const void *b)
{
    const point *x = a, *y = b;
    if (x->mean != y->mean) return x->mean < y->mean ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

static json_t *probability_curve(const measures *m)
{
    enum { SHOWN = 400 };
    point *all = NEW(point, m->users);
    size_t n = 0;
    for (size_t k = 0; all && k < m->users && m->pairs >= 0; k++) {
        const double *row = m->value + k * m->columns;
        const double pairs = row[m->pairs];
        if (pairs == 0) continue;
        const double taken = row[m->positive] / pairs, other = row[m->negative] / pairs;
        all[n++] = (point){ (taken + other) / 2, taken, other, k };
    }
    if (n) qsort(all, n, sizeof *all, compare_points);
    json_t *users = json_array(), *positive = json_array(), *negative = json_array();
    const size_t shown = n < SHOWN ? n : SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const size_t at = i * n / shown;
        json_array_append_new(users, json_integer((json_int_t)at + 1));
        json_array_append_new(positive, json_real(all[at].positive));
        json_array_append_new(negative, json_real(all[at].negative));
    }
    mem_free(all);
    return json_pack("{s:o, s:o, s:o}", "users", users, "held_out", positive, "random", negative);
}

habit_status curves_json(json_t **out, const measures *m, const popularity *p, uint32_t cut,
                         habit_error *err)
{
    enum { CURVE = 50 };
    const questions_options *o = &m->ranking.of->options;
    const uint32_t most = o->candidates && o->candidates < CURVE ? o->candidates : CURVE;
    json_t *all = json_pack("{s:o, s:o, s:o}", "recall", recall_curve(m, most), "popularity",
                            popularity_curve(m, p, cut), "probability", probability_curve(m));
    if (!all) return fail_memory(err, "curves", 0);
    *out = all;
    return HABIT_OK;
}

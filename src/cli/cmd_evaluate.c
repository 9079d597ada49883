// cmd_evaluate.c - habit evaluate DATA MODEL...
//
// The text shows the few figures that people compare, best model first; --json and --report have all.
#include "base/memory.h"
#include "cli/command.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The models of a result in the order of the table.
typedef struct ranking {
    json_t **model;
    size_t n;
    char metric[32]; // that orders them: "NDCG@10", or "RMSE" where nothing was ranked
} ranking;

static double metric_of(const json_t *model, const char *name)
{
    const json_t *v = json_object_get(json_object_get(model, "metrics"), name);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

// A figure that few models have is left to --json.
static bool most_have(const ranking *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += isfinite(metric_of(r->model[i], name)) != 0;
    return 2 * n > r->n;
}

static habit_status rank_models(ranking *out, const json_t *result, habit_error *err)
{
    const json_t *models = json_object_get(result, "models");
    ranking r = { .n = json_array_size(models) };
    r.model = NEW(json_t *, r.n);
    if (!r.model) return fail_memory(err, "report", r.n);
    for (size_t i = 0; i < r.n; i++) r.model[i] = json_array_get(models, i);
    snprintf(r.metric, sizeof r.metric, "NDCG@%lld",
             (long long)json_integer_value(json_object_get(result, "main_k")));
    for (size_t i = 1; i < r.n; i++) // by insertion: equal ones stay in the order they were named
        for (size_t k = i; k > 0; k--) {
            json_t *above = r.model[k - 1], *below = r.model[k];
            if (!(metric_of(below, r.metric) > metric_of(above, r.metric))) break;
            r.model[k - 1] = below;
            r.model[k] = above;
        }
    *out = r;
    return HABIT_OK;
}

// --- the table of models -------------------------------------------------------------------------

static void cell_of(text_table *t, const json_t *model, const char *name)
{
    char value[32];
    text_real(value, metric_of(model, name));
    text_cell(t, "%s", value);
}

// "0.0412 [0.0390, 0.0433]"
static void cell_with_interval(text_table *t, const json_t *model, const char *name)
{
    char value[32], low[32], high[32];
    const json_t *interval = json_object_get(json_object_get(model, "interval95"), name);
    if (json_array_size(interval) != 2) {
        cell_of(t, model, name);
        return;
    }
    text_real(value, metric_of(model, name));
    text_real(low, json_number_value(json_array_get(interval, 0)));
    text_real(high, json_number_value(json_array_get(interval, 1)));
    text_cell(t, "%s [%s, %s]", value, low, high);
}

// NDCG of the simulator's truth, if it took part: the best that any model could reach.
static double best_possible(const ranking *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *class = json_string_value(json_object_get(r->model[i], "class"));
        if (class && strcmp(class, "truth") == 0) return metric_of(r->model[i], r->metric);
    }
    return 0;
}

enum { COLUMNS = 16 };

// The plain columns after the two with intervals; returns how many.
static size_t choose_columns(const ranking *r, const char *k, char column[COLUMNS][32])
{
    static const char *const stems[] = { "Recall@", "MRR@", "MAP@", "Coverage@" };
    static const char *const singles[] = { "AUC", "RMSE" };
    size_t n = 0;
    char hits[32];
    snprintf(hits, sizeof hits, "HR@%s", k);
    for (size_t i = 0; i < COUNT_OF(stems); i++) {
        snprintf(column[n], 32, "%s%s", stems[i], k);
        bool same = true; // with one target a user, Recall is HR and MAP is MRR: once is enough
        for (size_t m = 0; i == 0 && m < r->n; m++)
            same = same && metric_of(r->model[m], column[n]) == metric_of(r->model[m], hits);
        const bool repeats = (i == 0 && same) || (i == 2 && n > 0 && column[0][0] == 'M');
        if (most_have(r, column[n]) && !repeats) n++;
    }
    for (size_t i = 0; i < COUNT_OF(singles); i++)
        if (most_have(r, singles[i])) snprintf(column[n++], 32, "%s", singles[i]);
    return n;
}

// Share of targets whose score another item had too: ties count against the model.
static double ties_of(const json_t *model)
{
    return json_number_value(json_object_get(model, "ties"));
}

static bool any_ties(const ranking *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (ties_of(r->model[i]) >= 0.0005) return true;
    return false;
}

static habit_status print_models(const ranking *r, habit_error *err)
{
    char column[COLUMNS][32], hits[32];
    const char *k = strchr(r->metric, '@') + 1;
    const size_t n = choose_columns(r, k, column);
    const double best = best_possible(r);
    const bool ties = any_ties(r);
    text_table t = { .columns = n + 3 + (best > 0) + ties };
    snprintf(hits, sizeof hits, "HR@%s", k);
    text_cell(&t, "model");
    text_cell(&t, "%s", r->metric);
    if (best > 0) text_cell(&t, "of best");
    text_cell(&t, "%s", hits);
    for (size_t c = 0; c < n; c++) text_cell(&t, "%s", column[c]);
    if (ties) text_cell(&t, "ties");
    for (size_t i = 0; i < r->n; i++) {
        const json_t *m = r->model[i];
        text_cell(&t, "%s", json_string_value(json_object_get(m, "model")));
        cell_with_interval(&t, m, r->metric);
        if (best > 0) text_cell(&t, "%.0f %%", 100 * metric_of(m, r->metric) / best);
        cell_with_interval(&t, m, hits);
        for (size_t c = 0; c < n; c++) cell_of(&t, m, column[c]);
        if (ties) text_cell(&t, "%.1f %%", 100 * ties_of(m));
    }
    return text_table_print(&t, stdout, err);
}

// --- answers beside ranked lists -------------------------------------------------------------------

static bool any_answers(const ranking *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (json_object_get(r->model[i], "answers")) return true;
    return false;
}

// Probabilities and values, of the models that answer with such, and what of.
static habit_status print_answers(const ranking *r, habit_error *err)
{
    static const char *const all[] = { "RMSE", "MAE", "AUC", "LogLoss", "ECE" };
    if (!any_answers(r)) return HABIT_OK;
    text_table t = { .columns = COUNT_OF(all) + 2 };
    text_cell(&t, "answers of");
    for (size_t c = 0; c < COUNT_OF(all); c++) text_cell(&t, "%s", all[c]);
    text_cell(&t, "which are");
    for (size_t i = 0; i < r->n; i++) {
        const json_t *m = r->model[i];
        const char *what = json_string_value(json_object_get(m, "answers"));
        if (!what) continue;
        text_cell(&t, "%s", json_string_value(json_object_get(m, "model")));
        for (size_t c = 0; c < COUNT_OF(all); c++) {
            const bool of_values = c < 2, values = strncmp(what, "values", 6) == 0;
            if (of_values == values)
                cell_with_interval(&t, m, all[c]);
            else
                text_cell(&t, "%s", "-");
        }
        text_cell(&t, "%s", what);
    }
    puts("");
    return text_table_print(&t, stdout, err);
}

// --- comparisons ---------------------------------------------------------------------------------

static bool is_between(const json_t *c, const char *x, const char *y, const char *metric)
{
    const char *a = json_string_value(json_object_get(c, "a"));
    const char *b = json_string_value(json_object_get(c, "b"));
    const char *m = json_string_value(json_object_get(c, "metric"));
    if (!a || !b || !m || strcmp(m, metric) != 0) return false;
    return (strcmp(a, x) == 0 && strcmp(b, y) == 0) || (strcmp(a, y) == 0 && strcmp(b, x) == 0);
}

// Each model with the next best: is the difference more than luck?
static habit_status print_neighbours(const ranking *r, const json_t *comparisons, habit_error *err)
{
    text_table t = { .columns = 4 };
    text_cell(&t, "against the next");
    text_cell(&t, "difference");
    text_cell(&t, "p");
    text_cell(&t, "%s", "");
    for (size_t i = 0; i + 1 < r->n; i++) {
        const char *a = json_string_value(json_object_get(r->model[i], "model"));
        const char *b = json_string_value(json_object_get(r->model[i + 1], "model"));
        size_t k;
        json_t *c;
        json_array_foreach((json_t *)(uintptr_t)comparisons, k, c)
        {
            if (!is_between(c, a, b, r->metric)) continue;
            const double p = json_number_value(json_object_get(c, "p_permutation_holm"));
            char difference[32];
            text_real(difference, fabs(json_number_value(json_object_get(c, "difference"))));
            text_cell(&t, "%s > %s", a, b);
            text_cell(&t, "%s", difference);
            text_cell(&t, "%.4f", p);
            text_cell(&t, "%s", p < 0.05 ? "" : "may be luck");
        }
    }
    if (t.count == t.columns) {
        text_table_free(&t);
        return HABIT_OK;
    }
    puts("");
    return text_table_print(&t, stdout, err);
}

// --- the page ------------------------------------------------------------------------------------

static void print_facts(const json_t *result)
{
    static const char *const names[] = { "data",  "describe", "stage",     "seen",
                                         "users", "items",    "leak_note", "note" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char cell[1024];
        const json_t *v = json_object_get(result, names[i]);
        if (!v) continue;
        text_value(cell, sizeof cell, v);
        const char *shown = strcmp(names[i], "describe") == 0    ? "protocol"
                            : strcmp(names[i], "leak_note") == 0 ? "leak"
                                                                 : names[i];
        printf("%-9s ", shown);
        text_fold(stdout, cell, 10, 96);
    }
    puts("");
}

static habit_status print_result(const json_t *result, habit_error *err)
{
    ranking r;
    TRY(rank_models(&r, result, err));
    print_facts(result);
    habit_status st = print_models(&r, err);
    if (st == HABIT_OK) st = print_answers(&r, err);
    if (st == HABIT_OK) st = print_neighbours(&r, json_object_get(result, "comparisons"), err);
    mem_free(r.model);
    return st;
}

habit_status cmd_evaluate(const invocation *in, habit_error *err)
{
    char *report;
    json_t *result = NULL;
    TRY(habit_evaluate(in->options, in->operands[0], in->operands + 1, in->count - 1, &report,
                       err));
    if (own_options(in)->json) return text_show(report, true, err);
    habit_status st = text_parse(&result, report, err);
    if (st == HABIT_OK) st = print_result(result, err);
    json_decref(result);
    habit_free(report);
    return st;
}

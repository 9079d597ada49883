// cmd_predict.c - habit predict MODEL (--user ID | --history A,B,C) --item A,B,C
//                 habit predict MODEL --pairs FILE --out FILE
#include "base/memory.h"
#include "cli/command.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static habit_status print_json(const char *const *items, const habit_prediction *p, size_t n,
                               const char *what, habit_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row =
            json_pack("{s:o, s:f}", "item", text_json(items[i]), "score", (double)p[i].score);
        if (!isnan(p[i].value)) json_object_set_new(row, what, json_real((double)p[i].value));
        if (*p[i].title) json_object_set_new(row, "title", text_json(p[i].title));
        json_array_append_new(rows, row);
    }
    json_t *object = json_pack("{s:s, s:o}", "predicts", what, "predictions", rows);
    const bool ok =
        object && json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;
    json_decref(object);
    puts("");
    return ok ? HABIT_OK : fail_memory(err, "report", n * sizeof *p);
}

static habit_status print_text(const char *const *items, const habit_prediction *p, size_t n,
                               const char *what, habit_error *err)
{
    const bool valued = strcmp(what, "score") != 0;
    bool titles = false;
    for (size_t i = 0; i < n; i++) titles = titles || *p[i].title;
    text_table t = { .columns = (size_t)2 + valued + titles };
    text_cell(&t, "item");
    text_cell(&t, "score");
    if (valued) text_cell(&t, "%s", what);
    if (titles) text_cell(&t, "title");
    for (size_t i = 0; i < n; i++) {
        char number[32];
        text_cell(&t, "%s", items[i]);
        text_real(number, (double)p[i].score);
        text_cell(&t, "%s", number);
        text_real(number, (double)p[i].value);
        if (valued) text_cell(&t, "%s", number);
        if (titles) text_cell(&t, "%s", p[i].title);
    }
    return text_table_print(&t, stdout, err);
}

static habit_status predict(const invocation *in, const habit_model *m, const habit_query *q,
                            const char *const *items, size_t n, habit_error *err)
{
    const char *what = habit_model_predicts(m);
    habit_prediction *p = NEW(habit_prediction, n);
    habit_status st = p ? HABIT_OK : fail_memory(err, "predictions", n * sizeof *p);
    if (st == HABIT_OK) st = habit_model_predict(m, q, items, n, p, err);
    for (size_t i = 0; st == HABIT_OK && i < n; i++)
        if (!p[i].known) st = fail(err, HABIT_ENOTFOUND, "no item '%s' in the model", items[i]);
    if (st == HABIT_OK)
        st = (own_options(in)->json ? print_json : print_text)(items, p, n, what, err);
    mem_free(p);
    return st;
}

static habit_status ask(const invocation *in, const habit_model *m, habit_error *err)
{
    const cli_options *own = own_options(in);
    text_list history = { 0 }, items = { 0 };
    habit_status st = text_list_split(&history, own->history, err);
    if (st == HABIT_OK) st = text_list_split(&items, own->item, err);
    if (st == HABIT_OK) {
        const habit_query q = {
            .size = sizeof q, .user = own->user, .history = history.part, .history_count = history.n
        };
        st = predict(in, m, &q, items.part, items.n, err);
    }
    text_list_free(&history);
    text_list_free(&items);
    return st;
}

habit_status cmd_predict(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    const char *dir = in->operands[0];
    if (own->pairs) {
        char *report;
        if (own->user || own->history || own->item)
            return fail(err, HABIT_EINVAL, "--pairs goes without --user, --history and --item");
        if (!own->out) return fail(err, HABIT_EINVAL, "--pairs needs --out FILE");
        TRY(habit_predict_all(in->options, dir, own->pairs, own->out, &report, err));
        progress_footer(in->progress, option_text(in, "seed"));
        return text_show(report, own->json, err);
    }
    if (own->out) return fail(err, HABIT_EINVAL, "--out goes with --pairs");
    if (!own->item) return fail(err, HABIT_EINVAL, "of what? --item A,B,C, or --pairs FILE");
    if (!own->user && !own->history)
        return fail(err, HABIT_EINVAL, "whose? --user ID, --history A,B,C, or --pairs FILE");
    habit_model *m;
    TRY(habit_model_open(&m, dir, err));
    const habit_status st = ask(in, m, err);
    habit_model_free(m);
    return st;
}

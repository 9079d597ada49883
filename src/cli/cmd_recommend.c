// cmd_recommend.c - habit recommend MODEL: the best items, or the next several behaviours.
#include "base/memory.h"
#include "cli/command.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static habit_status print_json(const habit_answer *a, size_t n, habit_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_pack("{s:I, s:o, s:f}", "rank", (json_int_t)i + 1, "item",
                                text_json(a[i].item), "score", (double)a[i].score);
        if (*a[i].title) json_object_set_new(row, "title", text_json(a[i].title));
        json_array_append_new(rows, row);
    }
    json_t *object = json_pack("{s:o}", "recommendations", rows);
    const bool ok =
        object && json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;
    json_decref(object);
    puts("");
    return ok ? HABIT_OK : fail_memory(err, "report", n * sizeof *a);
}

static habit_status print_text(const habit_answer *a, size_t n, habit_error *err)
{
    bool titles = false;
    for (size_t i = 0; i < n; i++) titles = titles || *a[i].title;
    text_table t = { .columns = titles ? 4 : 3 };
    text_cell(&t, "rank");
    text_cell(&t, "item");
    text_cell(&t, "score");
    if (titles) text_cell(&t, "title");
    for (size_t i = 0; i < n; i++) {
        char score[32];
        text_real(score, (double)a[i].score);
        text_cell(&t, "%zu", i + 1);
        text_cell(&t, "%s", a[i].item);
        text_cell(&t, "%s", score);
        if (titles) text_cell(&t, "%s", a[i].title);
    }
    return text_table_print(&t, stdout, err);
}

// --- steps ------------------------------------------------------------------------------------------

static habit_status print_steps_json(const habit_step *s, size_t n, habit_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_pack("{s:I, s:o, s:f}", "step", (json_int_t)i + 1, "item",
                                text_json(s[i].item), "item_probability", s[i].item_probability);
        if (*s[i].title) json_object_set_new(row, "title", text_json(s[i].title));
        if (*s[i].behaviour) {
            json_object_set_new(row, "behaviour", text_json(s[i].behaviour));
            json_object_set_new(row, "behaviour_probability",
                                json_real(s[i].behaviour_probability));
        }
        json_object_set_new(row, "joint_probability", json_real(s[i].joint_probability));
        json_array_append_new(rows, row);
    }
    json_t *object = json_pack("{s:o}", "steps", rows);
    const bool ok =
        object && json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;
    json_decref(object);
    puts("");
    return ok ? HABIT_OK : fail_memory(err, "report", n * sizeof *s);
}

static habit_status print_steps_text(const habit_step *s, size_t n, habit_error *err)
{
    bool titles = false, behaviours = false;
    for (size_t i = 0; i < n; i++) {
        titles = titles || *s[i].title;
        behaviours = behaviours || *s[i].behaviour;
    }
    text_table t = { .columns = 4u + 2u * behaviours + titles };
    text_cell(&t, "step");
    text_cell(&t, "item");
    if (behaviours) text_cell(&t, "behaviour");
    text_cell(&t, "p(item)");
    if (behaviours) text_cell(&t, "p(behaviour)");
    text_cell(&t, "p(so far)");
    if (titles) text_cell(&t, "title");
    for (size_t i = 0; i < n; i++) {
        text_cell(&t, "%zu", i + 1);
        text_cell(&t, "%s", s[i].item);
        if (behaviours) text_cell(&t, "%s", s[i].behaviour);
        text_cell(&t, "%.3g", s[i].item_probability);
        if (behaviours) text_cell(&t, "%.3g", s[i].behaviour_probability);
        text_cell(&t, "%.3g", s[i].joint_probability);
        if (titles) text_cell(&t, "%s", s[i].title);
    }
    return text_table_print(&t, stdout, err);
}

static habit_status ask_steps(const invocation *in, const habit_model *m, const habit_query *q,
                              size_t n, habit_error *err)
{
    const size_t beam = (size_t)strtoul(option_text(in, "beam"), NULL, 10);
    habit_step *steps = NEW(habit_step, n);
    size_t count;
    if (!steps) return fail_memory(err, "steps", n * sizeof *steps);
    habit_status st = habit_model_steps(m, q, beam, steps, n, &count, err);
    if (st == HABIT_OK)
        st = own_options(in)->json ? print_steps_json(steps, count, err)
                                   : print_steps_text(steps, count, err);
    mem_free(steps);
    return st;
}

// --- one question -------------------------------------------------------------------------------------

static habit_status ask_items(const invocation *in, const habit_model *m, const habit_query *q,
                              habit_error *err)
{
    const size_t n = (size_t)strtoul(option_text(in, "n"), NULL, 10);
    habit_answer *answers = NEW(habit_answer, n);
    size_t count;
    if (!answers) return fail_memory(err, "answers", n * sizeof *answers);
    habit_status st = habit_model_recommend(m, q, answers, n, &count, err);
    if (st == HABIT_OK)
        st = own_options(in)->json ? print_json(answers, count, err)
                                   : print_text(answers, count, err);
    mem_free(answers);
    return st;
}

static habit_status ask(const invocation *in, const habit_model *m, habit_error *err)
{
    const cli_options *own = own_options(in);
    const size_t steps = (size_t)strtoul(option_text(in, "steps"), NULL, 10);
    text_list history;
    TRY(text_list_split(&history, own->history, err));
    const habit_query q = {
        .size = sizeof q,
        .user = own->user,
        .history = history.part,
        .history_count = history.n,
        .exclude_seen = strcmp(option_text(in, "seen"), "filter") == 0,
    };
    const habit_status st = steps ? ask_steps(in, m, &q, steps, err) : ask_items(in, m, &q, err);
    text_list_free(&history);
    return st;
}

habit_status cmd_recommend(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    const char *dir = in->operands[0];
    if (own->users) {
        char *report;
        if (own->user || own->history)
            return fail(err, HABIT_EINVAL, "--users all goes without --user and --history");
        if (!own->out) return fail(err, HABIT_EINVAL, "--users all needs --out FILE");
        TRY(habit_recommend_all(in->options, dir, own->out, &report, err));
        progress_footer(in->progress, option_text(in, "seed"));
        return text_show(report, own->json, err);
    }
    if (own->out) return fail(err, HABIT_EINVAL, "--out goes with --users all");
    if (!own->user && !own->history)
        return fail(err, HABIT_EINVAL, "who asks? --user ID, --history A,B,C, or --users all");
    if (strcmp(option_text(in, "beam"), "1") != 0 && strcmp(option_text(in, "steps"), "0") == 0)
        return fail(err, HABIT_EINVAL, "--beam goes with --steps");
    habit_model *m;
    TRY(habit_model_open(&m, dir, err));
    const habit_status st = ask(in, m, err);
    habit_model_free(m);
    return st;
}

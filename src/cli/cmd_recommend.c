// cmd_recommend.c - habit recommend MODEL (--user ID | --history A,B,C | --users all --out FILE)
#include "base/memory.h"
#include "cli/command.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Splits "A,B,C" in place; items[] points into it.
static size_t split_list(char *text, const char **items, size_t most)
{
    size_t n = 0;
    for (char *s = text; *s && n < most;) {
        const size_t len = strcspn(s, ",");
        const bool last = s[len] == '\0';
        s[len] = '\0';
        if (len) items[n++] = s;
        s += len + !last;
    }
    return n;
}

// An id or title that is not UTF-8 cannot stand in JSON as it is: null, and the score remains.
static json_t *json_of_text(const char *text)
{
    json_t *s = json_string(text);
    return s ? s : json_null();
}

static habit_status print_json(const habit_answer *a, size_t n, habit_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_pack("{s:I, s:o, s:f}", "rank", (json_int_t)i + 1, "item",
                                json_of_text(a[i].item), "score", (double)a[i].score);
        if (*a[i].title) json_object_set_new(row, "title", json_of_text(a[i].title));
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

static habit_status ask(const invocation *in, const habit_model *m, habit_error *err)
{
    const cli_options *own = own_options(in);
    const size_t n = (size_t)strtoul(option_text(in, "n"), NULL, 10);
    const size_t most = own->history ? strlen(own->history) : 0;
    char *text = mem_strdup(own->history ? own->history : "");
    const char **items = NEW(const char *, most);
    habit_answer *answers = NEW(habit_answer, n);
    habit_status st = HABIT_OK;
    if (!text || !items || !answers) st = fail_memory(err, "answers", n * sizeof *answers);
    if (st == HABIT_OK) {
        const habit_query q = {
            .size = sizeof q,
            .user = own->user,
            .history = items,
            .history_count = split_list(text, items, most),
            .exclude_seen = strcmp(option_text(in, "seen"), "filter") == 0,
        };
        size_t count;
        st = habit_model_recommend(m, &q, answers, n, &count, err);
        if (st == HABIT_OK)
            st = own->json ? print_json(answers, count, err) : print_text(answers, count, err);
    }
    mem_free(text);
    mem_free(items);
    mem_free(answers);
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
    habit_model *m;
    TRY(habit_model_open(&m, dir, err));
    const habit_status st = ask(in, m, err);
    habit_model_free(m);
    return st;
}

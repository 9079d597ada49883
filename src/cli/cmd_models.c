// cmd_models.c - habit models
#include "cli/command.h"
#include "cli/text.h"

#include <stdio.h>

static habit_status print_models(const json_t *models, habit_error *err)
{
    text_table t = { .columns = 3 };
    size_t i;
    json_t *m;
    text_cell(&t, "model");
    text_cell(&t, "title");
    text_cell(&t, "paper");
    json_array_foreach((json_t *)(uintptr_t)models, i, m)
    {
        text_cell(&t, "%s", json_string_value(json_object_get(m, "model")));
        text_cell(&t, "%s", json_string_value(json_object_get(m, "title")));
        text_cell(&t, "%s", json_string_value(json_object_get(m, "paper")));
    }
    TRY(text_table_print(&t, stdout, err));
    puts("\n`habit help train --model NAME` explains the options of one.");
    return HABIT_OK;
}

habit_status cmd_models(const invocation *in, habit_error *err)
{
    char *report;
    json_t *object = NULL;
    TRY(habit_models(&report, err));
    if (own_options(in)->json) return text_show(report, true, err);
    habit_status st = text_parse(&object, report, err);
    if (st == HABIT_OK) st = print_models(json_object_get(object, "models"), err);
    json_decref(object);
    habit_free(report);
    return st;
}

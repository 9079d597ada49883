// models.c - habit_models(): every model as JSON.
#include "base/json.h"
#include "models/model.h"

static json_t *json_of_rows(const opt *table)
{
    json_t *rows = json_array();
    for (const opt *o = table; rows && o->name; o++) {
        json_t *row =
            json_pack("{s:s, s:s?, s:s, s:s?, s:s}", "name", o->name, "argument",
                      o->kind == OPT_FLAG ? NULL : o->arg, "default",
                      o->fallback ? o->fallback : "", "choices", o->choices, "help", o->help);
        if (row && (o->min != 0 || o->max != 0))
            json_object_set_new(row, "range", json_pack("[f, f]", o->min, o->max));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *json_of_class(const model_class *c)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needs[] = { { NEEDS_TIME, "time" }, { NEEDS_VALUE, "value" }, { NEEDS_ORDER, "order" } };
    json_t *list = json_array();
    for (size_t i = 0; i < COUNT_OF(needs); i++)
        if (c->needs & needs[i].bit) json_array_append_new(list, json_string(needs[i].name));
    return json_pack("{s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:o}", "model", c->name, "title",
                     c->title, "paper", c->paper, "needs", list, "predicts_value",
                     (c->needs & PREDICTS_VALUE) != 0, "trainable", c->fit || c->network, "vectors",
                     c->encode != NULL, "options", json_of_rows(c->table));
}

habit_status habit_models(char **report, habit_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; list && model_at(i); i++)
        json_array_append_new(list, json_of_class(model_at(i)));
    return json_hand_over(report, json_pack("{s:o}", "models", list), err);
}

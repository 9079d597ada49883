// options.c - habit_options: one verb's tables, looked up by name as if they were one.
//
// Precedence: habit_options_set() (the command line) over habit_options_load() (a file) over the
// default, whatever the order of the calls.
#include "lib/options.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "lib/tables.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// --- tables ------------------------------------------------------------------------------------

static habit_status slot_add(habit_options *options, const opt *table, size_t size,
                             enum option_owner owner, habit_error *err)
{
    option_slot s = { .owner = owner };
    assert(options->slots < OPTION_SLOTS);
    TRY(opt_values_init(&s.values, table, size, err));
    s.loaded = ZNEW(bool, s.values.rows + 1);
    if (!s.loaded) {
        opt_values_free(&s.values);
        return fail_memory(err, "options", s.values.rows);
    }
    options->slot[options->slots++] = s;
    return HABIT_OK;
}

static void slot_free(option_slot *s)
{
    opt_values_free(&s->values);
    mem_free(s->loaded);
    *s = (option_slot){ 0 };
}

static habit_option public_row(const opt *o, enum option_owner owner)
{
    return (habit_option){
        .name = o->name,
        .argument = o->kind == OPT_FLAG ? NULL : o->arg,
        .fallback = o->fallback ? o->fallback : "",
        .choices = o->choices,
        .help = o->help,
        .min = o->min,
        .max = o->max,
        .owner = (int)owner,
    };
}

// Rebuilds the list that habit_options_at() shows.
static habit_status rows_refresh(habit_options *options, habit_error *err)
{
    size_t n = 0;
    for (size_t s = 0; s < options->slots; s++) n += options->slot[s].values.rows;
    habit_option *rows = NEW(habit_option, n);
    if (!rows) return fail_memory(err, "options", n * sizeof *rows);
    size_t k = 0;
    for (size_t s = 0; s < options->slots; s++)
        for (size_t i = 0; i < options->slot[s].values.rows; i++)
            rows[k++] = public_row(&options->slot[s].values.table[i], options->slot[s].owner);
    mem_free(options->rows);
    options->rows = rows;
    options->rows_count = n;
    return HABIT_OK;
}

habit_status habit_options_new(habit_options **out, const char *verb, habit_error *err)
{
    size_t n;
    const verb_tables *v = NULL;
    const char *near = NULL;
    for (n = 0; verb && verb_at(n); n++) {
        if (strcmp(verb_at(n)->verb, verb) == 0) v = verb_at(n);
        if (edit_distance(verb_at(n)->verb, verb) < 3) near = verb_at(n)->verb;
    }
    if (!v)
        return fail(err, HABIT_EINVAL, "no verb '%s' has options%s%s", verb ? verb : "",
                    near ? "; did you mean " : "", near ? near : "");
    habit_options *options = ZNEW(habit_options, 1);
    if (!options) return fail_memory(err, "options", sizeof *options);
    options->verb = v->verb;
    habit_status st = HABIT_OK;
    for (size_t i = 0; st == HABIT_OK && i < VERB_TABLES && v->table[i].rows; i++)
        st = slot_add(options, v->table[i].rows, v->table[i].size(), v->table[i].owner, err);
    if (st == HABIT_OK) st = rows_refresh(options, err);
    if (st != HABIT_OK) {
        habit_options_free(options);
        return st;
    }
    *out = options;
    return HABIT_OK;
}

void habit_options_free(habit_options *options)
{
    if (!options) return;
    for (size_t s = 0; s < options->slots; s++) slot_free(&options->slot[s]);
    mem_free(options->rows);
    mem_free(options);
}

static bool takes_model(const habit_options *options)
{
    return options_slot(options, train_table) || options_slot(options, tune_table);
}

habit_status habit_options_model(habit_options *options, const char *name, habit_error *err)
{
    if (!takes_model(options))
        return fail(err, HABIT_EINVAL, "options of `%s` take no model", options->verb);
    const model_class *c = model_find(name);
    if (!c || (!c->fit && !c->network)) {
        const char *near = model_nearest(name);
        return fail(err, HABIT_EINVAL, "no model '%s'%s%s%s; `habit models` lists them", name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (options->class == c) return HABIT_OK;
    if (options->class)
        return fail(err, HABIT_EINVAL, "the model is '%s' already, not '%s'", options->class->name,
                    name);
    TRY(slot_add(options, c->table, c->options_size, OWNER_MODEL, err));
    options->class = c;
    return rows_refresh(options, err);
}

// --- finding -----------------------------------------------------------------------------------

const option_slot *options_slot(const habit_options *options, const opt *table)
{
    for (size_t s = 0; s < options->slots; s++)
        if (options->slot[s].values.table == table) return &options->slot[s];
    return NULL;
}

const void *options_of(const habit_options *options, const opt *table)
{
    const option_slot *s = options_slot(options, table);
    return s ? s->values.values : NULL;
}

const opt_values *options_values_of_model(const habit_options *options)
{
    const option_slot *s = options->class ? options_slot(options, options->class->table) : NULL;
    return s ? &s->values : NULL;
}

const void *options_of_model(const habit_options *options)
{
    const opt_values *v = options_values_of_model(options);
    return v ? v->values : NULL;
}

// Slot and row of `name`, or NULL.
static option_slot *find(const habit_options *options, const char *name, int *row)
{
    for (size_t s = 0; s < options->slots; s++) {
        const int i = opt_find(&options->slot[s].values, name);
        if (i < 0) continue;
        *row = i;
        return (option_slot *)(uintptr_t)&options->slot[s];
    }
    return NULL;
}

bool options_given(const habit_options *options, const char *name)
{
    int row;
    const option_slot *s = find(options, name, &row);
    return s && s->values.given[row];
}

habit_status options_expect(const habit_options *options, const char *verb, habit_error *err)
{
    if (!options || strcmp(options->verb, verb) != 0)
        return fail(err, HABIT_EINVAL,
                    "options made for '%s' given to '%s'; make them with "
                    "habit_options_new(&opt, \"%s\", err)",
                    options ? options->verb : "nothing", verb, verb);
    return HABIT_OK;
}

static habit_status unknown(const habit_options *options, const char *name, habit_error *err)
{
    const opt_values *tables[OPTION_SLOTS];
    for (size_t s = 0; s < options->slots; s++) tables[s] = &options->slot[s].values;
    const char *near = opt_nearest(tables, options->slots, name);
    const bool perhaps_a_model = takes_model(options) && !options->class;
    return fail(err, HABIT_EINVAL, "unknown option --%s%s%s%s%s", name,
                near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
                perhaps_a_model ? " (a model's own options need --model NAME)" : "");
}

// --- setting -----------------------------------------------------------------------------------

habit_status habit_options_set(habit_options *options, const char *name, const char *value,
                               habit_error *err)
{
    int row;
    option_slot *s = find(options, name, &row);
    if (!s) return unknown(options, name, err);
    if (s->values.table[row].kind == OPT_FLAG && strcmp(name, s->values.table[row].name) != 0) {
        if (value) return fail(err, HABIT_EINVAL, "--%s takes no value", name); // --no-NAME
        value = "false";
    }
    if (s->loaded[row]) s->values.given[row] = false; // a list starts anew
    TRY(opt_set(&s->values, row, value, err));
    s->loaded[row] = false;
    if (takes_model(options) && strcmp(name, "model") == 0)
        return habit_options_model(options, value, err);
    return HABIT_OK;
}

const char *habit_options_get(const habit_options *options, const char *name)
{
    int row;
    const option_slot *s = find(options, name, &row);
    return s ? s->values.text[row] : NULL;
}

// --- files -------------------------------------------------------------------------------------

typedef struct loader {
    habit_options *options;
    const char *path;
    bool models_only; // first pass: `model:` brings the rows that the second may meet
} loader;

// "a,b,c" of a YAML list.
static habit_status join(buffer *out, const char *const *values, size_t n, habit_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i) buffer_text(out, ",");
        buffer_text(out, values[i]);
    }
    buffer_add(out, "", 0);
    return buffer_check(out, err);
}

static habit_status load_entry(void *ctx, const char *name, const char *const *values, size_t n,
                               size_t line, habit_error *err)
{
    const loader *l = ctx;
    const bool is_model = takes_model(l->options) && strcmp(name, "model") == 0;
    if (is_model != l->models_only) return HABIT_OK;
    int row;
    option_slot *s = find(l->options, name, &row);
    habit_error inner = { 0 };
    habit_status st;
    if (!s) {
        st = unknown(l->options, name, &inner);
    } else if (s->loaded[row]) {
        st = fail(&inner, HABIT_EINVAL, "--%s: given twice", name);
    } else if (s->values.given[row]) {
        return HABIT_OK; // the command line wins
    } else if (n != 1 && s->values.table[row].kind != OPT_LIST) {
        st = fail(&inner, HABIT_EINVAL, "--%s: takes one value, not %zu", name, n);
    } else {
        buffer text = { 0 };
        st = join(&text, values, n, &inner);
        if (st == HABIT_OK) st = habit_options_set(l->options, name, text.data, &inner);
        buffer_free(&text);
        if (st == HABIT_OK) s->loaded[row] = true;
    }
    if (st != HABIT_OK) return fail(err, st, "%s:%zu: %s", l->path, line, inner.message);
    return HABIT_OK;
}

habit_status habit_options_load(habit_options *options, const char *yaml_file, habit_error *err)
{
    loader l = { .options = options, .path = yaml_file, .models_only = true };
    for (size_t s = 0; s < options->slots; s++) // a second file overrides the first
        for (size_t i = 0; i < options->slot[s].values.rows; i++)
            if (options->slot[s].loaded[i]) {
                options->slot[s].loaded[i] = false;
                options->slot[s].values.given[i] = false;
            }
    if (takes_model(options)) TRY(yaml_read(yaml_file, load_entry, &l, err));
    l.models_only = false;
    return yaml_read(yaml_file, load_entry, &l, err);
}

// --- showing -----------------------------------------------------------------------------------

size_t habit_options_count(const habit_options *options)
{
    return options->rows_count;
}

const habit_option *habit_options_at(const habit_options *options, size_t i)
{
    return i < options->rows_count ? &options->rows[i] : NULL;
}

void habit_options_hooks(habit_options *options, const habit_hooks *hooks)
{
    options->hooks = (habit_hooks){ 0 };
    if (hooks)
        memcpy(&options->hooks, hooks, hooks->size < sizeof *hooks ? hooks->size : sizeof *hooks);
}

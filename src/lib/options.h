// options.h - the values of one verb, gathered from the tables of the layers that do its work.
//
//     verb "train":   train_table      the verb's own rows
//                     split_table      who may see what
//                     import_table     reading and cleaning
//                     general_table    threads, seed
//                     ease_table       added by habit_options_model(), or by setting "model"
//
// Each table fills the struct of the layer that owns it; options_of() hands that struct out.
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H
#include "base/opt.h"
#include "models/model.h"

enum option_owner { OWNER_VERB, OWNER_DATA, OWNER_MODEL };

typedef struct option_slot {
    opt_values values;
    enum option_owner owner;
    bool *loaded; // per row: came from a file, so a later set replaces it
} option_slot;

enum { OPTION_SLOTS = 8 };

struct habit_options {
    const char *verb;
    option_slot slot[OPTION_SLOTS];
    size_t slots;
    const model_class *class; // NULL until a model is named
    habit_option *rows;       // what habit_options_at() shows
    size_t rows_count;
    habit_hooks hooks;
};

// The struct that `table` fills, or NULL if the verb does not have that table.
const void *options_of(const habit_options *options, const opt *table);
const option_slot *options_slot(const habit_options *options, const opt *table);

// The value of `name` was set by somebody, not the default.
bool options_given(const habit_options *options, const char *name);

// HABIT_EINVAL unless `opt` was made for `verb`.
habit_status options_expect(const habit_options *options, const char *verb, habit_error *err);

// The struct and the values of the model's own table.
const void *options_of_model(const habit_options *options);
const opt_values *options_values_of_model(const habit_options *options);

#endif

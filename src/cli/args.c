// args.c - parsing: --name value, --name=value, --switch, --no-switch, -n 10, operands anywhere.
//
// A model brings options of its own, so --model, or the config file that names it, is looked for
// before anything else is understood.
#include "cli/args.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const struct {
    char letter;
    const char *name;
} letters[] = {
    { 'h', "help" },  { 'm', "model" },   { 'n', "n" },       { 'o', "out" },
    { 'q', "quiet" }, { 't', "threads" }, { 'v', "verbose" },
};

// The option name of a word, and the value glued to it; false for operands.
static bool option_name(const char *word, char name[64], const char **value)
{
    *value = NULL;
    if (word[0] != '-' || word[1] == '\0') return false; // "-" is standard input
    if (word[1] != '-') {
        for (size_t i = 0; i < COUNT_OF(letters); i++)
            if (letters[i].letter == word[1] && word[2] == '\0') {
                snprintf(name, 64, "%s", letters[i].name);
                return true;
            }
        snprintf(name, 64, "%s", word + 1); // unknown: named in the error
        return true;
    }
    const char *equals = strchr(word, '=');
    const size_t len = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    snprintf(name, 64, "%.*s", len > 63 ? 63 : (int)len, word + 2);
    *value = equals ? equals + 1 : NULL;
    return true;
}

// The value of the first --name among the words, or NULL.
static const char *peek(const char *wanted, size_t n, char **words)
{
    for (size_t i = 0; i < n && strcmp(words[i], "--") != 0; i++) {
        char name[64];
        const char *value;
        if (!option_name(words[i], name, &value) || strcmp(name, wanted) != 0) continue;
        if (value) return value;
        return i + 1 < n ? words[i + 1] : NULL;
    }
    return NULL;
}

static const habit_option *library_row(const habit_options *options, const char *name)
{
    for (size_t i = 0; options && i < habit_options_count(options); i++) {
        const habit_option *o = habit_options_at(options, i);
        if (strcmp(o->name, name) == 0) return o;
        if (!o->argument && strncmp(name, "no-", 3) == 0 && strcmp(o->name, name + 3) == 0)
            return o;
    }
    return NULL;
}

static habit_status unknown(const invocation *in, const char *name, habit_error *err)
{
    const opt_values *own = &in->own;
    const char *near = opt_nearest(&own, 1, name);
    if (in->options) { // the library knows more names: ask it, then take the nearer
        habit_error theirs = { 0 };
        habit_options_set(in->options, name, "", &theirs);
        const char *hint = strstr(theirs.message, "did you mean --");
        char word[64] = "";
        if (hint) snprintf(word, sizeof word, "%.*s", (int)strcspn(hint + 15, "?"), hint + 15);
        if (!near || (hint && edit_distance(name, word) < edit_distance(name, near)))
            return fail(err, HABIT_EINVAL, "%s", theirs.message);
    }
    if (near) return fail(err, HABIT_EINVAL, "unknown option --%s; did you mean --%s?", name, near);
    return fail(err, HABIT_EINVAL, "unknown option --%s", name);
}

// Understands words[*at], an option; moves past the value it takes.
static habit_status take_option(invocation *in, size_t n, char **words, size_t *at,
                                habit_error *err)
{
    char name[64];
    const char *value;
    option_name(words[*at], name, &value);
    const int row = opt_find(&in->own, name);
    const habit_option *theirs = library_row(in->options, name);
    if (row < 0 && !theirs) return unknown(in, name, err);
    const bool is_switch =
        row >= 0 ? in->own.table[row].kind == OPT_FLAG : theirs->argument == NULL;
    if (!is_switch && !value) {
        if (*at + 1 == n) return fail(err, HABIT_EINVAL, "--%s: needs a value", name);
        value = words[++*at];
    }
    if (row < 0) return habit_options_set(in->options, name, value, err);
    const bool off = is_switch && strncmp(name, "no-", 3) == 0;
    return opt_set(&in->own, row, off ? "false" : value, err);
}

static habit_status check_operands(const invocation *in, habit_error *err)
{
    const command *c = in->command;
    if (own_options(in)->help) return HABIT_OK;
    if (in->count < c->least)
        return fail(err, HABIT_EINVAL, "needs %s", *c->operands ? c->operands : "more operands");
    if (in->count > c->most)
        return fail(err, HABIT_EINVAL, "'%s' is one operand too many", in->operands[c->most]);
    return HABIT_OK;
}

habit_status args_parse(invocation *out, const command *c, size_t n, char **words, habit_error *err)
{
    *out = (invocation){ .command = c };
    TRY(opt_values_init(&out->own, c->table, sizeof(cli_options), err));
    if (c->has_options) TRY(habit_options_new(&out->options, c->name, err));
    out->operands = NEW(const char *, n + 1);
    if (!out->operands) return fail_memory(err, "command line", n * sizeof(char *));

    const char *model = out->options ? peek("model", n, words) : NULL;
    if (model && habit_options_get(out->options, "model"))
        TRY(habit_options_set(out->options, "model", model, err));
    const char *config = out->options ? peek("config", n, words) : NULL;
    if (config) TRY(habit_options_load(out->options, config, err));

    bool only_operands = false;
    char name[64];
    const char *value;
    for (size_t i = 0; i < n; i++) {
        if (!only_operands && strcmp(words[i], "--") == 0)
            only_operands = true;
        else if (only_operands || !option_name(words[i], name, &value))
            out->operands[out->count++] = words[i];
        else
            TRY(take_option(out, n, words, &i, err));
    }
    return check_operands(out, err);
}

void args_free(invocation *in)
{
    opt_values_free(&in->own);
    habit_options_free(in->options);
    mem_free(in->operands);
    *in = (invocation){ 0 };
}

const char *option_text(const invocation *in, const char *name)
{
    const char *text = in->options ? habit_options_get(in->options, name) : NULL;
    return text ? text : "";
}

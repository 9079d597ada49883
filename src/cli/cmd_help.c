// cmd_help.c - habit help [VERB] [--model NAME]
#include "cli/command.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

enum { HELP_WIDTH = 96, HELP_COLUMN = 30 };

void usage_line(char *out, size_t size, const command *c)
{
    snprintf(out, size, "habit %s%s%s [OPTION]...", c->name, *c->operands ? " " : "", c->operands);
}

void help_overview(FILE *out)
{
    fputs("habit learns what people do next from the log of what they did before.\n\n"
          "    habit VERB OPERANDS --options\n\n",
          out);
    for (size_t i = 0; command_at(i); i++)
        if (command_at(i)->details)
            fprintf(out, "    %-10s %s\n", command_at(i)->name, command_at(i)->summary);
    fputs("\n`habit help VERB` explains one; `habit --version` names the version.\n"
          "Results go to standard output, words and progress to standard error.\n"
          "Exit codes: 0 ok, 64 usage, 65 bad data, 66 not found, 70 internal, 71 out of memory,\n"
          "74 input/output, 130 stopped.\n",
          out);
}

static void help_row(FILE *out, const char *name, const char *argument, const char *help,
                     const char *fallback)
{
    char text[1024];
    const bool plain = !argument && (!*fallback || strcmp(fallback, "no") == 0);
    snprintf(text, sizeof text, "%s%s%s%s", help, *fallback && !plain ? " [" : "",
             plain ? "" : fallback, *fallback && !plain ? "]" : "");
    const int used =
        fprintf(out, "  --%s%s%s", name, argument ? " " : "", argument ? argument : "");
    if (used > HELP_COLUMN - 2)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(out, "%*s", HELP_COLUMN - used, "");
    text_fold(out, text, HELP_COLUMN, HELP_WIDTH);
}

static void help_library_row(FILE *out, const habit_option *o)
{
    char argument[160];
    if (o->argument && o->choices)
        snprintf(argument, sizeof argument, "%s",
                 strlen(o->choices) < 40 ? o->choices : o->argument);
    else if (o->argument)
        snprintf(argument, sizeof argument, "%s", o->argument);
    help_row(out, o->name, o->argument ? argument : NULL, o->help, o->fallback);
}

static void help_group(FILE *out, const habit_options *options, int owner, const char *title)
{
    bool any = false;
    for (size_t i = 0; i < habit_options_count(options); i++) {
        const habit_option *o = habit_options_at(options, i);
        if (o->owner != owner) continue;
        if (!any && *title) fprintf(out, "\n%s\n", title);
        any = true;
        help_library_row(out, o);
    }
}

habit_status help_command(const command *c, const habit_options *options, FILE *out,
                          habit_error *err)
{
    (void)err;
    char line[256];
    usage_line(line, sizeof line, c);
    fprintf(out, "%s\n%s\n\n", line, c->summary);
    if (c->details) text_fold(out, c->details, 0, HELP_WIDTH);
    if (c->example) fprintf(out, "\n    %s\n", c->example);
    fputs("\noptions\n", out);
    for (const opt *o = c->table; o->name; o++)
        help_row(out, o->name, o->kind == OPT_FLAG ? NULL : o->arg, o->help,
                 o->fallback ? o->fallback : "");
    if (!options) return HABIT_OK;
    help_group(out, options, 0, "");
    const char *model = habit_options_get(options, "model");
    char title[128];
    snprintf(title, sizeof title, "options of the model %s", model ? model : "");
    help_group(out, options, 2, title);
    if (model && !*model)
        fputs("\nA model has options of its own: habit help train --model NAME\n", out);
    help_group(out, options, 1, "reading and cleaning");
    return HABIT_OK;
}

habit_status cmd_help(const invocation *in, habit_error *err)
{
    if (in->count == 0) {
        help_overview(stdout);
        return HABIT_OK;
    }
    const command *c = command_find(in->operands[0]);
    if (!c) {
        const char *near = command_nearest(in->operands[0]);
        return fail(err, HABIT_EINVAL, "no verb '%s'%s%s%s", in->operands[0],
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    habit_options *options = NULL;
    habit_status st = HABIT_OK;
    const char *model = own_options(in)->model;
    if (c->has_options) st = habit_options_new(&options, c->name, err);
    if (st == HABIT_OK && options && model) st = habit_options_set(options, "model", model, err);
    if (st == HABIT_OK) st = help_command(c, options, stdout, err);
    habit_options_free(options);
    return st;
}

// cmd_docs.c - habit docs cli|man: the documents that are made from the option tables.
//
//     habit docs cli > docs/cli.md        habit docs man > man/habit.1
//
// A test compares them with the committed files.
#include "cli/command.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

// How one document is written; the walk over verbs, options and models is shared.
typedef struct writer {
    void (*open)(FILE *out);
    void (*verb)(FILE *out, const command *c);
    void (*group)(FILE *out, const char *title);
    void (*row)(FILE *out, const char *name, const char *argument, const char *choices,
                const char *fallback, const char *help);
    void (*group_end)(FILE *out);
    void (*close)(FILE *out);
} writer;

// --- markdown ----------------------------------------------------------------------------------

static void markdown_open(FILE *out)
{
    fputs(
        "# The command line\n\n"
        "<!-- Made by `habit docs cli`; edit the option tables instead. -->\n\n"
        "`habit VERB OPERANDS --options`. Results go to standard output, words and progress to "
        "standard error; `--json` gives results to machines. An option is written `--name value` "
        "or `--name=value`; a switch `--name` or `--no-name`. The same names stand in a YAML file "
        "given by `--config`; the command line wins.\n\n"
        "Exit codes: 0 ok, 64 usage, 65 bad data, 66 not found, 70 internal, 71 out of memory, "
        "74 input/output, 130 stopped.\n\n",
        out);
    for (size_t i = 0; command_at(i); i++)
        if (command_at(i)->details)
            fprintf(out, "- [`habit %s`](#habit-%s): %s\n", command_at(i)->name,
                    command_at(i)->name, command_at(i)->summary);
}

static void markdown_verb(FILE *out, const command *c)
{
    char line[256];
    usage_line(line, sizeof line, c);
    fprintf(out, "\n## habit %s\n\n%s.\n\n    %s\n\n%s\n\nExample:\n\n    %s\n", c->name,
            c->summary, line, c->details, c->example);
}

static void markdown_group(FILE *out, const char *title)
{
    fprintf(out, "\n%s:\n\n| option | value | default | meaning |\n|---|---|---|---|\n", title);
}

// In a table `|` ends a cell.
static void markdown_text(FILE *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '|') fputc('\\', out);
        fputc(*s, out);
    }
}

static void markdown_row(FILE *out, const char *name, const char *argument, const char *choices,
                         const char *fallback, const char *help)
{
    fprintf(out, "| `--%s` | ", name);
    markdown_text(out, choices ? choices : argument ? argument : "switch");
    fputs(" | ", out);
    markdown_text(out, fallback);
    fputs(" | ", out);
    markdown_text(out, help);
    fputs(" |\n", out);
}

static void nothing(FILE *out)
{
    (void)out;
}

// --- man ---------------------------------------------------------------------------------------

// A dash is \-, a backslash \e, and a leading dot or quote would be a macro.
static void man_text(FILE *out, const char *s)
{
    if (*s == '.' || *s == '\'') fputs("\\&", out);
    for (; *s; s++) {
        if (*s == '-')
            fputs("\\-", out);
        else if (*s == '\\')
            fputs("\\e", out);
        else
            fputc(*s, out);
    }
}

static void man_open(FILE *out)
{
    fputs(".\\\" Made by `habit docs man`; edit the option tables instead.\n"
          ".TH HABIT 1 \"\" \"habit ",
          out);
    man_text(out, habit_version());
    fputs(
        "\" \"User Commands\"\n.SH NAME\nhabit \\- learn what people do next from the log of what "
        "they did before\n.SH SYNOPSIS\n.B habit\n.I VERB OPERANDS\n[\\fIOPTION\\fR]...\n"
        ".SH DESCRIPTION\n"
        "Results go to standard output, words and progress to standard error; \\fB\\-\\-json\\fR "
        "gives results to machines.\n.SH VERBS\n",
        out);
}

static void man_verb(FILE *out, const command *c)
{
    fprintf(out, ".SS habit %s \\fI%s\\fR\n", c->name, c->operands);
    man_text(out, c->details);
    fputs("\n.PP\n.nf\n", out);
    man_text(out, c->example);
    fputs("\n.fi\n", out);
}

static void man_group(FILE *out, const char *title)
{
    fputs(".PP\n", out);
    man_text(out, title);
    fputs(":\n", out);
}

static void man_row(FILE *out, const char *name, const char *argument, const char *choices,
                    const char *fallback, const char *help)
{
    fputs(".TP\n\\fB\\-\\-", out);
    man_text(out, name);
    fputs("\\fR", out);
    if (argument) {
        fputs(" \\fI", out);
        man_text(out, choices ? choices : argument);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    man_text(out, help);
    if (*fallback) {
        fputs(" [", out);
        man_text(out, fallback);
        fputc(']', out);
    }
    fputc('\n', out);
}

static void man_close(FILE *out)
{
    fputs(".SH EXIT STATUS\n0 ok, 64 usage, 65 bad data, 66 not found, 70 internal, 71 out of "
          "memory, "
          "74 input/output, 130 stopped.\n",
          out);
}

// --- the walk ----------------------------------------------------------------------------------

static const writer writers[] = {
    { markdown_open, markdown_verb, markdown_group, markdown_row, nothing, nothing },
    { man_open, man_verb, man_group, man_row, nothing, man_close },
};

static void own_rows(FILE *out, const writer *w, const command *c)
{
    w->group(out, "Options");
    for (const opt *o = c->table; o->name; o++)
        w->row(out, o->name, o->kind == OPT_FLAG ? NULL : o->arg, o->choices,
               o->fallback ? o->fallback : "", o->help);
}

static void library_rows(FILE *out, const writer *w, const habit_options *options, int owner)
{
    for (size_t i = 0; i < habit_options_count(options); i++) {
        const habit_option *o = habit_options_at(options, i);
        if (o->owner == owner) w->row(out, o->name, o->argument, o->choices, o->fallback, o->help);
    }
}

static habit_status write_verb(FILE *out, const writer *w, const command *c, habit_error *err)
{
    habit_options *options = NULL;
    w->verb(out, c);
    own_rows(out, w, c);
    if (!c->has_options) return HABIT_OK;
    TRY(habit_options_new(&options, c->name, err));
    library_rows(out, w, options, 0);
    if (habit_options_get(options, "format")) {
        if (strcmp(c->name, "import") == 0) {
            w->group(out, "Reading and cleaning");
            library_rows(out, w, options, 1);
        } else {
            w->group(out, "And those of reading and cleaning, as `habit import` has them, such as");
            for (size_t i = 0; i < habit_options_count(options); i++) {
                const habit_option *o = habit_options_at(options, i);
                if (strcmp(o->name, "format") == 0 || strcmp(o->name, "columns") == 0)
                    w->row(out, o->name, o->argument, o->choices, o->fallback, o->help);
            }
        }
    }
    habit_options_free(options);
    return HABIT_OK;
}

static habit_status write_model(FILE *out, const writer *w, json_t *m, habit_error *err)
{
    char title[512];
    habit_options *options;
    const char *name = json_string_value(json_object_get(m, "model"));
    TRY(habit_options_new(&options, "train", err));
    const habit_status st = habit_options_set(options, "model", name, err);
    if (st == HABIT_OK) {
        snprintf(title, sizeof title, "Model %s (%s, %s)", name,
                 json_string_value(json_object_get(m, "title")),
                 json_string_value(json_object_get(m, "paper")));
        w->group(out, title);
        library_rows(out, w, options, 2);
    }
    habit_options_free(options);
    return st;
}

static habit_status write_document(FILE *out, const writer *w, habit_error *err)
{
    char *report;
    json_t *object = NULL, *m;
    size_t i;
    habit_status st = HABIT_OK;
    w->open(out);
    for (i = 0; st == HABIT_OK && command_at(i); i++)
        if (command_at(i)->details) st = write_verb(out, w, command_at(i), err);
    if (st != HABIT_OK) return st;
    TRY(habit_models(&report, err));
    st = text_parse(&object, report, err);
    habit_free(report);
    json_array_foreach(json_object_get(object, "models"), i, m)
    {
        if (st == HABIT_OK && json_is_true(json_object_get(m, "trainable")))
            st = write_model(out, w, m, err);
    }
    json_decref(object);
    w->close(out);
    return st;
}

habit_status cmd_docs(const invocation *in, habit_error *err)
{
    const char *which = in->operands[0];
    if (strcmp(which, "cli") == 0) return write_document(stdout, &writers[0], err);
    if (strcmp(which, "man") == 0) return write_document(stdout, &writers[1], err);
    return fail(err, HABIT_EINVAL, "no document '%s'; there are cli and man", which);
}

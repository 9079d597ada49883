// command.h - what every verb of the command line is.
//
//     habit VERB OPERANDS --options
//
// main.c finds the verb, args.c fills an invocation, the verb's file runs it: results go to stdout,
// words and progress to stderr, and a failure comes back as a status that becomes the exit code.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H
#include "base/opt.h"
#include "cli/progress.h"

#include <jansson.h>

// The rows of the command line itself; a verb's table names those it has.
typedef struct cli_options {
    bool json, quiet, verbose, help;
    const char *config; // YAML file of options
    const char *out, *to, *space, *embeddings, *lines;
    const char *user, *users, *history, *item, *pairs, *model;
} cli_options;

typedef struct command command;

typedef struct invocation {
    const command *command;
    opt_values own;         // of cli_options
    habit_options *options; // of the library; NULL if the verb has none
    const char **operands;
    size_t count;
    progress *progress;
} invocation;

struct command {
    const char *name;
    const char *operands; // "DATA MODEL..."
    const char *summary;  // one line
    const char *details;  // paragraphs for help and the manual; NULL for a hidden command
    const char *example;
    size_t least, most; // operands
    bool has_options;   // of the library, under the same verb
    bool footer;        // says at the end what it cost
    const opt *table;
    habit_status (*run)(const invocation *in, habit_error *err);
};

static inline const cli_options *own_options(const invocation *in)
{
    return in->own.values;
}

// The present value of a library option, "" if it has none.
const char *option_text(const invocation *in, const char *name);

habit_status cmd_simulate(const invocation *in, habit_error *err);
habit_status cmd_import(const invocation *in, habit_error *err);
habit_status cmd_inspect(const invocation *in, habit_error *err);
habit_status cmd_train(const invocation *in, habit_error *err);
habit_status cmd_tune(const invocation *in, habit_error *err);
habit_status cmd_evaluate(const invocation *in, habit_error *err);
habit_status cmd_predict(const invocation *in, habit_error *err);
habit_status cmd_recommend(const invocation *in, habit_error *err);
habit_status cmd_export(const invocation *in, habit_error *err);
habit_status cmd_report(const invocation *in, habit_error *err);
habit_status cmd_backup(const invocation *in, habit_error *err);
habit_status cmd_restore(const invocation *in, habit_error *err);
habit_status cmd_key(const invocation *in, habit_error *err);
habit_status cmd_serve(const invocation *in, habit_error *err);
habit_status cmd_models(const invocation *in, habit_error *err);
habit_status cmd_bench(const invocation *in, habit_error *err);
habit_status cmd_help(const invocation *in, habit_error *err);
habit_status cmd_docs(const invocation *in, habit_error *err);

// --- commands.c ---------------------------------------------------------------------------------

const command *command_at(size_t i); // NULL past the end
const command *command_find(const char *name);
const char *command_nearest(const char *name); // or NULL

// --- cmd_help.c: shared with the generated documents ---------------------------------------------

// The usage line: "habit train [OPTION]... DATA".
void usage_line(char *out, size_t size, const command *c);
void help_overview(FILE *out);
habit_status help_command(const command *c, const habit_options *options, FILE *out,
                          habit_error *err);

#endif

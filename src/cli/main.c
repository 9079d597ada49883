// main.c - habit VERB OPERANDS --options: finds the verb, runs it, turns its status into an exit
// code.
#include "base/file.h"
#include "cli/args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 64 };

static int no_such_verb(const char *word)
{
    const char *near = command_nearest(word);
    fprintf(stderr, "habit: no verb '%s'", word);
    if (near) fprintf(stderr, "; did you mean '%s'?", near);
    fputs("\ntry: habit help\n", stderr);
    return EXIT_USAGE;
}

static int report_failure(invocation *in, progress *p, habit_status st, const habit_error *err)
{
    const int code = habit_status_exit(st);
    progress_clear(p);
    fprintf(stderr, "habit %s: %s\n", p->verb,
            *err->message ? err->message : habit_status_text(st));
    if (code == EXIT_USAGE) {
        const char *model = option_text(in, "model");
        fprintf(stderr, "try: habit help %s%s%s\n", p->verb, *model ? " --model " : "", model);
    }
    return code;
}

// Results that did not reach stdout are lost results.
static habit_status flush_results(habit_error *err)
{
    errno = 0;
    const bool bad = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || bad) {
        if (errno) return fail_io(err, "write", "standard output");
        return fail(err, HABIT_EIO, "cannot write standard output");
    }
    return HABIT_OK;
}

static int run_command(const command *c, size_t n, char **words)
{
    progress p;
    invocation in;
    habit_error err = { 0 };
    progress_init(&p, c->name);
    habit_status st = args_parse(&in, c, n, words, &err);
    const bool help = in.own.values && own_options(&in)->help;
    if (st == HABIT_OK) {
        p.quiet = own_options(&in)->quiet;
        p.verbose = own_options(&in)->verbose;
        in.progress = &p;
        const habit_hooks hooks = progress_hooks(&p);
        if (in.options) habit_options_hooks(in.options, &hooks);
        st = help ? help_command(c, in.options, stdout, &err) : c->run(&in, &err);
        progress_clear(&p);
        if (st == HABIT_OK) st = flush_results(&err);
    }
    int code = 0;
    if (st != HABIT_OK)
        code = report_failure(&in, &p, st, &err);
    else if (c->footer && !help)
        progress_footer(&p, option_text(&in, "seed"));
    args_free(&in);
    return code;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("habit %s (kernels: %s)\n", habit_version(), habit_kernels());
        return fflush(stdout) == 0 ? 0 : habit_status_exit(HABIT_EIO);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) word = "help";
    const command *c = command_find(word);
    if (!c) return no_such_verb(word);
    return run_command(c, argc > 2 ? (size_t)argc - 2 : 0, argv + 2);
}

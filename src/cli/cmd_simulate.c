// cmd_simulate.c - habit simulate --out DIR
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_simulate(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *report;
    if (!own->out) return fail(err, HABIT_EINVAL, "--out DIR: where should the log go?");
    TRY(habit_simulate(in->options, own->out, &report, err));
    return text_show(report, own->json, err);
}

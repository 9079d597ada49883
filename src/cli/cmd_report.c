// cmd_report.c - habit report MODEL --out DIR
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_report(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *report;
    if (!own->out) return fail(err, HABIT_EINVAL, "--out DIR: where should the pictures go?");
    TRY(habit_report(in->options, in->operands[0], own->out, &report, err));
    return text_show(report, own->json, err);
}

// cmd_import.c - habit import SOURCE... --to FILE
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_import(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *report;
    if (!own->to) return fail(err, HABIT_EINVAL, "--to FILE: where should the Dataset go?");
    TRY(habit_import(in->options, in->operands, in->count, own->to, &report, err));
    return text_show(report, own->json, err);
}

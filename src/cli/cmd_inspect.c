// cmd_inspect.c - habit inspect DATA
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_inspect(const invocation *in, habit_error *err)
{
    char *report;
    TRY(habit_inspect(in->options, in->operands[0], &report, err));
    return text_show(report, own_options(in)->json, err);
}

// cmd_bench.c - habit bench
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_bench(const invocation *in, habit_error *err)
{
    char *report;
    TRY(habit_bench(in->options, &report, err));
    return text_show(report, own_options(in)->json, err);
}

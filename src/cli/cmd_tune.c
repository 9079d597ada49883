// cmd_tune.c - habit tune DATA --model NAME --space FILE.yaml
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_tune(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *report;
    if (!*option_text(in, "model"))
        return fail(err, HABIT_EINVAL, "--model NAME: which model? `habit models` lists them");
    if (!own->space) return fail(err, HABIT_EINVAL, "--space FILE.yaml: which values to try?");
    TRY(habit_tune(in->options, in->operands[0], NULL, own->space, &report, err));
    return text_show(report, own->json, err);
}

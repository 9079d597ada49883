// cmd_train.c - habit train DATA --model NAME --out DIR
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_train(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *report;
    if (!*option_text(in, "model"))
        return fail(err, HABIT_EINVAL, "--model NAME: which model? `habit models` lists them");
    if (!own->out) return fail(err, HABIT_EINVAL, "--out DIR: where should the model go?");
    TRY(habit_train(in->options, in->operands[0], NULL, own->out, &report, err));
    return text_show(report, own->json, err);
}

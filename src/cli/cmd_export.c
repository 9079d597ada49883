// cmd_export.c - habit export MODEL --embeddings FILE, habit export STORE --lines FILE
#include "cli/command.h"
#include "cli/text.h"

habit_status cmd_export(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *report;
    if (own->lines) {
        TRY(habit_store_lines(in->operands[0], own->lines, &report, err));
        return text_show(report, own->json, err);
    }
    if (!own->embeddings)
        return fail(
            err, HABIT_EINVAL,
            "--embeddings FILE: where should the vectors go?  Or, of a store, --lines FILE");
    TRY(habit_export(in->options, in->operands[0], own->embeddings, &report, err));
    return text_show(report, own->json, err);
}

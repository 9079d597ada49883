// cmd_key.c - habit key NAME --to FILE
#include "cli/command.h"

#include <stdio.h>

habit_status cmd_key(const invocation *in, habit_error *err)
{
    const cli_options *own = own_options(in);
    char *key;
    if (!own->to) return fail(err, HABIT_EINVAL, "--to FILE: where should its hash go?");
    TRY(habit_key(in->operands[0], own->to, &key, err));
    printf("%s\n", key);
    habit_free(key);
    return HABIT_OK;
}

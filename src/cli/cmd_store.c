// cmd_store.c - habit backup STORE --to FILE, habit restore FILE --to STORE
#include "cli/command.h"

habit_status cmd_backup(const invocation *in, habit_error *err)
{
    const char *to = own_options(in)->to;
    if (!to) return fail(err, HABIT_EINVAL, "--to FILE: where should the copy go?");
    return habit_backup(in->operands[0], to, err);
}

habit_status cmd_restore(const invocation *in, habit_error *err)
{
    const char *to = own_options(in)->to;
    if (!to) return fail(err, HABIT_EINVAL, "--to STORE: which store should become this copy?");
    return habit_restore(in->operands[0], to, err);
}

// args.h - from the words of a command line to an invocation.
#ifndef CLI_ARGS_H
#define CLI_ARGS_H
#include "cli/command.h"

// words are those after the verb.  args_free() it, also after a failure.
habit_status args_parse(invocation *out, const command *c, size_t n, char **words,
                        habit_error *err);
void args_free(invocation *in);

#endif

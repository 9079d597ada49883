// run_setup.h - the run of one call: its worker threads, seed, memory and hooks, from the options.
#ifndef LIB_RUN_SETUP_H
#define LIB_RUN_SETUP_H
#include "base/run.h"
#include "lib/options.h"

// run_close() it, also after a failure.
habit_status run_open(run *out, const habit_options *options, habit_error *err);
void run_close(run *r);

#endif

// simulate.h - a behaviour log whose truth is known (docs/simulator.md).
#ifndef DATA_SIMULATE_H
#define DATA_SIMULATE_H
#include "base/opt.h"
#include "base/run.h"

#include <jansson.h>

typedef struct simulate_options simulate_options;
extern const opt simulate_table[];
size_t simulate_options_size(void);

// Writes events.csv, items.csv, users.csv and truth/ (a model folder of class "truth") into the
// folder `dir`, which appears whole or not at all.
habit_status simulate(const char *dir, const simulate_options *opt, const run *run, json_t **report,
                      habit_error *err);

#endif

// clean.h - the cleaning steps: a dataset in, a dataset out, and a count for every step.
#ifndef DATA_CLEAN_H
#define DATA_CLEAN_H
#include "data/import_options.h"

bool clean_needed(const import_options *opt); // true if any step is switched on

// Writes the cleaned dataset to `to`.  `report` gains "steps": [{"step", "option", "dropped",
// "changed", "left"}], in order.
habit_status clean(const char *to, const dataset *d, const import_options *opt, const run *run,
                   json_t *report, habit_error *err);

#endif

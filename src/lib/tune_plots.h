// tune_plots.h - pictures of a search.
#ifndef LIB_TUNE_PLOTS_H
#define LIB_TUNE_PLOTS_H
#include "base/run.h"
#include "lib/space.h"

#include <jansson.h>

typedef struct tune_picture {
    const json_t *rows; // of the report, in the order of the trials
    const space *space;
    const char *metric;
    bool lower_is_better;
    const char *folder; // exists
} tune_picture;

// Writes trials.png, the value of every trial and the best so far, and options.png, the values by each
// searched option; adds their paths to `files`.  Without gnuplot only a warning.
habit_status tune_draw(json_t *files, const tune_picture *p, const run *r, habit_error *err);

#endif

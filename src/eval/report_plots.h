// report_plots.h - the plots of a result, as gnuplot scripts.
#ifndef EVAL_REPORT_PLOTS_H
#define EVAL_REPORT_PLOTS_H
#include "base/buffer.h"

#include <jansson.h>

enum { REPORT_PLOTS_MAX = 12, REPORT_PLOT_NAME = 32 };

typedef struct report_plot {
    char name[REPORT_PLOT_NAME]; // of the file, "metrics"
    char caption[200];
    int height;
    buffer script;
} report_plot;

// Fills at most REPORT_PLOTS_MAX, returns how many; free each script.  Models whose metrics a plot
// needs and that are missing are left out of it.
size_t report_plots(report_plot *out, const json_t *result);

// The number in a[key]; NaN where there is none.
double report_number(const json_t *object, const char *key);

#endif

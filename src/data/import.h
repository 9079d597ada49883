// import.h - from raw sources to a dataset: read, sort, clean, pack.
#ifndef DATA_IMPORT_H
#define DATA_IMPORT_H
#include "base/opt.h"
#include "base/run.h"
#include "data/dataset.h"

#include <jansson.h>

// Options of reading and cleaning; every verb that takes DATA has them.
typedef struct import_options import_options;
extern const opt import_table[];
size_t import_options_size(void);

// Writes the dataset file `to`.  *report (may be NULL) becomes an object: what data/assemble.h and
// data/clean.h add, then seconds, cpu_seconds, rows_per_second and memory_peak of the process.
// Bad rows that were tolerated are in opt->rejects, or "<to>.rejects".
habit_status import_files(const char *const *sources, size_t n, const char *to,
                          const import_options *opt, const run *run, json_t **report,
                          habit_error *err);

// Opens DATA for use: a dataset file as it is (cleaning options must then be unset), anything
// else by importing it into a temporary file that goes with dataset_close().
habit_status data_open(dataset **out, const char *data, const import_options *opt, const run *run,
                       habit_error *err);

// Counts, spans, density, length histogram, problems found.
habit_status data_inspect(json_t **report, const dataset *d, const run *run, habit_error *err);

#endif

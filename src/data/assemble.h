// assemble.h - rows from readers, sorted by user and time, into a dataset file.
#ifndef DATA_ASSEMBLE_H
#define DATA_ASSEMBLE_H
#include "data/reader.h"

// Reads all sources (same schema) into the dataset file `to`, with ids in canonical order and the
// side tables joined on.  Rows are sorted in memory when opt->memory allows, else by partitions
// of users spooled to scratch files.  Adds to `report`: rows, bytes, seconds, memory, spilled.
habit_status assemble(const char *to, const char *const *sources, size_t n,
                      const import_options *opt, const run *run, json_t *report, habit_error *err);

#endif

// assemble.h - rows from readers, sorted by user and time, into a dataset file.
#ifndef DATA_ASSEMBLE_H
#define DATA_ASSEMBLE_H
#include "data/reader.h"

// Reads all sources into the dataset file `to`, with ids in canonical order and the side tables
// joined on.  A column that one source lacks has missing values there; rows without a possible
// time, where the log has times, are dropped and counted.  Records are sorted in memory if
// opt->memory allows, else by partitions of users through scratch files.
//
// Adds to `report`: sources [{source, format, rows, bad_rows, bytes, time_unit, value}], rows,
// bad_rows, no_time, bytes, read_users, read_items; items and users of the side tables [{source,
// rows, matched, dropped, without_row, columns}]; rows_predicted, memory_predicted and
// scratch_predicted, said before the work; id_memory, spilled_bytes, read_seconds, sort_seconds.
habit_status assemble(const char *to, const char *const *sources, size_t n,
                      const import_options *opt, const run *run, json_t *report, habit_error *err);

#endif

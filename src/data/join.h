// join.h - item and user tables joined to a log by id.
#ifndef DATA_JOIN_H
#define DATA_JOIN_H
#include "data/encode.h"

typedef struct join {
    dataset_writer *writer;
    const vocabulary *users, *items; // of the log, ranked
    const import_options *options;   // the tables are its comma lists `users` and `items`
    const run *run;
} join;

// Reads the tables and writes their columns as columns of the users or items, in canonical order.
// Rows of ids that have no events are dropped and counted: *report becomes an array with an object
// per table.
habit_status join_tables(const join *j, bool of_items, json_t **report, habit_error *err);

#endif

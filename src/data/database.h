// database.h - tables and queries of databases as sources of CSV text.
//
// A database is a source like any other: its rows arrive as RFC 4180 text with a header, a block
// at a time, so that memory stays bounded and everything behind it (roles by name, units of time,
// kinds of columns, bad rows) is what it is for files.  Line 1 is the header, row k is line k + 1.
#ifndef DATA_DATABASE_H
#define DATA_DATABASE_H
#include "base/run.h"
#include "data/columns.h"
#include "data/source.h"

bool sqlite_recognise(const char *path);      // by its first bytes
bool postgres_recognise(const char *address); // postgres:// or postgresql://

// --query is a table or a SELECT; without it the one table that has a user and an item is taken.
// Nothing is ever written to the database.
habit_status sqlite_source(source **out, const char *path, const import_options *options,
                           const run *job, habit_error *err);
habit_status postgres_source(source **out, const char *address, const import_options *options,
                             const run *job, habit_error *err);

// --- shared by db_*.c ------------------------------------------------------------------------------------

// True if the text of --query is a statement, not the name of a table.
bool query_is_statement(const char *query);

// Finds the one table that fits.  Tables are told column by column, a table's together.
typedef struct table_choice {
    column_names columns; // of the present table
    char table[256];      // its name
    char fitting[256];
    int fit, seen;
    char list[400]; // all names
    const import_options *options;
} table_choice;

void table_choice_begin(table_choice *c, const char *table);
habit_status table_choice_column(table_choice *c, const char *name, habit_error *err);
// After the last one: c->fitting, or the reason why there is not exactly one.
habit_status table_choice_end(table_choice *c, const char *where, habit_error *err);
void table_choice_free(table_choice *c);

#endif

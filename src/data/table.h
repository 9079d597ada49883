// table.h - the inside of side tables: cells first, kinds of columns afterwards.
//
// Every format fills a table_builder with cells of text; what a column is, numbers, tags or text,
// is seen when all of them are there.  The result is the side_table of data/reader.h.
#ifndef DATA_TABLE_H
#define DATA_TABLE_H
#include "data/columns.h"
#include "data/dataset.h"
#include "data/reader.h"
#include "data/sniff.h"
#include "data/source.h"

#define TABLE_LIST '\x1f' // between the elements of a cell that is a list

typedef enum cell_form { CELL_MISSING, CELL_WORD, CELL_LIST, CELL_NUMBERS } cell_form;

// Where a cell's text is in the builder's bytes.
typedef struct cell {
    uint64_t at;
    uint32_t len;
    cell_form form; // CELL_NUMBERS: a list of numbers
} cell;

typedef struct table_column {
    char *name;
    int kind; // enum column_kind when the format says it, else -1
    cell *cells;
    size_t cells_n, cells_cap;
} table_column;

typedef struct table_builder {
    const char *name; // of the source
    ids id;
    table_column *columns;
    size_t columns_n, columns_cap;
    buffer bytes;
    int64_t tolerance; // bad rows that may still come
    uint64_t bad, repeated;
} table_builder;

// The text of a whole source, as UTF-8.
typedef struct table_text {
    const char *name;
    char *bytes;
    size_t len;
    bool of_items;
} table_text;

// The number of the column; added, with kind -1, if new.
habit_status table_column_add(table_builder *b, const char *name, size_t len, int *col,
                              habit_error *err);
// Begins the row of an id.  *row is IDS_NONE if that id had a row before: the first one counts.
habit_status table_row(table_builder *b, const char *id, size_t len, uint32_t *row,
                       habit_error *err);
// Cells are written to row `row`; missing ones need not be.
habit_status table_cell(table_builder *b, int col, uint32_t row, const char *s, size_t len,
                        cell_form form, habit_error *err);
// A bad row: an error, unless rows may still be skipped.
habit_status table_flaw(table_builder *b, uint64_t line, size_t col, const char *why,
                        habit_error *err);
// Decides the kinds and fills `out`; the builder is spent either way.
habit_status table_finish(table_builder *b, side_table *out, habit_error *err);
void table_builder_free(table_builder *b);

// The formats.
habit_status table_read_lines(table_builder *b, const table_text *t, const import_options *options,
                              habit_error *err);
habit_status table_read_json(table_builder *b, const table_text *t, const import_options *options,
                             habit_error *err);

// Reads a table from any source, which it takes over, even on failure.
habit_status side_table_from(side_table *out, source *s, bool of_items,
                             const import_options *options, const run *job, habit_error *err);

// The column of ids among `header`: by the usual names, by --columns, or "id".  -1 if there is none.
int table_id_column(const column_names *header, bool of_items, const import_options *options);

#endif

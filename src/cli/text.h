// text.h - reports for people: aligned tables, numbers as people write them, JSON as text.
#ifndef CLI_TEXT_H
#define CLI_TEXT_H
#include "base/buffer.h"
#include "base/status.h"

#include <jansson.h>

// A table of cells, filled row by row; columns are as wide as their widest cell.
typedef struct text_table {
    buffer cells; // NUL-terminated, end to end
    size_t columns, count;
} text_table;

void text_cell(text_table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
habit_status text_table_print(text_table *t, FILE *out, habit_error *err); // and frees it
void text_table_free(text_table *t);

// "12 345 678" with thin grouping by commas: "12,345,678".
void text_count(char out[32], double x);
// "0.0123", "12.3", "3.1e+09": four figures that matter.
void text_real(char out[32], double x);
// The value as one cell: strings as they are, numbers as above, null as "-".
void text_value(char *out, size_t size, const json_t *value);

// Parses a report that the library made.
habit_status text_parse(json_t **out, const char *report, habit_error *err);

// Prints any report: scalars as "name  value", arrays of objects as tables, objects indented.
habit_status text_report(const json_t *report, FILE *out, habit_error *err);

// The report of a verb on stdout: as it is with `json`, else as text.  Frees `report`.
habit_status text_show(char *report, bool json, habit_error *err);

// "A,B,C" in its parts; empty ones are left out, and NULL has none.
typedef struct text_list {
    char *text;
    const char **part; // [n]
    size_t n;
} text_list;

habit_status text_list_split(text_list *out, const char *list, habit_error *err);
void text_list_free(text_list *l);

// An id or title as JSON: null if it is not UTF-8, which JSON cannot hold.
json_t *text_json(const char *text);

// Help text folded at `width`, the first line being at column `at` already, the rest indented to it.
void text_fold(FILE *out, const char *text, int at, int width);

#endif

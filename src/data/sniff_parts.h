// sniff_parts.h - what the files that sniff lines of text share; for data/sniff.c, sniff_lines.c
// and sniff_rows.c only.
#ifndef DATA_SNIFF_PARTS_H
#define DATA_SNIFF_PARTS_H
#include "data/sniff.h"

// What may stand between fields, as in data/fields.h; the colons stand last, and doubled.
extern const char sniff_separators[];
enum { SNIFF_COMMAS = 1, SNIFF_BLANKS = 4, SNIFF_COLONS = 5, SNIFF_SEPARATORS };

// How lines look when cut at a separator.
typedef struct profile {
    uint64_t lines;
    struct {
        uint64_t with[8]; // lines with so many fields; the last: that many or more
        size_t least, most, first;
    } by[SNIFF_SEPARATORS];
} profile;

typedef struct sniffer {
    const sample *s;
    const import_options *options;
    const char *format; // asked for, or "auto"
    const char *text, *end;
    profile lines;
    field first[FIELDS_MAX];        // fields of the first line
    size_t first_n, first_all;      // stored; there are
    field row[FIELDS_MAX];          // of the line being looked at
    column_stats stats[FIELDS_MAX]; // of the lines after the first
} sniffer;

// --- lines (sniff_lines.c) -------------------------------------------------------------------------

dialect sniff_dialect(char separator);
// The next line that is not empty: [*line, *end) without its break.  False at the end, or where
// the sample cuts a line off.
bool sniff_next_line(const sniffer *k, const char **at, const char **line, const char **end);
void sniff_profile(sniffer *k); // fills k->lines
// The number of fields that nearly all lines have: a few may be bad rows.  0 if there is none.
size_t sniff_usual_fields(const profile *p, int separator);
void sniff_split_first(sniffer *k, dialect d);                    // fills k->first
void sniff_skip_header(const sniffer *k, layout *l);              // rows begin after the first line
void sniff_collect_stats(sniffer *k, layout *l, bool skip_first); // fills k->stats

// --- rows (sniff_rows.c) ---------------------------------------------------------------------------

// Looks for a header with separator d.  *found says whether the first line is one.
habit_status sniff_try_header(sniffer *k, layout *l, dialect d, bool *found, habit_error *err);
habit_status sniff_with_header(sniffer *k, layout *l, const char *format, habit_error *err);
// The same for a typed header, and all that follows from it.
habit_status sniff_try_atomic(sniffer *k, layout *l, bool *found, habit_error *err);
// Lines of fields between separators of dialect d; format NULL: by what is in them.
habit_status sniff_without_header(sniffer *k, layout *l, dialect d, const char *format,
                                  habit_error *err);
// Refusals: a header without user or item; lines that cannot be cut.
habit_status sniff_no_columns(const sniffer *k, const layout *l, habit_error *err);
habit_status sniff_one_column(const sniffer *k, habit_error *err);

#endif

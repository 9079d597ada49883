// sniff.h - what a source looks like, found by its content.
#ifndef DATA_SNIFF_H
#define DATA_SNIFF_H
#include "data/columns.h"

typedef enum shape {
    SHAPE_ROWS,      // a line is an event: csv, tsv, movielens, pairs, triples, atomic
    SHAPE_SEQUENCES, // a line is a user's or a session's items
    SHAPE_OBJECTS,   // a line is a JSON object
} shape;

// How to read the source; the outcome of sniffing.
typedef struct layout {
    shape shape;
    const char *format; // the resolved name
    size_t skip;        // bytes before the first row: a byte order mark, a header
    uint64_t lines;     // line breaks in them

    double rows_per_byte; // of the sample

    // rows and objects
    dialect dialect;
    column_names columns;
    roles roles;
    int extra[READER_EXTRAS]; // column numbers
    schema schema;            // format, names and kinds
    time_unit unit;
    bool interactions; // objects are Metarank events: only "event":"interaction" counts

    // sequences
    bool users;     // the first word of a line is its user, else the line number is
    bool target;    // "item item item<TAB>target": test sessions
    char separator; // between items: ' ' for blanks and tabs, or ','
} layout;

// The beginning of a source.
typedef struct sample {
    const char *name; // of the source
    const char *bytes;
    size_t len;
    bool whole; // the source ends here: the last line may lack its line break
} sample;

// Chooses the layout from the sample; the options override.
// Refuses what it cannot read by its right name.
habit_status sniff(layout *out, const sample *s, const import_options *options, habit_error *err);
void sniff_describe(const layout *l, const char *name, const run *job); // says it in the log
void layout_free(layout *l);

// --- shared among sniff*.c -----------------------------------------------------------------------------

enum { SNIFF_LINES = 20000, SNIFF_COLUMNS = FIELDS_MAX };

habit_status sniff_magic(const sample *s, habit_error *err); // refuses binary files by name
habit_status sniff_objects(layout *l, const sample *s, const import_options *options,
                           habit_error *err);
// Unit, extras and schema, once columns and roles are known.
habit_status sniff_finish(layout *l, const sample *s, const column_stats *stats,
                          const import_options *options, habit_error *err);

#endif

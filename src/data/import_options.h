// import_options.h - the options of reading and cleaning, shared by data/reader, assemble, clean.
// The table is in data/import_options.c.
#ifndef DATA_IMPORT_OPTIONS_H
#define DATA_IMPORT_OPTIONS_H
#include "data/import.h"

struct import_options {
    // --- reading
    const char *format;    // auto | csv | tsv | pairs | sequences | sessions | movielens | atomic |
                           // jsonl | triples | sqlite | postgres
    const char *columns;   // "user=visitor,item=sku,time=when,value=stars,behaviour=kind"
    const char *keep;      // extra columns to keep: "all", "none" or a list of names
    const char *time_unit; // auto | s | ms | us | min | h | d | iso
    const char *value;     // name of the value column where the log has several candidates
    const char *query;     // table name or SELECT for databases
    int64_t skip_bad_rows; // tolerate up to N bad rows; they go to the rejects file
    const char *rejects;   // where; NULL: "<to>.rejects"
    const char *items, *users; // item and user tables to import beside the events (comma lists)
    const char *ties;          // file | item: order of events of one user at one moment
    int64_t memory;            // bytes the import may use beside the id tables
    const char *scratch;       // folder for temporary files

    // --- cleaning, in this order; each is a named step in the report
    const char *missing;      // drop | mean | median | constant=X | keep: rows without a value
    const char *times;        // "2000-01-01..now" style range of possible times; "" any
    bool dedupe;              // drop exact duplicates (user, item, time, behaviour, value)
    int64_t repeat_window;    // drop repeats of (user, item, behaviour) within this span
    const char *where;        // "rating >= 3, watch_ratio >= 0.7": rows to keep
    const char *behaviours;   // keep only these
    const char *outliers;     // none | zscore=3 | iqr=1.5: of the value
    double robot_rate;        // drop users with more than this many events in any hour; 0 off
    double robot_repeat;      // drop users with more than this share of events on one item; 0 off
    int robot_min;            // ... with at least this many events
    const char *normalise;    // none | minmax | minmax11 | zscore | log: of the value
    int user_core, item_core; // iterated k-core
    int k_core;               // the default of both; import_files() has copied it there
    int64_t session_gap;      // split sessions at silences longer than this; 0 off
    const char *unit;         // user | session: what one sequence is
};

// An object of the options that differ from their defaults: name -> value.
habit_status import_options_json(json_t **out, const import_options *options, habit_error *err);

#endif

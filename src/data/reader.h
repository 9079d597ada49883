// reader.h - rows out of any source, in batches of columns of text.
//
//     reader *r;
//     TRY(reader_open(&r, "log.csv.gz", opt, run, err));   // sniffs, reads the header
//     while ((st = reader_next(r, &rows, run, err)) == HABIT_OK && rows.n) ...
//     reader_close(r);
//
// A source is a path (plain, gzip or zstd by content), "-" for standard input, an SQLite file, or
// a postgres:// address.  Tokenising and number parsing run in parallel on the pool; batches and
// rows in them come in the order of the source.
#ifndef DATA_READER_H
#define DATA_READER_H
#include "base/buffer.h"
#include "base/run.h"
#include "data/import_options.h"

enum { READER_EXTRAS = 32 };

// A slice of text inside the reader's memory, valid until the next reader_next().
typedef struct slice {
    const char *s;
    uint32_t len;
} slice;

typedef enum extra_kind { EXTRA_NUMBER, EXTRA_TAG, EXTRA_TEXT } extra_kind;

// What the source offers, known after reader_open().
typedef struct schema {
    const char *format; // the resolved name
    bool has_time, has_value, has_behaviour;
    const char *value_name; // "rating"
    const char *time_unit;  // the resolved unit, for the log; "iso"
    const char *extra_name[READER_EXTRAS];
    extra_kind extra_kind[READER_EXTRAS]; // of an event: number or tag
    int extras;
    uint64_t bytes;    // size of the source, 0 if unknown
    double rows_guess; // estimate of rows from the first block, 0 if unknown
    bool sessions;     // each row group is a test session whose last event is the target
} schema;

// One batch.  Arrays are owned by the reader; those the source does not have are NULL.
typedef struct rows {
    size_t n;
    const slice *user, *item;              // never empty: rows without them are bad rows
    const uint64_t *user_hash, *item_hash; // ids_hash() of them
    const int64_t *time;                   // microseconds; TIME_NONE where missing
    const slice *behaviour;                // may be empty
    const float *value;                    // NAN where missing
    const double *number[READER_EXTRAS];   // by extra; NAN where missing
    const slice *tag[READER_EXTRAS];       // by extra; may be empty
    uint64_t bad;                          // rows of this batch that were rejected
} rows;

typedef struct reader reader;

habit_status reader_open(reader **out, const char *source, const import_options *opt,
                         const run *run, habit_error *err);
const schema *reader_schema(const reader *r);
// n == 0 at the end.  A bad row is an error "file:line:column: what" unless skip_bad_rows allows
// it; then its text goes to the rejects stream given to reader_rejects().
habit_status reader_next(reader *r, rows *out, const run *run, habit_error *err);
// Where rejected rows go ("file:line:column: reason<TAB>row"); NULL: nowhere.
void reader_rejects(reader *r, buffer *rejects);
uint64_t reader_done(const reader *r); // bytes of the source consumed, for progress
void reader_close(reader *r);

// --- item and user tables (data/table.c) -------------------------------------------------------------

// A whole side table, read into memory: ids and typed columns.  Formats: csv/tsv with header,
// movielens `::` (id::title::genres, or users.dat), u.item/u.user of ml-100k, atomic .item/.user,
// jsonl, JSON objects id -> [attributes].  Kinds are found by content: numbers, tags, lists of
// tags ("a|b|c", JSON arrays, atomic token_seq), text (many different long values), vectors
// (atomic float_seq, JSON arrays of numbers).
typedef struct side_column {
    char *name;
    int kind; // enum column_kind of data/dataset.h
    double *number;
    char **text; // TAG, TEXT: one per row, NULL where missing; TAGS: '\x1f'-separated
    float *vector;
    uint32_t width;
} side_column;

typedef struct side_table {
    ids id; // row k is id k
    side_column *columns;
    size_t columns_count;
    char *bytes; // what the texts of all columns point into
} side_table;

// `of_items` chooses the id names to look for in a header (item_id, ... or user_id, ...).
habit_status side_table_read(side_table *out, const char *path, bool of_items,
                             const import_options *opt, const run *run, habit_error *err);
void side_table_free(side_table *t);

#endif

// dataset.h - a behaviour log, packed: read-only columns grouped by user, in time order.
//
//     offset[users+1]   |0      |3   |7 ...          user u owns events offset[u] .. offset[u+1]
//     item[events]      |a b c  |b d a f|...         oldest first
//     time[events]      |t t t  |t t t t|...         microseconds since 1970 UTC
//     behaviour[events], value[events], extra columns ...
//
// A dataset is one memory-mapped file (data/dataset_format.h has the bytes).  Opening it checks
// everything once: afterwards every index is in range and readers need no checks.  Users and
// items are numbered in the canonical order of their ids (ids_compare), so the numbers do not
// depend on the order of rows in the log.
#ifndef DATA_DATASET_H
#define DATA_DATASET_H
#include "base/file.h"
#include "base/ids.h"
#include "base/status.h"

#include <stdbool.h>

#define TAG_NONE UINT32_MAX // no value in a tag column
#define USER_NONE UINT32_MAX
#define ITEM_NONE UINT32_MAX

// Strings end to end: string k is bytes[start[k] .. start[k+1]), not NUL-terminated.
typedef struct names {
    uint32_t count;
    const uint64_t *start; // [count+1]
    const char *bytes;
} names;

static inline const char *names_at(const names *n, uint32_t k, size_t *len)
{
    *len = (size_t)(n->start[k + 1] - n->start[k]);
    return n->bytes + n->start[k];
}

// Number of `s`, or UINT32_MAX; by binary search: only for names in canonical order, as the ids
// of users and items and the dictionaries of tag columns are.
uint32_t names_find(const names *n, const char *s, size_t len);

typedef enum column_of { OF_EVENTS, OF_USERS, OF_ITEMS } column_of;

typedef enum column_kind {
    COLUMN_NUMBER, // double number[rows]; NAN where missing
    COLUMN_TAG,    // uint32_t tag[rows], codes into names; TAG_NONE where missing
    COLUMN_TAGS,   // lists: row r has tag[list[r] .. list[r+1])
    COLUMN_TEXT,   // names holds one string per row
    COLUMN_VECTOR, // float vector[rows][width]; NAN in the first place where missing
} column_kind;

// An extra column, kept as the log had it: latitude, category, title, platform, ...
typedef struct column {
    const char *name;
    column_of of;
    column_kind kind;
    uint64_t rows;
    const double *number;
    const uint32_t *tag;
    const uint64_t *list;
    names names;
    const float *vector;
    uint32_t width;
} column;

typedef struct dataset {
    uint32_t users, items;
    uint64_t events;
    const uint64_t *offset;   // [users+1]
    const uint32_t *item;     // [events]
    const int64_t *time;      // [events], or NULL: the log had no time, events are in its order;
                              // never TIME_NONE, and within 2^61 of 0
    const uint8_t *behaviour; // [events] index into behaviours, or NULL
    const float *value;       // [events] rating, dwell, ...; NAN where missing, never infinite;
                              // or NULL
    const uint32_t *session;  // [events] 0, 1, 2, ... within each user, or NULL
    names user_ids, item_ids;
    names behaviours;       // at most 255
    const char *value_name; // "rating", "watch_ratio", ...; "" if there is no value column
    bool ordered;           // false: no time, and each user's items stand sorted: no order known

    const column *columns;
    size_t columns_count;
    const char *provenance; // JSON: sources, options, what was dropped and why
    uint64_t fingerprint;   // of all content except provenance
    file_map map;
    bool unlink_on_close; // a temporary import
    char *path;
} dataset;

// Opens and checks a dataset file.  *out is set only on success; dataset_close() it.
habit_status dataset_open(dataset **out, const char *path, habit_error *err);
void dataset_close(dataset *d);
// True if the file begins with the dataset magic.
bool dataset_recognise(const char *path);

// Tells the kernel that `len` bytes of a column from `from` will not be needed again soon, so that
// a pass over a large file stays small in memory.  Anything outside the file is ignored.
void dataset_forget(const dataset *d, const void *from, size_t len);

const column *dataset_column(const dataset *d, column_of of, const char *name); // NULL if absent

// --- writing -------------------------------------------------------------------------------------
//
// Sections are announced with their size, then filled front to back in any interleaving, each
// through a buffer of its own, so small puts are cheap; each is checksummed as it is written.
// dataset_commit() checks that all are full, writes the header and renames the file into place.
//
// data/dataset_format.h lists the sections: "offset", "item", "time", ...; "user.id", "item.id"
// and "behaviour.name" by dataset_put_names(); "value.name" and "provenance" as u8.

typedef enum section_type {
    SECTION_U8,
    SECTION_U32,
    SECTION_U64,
    SECTION_I64,
    SECTION_F32,
    SECTION_F64
} section_type;

typedef struct dataset_writer dataset_writer;

habit_status dataset_create(dataset_writer **out, const char *path, habit_error *err);
habit_status dataset_section(dataset_writer *w, const char *name, section_type type, uint64_t count,
                             int *section, habit_error *err);
habit_status dataset_put(dataset_writer *w, int section, const void *elements, uint64_t count,
                         habit_error *err);
// A section written in one go.
habit_status dataset_put_all(dataset_writer *w, const char *name, section_type type,
                             const void *elements, uint64_t count, habit_error *err);
// The sections of a list of strings: "<name>.start" and "<name>.bytes".
habit_status dataset_put_names(dataset_writer *w, const char *name, const names *n,
                               habit_error *err);
// Copies an extra column; rows are those of `keep` (NULL: all), in that order.  Of a dictionary
// of tags the names go along that these rows have.
habit_status dataset_put_column(dataset_writer *w, const column *c, const uint64_t *keep,
                                uint64_t keep_count, habit_error *err);
// The same with rows that are asked for in blocks, so that no list of them need exist.  next()
// writes at most `max` rows and returns how many, 0 at the end; rewind() starts over.
typedef struct row_source {
    void *ctx;
    uint64_t count;
    void (*rewind)(void *ctx);
    size_t (*next)(void *ctx, uint64_t *rows, size_t max);
} row_source;

habit_status dataset_put_column_rows(dataset_writer *w, const column *c, const row_source *rows,
                                     habit_error *err);
habit_status dataset_put_names_rows(dataset_writer *w, const char *name, const names *all,
                                    const row_source *rows, habit_error *err);
habit_status dataset_commit(dataset_writer *w, uint32_t users, uint32_t items, uint64_t events,
                            habit_error *err); // frees w either way
void dataset_abandon(dataset_writer *w);       // NULL is fine

#endif

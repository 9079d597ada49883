// encode.h - rows of text to packed records: ids and words become numbers.
//
// Numbers are those of first appearance until encoder_rank(); then rank[number] is the place in
// canonical order.  A segment of rows is encoded in two passes, so that the many rows whose ids
// are known already share out over all threads, and numbering stays that of the order of rows:
//
//     look up   pieces of rows: all that is known; the rest is marked     read-only tables
//     add       one piece per column: what was marked, in the order of rows
#ifndef DATA_ENCODE_H
#define DATA_ENCODE_H
#include "base/ids.h"
#include "data/record.h"

enum { BEHAVIOURS_MAX = 255 };

// A column of words: users, items, behaviours, or a tag column.
typedef struct vocabulary {
    ids ids;
    uint32_t *order; // [count] numbers in canonical order; after encoder_rank()
    uint32_t *rank;  // [count] the inverse
} vocabulary;

typedef struct encoder {
    const record_format *format;
    vocabulary user, item, behaviour, tag[READER_EXTRAS]; // tag[k] for extra k, if it is one
    uint32_t *events;                                     // per user
    size_t events_cap;
    uint64_t *marked; // per block of rows, a bit per column that has rows to add
    size_t marked_cap;
} encoder; // zero-initialise, set format

// Rows from..from+n of the batch to n records at `to`; source_extra is record_match() of the
// source.
habit_status encoder_add(encoder *e, const rows *batch, const int *source_extra, size_t from,
                         size_t n, unsigned char *to, pool *p, habit_error *err);
// Puts all vocabularies in canonical order.
habit_status encoder_rank(encoder *e, pool *p, habit_error *err);
// Replaces the numbers of a record by ranks.
void encoder_translate(const encoder *e, unsigned char *record);
// The sections of the words in canonical order: "<name>.start" and "<name>.bytes".
habit_status vocabulary_put(dataset_writer *w, const char *name, const vocabulary *v,
                            habit_error *err);
size_t encoder_memory(const encoder *e); // bytes held by ids and words
void encoder_free(encoder *e);

#endif

// record.h - one event, packed: only the columns that the log has, end to end, unaligned.
//
//     0        user, u32     number of first appearance, later rank in canonical order
//     4        item, u32
//     time     i64           absent if no source has times
//     value    f32
//     extra[k] f64 or u32    numbers, and codes into the dictionary of a tag column
//     behaviour u8
//
// The fields of a record_format are byte offsets into the record; 0 where the column is absent.
#ifndef DATA_RECORD_H
#define DATA_RECORD_H
#include "data/reader.h"

#include <string.h>

enum { RECORD_USER = 0, RECORD_ITEM = 4 };

typedef struct record_extra {
    char *name;
    bool tag; // else a number
    size_t at;
} record_extra;

// The columns of all sources together.
typedef struct record_format {
    size_t width; // bytes of a record
    size_t time, value, behaviour;
    char *value_name; // or NULL
    record_extra extra[READER_EXTRAS];
    int extras;
} record_format;

static inline uint32_t record_u32(const unsigned char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}
static inline int64_t record_i64(const unsigned char *p)
{
    int64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}
static inline float record_f32(const unsigned char *p)
{
    float x;
    memcpy(&x, p, sizeof x);
    return x;
}
static inline void record_set_u32(unsigned char *p, uint32_t x)
{
    memcpy(p, &x, sizeof x);
}

// Takes in the columns of one more source; `source` is for messages.  Call record_place() after
// the last.
habit_status record_format_add(record_format *f, const schema *s, const char *source,
                               habit_error *err);
void record_place(record_format *f);
// from[k]: the number of extra k of the format among the extras of `s`, or -1.
void record_match(const record_format *f, const schema *s, int from[READER_EXTRAS]);
void record_format_free(record_format *f);

#endif

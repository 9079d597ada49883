// dataset_format.h - the bytes of a dataset file (*.habit), version 1.  Little-endian everywhere.
//
//     offset  size  field
//     0       8     magic 89 "HABIT" 0D 0A      catches text-mode transfers
//     8       4     version                     readers refuse what they do not know
//     12      4     sections  S
//     16      8     events    E
//     24      4     users     U                 numbered 0..U-1 in canonical order of their ids
//     28      4     items     I                 numbered 0..I-1 in canonical order of their ids
//     32      8     fingerprint                 of all content but "provenance"; see below
//     40      8     length of the file
//     48      8     offset of the section table
//     56      8     XXH3-64 of the section table, seeded with the XXH3-64 of bytes 0..55
//     64      ...   the sections in table order, each at the next multiple of 64, zeros between
//     ...     128*S the section table, at a multiple of 64; the file ends with it
//
// One entry of the section table:
//
//     0       96    name, UTF-8, padded with NUL (at least one)
//     96      4     type: 0 u8, 1 u32, 2 u64, 3 i64, 4 f32, 5 f64
//     100     4     zero
//     104     8     offset in the file
//     112     8     elements
//     120     8     XXH3-64 of the section's bytes
//
// Sections (those marked + must be there; a list of strings is a ".start" and a ".bytes"):
//
//     offset           + u64[U+1]  user u owns events offset[u] .. offset[u+1]
//     item             + u32[E]
//     time               i64[E]    microseconds since 1970 UTC, not descending within a user
//     behaviour          u8[E]     codes into behaviour.name
//     value              f32[E]    NaN where missing, never infinite
//     session            u32[E]    0, 0, 1, 1, 2, ... within each user
//     user.id.start    + u64[U+1]  string k is bytes[start[k] .. start[k+1])
//     user.id.bytes    + u8[]      strictly ascending in canonical order, none empty, no NUL
//     item.id.start    + u64[I+1]
//     item.id.bytes    + u8[]
//     behaviour.name.start, .bytes at most 255, all different; with `behaviour`
//     value.name         u8[]      what the value is: "rating"; with `value`
//     provenance         u8[]      JSON
//
// An extra column NAME of events, users or items, P being "event:", "user:" or "item:" and R the
// number of rows:
//
//     P NAME .number     f64[R]    NaN where missing
//     P NAME .tag        u32[R]    codes into .name, FFFFFFFF where missing; .name.start and
//                                  .name.bytes strictly ascending in canonical order
//     P NAME .list       u64[R+1]  row r has tags .tag[list[r] .. list[r+1]), codes into .name
//     P NAME .text.start, .bytes   one string per row
//     P NAME .vector     f32[R*W]  W numbers per row; NaN first where missing
//
// The fingerprint is XXH3-64 over events, users, items and then, for every section but
// "provenance" in byte order of its name: the entry's name (96 bytes), type, elements, checksum.
// It does not depend on the order in which sections were written.  Sections with other names are
// checked by their checksum and otherwise ignored.
#ifndef DATA_DATASET_FORMAT_H
#define DATA_DATASET_FORMAT_H
#include "data/dataset.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "dataset columns are used in place: this build needs a little-endian machine"
#endif

#define DATASET_MAGIC "\x89HABIT\r\n"
enum {
    DATASET_VERSION = 1,
    DATASET_HEADER = 64,
    DATASET_ENTRY = 128,
    DATASET_NAME = 96,
    DATASET_ALIGN = 64
};

static inline uint32_t load32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t load64(const unsigned char *p)
{
    return load32(p) | (uint64_t)load32(p + 4) << 32;
}
static inline void store32(unsigned char *p, uint32_t x)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(x >> 8 * i);
}
static inline void store64(unsigned char *p, uint64_t x)
{
    for (int i = 0; i < 8; i++) p[i] = (unsigned char)(x >> 8 * i);
}

// One section as the table has it.
typedef struct section_entry {
    const char *name; // points into the table
    section_type type;
    uint64_t at, count, checksum;
    const void *data;
    bool checked; // its bytes have been seen and agree with the checksum
} section_entry;

size_t section_size(section_type type); // bytes of one element
// What the header holds at 56.
uint64_t header_checksum(const unsigned char *header, const unsigned char *table, size_t table_len);

// All sections of an open file, in the order of the file and by name.
typedef struct sections {
    section_entry *of_file;
    section_entry **by_name;
    uint32_t count;
} sections;

section_entry *sections_find(const sections *s, const char *name); // NULL if absent
// The fingerprint of the format; names point to DATASET_NAME bytes.
uint64_t sections_fingerprint(const sections *s, uint64_t events, uint32_t users, uint32_t items);
// Sorts by_name, which must hold `count` pointers.
void sections_sort(sections *s);

// A dataset being opened.  The dataset is the first member: what callers hold points here.
typedef struct dataset_file {
    dataset d;
    column *columns;
    char *text; // copies of short strings: column names, value name, provenance
    sections sections;
    bool mapped; // d.map is a mapping of ours, so pages may be given back
} dataset_file;

// The whole check of the contents (data/dataset_check.c); `path` is for messages.  Sets d.ordered.
habit_status dataset_check(dataset_file *f, const char *path, habit_error *err);

// Opens bytes in memory, aligned to 64, which must outlive the dataset; for tests and fuzzing.
habit_status dataset_open_bytes(dataset **out, const unsigned char *bytes, size_t len,
                                const char *path, habit_error *err);

#endif

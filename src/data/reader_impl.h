// reader_impl.h - the inside of a reader, shared by reader*.c.
//
// A source is read in blocks that end at a row's end; a block is cut into pieces of fixed size,
// also at row ends, which the pool parses side by side:
//
//     block   | piece 0        | piece 1        | piece 2    | carry |
//     batch   | rows of 0 | rows of 1 | rows of 2 |           (carry: begins the next block)
//
// How rows are cut into blocks and pieces depends on their bytes alone, never on the number of
// threads, and batches come in the order of the source.
#ifndef DATA_READER_IMPL_H
#define DATA_READER_IMPL_H
#include "data/reader.h"
#include "data/sniff.h"
#include "data/source.h"

enum {
    READER_BLOCK = 4 << 20,    // bytes read at a time
    READER_PIECE = 256 << 10,  // bytes parsed by one thread at a time
    READER_SAMPLE = 1 << 20,   // bytes looked at for sniffing
    READER_LONGEST = 16 << 20, // bytes of the longest row
    FLAW_TEXT = 200,
    LINE_NUMBER = 20, // digits of a line number at most
};

// A row that was refused.
typedef struct flaw {
    uint64_t line;
    size_t column; // counts bytes from 1
    const char *row;
    size_t len;
    char why[FLAW_TEXT];
} flaw;

// Columns of rows, all owned; `cap` rows each, or NULL.
typedef struct batch {
    size_t cap;
    slice *user, *item, *behaviour, *tag[READER_EXTRAS];
    uint64_t *user_hash, *item_hash;
    int64_t *time;
    float *value;
    double *number[READER_EXTRAS];
} batch;

typedef struct piece {
    const char *begin, *end; // whole rows
    size_t lines, room;      // line breaks; rows at most
    uint64_t line;           // number of the first line
    size_t at, n;            // its rows are at .. at + n of the batch
    char *made;              // room for LINE_NUMBER bytes for each line: users without a name

    flaw *flaws;
    size_t flaws_n, flaws_cap;
    size_t flaws_max; // one more than may be tolerated: the piece stops there
    const char *counted;
    uint64_t counted_line; // the line that `counted` is in
    uint64_t passed;       // objects of other kinds
    bool no_memory;
} piece;

struct reader {
    source *source;
    layout layout;
    schema schema;
    size_t block_size, piece_size;
    int64_t tolerance; // bad rows that may still come
    buffer *rejects;

    char *block;
    size_t block_cap, block_len, block_used; // read; of those, parsed by the last batch
    bool ended;
    uint64_t line; // number of the block's first line

    piece *pieces;
    size_t pieces_n, pieces_cap;
    batch batch;
    size_t batch_room;
    char *made;
    size_t made_cap;
    uint64_t bad, passed;
};

// Opens a reader on any source, which it takes over, even on failure.  Sizes of 0 are the usual
// ones; tests use small ones to see rows cross the borders of pieces and blocks.
habit_status reader_open_source(reader **out, source *s, size_t block_size, size_t piece_size,
                                const import_options *options, const run *job, habit_error *err);

// Parse a piece: fill its rows, note its flaws.
void piece_parse_rows(const reader *r, piece *p);
void piece_parse_sequences(const reader *r, piece *p);
void piece_parse_objects(const reader *r, piece *p);

// Stores a row at p->at + p->n, without counting it.  Returns the column that is wrong, or -1.
int piece_take(const reader *r, piece *p, const field *fields);
// Notes a flaw at byte `at` of [row, end).  False if the piece should stop here.
bool piece_flaw(piece *p, const char *row, const char *end, const char *at, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
// The reason why column `column` of these fields was refused.
bool piece_refuse(const reader *r, piece *p, const char *row, const char *end, const char *at,
                  const field *fields, int col);

// reader_cut.c: sets r->pieces to the whole rows of the block; *used is where they end.
habit_status reader_cut(reader *r, size_t *used, habit_error *err);

// reader_batch.c
habit_status batch_reserve(batch *b, const schema *s, size_t count, habit_error *err);
void batch_move(batch *b, size_t to, size_t from, size_t n);
void batch_free(batch *b);
void batch_rows(const reader *r, size_t n, rows *out);

#endif

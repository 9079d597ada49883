// spool.h - packed records in the order they came: in memory while they fit, else in a scratch
// file.  First written front to back, then read back once.
//
//     while (more) { spool_room(&s, &at, &n, err); fill at most n records; spool_add(&s, filled); }
//     while (spool_take(&s, &block, &n, err) == HABIT_OK && n) ...
#ifndef DATA_SPOOL_H
#define DATA_SPOOL_H
#include "base/scratch.h"

typedef struct spool {
    const char *dir;   // of the scratch file
    size_t width;      // bytes of a record
    size_t block_rows; // records of a block
    size_t blocks_max; // blocks held in memory; one more sends all to the scratch file

    unsigned char **block;
    size_t blocks, blocks_cap;
    size_t used; // records in the last block
    uint64_t rows;
    scratch file; // open once records did not fit
    uint64_t taken;
    size_t blocks_taken;
} spool;

void spool_init(spool *s, size_t width, size_t block_bytes, size_t blocks_max, const char *dir);
// Room for *rows >= 1 records at *at.
habit_status spool_room(spool *s, unsigned char **at, size_t *rows, habit_error *err);
void spool_add(spool *s, size_t rows);
// The next records; *rows is 0 after the last.  The block may be changed in place, and is gone
// with the next call.
habit_status spool_take(spool *s, unsigned char **block, size_t *rows, habit_error *err);
void spool_free(spool *s); // fine on zero

#endif

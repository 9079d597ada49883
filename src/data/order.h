// order.h - packed records in order of arrival to columns in order of user and time.
//
//     spool -> [partitions on disk, if the records exceed the memory] -> buckets -> columns
//
// Records are distributed over ranges of users, twice if need be, and only ranges small enough
// for the cache are sorted.  Every pass reads and writes front to back, and keeps the order of
// arrival among the events of a user, so that sorting by time is stable and often no work at all.
#ifndef DATA_ORDER_H
#define DATA_ORDER_H
#include "data/encode.h"
#include "data/spool.h"

typedef struct order {
    spool *spool;           // consumed
    const encoder *encoder; // ranked
    bool by_item;           // events of a user at one moment: by item, else as they came
    size_t memory;          // bytes to use beside the encoder's
    dataset_writer *writer;
    const run *run;
} order;

// The bytes of one block of the spool, and how many may be kept, for a memory bound.
size_t order_block_bytes(size_t memory);
size_t order_blocks_max(size_t memory);

// Writes the sections offset, item, time, value, behaviour and the extras of events; *spilled
// gains the bytes written to scratch files here.
habit_status order_events(const order *o, uint64_t *spilled, habit_error *err);

#endif

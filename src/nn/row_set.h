// row_set.h - a few rows of a large table, numbered in the order in which they were first met.
//
// Lives in a tape's memory.  Where most of the table may be met it is a plain map, else a hash
// table, so that its cost does not grow with the catalogue.
#ifndef NN_ROW_SET_H
#define NN_ROW_SET_H
#include "nn/tape.h"

typedef struct row_set {
    uint32_t *slot; // [mask+1] 1 + number, 0: free
    size_t mask;
    int shift; // of the hash
    bool plain;
    int32_t *row; // [count] the rows met
    size_t count;
} row_set;

// Room for `most` rows, at most all of them, of a table of `rows`.  False when out of memory.
bool row_set_make(row_set *s, tape *t, size_t most, size_t rows);
uint32_t row_set_put(row_set *s, int32_t row); // its number, a new one if need be

#endif

// arena.h - bump allocator.  What shares an arena dies together, in one free.
//
//     base              base+used                     base+cap
//      | item | pos | w1 | ............ free ............ |
//
// An arena whose cap is 0 only counts: it hands out NULL and adds up `used`.  So one carve
// function both measures a layout and places it, and the two can never disagree:
//
//     arena plan = { 0 };
//     carve(&params, cfg, &plan);              // measure
//     TRY(arena_init(&mem, &plan, err));       // one allocation
//     carve(&params, cfg, &mem);               // place
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include "base/status.h"

#include <stdbool.h>

enum { ARENA_ALIGN = 64 }; // one cache line, one AVX-512 register

typedef struct arena {
    unsigned char *base;
    size_t cap, used;
    bool failed; // sticky: allocate everything, check once
} arena;

habit_status arena_init(arena *a, const arena *plan, habit_error *err);
habit_status arena_init_bytes(arena *a, size_t bytes, habit_error *err);
void arena_free(arena *a);

// n * size zeroed bytes, or NULL (with `failed` set) on overflow or exhaustion.
void *arena_alloc(arena *a, size_t n, size_t size);
#define arena_new(a, T, n) ((T *)arena_alloc((a), (n), sizeof(T)))
static inline float *arena_floats(arena *a, size_t n)
{
    return arena_new(a, float, n);
}

// Scratch: everything allocated after the mark goes back at once.
static inline size_t arena_mark(const arena *a)
{
    return a->used;
}
static inline void arena_rewind(arena *a, size_t mark)
{
    a->used = mark;
}

#endif

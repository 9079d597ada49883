// memory.h - the one door to the allocator.
//
// Only base/ calls malloc; everybody else comes through here, so that a test can make the n-th
// allocation fail and see that nothing leaks and nothing is half done.
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H
#include "base/status.h"

// n * size bytes, aligned to 64, not cleared; NULL on overflow or exhaustion, and for 0 bytes a
// valid pointer.  Give back with mem_free().
void *mem_alloc(size_t n, size_t size);
void *mem_zalloc(size_t n, size_t size); // the same, cleared

// Grows or shrinks a block of mem_alloc(); `used` bytes of the old content survive.  On failure
// NULL, and the old block stays.
void *mem_resize(void *p, size_t used, size_t n, size_t size);
void mem_free(void *p); // NULL is fine

char *mem_strdup(const char *s); // NULL on exhaustion
char *mem_strndup(const char *s, size_t len);

// Makes room for at least `need` elements in a growing array: *cap and *items change only on
// success.
habit_status mem_grow(void **items, size_t *cap, size_t need, size_t size, const char *what,
                      habit_error *err);

#define NEW(T, n) ((T *)mem_alloc((n), sizeof(T)))
#define ZNEW(T, n) ((T *)mem_zalloc((n), sizeof(T)))

// For tests: the allocation after the next `n` fails, once; negative: never.  The only mutable
// global beside the kernel table, because a failing allocator cannot be passed through libraries.
void mem_fail_after(long n);
long mem_live(void);  // blocks handed out and not given back
long mem_count(void); // blocks handed out so far

#endif

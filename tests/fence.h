// fence.h - memory that faults one byte past its end.
//
// fence_floats(n) returns n floats whose last byte is the last byte of a page, followed by a page
// that may not be touched.  A vector tail that reads one lane too far crashes the test.  The
// memory stays until the test ends, or fence_free(p, n).
#ifndef TESTS_FENCE_H
#define TESTS_FENCE_H
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static inline float *fence_floats(size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t body = (n * sizeof(float) + page - 1) / page * page;
    unsigned char *p =
        mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_ANON | MAP_PRIVATE, -1, 0);
    if (p == MAP_FAILED || mprotect(p + body, page, PROT_NONE) != 0) abort();
    return (float *)(void *)(p + body - n * sizeof(float));
}

static inline void fence_free(float *p, size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t body = (n * sizeof(float) + page - 1) / page * page;
    munmap((unsigned char *)(void *)(p + n) - body, body + page);
}

#endif

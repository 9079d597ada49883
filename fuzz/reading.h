// reading.h - what every fuzz target of a reader does with its input.
//
// The bytes are read twice: in blocks of the usual size, and in tiny ones on other borders.  Both
// must agree in every row, every rejected row, and in the error if there is one; nothing may leak.
#ifndef FUZZ_READING_H
#define FUZZ_READING_H
#include <stdlib.h>

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

#include "tests/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static inline void must(bool condition)
{
    if (!condition) abort();
}

static inline void must_agree(const buffer *a, const buffer *b)
{
    must(a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0));
}

static inline void fuzz_reading(const uint8_t *bytes, size_t len, const import_options *options)
{
    // of the exact size, so that AddressSanitizer guards its end
    char *copy = malloc(len ? len : 1);
    if (!copy) return;
    if (len) memcpy(copy, bytes, len);
    reading usual, tiny;
    reading_text(&usual, copy, len, 0, 0, options, NULL);
    reading_text(&tiny, copy, len, 1 + len % 7, 1 + len % 3, options, NULL);
    must(usual.status == tiny.status);
    must(strcmp(usual.err.message, tiny.err.message) == 0);
    if (usual.status == HABIT_OK) {
        must(usual.n == tiny.n && usual.bad == tiny.bad);
        must_agree(&usual.rows, &tiny.rows);
        must_agree(&usual.rejects, &tiny.rejects);
    }
    reading_free(&usual);
    reading_free(&tiny);
    free(copy);
    must(mem_live() == 0);
}

#endif

// json.h - reports as JSON: options with their types, and text handed to the caller.
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include "base/buffer.h"
#include "base/opt.h"

#include <jansson.h>

// Hands `report` over as text in memory of habit_free().  Frees `report` either way; `text` may be
// NULL when nobody wants it, `report` NULL when jansson ran out of memory.
habit_status json_hand_over(char **text, json_t *report, habit_error *err);

// Bytes as a JSON string with its quotes.  Those that are not UTF-8 are written as escapes \udc80 ..
// \udcff, one per byte, as Python's "surrogateescape" does (PEP 383).
void json_quote(buffer *out, const char *bytes, size_t len);

// The rows of one table with their values: {"l2": 500.0, "top": 0, "weight": "bm25"}.  With
// `given_only`, without the rows that stand at their default.  NULL when out of memory.
json_t *json_of_options(const opt_values *v, bool given_only);

// The reverse: sets every name of `object` that the table knows.  `where` names the file.
habit_status json_to_options(opt_values *v, const json_t *object, const char *where,
                             habit_error *err);

// A 64-bit fingerprint as "0x0123456789abcdef", since JSON numbers are doubles to many readers.
json_t *json_fingerprint(uint64_t x);
bool json_fingerprint_of(const json_t *text, uint64_t *out);

// Writes `value` with a newline, atomically.  Does not free it.
habit_status json_write(const char *path, const json_t *value, habit_error *err);

#endif

// gorse_time.h - moments and spans as clients of Gorse write them.
#ifndef SERVE_GORSE_TIME_H
#define SERVE_GORSE_TIME_H
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

// ISO-8601; a number of seconds, milliseconds, ... by its size; "2006/01/02 15:04:05";
// "01/02/2006 15:04"; "Mon, 02 Jan 2006 15:04:05 GMT".  Nothing, and the year 1 that Go writes for
// no time, are TIME_NONE.
bool gorse_time_parse(const char *s, size_t len, int64_t *out);
// As Go's RFC 3339: no zeros at the end of a fraction; TIME_NONE is the year 1.
void gorse_time_write(buffer *to, int64_t time);

// "1h30m", "-1.5s", "300ms", "0": microseconds.
bool gorse_span_parse(const char *s, size_t len, int64_t *out);

#endif

// numbers.h - numbers and moments as logs write them.
#ifndef DATA_NUMBERS_H
#define DATA_NUMBERS_H
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// How a source writes time; fixed for the whole source.
typedef enum time_unit {
    UNIT_NONE,
    UNIT_S,
    UNIT_MS,
    UNIT_US,
    UNIT_NS,
    UNIT_MIN,
    UNIT_H,
    UNIT_D,
    UNIT_ISO
} time_unit;

const char *time_unit_name(time_unit unit);             // "ms"
bool time_unit_parse(const char *name, time_unit *out); // false if unknown
time_unit time_unit_guess(double largest_magnitude);    // s, ms, us or ns

// A decimal integer with an optional sign; false if it is not one or does not fit.
bool parse_int(const char *s, size_t len, int64_t *out);
// A decimal number: "3", "-4.5", "1e-3"; not inf, not nan, no blanks around it.
bool parse_number(const char *s, size_t len, double *out);
// Nothing, or one of the ways to write it: "", "NaN", "null", "NA", "None", "\N".
bool is_missing(const char *s, size_t len);
// Microseconds since 1970; false if it is not a time in this unit or out of range.
bool parse_time(time_unit unit, const char *s, size_t len, int64_t *out);

#endif

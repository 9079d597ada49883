// clock.h - the time of day, time spent, and time written by people.
//
// All timestamps inside habit are int64 microseconds since 1970-01-01 UTC.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include "base/status.h"

#include <stdbool.h>

#define TIME_NONE INT64_MIN // no timestamp known

double clock_wall(void);  // seconds, monotonic
double clock_cpu(void);   // seconds of processor time of this process
int64_t clock_now(void);  // microseconds since 1970
size_t memory_peak(void); // largest resident memory of this process so far, bytes
// What this process could still take without swapping: the machine's free memory, or the room left
// in its control group if that is less.  0 if unknown.
size_t memory_available(void);

// ISO-8601 as people and databases write it: "2021-10-24", "2021-10-24 06:42:20",
// "2021-10-24T06:42:20.207Z", "...+02:00"; no zone means UTC.  False if it is not one.
bool time_parse_iso(const char *s, size_t len, int64_t *out);
// "2021-10-24T06:42:20Z" (with microseconds only if there are any); at most 32 bytes.
void time_format_iso(char out[32], int64_t t);

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
int64_t days_from_civil(int64_t year, int month, int day);

#endif

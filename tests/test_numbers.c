// test_numbers.c - numbers and times as logs write them.
#include "tests/check.h"
#include "base/rng.h"
#include "data/numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
static const struct { const char *text; bool good; int64_t want; } ints[] = {
    { "0", true, 0 }, { "7", true, 7 }, { "-7", true, -7 }, { "+7", true, 7 }, { "007", true, 7 },
    { "12345678", true, 12345678 }, { "123456789012345678", true, INT64_C(123456789012345678) },
    { "9223372036854775807", true, INT64_MAX }, { "-9223372036854775807", true, -INT64_MAX },
    { "9223372036854775808", false, 0 }, { "12345678901234567890", false, 0 },
    { "", false, 0 }, { "-", false, 0 }, { "1 ", false, 0 }, { "1.0", false, 0 }, { "1234567x", false, 0 },
    { "x2345678", false, 0 }, { "12345678:", false, 0 }, { "/2345678", false, 0 }, { "--1", false, 0 },
};
static const struct { const char *text; bool good; double want; } numbers[] = {
    { "0", true, 0 }, { "-0.5", true, -0.5 }, { ".5", true, 0.5 }, { "5.", true, 5 }, { "+3.25", true, 3.25 },
    { "1e3", true, 1000 }, { "1E-3", true, 0.001 }, { "1.5e300", true, 1.5e300 }, { "0.1", true, 0.1 },
    { "123456789012345678901234567890", true, 123456789012345678901234567890.0 },
    { "0.000000000000000000000000000001", true, 1e-30 }, { "9007199254740993", true, 9007199254740993.0 },
    { "1e400", false, 0 }, { "", false, 0 }, { ".", false, 0 }, { "-", false, 0 }, { "e5", false, 0 },
    { "1e", false, 0 }, { "1e+", false, 0 }, { "inf", false, 0 }, { "nan", false, 0 }, { "0x10", false, 0 },
    { "1,5", false, 0 }, { "1.2.3", false, 0 }, { " 1", false, 0 }, { "1e999999999999", false, 0 },
};
static const struct { time_unit unit; const char *text; bool good; int64_t want; } times[] = {
    { UNIT_S, "1", true, 1000000 }, { UNIT_S, "-1.5", true, -1500000 }, { UNIT_MS, "1", true, 1000 },
    { UNIT_US, "1", true, 1 }, { UNIT_NS, "1999", true, 1 }, { UNIT_NS, "-1", true, -1 },
    { UNIT_MIN, "1", true, 60000000 }, { UNIT_H, "1", true, INT64_C(3600000000) },
    { UNIT_D, "0.5", true, INT64_C(43200000000) }, { UNIT_S, "1.3e9", true, INT64_C(1300000000000000) },
    { UNIT_S, "9999999999999", false, 0 }, { UNIT_D, "9223372036854775807", false, 0 },
    { UNIT_S, "", false, 0 }, { UNIT_S, "2020-01-01", false, 0 }, { UNIT_ISO, "1", false, 0 },
    { UNIT_ISO, "1970-01-01T00:00:01Z", true, 1000000 },
};
static const struct { double size; time_unit want; } guesses[] = {
    { 0, UNIT_S }, { 978300760, UNIT_S }, { 4e9, UNIT_S }, { 978300760e3, UNIT_MS }, { 4e12, UNIT_MS },
    { 978300760e6, UNIT_US }, { 4e15, UNIT_US }, { 978300760e9, UNIT_NS },
};
static const char *const missing[] = { "", "NaN", "nan", "NULL", "null", "None", "NA", "n/a", "\\N" };
static const char *const present[] = { "0", "nana", "no", "N", "nul", "x/a" };
// clang-format on

// Every double must come back as it was written, as strtod() reads it.
static void test_random(void)
{
    rng r = rng_at(7, 0, 0);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        const int digits = (int)rng_below(&r, 18) + 1;
        const double x = (rng_uniform(&r) - 0.5) * pow(10, (double)rng_below(&r, 60) - 30);
        const int len = snprintf(text, sizeof text, i % 3 ? "%.*g" : "%.*f", digits, x);
        double got = NAN;
        const bool good = parse_number(text, (size_t)len, &got);
        CHECK(good && got == strtod(text, NULL), "%s: %.17g", text, got);
    }
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(ints); i++) {
        int64_t x = 0;
        const bool good = parse_int(ints[i].text, strlen(ints[i].text), &x);
        CHECK(good == ints[i].good && x == ints[i].want, "'%s': %d %lld", ints[i].text, good,
              (long long)x);
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        double x = 0;
        const bool good = parse_number(numbers[i].text, strlen(numbers[i].text), &x);
        CHECK(good == numbers[i].good && (!good || x == numbers[i].want), "'%s': %d %.17g",
              numbers[i].text, good, x);
    }
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        int64_t x = 0;
        const bool good = parse_time(times[i].unit, times[i].text, strlen(times[i].text), &x);
        CHECK(good == times[i].good && (!good || x == times[i].want), "'%s' in %s: %d %lld",
              times[i].text, time_unit_name(times[i].unit), good, (long long)x);
    }
    for (size_t i = 0; i < COUNT_OF(guesses); i++)
        CHECK(time_unit_guess(guesses[i].size) == guesses[i].want, "%g: %s", guesses[i].size,
              time_unit_name(time_unit_guess(guesses[i].size)));
    for (size_t i = 0; i < COUNT_OF(missing); i++)
        CHECK(is_missing(missing[i], strlen(missing[i])), "'%s' is there", missing[i]);
    for (size_t i = 0; i < COUNT_OF(present); i++)
        CHECK(!is_missing(present[i], strlen(present[i])), "'%s' is missing", present[i]);
    test_random();
    return CHECK_DONE();
}

// numbers.c - numbers and moments as logs write them.
#include "data/numbers.h"
#include "base/memory.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    double micros; // in one unit
} units[] = {
    [UNIT_NONE] = { "none", 0 }, [UNIT_S] = { "s", 1e6 },     [UNIT_MS] = { "ms", 1e3 },
    [UNIT_US] = { "us", 1 },     [UNIT_NS] = { "ns", 1e-3 },  [UNIT_MIN] = { "min", 60e6 },
    [UNIT_H] = { "h", 3600e6 },  [UNIT_D] = { "d", 86400e6 }, [UNIT_ISO] = { "iso", 0 },
};

const char *time_unit_name(time_unit unit)
{
    return units[unit].name;
}

bool time_unit_parse(const char *name, time_unit *out)
{
    for (size_t i = UNIT_S; i < COUNT_OF(units); i++)
        if (strcmp(units[i].name, name) == 0) return *out = (time_unit)i, true;
    return false;
}

// 1e11 seconds are the year 5138, 1e11 milliseconds are in 1973: no log is near a border.
time_unit time_unit_guess(double largest_magnitude)
{
    if (largest_magnitude < 1e11) return UNIT_S;
    if (largest_magnitude < 1e14) return UNIT_MS;
    return largest_magnitude < 1e17 ? UNIT_US : UNIT_NS;
}

// Eight digits at once: D. Lemire, "Quickly parsing eight digits", 2018 (SWAR).
static bool eight_digits(const char *s, uint64_t *out)
{
    uint64_t v;
    memcpy(&v, s, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    if (((v & 0xF0F0F0F0F0F0F0F0u) | (((v + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) >> 4)) !=
        0x3333333333333333u)
        return false;
    v = (v & 0x0F0F0F0F0F0F0F0Fu) * 2561 >> 8;
    v = (v & 0x00FF00FF00FF00FFu) * 6553601 >> 16;
    *out = (v & 0x0000FFFF0000FFFFu) * 42949672960001u >> 32;
    return true;
}

// All of s[0..len), 1 <= len <= 18.
static bool digits(const char *s, size_t len, uint64_t *out)
{
    uint64_t x = 0;
    for (; len >= 8; s += 8, len -= 8) {
        uint64_t eight;
        if (!eight_digits(s, &eight)) return false;
        x = x * 100000000 + eight;
    }
    for (; len; s++, len--) {
        const unsigned d = (unsigned)(unsigned char)*s - '0';
        if (d > 9) return false;
        x = x * 10 + d;
    }
    *out = x;
    return true;
}

bool parse_int(const char *s, size_t len, int64_t *out)
{
    const bool negative = len && *s == '-';
    if (len && (*s == '-' || *s == '+')) s++, len--;
    while (len > 1 && *s == '0') s++, len--;
    uint64_t x, last;
    if (len == 0 || len > 19) return false;
    if (!digits(s, len < 19 ? len : 18, &x)) return false;
    if (len == 19) { // 9223372036854775807
        if (!digits(s + 18, 1, &last)) return false;
        if (x > 922337203685477580u || (x == 922337203685477580u && last > 7)) return false;
        x = x * 10 + last;
    }
    *out = negative ? -(int64_t)x : (int64_t)x;
    return true;
}

// The rare rest: more digits than a double holds, large exponents.  strtod() reads the decimal
// point of the host program's locale, so ours is translated.
static bool parse_hard(const char *s, size_t len, double *out)
{
    char text[512], *end;
    const char *point = localeconv()->decimal_point;
    const size_t wide = strlen(point);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (n + wide + 1 >= sizeof text) return false;
        if (s[i] == '.')
            memcpy(text + n, point, wide), n += wide;
        else
            text[n++] = s[i];
    }
    text[n] = '\0';
    const double x = strtod(text, &end);
    if (end != text + n || !isfinite(x)) return false;
    *out = x;
    return true;
}

static const double power[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

// What nearly all numbers in logs are: at most 15 digits, perhaps a point.  Exact, as below.
static bool parse_easy(const char *s, size_t len, double *out)
{
    if (len == 0 || len > 15) return false;
    uint64_t mantissa = 0;
    size_t decimals = len;
    for (size_t i = 0; i < len; i++) {
        const unsigned d = (unsigned)(unsigned char)s[i] - '0';
        if (d <= 9)
            mantissa = mantissa * 10 + d;
        else if (s[i] == '.' && decimals == len && len > 1)
            decimals = i;
        else
            return false;
    }
    *out = (double)mantissa;
    if (decimals < len - 1) *out /= power[len - 1 - decimals];
    return true;
}

// Exact when mantissa < 2^53 and |exponent| <= 22: both are doubles without error, and one
// division or product rounds once (W. D. Clinger, PLDI 1990).
bool parse_number(const char *s, size_t len, double *out)
{
    if (parse_easy(s, len, out)) return true;
    const char *p = s, *end = s + len;
    const bool negative = len && *p == '-';
    if (len && (*p == '-' || *p == '+')) p++;
    uint64_t mantissa = 0;
    int seen = 0, significant = 0, exponent = 0;
    for (; p < end && (unsigned)(*p - '0') <= 9; p++, seen++) {
        significant += mantissa || *p != '0';
        if (significant <= 18) mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    }
    if (p < end && *p == '.')
        for (p++; p < end && (unsigned)(*p - '0') <= 9; p++, seen++) {
            significant += mantissa || *p != '0';
            if (significant <= 18) mantissa = mantissa * 10 + (uint64_t)(*p - '0'), exponent--;
        }
    if (!seen) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        int64_t e;
        if (end - p < 2 || !parse_int(p + 1, (size_t)(end - p - 1), &e)) return false;
        if (e < -100000 || e > 100000) return false;
        exponent += (int)e;
        p = end;
    }
    if (p != end) return false;
    if (significant > 18 || mantissa > (UINT64_C(1) << 53) || exponent < -22 || exponent > 22)
        return parse_hard(s, len, out);
    const double x = (double)mantissa;
    const double y = exponent < 0 ? x / power[-exponent] : x * power[exponent];
    *out = negative ? -y : y;
    return true;
}

bool is_missing(const char *s, size_t len)
{
    static const char *const words[] = { "nan", "null", "na", "none", "\\n", "n/a" };
    if (len == 0) return true;
    if (len > 4) return false;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strlen(words[i]) != len) continue;
        size_t k = 0;
        while (k < len && (s[k] | (s[k] >= 'A' && s[k] <= 'Z' ? 0x20 : 0)) == words[i][k]) k++;
        if (k == len) return true;
    }
    return false;
}

bool parse_time(time_unit unit, const char *s, size_t len, int64_t *out)
{
    if (unit == UNIT_ISO) return time_parse_iso(s, len, out);
    int64_t whole;
    if (parse_int(s, len, &whole)) {
        if (unit == UNIT_NS) {
            *out = whole / 1000 - (whole % 1000 < 0);
            return true;
        }
        const int64_t scale = (int64_t)units[unit].micros;
        if (whole > INT64_MAX / scale || whole < -(INT64_MAX / scale)) return false;
        *out = whole * scale;
        return true;
    }
    double x;
    if (!parse_number(s, len, &x)) return false;
    x *= units[unit].micros;
    if (!(fabs(x) < 9.2e18)) return false;
    *out = llround(x);
    return true;
}

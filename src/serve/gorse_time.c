// gorse_time.c - reading and writing time as Go programs do.
#include "serve/gorse_time.h"
#include "data/numbers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define YEAR_ONE (INT64_C(-62135596800) * SECOND)
#define YEAR_10000 (INT64_C(253402300800) * SECOND)

static bool digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return true;
}

// Year, month and day between slashes, in either order; the time of day after them as ISO has it.
static bool parse_slashes(const char *s, size_t len, int64_t *out)
{
    char iso[48];
    if (len < 10 || len >= sizeof iso) return false;
    if (s[4] == '/' && s[7] == '/') {
        memcpy(iso, s, len);
        iso[4] = iso[7] = '-';
    } else if (s[2] == '/' && s[5] == '/') {
        memcpy(iso, s + 6, 4);
        iso[4] = iso[7] = '-';
        memcpy(iso + 5, s, 2);
        memcpy(iso + 8, s + 3, 2);
        memcpy(iso + 10, s + 10, len - 10);
    } else {
        return false;
    }
    return time_parse_iso(iso, len, out);
}

// "Mon, 02 Jan 2006 15:04:05 GMT", "... UTC", "... +0100"
static bool parse_mail(const char *s, size_t len, int64_t *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[48], name[4] = "";
    if (len < 26 || len > 31 || s[3] != ',' || s[4] != ' ' || s[7] != ' ' || s[11] != ' ' ||
        s[16] != ' ' || s[25] != ' ')
        return false;
    memcpy(name, s + 8, 3);
    const char *month = strstr(months, name);
    if (strlen(name) != 3 || !month || (month - months) % 3) return false;
    const char *zone = s + 26;
    const size_t zone_len = len - 26;
    const bool utc = zone_len == 3 && (memcmp(zone, "GMT", 3) == 0 || memcmp(zone, "UTC", 3) == 0);
    if (!utc && !(zone_len == 5 && (*zone == '+' || *zone == '-'))) return false;
    const int n =
        snprintf(iso, sizeof iso, "%.4s-%02d-%.2sT%.8s%.*s", s + 12, (int)(month - months) / 3 + 1,
                 s + 5, s + 17, utc ? 1 : 5, utc ? "Z" : zone);
    return time_parse_iso(iso, (size_t)n, out);
}

static bool parse(const char *s, size_t len, int64_t *out)
{
    double x;
    if (time_parse_iso(s, len, out)) return true;
    if (parse_number(s, len, &x)) {
        // fourteen digits are a date: 20060102150405
        char iso[24];
        if (len == 14 && digits(s, len)) {
            snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", s, s + 4, s + 6, s + 8,
                     s + 10, s + 12);
            if (time_parse_iso(iso, strlen(iso), out)) return true;
        }
        return parse_time(time_unit_guess(fabs(x)), s, len, out);
    }
    return parse_slashes(s, len, out) || parse_mail(s, len, out);
}

bool gorse_time_parse(const char *s, size_t len, int64_t *out)
{
    if (len == 0) return *out = TIME_NONE, true;
    if (!parse(s, len, out) || *out < YEAR_ONE || *out >= YEAR_10000) return false;
    if (*out == YEAR_ONE) *out = TIME_NONE;
    return true;
}

void gorse_time_write(buffer *to, int64_t time)
{
    char text[32];
    time_format_iso(text, time == TIME_NONE ? YEAR_ONE : time);
    size_t n = strlen(text);
    if (strchr(text, '.')) {
        while (text[n - 2] == '0') n--; // "...20.207000Z"
        text[n - 1] = 'Z';
    }
    buffer_format(to, "\"%.*s\"", (int)n, text);
}

bool gorse_span_parse(const char *s, size_t len, int64_t *out)
{
    static const struct {
        const char *name;
        double micros;
    } units[] = { { "ns", 1e-3 }, { "us", 1 },  { "\xc2\xb5s", 1 }, { "\xce\xbcs", 1 },
                  { "ms", 1e3 },  { "s", 1e6 }, { "m", 60e6 },      { "h", 3600e6 } };
    const char *const end = s + len;
    double sum = 0, sign = 1;
    if (s < end && (*s == '-' || *s == '+')) sign = *s++ == '-' ? -1 : 1;
    if (end - s == 1 && *s == '0') return *out = 0, true;
    if (s == end) return false;
    while (s < end) {
        size_t n = 0, u = 0;
        double x;
        while (s + n < end && ((s[n] >= '0' && s[n] <= '9') || s[n] == '.')) n++;
        if (!parse_number(s, n, &x)) return false;
        s += n;
        for (n = 0; s + n < end && s[n] != '.' && (s[n] < '0' || s[n] > '9');) n++;
        while (u < COUNT_OF(units) &&
               (strlen(units[u].name) != n || memcmp(units[u].name, s, n) != 0))
            u++;
        if (u == COUNT_OF(units)) return false;
        sum += x * units[u].micros;
        s += n;
    }
    if (sum > 1e17) return false; // three thousand years
    *out = (int64_t)(sign * sum);
    return true;
}

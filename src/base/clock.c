// clock.c - the time of day, time spent, and time written by people.
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

double clock_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

size_t memory_peak(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
#if defined(__APPLE__)
    return (size_t)u.ru_maxrss; // bytes there, kilobytes elsewhere
#else
    return (size_t)u.ru_maxrss * 1024;
#endif
}

// The number in a file that holds one ("max" is none), or after `key` in a file of lines.
static bool read_number(const char *path, const char *key, size_t *out)
{
    FILE *f = fopen(path, "r");
    if (!f) return false;
    char line[128];
    bool found = false;
    while (!found && fgets(line, sizeof line, f)) {
        unsigned long long x;
        if (strncmp(line, key, strlen(key)) != 0) continue;
        found = sscanf(line + strlen(key), "%llu", &x) == 1;
        if (found) *out = (size_t)x;
    }
    fclose(f);
    return found;
}

size_t memory_available(void)
{
    size_t left = 0, limit, used;
    if (read_number("/proc/meminfo", "MemAvailable:", &left)) left *= 1024; // kB
    if (read_number("/sys/fs/cgroup/memory.max", "", &limit) &&
        read_number("/sys/fs/cgroup/memory.current", "", &used)) {
        const size_t room = limit > used ? limit - used : 1;
        if (left == 0 || room < left) left = room;
    }
    return left;
}

// H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil and its inverse.
int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t yoe = year - era * 400;                                         // [0, 399]
    const int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1; // [0, 365]
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;                    // [0, 146096]
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *year, int *month, int *day)
{
    z += 719468;
    const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

// Exactly `digits` digits at *s; moves on.
static bool take_number(const char **s, const char *end, int digits, int *out)
{
    int x = 0;
    if (end - *s < digits) return false;
    for (int i = 0; i < digits; i++) {
        const char c = (*s)[i];
        if (c < '0' || c > '9') return false;
        x = x * 10 + (c - '0');
    }
    *s += digits;
    *out = x;
    return true;
}

static bool take_char(const char **s, const char *end, char c)
{
    if (*s == end || **s != c) return false;
    (*s)++;
    return true;
}

// ".207" -> 207000; digits beyond microseconds are dropped.
static bool take_fraction(const char **s, const char *end, int *micros)
{
    int scale = 100000, digits = 0;
    *micros = 0;
    for (; *s < end && **s >= '0' && **s <= '9'; (*s)++, digits++, scale /= 10)
        *micros += (**s - '0') * scale;
    return digits > 0;
}

// "Z", "+02:00", "+0200", "+02" or nothing.
static bool take_zone(const char **s, const char *end, int *minutes)
{
    *minutes = 0;
    if (take_char(s, end, ' ') && *s == end) return false;
    if (*s == end || take_char(s, end, 'Z') || take_char(s, end, 'z')) return true;
    const bool west = **s == '-';
    if (!west && **s != '+') return false;
    (*s)++;
    int hours, rest = 0;
    if (!take_number(s, end, 2, &hours)) return false;
    take_char(s, end, ':');
    if (*s != end && !take_number(s, end, 2, &rest)) return false;
    if (hours > 23 || rest > 59) return false;
    *minutes = (west ? -1 : 1) * (hours * 60 + rest);
    return true;
}

bool time_parse_iso(const char *s, size_t len, int64_t *out)
{
    const char *end = s + len;
    int year, month, day, hour = 0, minute = 0, second = 0, micros = 0, zone = 0;
    if (!take_number(&s, end, 4, &year) || !take_char(&s, end, '-') ||
        !take_number(&s, end, 2, &month) || !take_char(&s, end, '-') ||
        !take_number(&s, end, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    if (s != end) {
        if (!take_char(&s, end, 'T') && !take_char(&s, end, 't') && !take_char(&s, end, ' '))
            return false;
        if (!take_number(&s, end, 2, &hour) || !take_char(&s, end, ':') ||
            !take_number(&s, end, 2, &minute))
            return false;
        if (take_char(&s, end, ':') && !take_number(&s, end, 2, &second)) return false;
        if (take_char(&s, end, '.') && !take_fraction(&s, end, &micros)) return false;
        if (!take_zone(&s, end, &zone)) return false;
    }
    if (s != end || hour > 24 || minute > 59 || second > 60) return false;
    const int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + (minute - zone) * 60 + second;
    *out = seconds * 1000000 + micros;
    return true;
}

void time_format_iso(char out[32], int64_t t)
{
    int64_t seconds = t / 1000000, micros = t % 1000000;
    if (micros < 0) micros += 1000000, seconds--;
    int64_t days = seconds / 86400, rest = seconds % 86400, year;
    if (rest < 0) rest += 86400, days--;
    int month, day;
    civil_from_days(days, &year, &month, &day);
    int n = snprintf(out, 32, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)(year % 1000000), month,
                     day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    if (n < 0 || n >= 24) return; // far future or past: no room for a fraction
    if (micros) n += snprintf(out + n, 32 - (size_t)n, ".%06d", (int)micros);
    snprintf(out + n, 32 - (size_t)n, "Z");
}

// checksums.c - a line per file.
#include "models/checksums.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

#include <string.h>
#include <xxhash.h>

enum { DIGITS = 32, LIST_MOST = 1 << 16 };

static habit_status sum_of_file(char sum[DIGITS + 1], const char *path, habit_error *err)
{
    file_map m;
    TRY(file_map_open(&m, path, err));
    const XXH128_hash_t h = XXH3_128bits(m.bytes ? (const void *)m.bytes : "", m.len);
    file_map_close(&m);
    snprintf(sum, DIGITS + 1, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    return HABIT_OK;
}

// The line of a file in `dir`; nothing if there is no such file.
static habit_status add_line(buffer *to, const char *dir, const char *name, habit_error *err)
{
    char sum[DIGITS + 1];
    char *path = path_join(dir, name);
    if (!path) return fail_memory(err, "path", strlen(dir));
    const bool there = file_exists(path);
    const habit_status st = there ? sum_of_file(sum, path, err) : HABIT_OK;
    if (there && st == HABIT_OK) buffer_format(to, "%s  %s\n", sum, name);
    mem_free(path);
    return st;
}

static habit_status list(buffer *to, const char *dir, const char *const *names, size_t n,
                         habit_error *err)
{
    for (size_t i = 0; i < n; i++) TRY(add_line(to, dir, names[i], err));
    return buffer_check(to, err);
}

habit_status checksums_write(const char *dir, const char *const *names, size_t n, habit_error *err)
{
    buffer lines = { 0 };
    char *path = path_join(dir, CHECKSUMS_FILE);
    habit_status st =
        path ? list(&lines, dir, names, n, err) : fail_memory(err, "path", strlen(dir));
    if (st == HABIT_OK) st = file_write(path, lines.data, lines.len, err);
    buffer_free(&lines);
    mem_free(path);
    return st;
}

// The name on the first line where two lists differ.
static void differing_name(const char *a, const char *b, char out[64])
{
    const char *line = a;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '\n') line = a + i + 1;
    const size_t len = strcspn(line, "\n");
    const char *name = len > DIGITS + 2 ? line + DIGITS + 2 : CHECKSUMS_FILE;
    snprintf(out, 64, "%.*s", (int)strcspn(name, "\n"), name);
}

habit_status checksums_check(const char *dir, const char *const *names, size_t n, habit_error *err)
{
    buffer now = { 0 };
    char *written = NULL, name[64], *path = path_join(dir, CHECKSUMS_FILE);
    size_t len = 0;
    habit_status st = path ? HABIT_OK : fail_memory(err, "path", strlen(dir));
    if (st != HABIT_OK || !file_exists(path)) goto out;
    st = file_read(&written, &len, path, LIST_MOST, err);
    if (st == HABIT_OK) st = list(&now, dir, names, n, err);
    if (st != HABIT_OK || (len == now.len && memcmp(written, now.data, len) == 0)) goto out;
    differing_name(now.data ? now.data : "", written, name);
    st = fail(err, HABIT_EFORMAT,
              "%s/%s is not what was written (%s); copy the folder anew, or train again", dir, name,
              CHECKSUMS_FILE);
out:
    buffer_free(&now);
    mem_free(written);
    mem_free(path);
    return st;
}

// id_list.c - ids of any bytes as lines of JSON, and back.
#include "models/id_list.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

// --- writing -----------------------------------------------------------------------------------

habit_status text_list_write(const char *path, const names *texts, const uint32_t *tag,
                             uint64_t count, habit_error *err)
{
    file_writer w;
    buffer line = { 0 };
    TRY(file_create(&w, path, err));
    habit_status st = HABIT_OK;
    for (uint64_t row = 0; st == HABIT_OK && row < count; row++) {
        const uint32_t k = tag ? tag[row] : (uint32_t)row;
        size_t len = 0;
        const char *text = k == TAG_NONE ? "" : names_at(texts, k, &len);
        buffer_clear(&line);
        json_quote(&line, text, len);
        buffer_add(&line, "\n", 1);
        st = buffer_check(&line, err);
        if (st == HABIT_OK) fwrite(line.data, 1, line.len, w.stream);
    }
    buffer_free(&line);
    if (st == HABIT_OK) return file_commit(&w, err);
    file_abandon(&w);
    return st;
}

habit_status id_list_write(const char *path, const names *from, habit_error *err)
{
    return text_list_write(path, from, NULL, from->count, err);
}

// --- reading -----------------------------------------------------------------------------------

// Four hexadecimal digits, or -1.
static long hex4(const char *s, const char *end)
{
    long x = 0;
    if (end - s < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef", c = s[i];
        const char *d = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
        if (!c || !d) return -1;
        x = x * 16 + (d - digits);
    }
    return x;
}

static char *put_utf8(char *out, long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

// What follows a backslash; *s moves past it.  False if it is no escape of JSON or ours.
static bool unescape(const char **s, const char *end, char **out)
{
    static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    if (*s == end) return false;
    const char c = *(*s)++;
    const char *p = c ? strchr(plain, c) : NULL;
    if (p) {
        *(*out)++ = means[p - plain];
        return true;
    }
    if (c != 'u') return false;
    long x = hex4(*s, end);
    if (x <= 0) return false; // a NUL would end the id
    *s += 4;
    if (x >= 0xDC80 && x <= 0xDCFF) { // one byte that is not UTF-8
        *(*out)++ = (char)(x - 0xDC00);
        return true;
    }
    if (x >= 0xD800 && x <= 0xDBFF) { // first half of a pair
        if (end - *s < 6 || (*s)[0] != '\\' || (*s)[1] != 'u') return false;
        const long low = hex4(*s + 2, end);
        if (low < 0xDC00 || low > 0xDFFF) return false;
        *s += 6;
        x = 0x10000 + ((x - 0xD800) << 10) + (low - 0xDC00);
    } else if (x >= 0xDC00 && x <= 0xDFFF) {
        return false;
    }
    *out = put_utf8(*out, x);
    return true;
}

// One line [s, end) into *out, which has room for end - s bytes: no escape is shorter than what it
// stands for.
static bool unquote(const char *s, const char *end, char **out)
{
    if (end - s < 2 || *s != '"' || end[-1] != '"') return false;
    s++, end--;
    while (s < end) {
        const unsigned char c = (unsigned char)*s++;
        if (c < 0x20 || c == '"') return false;
        if (c == '\\') {
            if (!unescape(&s, end, out)) return false;
        } else {
            *(*out)++ = (char)c;
        }
    }
    return true;
}

static size_t count_lines(const file_map *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->len; i++) n += m->bytes[i] == '\n';
    return n;
}

static habit_status parse(id_list *l, const file_map *m, bool ordered, const char *path,
                          habit_error *err)
{
    const char *s = (const char *)m->bytes, *end = s + m->len;
    char *out = l->bytes;
    for (uint32_t k = 0; k < l->count; k++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        l->start[k] = (uint64_t)(out - l->bytes);
        if (!unquote(s, stop, &out))
            return fail(err, HABIT_EFORMAT, "%s:%u: not a JSON string", path, k + 1);
        *out++ = '\0';
        l->start[k + 1] = (uint64_t)(out - l->bytes);
        s = stop + 1;
        if (ordered && k &&
            ids_compare(id_list_at(l, k - 1), id_list_len(l, k - 1), id_list_at(l, k),
                        id_list_len(l, k)) >= 0)
            return fail(err, HABIT_EFORMAT, "%s:%u: ids are not in canonical order", path, k + 1);
    }
    return HABIT_OK;
}

static habit_status load(id_list *out, const char *path, bool ordered, habit_error *err)
{
    file_map m;
    id_list l = { 0 };
    TRY(file_map_open(&m, path, err));
    const size_t lines = count_lines(&m);
    habit_status st = HABIT_OK;
    if (lines >= UINT32_MAX || (m.len && m.bytes[m.len - 1] != '\n')) {
        st = fail(err, HABIT_EFORMAT, "%s: truncated, or too many lines", path);
    } else {
        l.count = (uint32_t)lines;
        l.start = ZNEW(uint64_t, lines + 1);
        l.bytes = NEW(char, m.len + 1); // a line loses two quotes and a newline, and gains a NUL
        if (!l.start || !l.bytes) st = fail_memory(err, path, m.len + 8 * lines);
    }
    if (st == HABIT_OK) st = parse(&l, &m, ordered, path, err);
    file_map_close(&m);
    if (st != HABIT_OK) {
        id_list_free(&l);
        return st;
    }
    *out = l;
    return HABIT_OK;
}

habit_status id_list_load(id_list *out, const char *path, habit_error *err)
{
    return load(out, path, true, err);
}

habit_status text_list_load(id_list *out, const char *path, habit_error *err)
{
    return load(out, path, false, err);
}

void id_list_free(id_list *l)
{
    mem_free(l->start);
    mem_free(l->bytes);
    *l = (id_list){ 0 };
}

// --- finding -----------------------------------------------------------------------------------

uint32_t id_list_find(const id_list *l, const char *id, size_t len)
{
    uint32_t lo = 0, hi = l->count;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const int c = ids_compare(id, len, id_list_at(l, mid), id_list_len(l, mid));
        if (c == 0) return mid;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return UINT32_MAX;
}

habit_status id_list_match(uint32_t **map, const names *from, const id_list *l, habit_error *err)
{
    uint32_t *to = NEW(uint32_t, from->count);
    if (!to) return fail_memory(err, "id map", 4 * (size_t)from->count);
    uint32_t j = 0; // both sides are in canonical order: one merge
    for (uint32_t k = 0; k < from->count; k++) {
        size_t len;
        const char *id = names_at(from, k, &len);
        int c = 1;
        while (j < l->count && (c = ids_compare(id, len, id_list_at(l, j), id_list_len(l, j))) > 0)
            j++;
        to[k] = j < l->count && c == 0 ? j : UINT32_MAX;
    }
    *map = to;
    return HABIT_OK;
}
